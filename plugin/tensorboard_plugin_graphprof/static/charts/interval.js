// A value with its interval on a scale that all rows of a table share, as SVG.

import { s } from "../dom.js";
import { linear } from "./scale.js";

const HEIGHT = 22;
const PAD = 6;

/**
 * @param {{
 *   value: number, low: number | null, high: number | null, max: number, reference?: number | null,
 *   width: number, label: string, strong?: boolean
 * }} options `reference` is marked by a line through all rows
 * @returns {SVGElement}
 */
export function interval({ value, low, high, max, reference, width, label, strong }) {
  const x = linear(0, max, PAD, width - PAD);
  const middle = HEIGHT / 2;
  return s(
    "svg",
    {
      width,
      height: HEIGHT,
      viewBox: `0 0 ${width} ${HEIGHT}`,
      role: "img",
      "aria-label": label,
      class: "interval",
    },
    s("line", { class: "interval-track", x1: x(0), x2: x(max), y1: middle, y2: middle }),
    typeof reference === "number" &&
      s("line", { class: "interval-reference", x1: x(reference), x2: x(reference), y1: 0, y2: HEIGHT }),
    low !== null &&
      high !== null &&
      s("rect", {
        class: "interval-range",
        x: x(low),
        y: middle - 4,
        width: Math.max(1.5, x(high) - x(low)),
        height: 8,
        rx: 1.5,
      }),
    s("circle", {
      class: strong ? "interval-value strong" : "interval-value",
      cx: x(value),
      cy: middle,
      r: 3.5,
    }),
  );
}
