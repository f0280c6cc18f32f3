// What is alive at the peaks of all modes as one table, and the figures of each mode. Pure.

import * as format from "../format.js";

/** @typedef {import("../types.js").MemoryOf} MemoryOf */
/** @typedef {import("../types.js").Alive} Alive */
/** @typedef {import("../types.js").ModeMemory} ModeMemory */
/** @typedef {import("../table.js").Column} Column */
/** @typedef {import("../table.js").Row} Row */

/**
 * @typedef {{ title: string, owner: string, inPass: string, cells: (Alive | null)[] }} Held
 * @typedef {{ column: string, reverse: boolean }} Sort `column` is `name`, `pass`, or a mode's place
 */

/** What `in_pass` says of space that nothing fills. */
export const GAPS = "gaps";

/**
 * @param {{ owner: string, in_pass: string }} row
 * @param {string} root what all layers' paths begin with
 * @returns {string}
 */
export function ownerTitle({ owner, in_pass: inPass }, root) {
  if (inPass === GAPS) return "space that nothing fills";
  if (!owner) return "no known layer";
  return owner.startsWith(root) ? owner.slice(root.length) : owner;
}

/**
 * One row an owner and pass, a cell a mode.
 * @param {ModeMemory[]} modes
 * @param {string} root
 * @returns {Held[]}
 */
export function heldRows(modes, root) {
  /** @type {Map<string, Held>} */
  const found = new Map();
  modes.forEach(({ memory }, at) => {
    for (const row of memory.alive) {
      const key = JSON.stringify([row.owner, row.in_pass]);
      const held = found.get(key) ?? {
        title: ownerTitle(row, root),
        owner: row.owner,
        inPass: row.in_pass,
        cells: modes.map(() => null),
      };
      held.cells[at] = row;
      found.set(key, held);
    }
  });
  return [...found.values()];
}

/**
 * @param {Held[]} rows
 * @param {string} words all of them must be in layer, pass or op
 * @returns {Held[]}
 */
export function filterHeld(rows, words) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter(({ title, owner, inPass, cells }) => {
    const ops = cells.map((cell) => cell?.largest ?? "");
    const text = [title, owner, inPass, ...ops].join(" ").toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
}

/**
 * @param {string | undefined} text as in the address: `-` in front turns it round
 * @param {number} modes
 * @returns {Sort}
 */
export function sortOf(text, modes) {
  const column = (text ?? "").replace(/^-/, "");
  const known = ["most", "name", "pass", ...Array.from({ length: modes }, (_, at) => String(at))];
  return known.includes(column)
    ? { column, reverse: text?.startsWith("-") ?? false }
    : { column: "most", reverse: false };
}

/**
 * @param {Held[]} rows
 * @param {Sort} sort bytes from the largest, texts from A
 * @returns {Held[]}
 */
export function sortHeld(rows, { column, reverse }) {
  const size = (/** @type {Held} */ { cells }) =>
    column === "most" ? Math.max(...cells.map((cell) => cell?.bytes ?? 0)) : (cells[Number(column)]?.bytes ?? -1);
  const text = (/** @type {Held} */ row) => (column === "name" ? row.title : row.inPass);
  const texts = column === "name" || column === "pass";
  const sorted = [...rows].sort(
    (left, right) =>
      (texts ? text(left).localeCompare(text(right)) : size(right) - size(left)) ||
      left.title.localeCompare(right.title) ||
      left.inPass.localeCompare(right.inPass),
  );
  return reverse ? sorted.reverse() : sorted;
}

/**
 * What is shown, for copying: bytes.
 * @param {Held[]} rows
 * @param {string[]} modes
 * @returns {{ columns: Column[], rows: Row[] }}
 */
export function heldContent(rows, modes) {
  return {
    columns: ["layer", "pass", ...modes.flatMap((mode) => [`${mode} bytes`, `${mode} largest`])].map((title) => ({
      title,
    })),
    rows: rows.map(({ owner, title, inPass, cells }) => ({
      cells: [
        { text: owner || title },
        { text: inPass },
        ...cells.flatMap((cell) => [{ raw: cell?.bytes ?? null }, { text: cell?.largest ?? "" }]),
      ],
    })),
  };
}

/**
 * The figures of each mode.
 * @param {ModeMemory[]} modes
 * @returns {{ columns: Column[], rows: Row[] }}
 */
export function figures(modes) {
  const size = (/** @type {number | null | undefined} */ value) => ({ text: format.size(value), raw: value ?? null });
  /** @type {Column[]} */
  const columns = [
    { title: "Mode" },
    { title: "A step needs", number: true, hint: "Asked for in it and alive at its peak" },
    { title: "and takes", number: true, hint: "How far it rises above its start, by the allocator" },
    { title: "on top of", number: true, hint: "In use as that step began: weights, batches" },
    { title: "leaves behind", number: true, hint: "What every traced step leaves taken when it ends" },
    { title: "Peak", number: true },
    { title: "Activations", number: true, hint: "Of what the step needs: the forward pass's" },
    { title: "Gradients", number: true, hint: "Of what the step needs: the backward pass's" },
    { title: "XLA's temporaries", number: true, hint: "What XLA's plan takes for a call and gives back" },
    { title: "Weights", number: true },
    { title: "Optimizer state", number: true },
    { title: "Allocator" },
  ];
  const rows = modes.map(({ mode, memory }) => ({
    cells: [
      { text: mode },
      { ...size(memory.needed_bytes), class: "strong" },
      size(memory.step_bytes),
      size(memory.before_bytes),
      size(memory.left_behind_bytes),
      size(memory.peak_bytes),
      size(memory.by_pass.forward),
      size(memory.by_pass.backward),
      size(memory.plan?.temporary_bytes),
      size(memory.weights_bytes),
      size(memory.optimizer_bytes),
      { text: allocator(memory) },
    ],
  }));
  return { columns, rows };
}

/**
 * @param {MemoryOf} memory
 * @returns {string}
 */
function allocator(memory) {
  if (!memory.allocator) return memory.source === "plan" ? "XLA's plan" : format.NOT_MEASURED;
  const least = memory.counts_from_bytes;
  return least ? `${memory.allocator}, from ${format.size(least)}` : memory.allocator;
}

/**
 * Whether the resident set grows, in words.
 * @param {MemoryOf} memory
 * @returns {string}
 */
export function growthText({ rss }) {
  const growth = rss?.growth;
  if (!growth) return format.NOT_MEASURED;
  const over = `over ${format.count(growth.steps)} steps`;
  if (!growth.grows) return `steady ${over}`;
  return `grows by ${format.size(growth.bytes_per_step)} a step ${over}`;
}
