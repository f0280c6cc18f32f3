// What the system gave to the processes: a row a mode, a column a stage of its life.

import { s } from "../dom.js";
import * as format from "../format.js";
import { growthText } from "./memory-table.js";

/** @typedef {import("../types.js").Memory} Memory */
/** @typedef {import("../types.js").ModeMemory} ModeMemory */
/** @typedef {import("../types.js").ResidentProcess} ResidentProcess */
/** @typedef {import("../table.js").Column} Column */
/** @typedef {import("../table.js").Row} Row */

const WIDTH = 150;
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
    { title: "Timed blocks", bare: true },
    { title: "Over them" },
  ];
  const rows = modes.map((mode) => {
    const { rss } = mode.memory;
    return {
      cells: [
        { text: mode.mode },
        ...stages.map(({ id }) => size(rss?.stages[id])),
        { ...size(rss?.peak_bytes), class: "strong" },
        size(rss?.traced_peak_bytes),
        { node: spark(mode.rss.processes, mode.mode) },
        { text: growthText(mode.memory), class: rss?.growth?.grows ? "grows" : "" },
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
 * @param {string} mode
 * @returns {SVGElement | null}
 */
function spark(processes, mode) {
  const lines = processes
    .map(({ moments }) => moments.filter(({ after }) => after === "block"))
    .filter((moments) => moments.length > 1);
  if (!lines.length) return null;
  const levels = lines.flat().map(({ bytes }) => bytes);
  const calls = lines.flat().map((moment) => moment.calls);
  const [low, high] = [Math.min(...levels), Math.max(...levels)];
  const room = Math.max(high - low, FLAT);
  const [first, last] = [Math.min(...calls), Math.max(...calls)];
  const x = (/** @type {number} */ call) => 1 + ((call - first) / Math.max(1, last - first)) * (WIDTH - 2);
  const y = (/** @type {number} */ bytes) => HEIGHT - 2 - ((bytes - low) / room) * (HEIGHT - 4);
  return s(
    "svg",
    {
      width: WIDTH,
      height: HEIGHT,
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      class: "spark",
      role: "img",
      "aria-label": `Resident set of ${mode} after each timed block: ${format.size(low)} to ${format.size(high)}`,
    },
    ...lines.map((moments) =>
      s("polyline", {
        points: moments.map(({ calls: call, bytes }) => `${x(call).toFixed(1)},${y(bytes).toFixed(1)}`).join(" "),
      }),
    ),
  );
}
