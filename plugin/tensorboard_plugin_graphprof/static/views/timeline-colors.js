// The lanes' colours, from the style sheet, and the ruler's figures.

import { shades } from "../charts/shades.js";
import { h } from "../dom.js";
import * as format from "../format.js";

/** @typedef {import("../charts/viewport.js").Span} Span */
/** @typedef {import("../types.js").Kind} Kind */

/**
 * @param {Kind[]} kinds
 * @returns {import("../charts/lanes-model.js").Colors}
 */
export function laneColors(kinds) {
  const css = getComputedStyle(document.documentElement);
  const color = (/** @type {string} */ name) => css.getPropertyValue(`--${name}`).trim();
  const own = [...kinds.map(({ id }) => color(`kind-${id}`)), color("kind-none")];
  return {
    kinds: shades(own, color("paper")),
    onKinds: kinds.map(({ id }) => textOn(id)),
    paper: color("paper"),
    raised: color("raised"),
    line: color("line"),
    ink: color("ink"),
    soft: color("soft"),
    faint: color("faint"),
    shade: color("shade"),
    mark: color("mark"),
  };
}

/**
 * The colour of text on a kind's colour.
 * @param {string} kind
 * @returns {string}
 */
function textOn(kind) {
  const probe = h("span", { class: `kind-${kind} on-kind`, hidden: true });
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/**
 * A time on the ruler, with as many figures as neighbours need to differ.
 * @param {number} ps
 * @param {Span} view
 * @returns {string}
 */
export function rulerText(ps, view) {
  if (ps === 0) return "0";
  const parts = Math.abs(ps) / ((view.to - view.from) / 20);
  const digits = Math.max(3, Math.ceil(Math.log10(Math.max(1, parts))) + 1);
  return format.seconds(ps / 1e12, digits);
}
