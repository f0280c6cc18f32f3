// One error on its logarithmic scale: the drawing, its text, what it tells when it is asked.

import { tipTable } from "../charts/tip.js";
import { h, s } from "../dom.js";
import * as format from "../format.js";
import { amount, position, ulps } from "./parity-rows.js";

/** @typedef {import("./parity-rows.js").Cell} Cell */
/** @typedef {import("./parity-rows.js").Parity} Parity */
/** @typedef {import("./parity-rows.js").Row} Row */

const WIDTH = 120;
const HEIGHT = 18;
const PAD = 6;

/**
 * @param {Parity} found
 * @returns {HTMLElement}
 */
export function legend({ baseline, reference }) {
  const entry = (/** @type {SVGElement} */ mark, /** @type {string} */ text) =>
    h("li", {}, h("span", {}, sample(mark)), text);
  return h(
    "ul",
    { class: "legend" },
    entry(s("circle", { class: "against-baseline", cx: 8, cy: 8, r: 3.5 }), `against ${baseline}`),
    reference ? entry(s("circle", { class: "against-reference", cx: 8, cy: 8, r: 3.5 }), "against float64") : null,
    entry(s("line", { class: "limit", x1: 8, x2: 8, y1: 0, y2: 16 }), "limit: to its right it differs (≠)"),
    h("li", { class: "faint" }, "logarithmic, from 1e-9 to 10; ~ is not judged, 0 is exactly the same"),
  );
}

/**
 * @param {SVGElement} mark
 * @returns {SVGElement}
 */
function sample(mark) {
  return s("svg", { width: 16, height: 16, class: "strip", "aria-hidden": "true" }, mark);
}

/**
 * @param {Cell} cell
 * @param {number} tolerance
 * @returns {SVGElement}
 */
export function strip({ error, own }, tolerance) {
  const x = (/** @type {number | null} */ value) => PAD + position(value) * (WIDTH - 2 * PAD);
  const middle = HEIGHT / 2;
  const beside = error?.reference;
  return s(
    "svg",
    { width: WIDTH, height: HEIGHT, class: "strip", "aria-hidden": "true" },
    s("line", { class: "track", x1: PAD, x2: WIDTH - PAD, y1: middle, y2: middle }),
    s("line", { class: "limit", x1: x(tolerance), x2: x(tolerance), y1: 1, y2: HEIGHT - 1 }),
    beside ? s("circle", { class: "against-reference", cx: x(beside.relative), cy: middle, r: 3.5 }) : null,
    own || !error
      ? null
      : s("circle", { class: "against-baseline", cx: x(error.relative), cy: middle, r: 3.5 }),
  );
}

/**
 * @param {Cell} cell
 * @returns {string}
 */
export function said({ error, own }) {
  if (!error) return "not compared";
  if (own) return error.reference ? amount(error.reference.relative) : format.NOT_MEASURED;
  return `${amount(error.relative)}${error.ok === false ? " ≠" : error.ok === null ? " ~" : ""}`;
}

/**
 * @param {Cell} cell
 * @param {Row} row
 * @param {string} baseline
 */
export function tip({ error, own, column }, row, baseline) {
  /** @type {[string, string][]} */
  const lines = [];
  const add = (
    /** @type {string} */ against,
    /** @type {{relative: number | null, ulp: number | null, ok: boolean | null}} */ one,
  ) => {
    const ulp = one.ulp === null ? "" : ` (${ulps(one.ulp)} ULP)`;
    lines.push([`against ${against}`, `${amount(one.relative)}${ulp}`]);
    if (one.ok !== true) lines.push(["", one.ok === null ? "not judged" : "beyond the limit"]);
  };
  if (error && !own) add(baseline, error);
  if (error?.reference) add("float64", error.reference);
  lines.push(["limit", amount(row.tolerance)]);
  return tipTable(`${column}: ${row.kind} ${row.name}`, lines);
}
