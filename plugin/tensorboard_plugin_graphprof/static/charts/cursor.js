// A cursor across a chart: led by the pointer or by keys, it says in a tip what stands where it is.

import { on, s } from "../dom.js";
import { hideTip, showTip } from "./tip.js";

/** @typedef {import("../dom.js").Child} Child */

/**
 * @typedef {{
 *   left: number, right: number, top: number, first: number,
 *   x: (at: number) => number, back: (pixel: number) => number, held: (at: number) => number,
 *   key: (key: string, at: number) => number | null, tip: (at: number) => Child[], said: (at: number) => void
 * }} Leading the plot's edges in pixels; `first` is where keys begin, `x` and `back` are the scale and
 *   its inverse, `held` is the nearest place where the cursor may be, `key` where a key leads, and `said`
 *   is called with where the keys have led
 */

/**
 * The cursor's line, for the chart to put among its layers; hidden at first.
 * @param {number} top
 * @param {number} bottom
 * @returns {SVGElement}
 */
export function cursorLine(top, bottom) {
  return s("line", { class: "cursor", y1: top, y2: bottom, visibility: "hidden" });
}

/**
 * Let pointer and keys lead `line` across `chart`; what can be reached with Tab inside it keeps its own tip.
 * @param {SVGElement} chart
 * @param {SVGElement} line
 * @param {Leading} leading
 * @returns {SVGElement} the chart
 */
export function led(chart, line, { left, right, top, first, x, back, held, key, tip, said }) {
  let at = first;
  const hide = () => {
    line.setAttribute("visibility", "hidden");
    hideTip();
  };
  const show = (/** @type {number} */ where, /** @type {number} */ clientX, /** @type {number} */ clientY) => {
    at = held(where);
    line.setAttribute("x1", String(x(at)));
    line.setAttribute("x2", String(x(at)));
    line.setAttribute("visibility", "visible");
    showTip(tip(at), clientX, clientY);
  };
  return on(chart, {
    pointermove: (/** @type {PointerEvent} */ event) => {
      if (event.target instanceof Element && event.target.closest("[tabindex]") !== chart) return;
      const where = event.clientX - chart.getBoundingClientRect().left;
      if (where < left || where > right) hide();
      else show(back(where), event.clientX, event.clientY);
    },
    pointerleave: hide,
    blur: hide,
    keydown: (/** @type {KeyboardEvent} */ event) => {
      const next = key(event.key, at);
      if (next === null || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      const box = chart.getBoundingClientRect();
      show(next, box.left + x(held(next)), box.top + top);
      said(at);
    },
  });
}
