// What the system gave to the processes: a row a mode, a column a stage of its life.

import { linear } from "../charts/scale.js";
import { s } from "../dom.js";
import * as format from "../format.js";
import { growthText } from "./memory-table.js";

/** @typedef {import("../types.js").Memory} Memory */
/** @typedef {import("../types.js").ModeMemory} ModeMemory */
/** @typedef {import("../types.js").ResidentProcess} ResidentProcess */
/** @typedef {import("../charts/curve.js").Point} Point */
/** @typedef {import("../table.js").Column} Column */
/** @typedef {import("../table.js").Row} Row */

const WIDTH = 120;
const HEIGHT = 22;
const FLAT = 4 << 20; // a smaller range than this is drawn flat: the system counts no better

/**
 * @param {Memory} found
 * @returns {{ columns: Column[], rows: Row[] }}
 */
export function processTable({ stages, modes }) {
  /** @type {Column[]} */
  const columns = [
    { title: "Mode" },
    ...stages.map(({ title }) => ({ title: `After ${title}`, number: true })),
    { title: "Peak", number: true, hint: "The largest at any moment of any of its processes" },
    { title: "While traced", number: true, hint: "The largest while a trace was recorded, the profiler's own part included" },
    { title: "Over the timed blocks" },
    { title: "Timed blocks", bare: true },
    { title: "Traced steps", bare: true, hint: "From the first traced step to the end of the last one" },
  ];
  const rows = modes.map((mode) => {
    const { rss } = mode.memory;
    return {
      cells: [
        { text: mode.mode },
        ...stages.map(({ id }) => size(rss?.stages[id])),
        { ...size(rss?.peak_bytes), class: "strong" },
        size(rss?.traced_peak_bytes),
        { text: growthText(mode.memory), class: rss?.growth?.grows ? "grows" : "" },
        { node: spark(blockLines(mode.rss.processes), `Resident set of ${mode.mode} after each timed block`) },
        { node: spark([mode.rss.traced], `Resident set of ${mode.mode} over its traced steps`) },
      ],
    };
  });
  return { columns, rows };
}

/** @param {number | null | undefined} value */
function size(value) {
  return { text: format.size(value), raw: value ?? null };
}

/**
 * The resident set after each timed block, a line a process.
 * @param {ResidentProcess[]} processes
 * @returns {Point[][]}
 */
function blockLines(processes) {
  return processes.map(({ moments }) =>
    moments
      .filter(({ after }) => after === "block")
      .map(({ calls, bytes }) => /** @type {Point} */ ([calls, bytes])),
  );
}

/**
 * Lines on one scale, small enough for a table.
 * @param {Point[][]} all
 * @param {string} label
 * @returns {SVGElement | null}
 */
function spark(all, label) {
  const lines = all.filter((points) => points.length > 1);
  if (!lines.length) return null;
  const levels = lines.flat().map(([, level]) => level);
  const places = lines.flat().map(([place]) => place);
  const [low, high] = [Math.min(...levels), Math.max(...levels)];
  const [first, last] = [Math.min(...places), Math.max(...places)];
  const x = linear(first, last, 1, WIDTH - 1);
  const y = linear(low, low + Math.max(high - low, FLAT), HEIGHT - 2, 2);
  return s(
    "svg",
    {
      width: WIDTH,
      height: HEIGHT,
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      class: "spark",
      role: "img",
      "aria-label": `${label}: ${format.size(low)} to ${format.size(high)}`,
    },
    ...lines.map((points) =>
      s("polyline", { points: points.map(([at, level]) => `${x(at).toFixed(1)},${y(level).toFixed(1)}`).join(" ") }),
    ),
  );
}
