// The verdicts above the arrays: each mode's result in words, and what is compared.

import { h } from "../dom.js";
import * as format from "../format.js";
import { table } from "../table.js";
import { amount, ulps } from "./parity-rows.js";

/** @typedef {import("../types.js").Report} Report */
/** @typedef {import("./parity-rows.js").Parity} Parity */

/** @type {Record<string, string>} */
const VERDICTS = { passed: "same", failed: "≠ differs", unknown: "not known" };

/**
 * @param {Report} report
 * @param {Parity} found
 * @returns {string}
 */
export function explained({ parity: basis }, { baseline, reference }) {
  const steps = basis?.steps ?? "a few";
  const truth = reference
    ? " and from the same steps made in float64"
    : basis?.no_reference
      ? ` (not from a float64 run: ${basis.no_reference})`
      : "";
  return (
    `Every mode made the same ${steps} steps from the same weights on the same batches; here is how far what it` +
    ` computed is from ${baseline}${truth}, as a share of each array's largest magnitude.` +
    " What was not compared may differ."
  );
}

/**
 * @param {Report} report
 * @returns {HTMLElement}
 */
export function modesTable(report) {
  const compared = report.modes.filter(({ parity: found }) => found);
  /** @type {import("../table.js").Column[]} */
  const columns = [
    { title: "Mode" },
    { title: "Results" },
    { title: "Largest for its limit" },
    { title: "From float64", hint: "The error against the same steps in float64, largest for its limit" },
    { title: "Typically", hint: "How many times as far from the float64 run as the baseline: median of the arrays" },
    { title: "Random numbers" },
  ];
  const rows = compared.map(({ mode, parity: found, error }) => ({
    cells: [
      { text: mode },
      {
        node: h("span", { class: `badge steady ${found?.verdict === "failed" ? "warn" : "plain"}` }, VERDICTS[found?.verdict ?? ""]),
        raw: found?.verdict,
      },
      { text: found?.reason ? reason(found) : (worst(found?.worst) ?? error?.message ?? "") },
      { text: worst(found?.worst_from_reference) ?? format.NOT_MEASURED },
      {
        text: found?.times_baseline
          ? `${format.ratio(found.times_baseline, 2)} as far as ${report.baseline}`
          : format.NOT_MEASURED,
        raw: found?.times_baseline,
      },
      { text: randomness(report, found?.random ?? []) },
    ],
  }));
  return h("div", { class: "scroll" }, table({ columns, rows, caption: "Verdicts", testid: "parity-modes" }));
}

/**
 * @param {import("../types.js").Agreement} found
 * @returns {string}
 */
function reason({ reason: why, first_layer: first }) {
  return `${why ?? ""}${first ? ` First to differ: ${first}.` : ""}`;
}

/**
 * @param {Report} report
 * @param {string[]} drawn
 * @returns {string}
 */
function randomness({ parity: basis }, drawn) {
  if (drawn.length) return `others: ${drawn.join(", ")}; only what they do not reach is compared`;
  const layers = basis?.random_layers ?? [];
  return layers.length ? `the same, by the seed: ${layers.join(", ")}` : "none";
}

/**
 * @param {import("../types.js").WorstError | null | undefined} found
 * @returns {string | null}
 */
function worst(found) {
  if (!found) return null;
  const ulp = found.ulp === null ? "" : `, ${ulps(found.ulp)} ULP`;
  return `${amount(found.relative)} of a limit of ${amount(found.tolerance)}${ulp} (${found.kind} ${found.name})`;
}
