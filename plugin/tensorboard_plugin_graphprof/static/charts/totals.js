// What n steps take in all, for several modes, as SVG: lines over steps, on logarithmic or linear
// scales, with the places where lines cross and how sure these are.

import { s } from "../dom.js";
import { cursorLine, led } from "./cursor.js";
import { linear, ticks } from "./scale.js";
import { withTip } from "./tip.js";

/** @typedef {import("../dom.js").Child} Child */

/**
 * @typedef {{
 *   name: string, series: number, start: number, step: number, first: number, measured: [number, number][]
 * }} TotalLine `start + n * step` seconds for n steps, drawn from the `first` one on; `measured` are
 *   points [steps, seconds]
 * @typedef {{
 *   at: number, low: number | null, high: number | null, total: number, series: number, tip: () => Child[],
 *   label: string
 * }} Crossing
 * @typedef {{
 *   lines: TotalLine[], crossings: Crossing[], last: number, log: boolean, label: string,
 *   format: (value: number) => string, count: (value: number) => string,
 *   tip: (steps: number) => Child[], said: (steps: number) => void
 * }} TotalsData `last` is the step at the right end
 */

const LEFT = 66;
const TOP = 10;
const BOTTOM = 34;
const LETTER = 7;
const BAND = 9;
const LINE = 14; // between the names at the ends of the lines

/**
 * @param {TotalLine} line
 * @param {number} steps
 */
export function totalOf(line, steps) {
  return Math.max(1e-9, line.start + steps * line.step);
}

/**
 * Where names stand beside the ends of lines, without touching.
 * @param {number[]} wanted
 * @param {number} low
 * @param {number} high
 * @returns {number[]}
 */
export function apart(wanted, low, high) {
  const order = wanted.map((_, index) => index).sort((one, other) => wanted[one] - wanted[other]);
  const placed = [...wanted];
  let least = low;
  for (const index of order) {
    placed[index] = Math.max(wanted[index], least);
    least = placed[index] + LINE;
  }
  let most = high;
  for (const index of [...order].reverse()) {
    placed[index] = Math.min(placed[index], most);
    most = placed[index] - LINE;
  }
  return placed;
}

/**
 * The steps of the scale: 1, 2, 5 of each power on a logarithmic one when there is room.
 * @param {number} low
 * @param {number} high
 * @param {boolean} dense
 * @returns {number[]}
 */
export function logTicks(low, high, dense) {
  const found = [];
  for (let power = Math.floor(Math.log10(low)); 10 ** power <= high * 1.0001; power += 1) {
    for (const factor of dense ? [1, 2, 5] : [1]) {
      const value = factor * 10 ** power;
      if (value >= low * 0.9999 && value <= high * 1.0001) found.push(value);
    }
  }
  return found;
}

/**
 * @param {TotalsData} data
 * @param {number} width
 * @param {number} height
 * @returns {SVGElement}
 */
export function totals(data, width, height) {
  const names = Math.max(...data.lines.map(({ name }) => name.length)) * LETTER + 14;
  const right = Math.max(LEFT + 60, width - names);
  const bottom = height - BOTTOM;
  const { x, y, back } = scales(data, right, bottom);
  const cursor = cursorLine(TOP, bottom);
  const chart = s(
    "svg",
    {
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      class: "totals",
      role: "group",
      tabindex: 0,
      "aria-label": `${data.label}. Left and right move along it.`,
    },
    ...grid(data, x, y, right, bottom, height),
    ...data.crossings.map((one) => band(one, data, x, y)),
    ...data.lines.map((line) => path(line, data, x, y)),
    cursor,
    ...data.crossings.map((one) => mark(one, data, x, y)),
    ...labels(data, y, right, bottom),
  );
  return led(chart, cursor, {
    left: LEFT,
    right,
    top: TOP,
    first: 1,
    x,
    back,
    held: (steps) => Math.min(data.last, Math.max(1, Math.round(steps))),
    key: (key, steps) => moved(key, steps, data),
    tip: data.tip,
    said: data.said,
  });
}

/**
 * @param {string} key
 * @param {number} at
 * @param {TotalsData} data
 * @returns {number | null}
 */
function moved(key, at, { log, last }) {
  const stride = log ? Math.max(1, at * 0.05) : Math.max(1, last / 100);
  if (key === "ArrowLeft") return at - stride;
  if (key === "ArrowRight") return at + stride;
  if (key === "Home") return 1;
  return key === "End" ? last : null;
}

/**
 * @typedef {(value: number) => number} Map
 * @param {TotalsData} data
 * @param {number} right
 * @param {number} bottom
 * @returns {{ x: Map, y: Map, back: Map }}
 */
function scales(data, right, bottom) {
  const ends = data.lines.flatMap((line) => [totalOf(line, line.first), totalOf(line, data.last)]);
  const most = Math.max(...ends);
  if (!data.log) {
    return {
      x: linear(0, data.last, LEFT, right),
      y: linear(0, most * 1.02, bottom, TOP),
      back: linear(LEFT, right, 0, data.last),
    };
  }
  const least = Math.min(...ends);
  const across = linear(0, Math.log(data.last), LEFT, right);
  const up = linear(Math.log(least * 0.8), Math.log(most * 1.2), bottom, TOP);
  return {
    x: (value) => across(Math.log(Math.max(1, value))),
    y: (value) => up(Math.log(value)),
    back: (value) => Math.exp(linear(LEFT, right, 0, Math.log(data.last))(value)),
  };
}

/**
 * @param {TotalsData} data
 * @param {Map} x
 * @param {Map} y
 * @param {number} right
 * @param {number} bottom
 * @param {number} height
 * @returns {SVGElement[]}
 */
function grid(data, x, y, right, bottom, height) {
  const ends = data.lines.flatMap((line) => [totalOf(line, line.first), totalOf(line, data.last)]);
  const [least, most] = [Math.min(...ends), Math.max(...ends)];
  const wide = right - LEFT > 70 * 3 * Math.log10(Math.max(10, data.last));
  const steps = data.log ? logTicks(1, data.last, wide) : ticks(0, data.last, (right - LEFT) / 90);
  const tall = bottom - TOP > 26 * 3 * Math.log10(Math.max(10, most / least));
  const times = data.log ? logTicks(least * 0.8, most * 1.2, tall) : ticks(0, most, (bottom - TOP) / 40);
  return [
    ...times.map((value) =>
      s(
        "g",
        { class: "tick" },
        s("line", { x1: LEFT, x2: right, y1: y(value), y2: y(value) }),
        s(
          "text",
          { x: LEFT - 7, y: y(value), "text-anchor": "end", "dominant-baseline": "central" },
          value === 0 ? "0" : data.format(value),
        ),
      ),
    ),
    ...steps.map((value) =>
      s(
        "g",
        { class: "tick" },
        s("line", { x1: x(value), x2: x(value), y1: bottom, y2: bottom + 4 }),
        s("text", { x: x(value), y: bottom + 16, "text-anchor": "middle" }, data.count(value)),
      ),
    ),
    s("text", { x: right, y: height - 3, "text-anchor": "end", class: "axis-title" }, "steps"),
  ];
}

/**
 * @param {TotalLine} line
 * @param {TotalsData} data
 * @param {Map} x
 * @param {Map} y
 * @returns {SVGElement}
 */
function path(line, data, x, y) {
  const count = 120;
  const points = [];
  for (let index = 0; index <= count; index += 1) {
    const share = index / count;
    const steps = data.log
      ? line.first * (data.last / line.first) ** share
      : line.first + (data.last - line.first) * share;
    points.push(`${x(steps).toFixed(1)},${y(totalOf(line, steps)).toFixed(1)}`);
  }
  const shown = line.measured.filter(([steps]) => steps <= data.last);
  return s(
    "g",
    { class: `total series-${line.series}`, "data-mode": line.name },
    s("path", { d: `M${points.join("L")}` }),
    ...shown.map(([steps, seconds]) => s("circle", { cx: x(steps), cy: y(seconds), r: 1.8 })),
  );
}

/**
 * Where a crossing may be: a bar through it.
 * @param {Crossing} one
 * @param {TotalsData} data
 * @param {Map} x
 * @param {Map} y
 * @returns {SVGElement | null}
 */
function band(one, data, x, y) {
  if (one.low === null || one.low > data.last) return null;
  const from = x(Math.max(one.low, data.log ? 1 : 0));
  const to = x(Math.min(one.high ?? data.last, data.last));
  return s("rect", {
    class: `band series-${one.series}`,
    x: from,
    y: y(one.total) - BAND / 2,
    width: Math.max(1, to - from),
    height: BAND,
    rx: 2,
  });
}

/**
 * @param {Crossing} one
 * @param {TotalsData} data
 * @param {Map} x
 * @param {Map} y
 * @returns {SVGElement | null}
 */
function mark(one, data, x, y) {
  if (one.at > data.last) return null;
  const group = s(
    "g",
    { class: `crossing series-${one.series}`, tabindex: 0, role: "img", "aria-label": one.label },
    s("circle", { cx: x(one.at), cy: y(one.total), r: 4.5 }),
    s("circle", { cx: x(one.at), cy: y(one.total), r: 11, class: "touch" }),
  );
  return withTip(group, one.tip);
}

/**
 * @param {TotalsData} data
 * @param {Map} y
 * @param {number} right
 * @param {number} bottom
 * @returns {SVGElement[]}
 */
function labels(data, y, right, bottom) {
  const places = apart(
    data.lines.map((line) => y(totalOf(line, data.last))),
    TOP + 4,
    bottom - 2,
  );
  return data.lines.map((line, index) =>
    s(
      "text",
      { x: right + 6, y: places[index], "dominant-baseline": "central", class: `series-${line.series}` },
      line.name,
    ),
  );
}
