// What a step would gain, at most, without one of its parts.

import { h } from "../dom.js";
import * as format from "../format.js";
import { table } from "../table.js";
import { range } from "./parts.js";

/** @typedef {import("../types.js").Report} Report */
/** @typedef {import("../types.js").WhatIf} WhatIf */

/**
 * @param {Report} report
 * @returns {HTMLElement | null}
 */
export function whatIf(report) {
  const modes = report.modes.filter((mode) => mode.what_if?.length);
  if (!modes.length) return null;
  /** @type {Map<string, Map<string, WhatIf>>} */
  const rows = new Map();
  for (const mode of modes) {
    for (const estimate of mode.what_if ?? []) {
      if (!rows.has(estimate.title)) rows.set(estimate.title, new Map());
      rows.get(estimate.title)?.set(mode.mode, estimate);
    }
  }
  return h(
    "section",
    { "aria-label": "What if", "data-testid": "whatif" },
    h(
      "details",
      {},
      h("summary", {}, "What if a part of the step took no time?"),
      h(
        "p",
        { class: "hint" },
        "so many times faster a step would be, at most; the interval holds what recording cost and how far two recordings lie apart",
      ),
      h(
        "div",
        { class: "scroll" },
        table({
          caption: "What a step would gain without one of its parts",
          columns: [{ title: "Without" }, ...modes.map(({ mode }) => ({ title: mode, number: true }))],
          rows: [...rows].sort(byGain).map(([title, by]) => ({
            cells: [{ text: title.replace(/ (gone|free)$/, "") }, ...modes.map(({ mode }) => estimated(by.get(mode)))],
          })),
        }),
      ),
    ),
  );
}

/**
 * @param {[string, Map<string, WhatIf>]} one
 * @param {[string, Map<string, WhatIf>]} other
 * @returns {number}
 */
function byGain([, one], [, other]) {
  return largest(other) - largest(one);
}

/**
 * @param {Map<string, WhatIf>} by
 * @returns {number}
 */
function largest(by) {
  return Math.max(...[...by.values()].map(({ gain }) => gain.value));
}

/**
 * @param {WhatIf | undefined} estimate
 * @returns {import("../table.js").Cell}
 */
function estimated(estimate) {
  if (!estimate) return { text: format.NOT_MEASURED, raw: null };
  const { value, low, high } = estimate.gain;
  const spread = h("span", { class: "faint" }, ` ${range(low, high, format.ratio)}`);
  return { node: [format.ratio(value), spread], raw: value };
}
