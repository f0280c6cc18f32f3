// Horizontal stacked bars on one scale, as SVG.

import { on, s } from "../dom.js";
import { linear, ticks } from "./scale.js";
import { withTip } from "./tip.js";

/** @typedef {import("../dom.js").Child} Child */

/**
 * @typedef {{ key: string, value: number, label: string, tip: () => Child[] }} BarPart
 * @typedef {{
 *   label: string, parts: BarPart[], total: string, note?: string,
 *   link?: { href: string, go: () => void } | null
 * }} BarRow
 */

const ROW = 34;
const BAR = 22;
const AXIS = 22;
const GAP = 8;
const LETTER = 7.2; // no letter of the chart's font is much wider, so that texts stay within their room

/**
 * @param {{
 *   rows: BarRow[], max: number, format: (value: number) => string, label: string,
 *   width: number, labelWidth: number
 * }} options `max` is the value at the right end of the scale
 * @returns {SVGElement}
 */
export function stackedBars({ rows, max, format, label, width, labelWidth }) {
  const totalWidth = Math.max(...rows.map((row) => row.total.length * LETTER + 2 * GAP), 60);
  const left = labelWidth;
  const right = Math.max(left + 40, width - totalWidth);
  const x = linear(0, max, left, right);
  const height = rows.length * ROW + AXIS;
  return s(
    "svg",
    { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label, class: "bars" },
    ...axis(x, max, format, right - left, height),
    ...rows.map((row, index) => bar(row, index * ROW, x, left)),
  );
}

/**
 * @param {(value: number) => number} x
 * @param {number} max
 * @param {(value: number) => string} format
 * @param {number} width
 * @param {number} height
 * @returns {SVGElement[]}
 */
function axis(x, max, format, width, height) {
  const bottom = height - AXIS;
  return ticks(0, max, Math.max(2, Math.floor(width / 110))).map((value) =>
    s(
      "g",
      { class: "tick" },
      s("line", { x1: x(value), x2: x(value), y1: 0, y2: bottom + 3 }),
      s("text", { x: x(value), y: height - 6, "text-anchor": "middle" }, value === 0 ? "0" : format(value)),
    ),
  );
}

/**
 * @param {BarRow} row
 * @param {number} top
 * @param {(value: number) => number} x
 * @param {number} left
 * @returns {SVGElement}
 */
function bar(row, top, x, left) {
  const middle = top + ROW / 2;
  const name = s(
    "text",
    { x: left - 10, y: middle, class: "bar-label", "text-anchor": "end", "dominant-baseline": "central" },
    shorten(row.label, left - 14),
    s("title", {}, row.label),
  );
  const group = s("g", { class: "bar" }, row.link ? linked(row.link, row.label, name) : name);
  let sum = 0;
  for (const part of row.parts) {
    group.append(segment(part, x(sum), x(sum + part.value), top));
    sum += part.value;
  }
  const end = row.parts.length ? x(sum) : x(0);
  group.append(
    s(
      "text",
      {
        x: end + GAP,
        y: middle,
        class: row.parts.length ? "bar-total" : "bar-note",
        "dominant-baseline": "central",
      },
      row.parts.length ? row.total : (row.note ?? row.total),
    ),
  );
  return group;
}

/**
 * @param {{ href: string, go: () => void }} link
 * @param {string} label
 * @param {SVGElement} content
 * @returns {SVGElement}
 */
function linked(link, label, content) {
  return on(s("a", { href: link.href, target: "_blank", "aria-label": label }, content), {
    click: (/** @type {MouseEvent} */ event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      link.go();
    },
  });
}

/**
 * @param {BarPart} part
 * @param {number} from
 * @param {number} to
 * @param {number} top
 * @returns {SVGElement}
 */
function segment(part, from, to, top) {
  const width = to - from;
  const gap = width > 3 ? 1 : 0; // a hairline of background sets neighbours apart
  const fits = part.label.length * (LETTER - 0.6) + 6 < width;
  return withTip(
    s(
      "g",
      { class: `part kind-${part.key}` },
      s("rect", {
        x: from,
        y: top + (ROW - BAR) / 2,
        width: Math.max(0, width - gap),
        height: BAR,
        "data-kind": part.key,
      }),
      fits &&
        s(
          "text",
          { x: from + width / 2, y: top + ROW / 2, "text-anchor": "middle", "dominant-baseline": "central" },
          part.label,
        ),
    ),
    part.tip,
  );
}

/**
 * @param {string} text
 * @param {number} width
 * @returns {string}
 */
function shorten(text, width) {
  const letters = Math.floor(width / LETTER);
  return text.length <= letters ? text : `${text.slice(0, Math.max(1, letters - 1))}…`;
}
