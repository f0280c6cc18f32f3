// The keys, and the words, on one sheet.

import { button, h, on } from "./dom.js";

const KEYS = [
  ["W S or + −", "zoom the timeline in and out"],
  ["A D or ← →", "move it"],
  ["0", "the whole step again"],
  ["[ ]", "the step before and after"],
  ["T", "open or fold the threads"],
  ["/", "find an op"],
  ["click", "on an event: the ops of its layer and pass in every mode; with Shift its op, and what does its work"],
  ["N P", "the next and the previous place of what was found"],
  ["Esc", "let go of what was found"],
  ["↑ ↓", "the row above and below, in the waterfall and in the tree"],
  ["→ ←", "open and close a row of the tree"],
  ["Enter", "what is behind a bar, or what does an op's work"],
  ["← → P", "along a curve of memory, and to its peak"],
  ["← → on a tab", "the view beside it"],
  ["?", "this sheet"],
];

/** @param {import("./types.js").Kind[]} kinds */
export function helpPanel(kinds) {
  const panel = /** @type {HTMLDialogElement} */ (
    h("dialog", { class: "help", "aria-label": "Keys and words", "data-testid": "help" })
  );
  panel.append(
    h("h2", {}, "Keys"),
    h("dl", {}, ...KEYS.flatMap(([keys, what]) => [h("dt", {}, h("kbd", {}, keys)), h("dd", {}, what)])),
    h("h2", {}, "Kinds of time"),
    h(
      "dl",
      {},
      ...kinds.flatMap((kind) => [
        h("dt", {}, h("span", { class: `swatch kind-${kind.id}` }), kind.title),
        h("dd", {}, kind.explanation),
      ]),
    ),
    button("Close", () => panel.close()),
  );
  on(panel, { close: () => panel.remove() });
  document.body.append(panel);
  panel.showModal();
}
