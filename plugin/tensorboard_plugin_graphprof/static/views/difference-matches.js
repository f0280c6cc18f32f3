// What took whose place: ops of one mode and those that do their work in the other.

import { h } from "../dom.js";
import * as format from "../format.js";
import { copyButton, table } from "../table.js";
import { calls } from "./difference-behind.js";
import { ownerTitle } from "./difference-parts.js";

/** @typedef {import("../types.js").Comparison} Comparison */
/** @typedef {import("../types.js").Match} Match */
/** @typedef {import("../types.js").Side} Side */
/** @typedef {import("../table.js").Column} Column */
/** @typedef {import("../table.js").Row} Row */

const MOST_ROWS = 12;

/** @type {Record<string, string>} */
export const HOWS = {
  same: "op for op",
  fused: "fewer ops do the work",
  rewritten: "other ops do the work",
  vanished: "no op does it: folded, eliminated, or too cheap to be recorded",
  appeared: "does the work of no op",
};

/**
 * @param {Comparison} found
 * @returns {HTMLElement | null} null where ops were not aligned
 */
export function matchesSection({ alignment, difference }) {
  if (!alignment) return null;
  const { baseline, mode, root } = difference;
  const content = (/** @type {number} */ most) =>
    matchesTable(alignment.matches.slice(0, most), [baseline, mode], (match) =>
      ownerTitle(match.owner, match.in_pass, root),
    );
  const hidden = alignment.matches.length - MOST_ROWS;
  return h(
    "section",
    { "aria-label": "What took whose place", "data-testid": "matches" },
    h(
      "div",
      { class: "section-head" },
      h("h2", {}, "What took whose place"),
      h("span", { class: "hint" }, mapped(alignment, baseline, mode)),
      h("span", { class: "spring" }),
      copyButton(() => content(alignment.matches.length)),
    ),
    h(
      "div",
      { class: "scroll" },
      table({ ...content(MOST_ROWS), caption: "What took whose place", class: "tight" }),
    ),
    hidden > 0 ? h("p", { class: "hint" }, `${hidden} smaller ones are in the copied table.`) : null,
  );
}

/**
 * @param {NonNullable<Comparison["alignment"]>} alignment
 * @param {string} baseline
 * @param {string} mode
 * @returns {string}
 */
function mapped({ left_mapped, left_vanished, right_mapped }, baseline, mode) {
  return [
    `${format.share(left_mapped)} of ${baseline}'s ops have a counterpart in ${mode}`,
    `${format.share(left_vanished)} are gone`,
    `${format.share(right_mapped)} of ${mode}'s have one`,
  ].join("; ");
}

/**
 * @param {Match[]} matches
 * @param {[string, string]} modes
 * @param {(match: Match) => string} title
 * @returns {{ columns: Column[], rows: Row[] }}
 */
export function matchesTable(matches, modes, title) {
  /** @type {Column[]} */
  const columns = [
    { title: "Layer and pass" },
    { title: modes[0] },
    { title: "time", number: true },
    { title: "" },
    { title: modes[1] },
    { title: "time", number: true },
  ];
  const rows = matches.map((match) => ({
    cells: [
      { text: title(match) },
      { text: sideText(match.left) },
      time(match.left),
      { node: how(match.how), text: match.how },
      { text: sideText(match.right) },
      time(match.right),
    ],
  }));
  return { columns, rows };
}

/**
 * @param {string} word
 * @returns {HTMLElement}
 */
export function how(word) {
  return h("span", { class: `how ${word}`, title: HOWS[word] }, `${word} →`);
}

/**
 * "Conv2D, BiasAdd ×2": ops and how often each runs in a step.
 * @param {Side[]} sides
 * @returns {string}
 */
export function sideText(sides) {
  if (!sides.length) return "none";
  const text = (/** @type {Side} */ { op_type: type, calls: many, why }) =>
    (many === 1 ? type : `${type} ×${calls(many)}`) + (why ? ` (${why})` : "");
  return sides.map(text).join(", ");
}

/**
 * @param {Side[]} sides
 * @returns {import("../table.js").Cell}
 */
function time(sides) {
  if (!sides.length) return { text: "", raw: null };
  const known = sides.filter((side) => side.wall_s !== null);
  if (!known.length) return { text: "not recorded", raw: null };
  const raw = known.reduce((sum, side) => sum + (side.wall_s ?? 0), 0);
  return { text: format.seconds(raw), raw };
}
