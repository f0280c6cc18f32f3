// The measured steps as tables: a line on each process, and every step for copying.

import * as format from "../format.js";

/** @typedef {import("../types.js").StepColumns} StepColumns */
/** @typedef {import("../table.js").Column} Column */
/** @typedef {import("../table.js").Row} Row */

/**
 * @param {StepColumns} columns
 * @param {string[]} modes
 * @returns {{ columns: Column[], rows: Row[] }}
 */
export function processTable(columns, modes) {
  /** @type {Column[]} */
  const header = [
    { title: "Mode" },
    { title: "Wave", number: true },
    { title: "Arm" },
    { title: "Steady calls", number: true },
    { title: "Least", number: true },
    { title: "25 %", number: true },
    { title: "Median", number: true },
    { title: "75 %", number: true },
    { title: "Most", number: true },
    { title: "Warm-up calls", number: true },
    {
      title: "First call",
      number: true,
      hint: "The whole call; it holds several steps where steps_per_execution says so",
    },
    { title: "Ready after", number: true, hint: "From starting the process to its model being ready" },
    { title: "Peak memory", number: true },
  ];
  const rows = columns.processes
    .filter(({ mode }) => modes.includes(mode))
    .map((row) => ({
      cells: [
        { text: row.mode },
        { text: String(row.wave + 1) },
        { text: row.arm === "aa" ? "A/A check" : "mode" },
        { text: format.count(row.timed), raw: row.timed },
        ...[row.min_s, row.low_quartile_s, row.median_s, row.high_quartile_s, row.max_s].map((value, at) => ({
          text: format.seconds(value),
          raw: value,
          class: at === 2 ? "strong" : "",
        })),
        { text: format.count(row.warmup), raw: row.warmup },
        { text: format.seconds(row.first_call_s), raw: row.first_call_s },
        { text: format.seconds(row.startup_s), raw: row.startup_s },
        { text: format.size(row.peak_rss_bytes), raw: row.peak_rss_bytes },
      ],
    }));
  return { columns: header, rows };
}

/**
 * @param {StepColumns} columns
 * @param {string[]} modes
 * @returns {{ columns: Column[], rows: Row[] }}
 */
export function everyStep(columns, modes) {
  const { mode, process, round, part, seconds } = columns.columns;
  const rows = [];
  for (let index = 0; index < mode.length; index += 1) {
    const name = columns.modes[mode[index]];
    if (!modes.includes(name)) continue;
    const cells = [
      name,
      process[index] + 1,
      round[index] < 0 ? "" : round[index] + 1,
      columns.parts[part[index]],
      seconds[index],
    ];
    rows.push({ cells: cells.map((raw) => ({ raw })) });
  }
  return {
    columns: ["mode", "process", "round", "part", "seconds"].map((title) => ({ title })),
    rows,
  };
}
