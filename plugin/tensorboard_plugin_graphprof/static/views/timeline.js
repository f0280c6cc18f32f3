import { h } from "../dom.js";
/** @type {import("./view.js").View} */
export const timeline = { id: "timeline", title: "Timeline", async open() { return { element: h("div"), update() {}, close() {} }; } };
