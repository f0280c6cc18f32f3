// A level over time as SVG: it holds from each point to the next. A cursor is led by pointer or keys.

import { s } from "../dom.js";
import { cursorLine, led } from "./cursor.js";
import { linear, ticks } from "./scale.js";

/** @typedef {import("../dom.js").Child} Child */
/** @typedef {[number, number]} Point */

/**
 * @typedef {{ points: Point[], name: string }} Series `name` is its class in the style sheet
 * @typedef {{
 *   series: Series[], until: number, end: number, high: number, label: string, unitX: number,
 *   formatX: (value: number) => string, formatY: (value: number) => string,
 *   peak: { at: number, level: number, text: string } | null, base: number | null,
 *   tip: (at: number) => Child[], said: (at: number) => void
 * }} CurveData levels hold `until` then; `end` and `high` are the ends of the scales, `unitX` what is counted in round numbers; `base` is drawn as a dashed line;
 *   `said` is called with where the keys have led
 */

const LEFT = 76;
const RIGHT = 14;
const TOP = 18;
const BOTTOM = 20;
const LETTER = 6.6;
const STRIDE = 1 / 100;

/**
 * The level at a time: that of the last point that is not after it.
 * @param {Point[]} points ascending in time
 * @param {number} at
 * @returns {number | null}
 */
export function levelAt(points, at) {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle][0] <= at) low = middle + 1;
    else high = middle;
  }
  return low > 0 ? points[low - 1][1] : null;
}

/**
 * The outline of a level: steps, no slopes.
 * @param {Point[]} points
 * @param {number} end where the last level ends
 * @param {(value: number) => number} x
 * @param {(value: number) => number} y
 * @returns {string} empty without points
 */
export function stairs(points, end, x, y) {
  if (!points.length) return "";
  const parts = [`M${fixed(x(points[0][0]))},${fixed(y(points[0][1]))}`];
  for (const [at, level] of points.slice(1)) parts.push(`H${fixed(x(at))}V${fixed(y(level))}`);
  parts.push(`H${fixed(x(Math.max(end, points[points.length - 1][0])))}`);
  return parts.join("");
}

/**
 * Levels in round numbers of the unit that they are told in.
 * @param {number} high
 * @param {number} wanted
 * @returns {number[]}
 */
export function byteTicks(high, wanted) {
  let unit = 1;
  while (high >= unit * 1024) unit *= 1024;
  return ticks(0, high / unit, wanted).map((value) => value * unit);
}

/** @param {number} value */
function fixed(value) {
  return value.toFixed(1).replace(/\.0$/, "");
}

/**
 * @param {CurveData} data
 * @param {number} width
 * @param {number} height
 * @returns {SVGElement}
 */
export function curve(data, width, height) {
  const right = Math.max(LEFT + 40, width - RIGHT);
  const bottom = height - BOTTOM;
  const x = linear(0, data.end, LEFT, right);
  const y = linear(0, data.high, bottom, TOP);
  const cursor = cursorLine(TOP, bottom);
  const chart = s(
    "svg",
    {
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      class: "curve",
      role: "group",
      tabindex: 0,
      "aria-label": `${data.label}. Left and right move along it, P goes to the peak.`,
    },
    ...grid(data, x, y, { right, bottom, height }),
    ...data.series.map((one) => shape(one, data.until, x, y, bottom)),
    data.base === null ? null : s("line", { class: "base", x1: LEFT, x2: right, y1: y(data.base), y2: y(data.base) }),
    mark(data, x, y, right),
    cursor,
  );
  return led(chart, cursor, {
    left: LEFT,
    right,
    top: TOP,
    first: 0,
    x,
    back: linear(LEFT, right, 0, data.end),
    held: (at) => Math.min(data.until, Math.max(0, at)),
    key: (key, at) => target(key, at, data),
    tip: data.tip,
    said: data.said,
  });
}

/**
 * @param {string} key
 * @param {number} at
 * @param {CurveData} data
 * @returns {number | null} where a key leads
 */
function target(key, at, { until, peak }) {
  if (key === "ArrowLeft") return at - until * STRIDE;
  if (key === "ArrowRight") return at + until * STRIDE;
  if (key === "Home") return 0;
  if (key === "End") return until;
  if (key.toLowerCase() === "p" && peak) return peak.at;
  return null;
}

/**
 * @param {CurveData} data
 * @param {(value: number) => number} x
 * @param {(value: number) => number} y
 * @param {{ right: number, bottom: number, height: number }} edges
 * @returns {SVGElement[]}
 */
function grid({ high, end, unitX, formatX, formatY }, x, y, { right, bottom, height }) {
  const levels = byteTicks(high, Math.max(2, Math.floor((bottom - TOP) / 34)));
  const wanted = Math.max(2, Math.floor((right - LEFT) / 110));
  const times = ticks(0, end / unitX, wanted).map((value) => value * unitX);
  return [
    ...levels.map((value) =>
      s(
        "g",
        { class: "tick" },
        s("line", { x1: LEFT, x2: right, y1: y(value), y2: y(value) }),
        s("text", { x: LEFT - 7, y: y(value), "text-anchor": "end", "dominant-baseline": "central" }, formatY(value)),
      ),
    ),
    ...times.map((value) =>
      s(
        "g",
        { class: "tick" },
        s("text", { x: x(value), y: height - 6, "text-anchor": value === 0 ? "start" : x(value) > right - 30 ? "end" : "middle" }, formatX(value)),
      ),
    ),
  ];
}

/**
 * @param {Series} one
 * @param {number} end
 * @param {(value: number) => number} x
 * @param {(value: number) => number} y
 * @param {number} bottom
 * @returns {SVGElement | null}
 */
function shape({ points, name }, end, x, y, bottom) {
  const outline = stairs(points, end, x, y);
  if (!outline) return null;
  return s(
    "g",
    { class: `level ${name}` },
    s("path", { class: "area", d: `${outline}V${fixed(bottom)}H${fixed(x(points[0][0]))}Z` }),
    s("path", { class: "outline", d: outline }),
  );
}

/**
 * @param {CurveData} data
 * @param {(value: number) => number} x
 * @param {(value: number) => number} y
 * @param {number} right
 * @returns {SVGElement | null}
 */
function mark({ peak }, x, y, right) {
  if (!peak) return null;
  const before = x(peak.at) + peak.text.length * LETTER + 10 > right;
  return s(
    "g",
    { class: "peak" },
    s("circle", { cx: x(peak.at), cy: y(peak.level), r: 3.5 }),
    s(
      "text",
      { x: x(peak.at) + (before ? -8 : 8), y: y(peak.level) - 6, "text-anchor": before ? "end" : "start" },
      peak.text,
    ),
  );
}
