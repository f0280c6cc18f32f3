// What the modes computed as rows: one an array, with a cell a mode; filtered and sorted. Pure.

import { significant } from "../format.js";

/** @typedef {import("../types.js").Report} Report */
/** @typedef {import("../types.js").ArrayError} ArrayError */

/**
 * @typedef {{ column: string, error: ArrayError | null, own: boolean }} Cell `own` is the baseline's,
 *   which has errors against the float64 run alone
 * @typedef {{
 *   kind: string, name: string, words: string, tolerance: number, failed: boolean, cells: Cell[]
 * }} Row
 * @typedef {{ columns: string[], baseline: string, reference: boolean, rows: Row[] }} Parity
 */

// Errors below this are drawn at the left edge; above MOST at the right one.
const LEAST = 1e-9;
const MOST = 10;

/**
 * @param {Report} report
 * @returns {Parity | null} null where nothing was compared
 */
export function build(report) {
  const basis = report.parity;
  const modes = report.modes.filter(({ parity }) => parity?.arrays);
  if (!basis || !modes.length) return null;
  const reference = basis.arrays.length > 0;
  /** @type {[string, boolean, ArrayError[]][]} */
  const sides = modes.map(({ mode, parity }) => [mode, false, parity?.arrays ?? []]);
  if (reference) sides.unshift([basis.baseline, true, basis.arrays]);
  const byKey = sides.map(([, , arrays]) => new Map(arrays.map((one) => [`${one.kind} ${one.name}`, one])));
  // The baseline's own arrays tell the order of the model where a mode was compared in part.
  const order = [...sides].sort(([, , one], [, , other]) => other.length - one.length);
  /** @type {Map<string, ArrayError>} */
  const first = new Map();
  for (const [, , arrays] of order) {
    for (const one of arrays) {
      const key = `${one.kind} ${one.name}`;
      if (!first.has(key)) first.set(key, one);
    }
  }
  const rows = [...first].map(([key, { kind, name, tolerance }]) => {
    const cells = sides.map(([column, own], at) => ({ column, own, error: byKey[at].get(key) ?? null }));
    return {
      kind,
      name,
      words: `${kind} ${name}`.toLowerCase(),
      tolerance,
      failed: cells.some(({ error }) => error?.ok === false),
      cells,
    };
  });
  return { columns: sides.map(([column]) => column), baseline: basis.baseline, reference, rows };
}

/**
 * @param {Row[]} rows
 * @param {{ q?: string, kind?: string, failed?: boolean }} wanted words that all must be there
 * @returns {Row[]}
 */
export function filter(rows, { q, kind, failed }) {
  const words = (q ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter(
    (row) =>
      (!kind || row.kind === kind) &&
      (!failed || row.failed) &&
      words.every((word) => row.words.includes(word)),
  );
}

/**
 * @param {Row[]} rows in the order of the model
 * @param {string} by "" keeps that order, "name", or a column: the largest error for its limit first
 * @returns {Row[]}
 */
export function sort(rows, by) {
  if (!by) return rows;
  if (by === "name") return [...rows].sort((one, other) => (one.words < other.words ? -1 : 1));
  return rows
    .map((row) => ({ row, close: closeness(row, by) }))
    .sort((one, other) => other.close - one.close)
    .map(({ row }) => row);
}

/**
 * How close an error is to its limit: 1 is at it; -1 where nothing was compared.
 * @param {Row} row
 * @param {string} column
 * @returns {number}
 */
export function closeness(row, column) {
  const cell = row.cells.find((one) => one.column === column);
  if (!cell?.error) return -1;
  const side = cell.own ? cell.error.reference : cell.error;
  if (!side) return -1;
  return side.relative === null ? Number.MAX_VALUE : side.relative / row.tolerance;
}

/**
 * Where an error stands on the logarithmic scale, from 0 to 1; what is not finite is at its end.
 * @param {number | null} relative
 * @returns {number}
 */
export function position(relative) {
  if (relative === null) return 1;
  const kept = Math.min(MOST, Math.max(LEAST, relative));
  return Math.log(kept / LEAST) / Math.log(MOST / LEAST);
}

/**
 * An error as text: "2e-7"; "0" is exactly the same.
 * @param {number | null} relative null: one side alone is finite, or the shapes differ
 * @returns {string}
 */
export function amount(relative) {
  if (relative === null) return "all of it";
  if (relative === 0) return "0";
  return relative.toExponential(0).replace("e+", "e");
}

/**
 * Units in the last place as text; large ones as a power of ten.
 * @param {number} ulp
 * @returns {string}
 */
export function ulps(ulp) {
  return ulp < 1000 ? significant(ulp, 2) : amount(ulp);
}
