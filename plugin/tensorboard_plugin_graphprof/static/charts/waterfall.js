// From one amount to another in steps, as SVG: a row each, and every bar begins where the one above
// ended. What adds is solid, what takes away is hollow, and both say so in figures with their sign.

import { on, s } from "../dom.js";
import { linear, ticks } from "./scale.js";
import { withTip } from "./tip.js";

/** @typedef {import("../dom.js").Child} Child */

/**
 * @typedef {{
 *   id: string, label: string, from: number, to: number, text: string, whole?: boolean,
 *   tip: () => Child[]
 * }} WaterfallRow `whole` bars are the amounts themselves: they stand on 0 and cannot be chosen
 */

const ROW = 25;
const BAR = 15;
const AXIS = 22;
const GAP = 7;
const LETTER = 7.2; // no letter of the chart's font is much wider, so that texts stay within their room
const FAR = 0.6; // the scale begins later when all happens above this share of it

/**
 * Where the scale begins: at 0, unless all changes happen far away from it.
 * @param {WaterfallRow[]} rows
 * @returns {number}
 */
export function scaleStart(rows) {
  const values = rows.flatMap(({ from, to, whole }) => (whole ? [to] : [from, to]));
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (!(low > FAR * high) || low === high) return 0;
  return Math.max(0, low - 0.25 * (high - low));
}

/**
 * @param {{
 *   rows: WaterfallRow[], format: (value: number) => string, label: string, width: number,
 *   chosen?: string, choose: (id: string) => void
 * }} options
 * @returns {SVGElement}
 */
export function waterfall({ rows, format, label, width, chosen, choose }) {
  const letters = Math.max(...rows.map((row) => row.label.length));
  const left = Math.min(letters * LETTER + 16, width * 0.34);
  const right = width - Math.max(...rows.map((row) => row.text.length * LETTER)) - 2 * GAP;
  const low = scaleStart(rows);
  const high = Math.max(...rows.flatMap(({ from, to }) => [from, to]));
  const x = linear(low, high, left, Math.max(left + 40, right));
  const height = rows.length * ROW + AXIS;
  const chart = s(
    "svg",
    { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": label, class: "waterfall" },
    ...axis(x, low, high, format, height),
    ...rows.map((row, index) => bar(row, rows[index + 1], index * ROW, { x, low, left, width }, choose)),
  );
  press(chart, chosen ?? "");
  return on(chart, { keydown: (/** @type {KeyboardEvent} */ event) => move(chart, event) });
}

/**
 * Show which row is chosen.
 * @param {Element} chart what holds the rows
 * @param {string} id
 */
export function press(chart, id) {
  for (const row of chart.querySelectorAll("[data-row]")) {
    if (row.hasAttribute("tabindex")) {
      row.setAttribute("aria-pressed", String(row.getAttribute("data-row") === id));
    }
  }
}

/**
 * @param {(value: number) => number} x
 * @param {number} low
 * @param {number} high
 * @param {(value: number) => string} format
 * @param {number} height
 * @returns {SVGElement[]}
 */
function axis(x, low, high, format, height) {
  const bottom = height - AXIS;
  return ticks(low, high, Math.max(2, Math.floor((x(high) - x(low)) / 110))).map((value) =>
    s(
      "g",
      { class: "tick" },
      s("line", { x1: x(value), x2: x(value), y1: 0, y2: bottom + 3 }),
      s("text", { x: x(value), y: height - 6, "text-anchor": "middle" }, value === 0 ? "0" : format(value)),
    ),
  );
}

/**
 * @typedef {{ x: (value: number) => number, low: number, left: number, width: number }} Geometry
 */

/**
 * @param {WaterfallRow} row
 * @param {WaterfallRow | undefined} next
 * @param {number} top
 * @param {Geometry} geometry
 * @param {(id: string) => void} choose
 * @returns {SVGElement}
 */
function bar(row, next, top, { x, low, left, width }, choose) {
  const middle = top + ROW / 2;
  const from = x(row.whole ? low : row.from);
  const to = x(row.to);
  const [start, end] = [Math.min(from, to), Math.max(from, to)];
  const kind = row.whole ? "whole" : row.to < row.from ? "less" : "more";
  const group = s(
    "g",
    {
      class: `step ${kind}`,
      "data-row": row.id,
      ...(row.whole ? {} : { role: "button", tabindex: 0, "aria-label": `${row.label} ${row.text}` }),
    },
    s("rect", { class: "row", x: 0, y: top, width, height: ROW }),
    s(
      "text",
      { x: left - 10, y: middle, class: "step-label", "text-anchor": "end", "dominant-baseline": "central" },
      shorten(row.label, left - 14),
      s("title", {}, row.label),
    ),
    s("rect", {
      class: "amount",
      x: start,
      y: middle - BAR / 2,
      width: Math.max(1, end - start),
      height: BAR,
    }),
    row.whole && low > 0 ? torn(from, middle) : null,
    next ? s("line", { class: "link", x1: to, x2: to, y1: middle + BAR / 2, y2: middle + ROW - BAR / 2 }) : null,
    s("text", { x: end + GAP, y: middle, class: "step-text", "dominant-baseline": "central" }, row.text),
  );
  if (!row.whole) {
    on(group, {
      click: () => choose(row.id),
      keydown: (/** @type {KeyboardEvent} */ event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        choose(row.id);
      },
    });
  }
  return withTip(group, row.tip);
}

/**
 * A tear through a bar whose beginning is not shown.
 * @param {number} x
 * @param {number} middle
 * @returns {SVGElement}
 */
function torn(x, middle) {
  const [top, step] = [middle - BAR / 2 - 2, (BAR + 4) / 4];
  const points = [0, 1, 2, 3, 4].map((at) => `${x + 10 + (at % 2 ? 3 : -1)},${top + at * step}`);
  return s("polyline", { class: "torn", points: points.join(" ") });
}

/**
 * @param {Element} chart
 * @param {KeyboardEvent} event
 */
function move(chart, event) {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!by) return;
  const rows = /** @type {SVGElement[]} */ ([...chart.querySelectorAll("[tabindex]")]);
  const at = rows.findIndex((row) => row === document.activeElement);
  rows[Math.min(rows.length - 1, Math.max(0, at + by))]?.focus();
  event.preventDefault();
}

/**
 * @param {string} text
 * @param {number} width
 * @returns {string} with the middle left out: what differs is at the ends of a path
 */
function shorten(text, width) {
  const letters = Math.max(3, Math.floor(width / LETTER));
  if (text.length <= letters) return text;
  const head = Math.ceil((letters - 1) / 3);
  return `${text.slice(0, head)}…${text.slice(text.length - (letters - 1 - head))}`;
}
