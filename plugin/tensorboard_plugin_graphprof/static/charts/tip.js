// One tooltip for the whole page. Shown next to the pointer, or below what has the focus.

import { h, fill } from "../dom.js";

/** @typedef {import("../dom.js").Child} Child */

const MARGIN = 12;

/** @type {HTMLElement | null} */
let box = null;

/**
 * @param {Child[]} content
 * @param {number} x of the pointer in the page's viewport
 * @param {number} y
 */
export function showTip(content, x, y) {
  if (!box || !box.isConnected) {
    box = h("div", { class: "tip", role: "tooltip", "data-testid": "tip" });
    document.body.append(box);
  }
  fill(box, ...content);
  box.hidden = false;
  const { width, height } = box.getBoundingClientRect();
  const { innerWidth, innerHeight } = window;
  const left = x + MARGIN + width > innerWidth ? Math.max(4, x - MARGIN - width) : x + MARGIN;
  const top = y + MARGIN + height > innerHeight ? Math.max(4, y - MARGIN - height) : y + MARGIN;
  box.style.left = `${left}px`;
  box.style.top = `${top}px`;
}

export function hideTip() {
  if (box) box.hidden = true;
}

/**
 * Show a tooltip while the pointer is over an element or the element has the focus.
 * @template {Element} T
 * @param {T} element
 * @param {() => Child[]} content
 * @returns {T}
 */
export function withTip(element, content) {
  element.addEventListener("pointermove", (event) => {
    const { clientX, clientY } = /** @type {PointerEvent} */ (event);
    showTip(content(), clientX, clientY);
  });
  element.addEventListener("pointerleave", hideTip);
  element.addEventListener("focus", () => {
    const { left, bottom } = element.getBoundingClientRect();
    showTip(content(), left, bottom);
  });
  element.addEventListener("blur", hideTip);
  return element;
}

/**
 * The usual content: a title and lines of name and value.
 * @param {string} title
 * @param {[string, string][]} lines
 * @param {string} [swatch] a colour shown beside the title
 * @returns {Child[]}
 */
export function tipTable(title, lines, swatch) {
  return [
    h(
      "div",
      { class: "tip-title" },
      swatch ? h("span", { class: "swatch", style: `background:${swatch}` }) : null,
      title,
    ),
    h("dl", {}, ...lines.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
  ];
}
