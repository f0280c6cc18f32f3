// From which step on a mode has taken less time in all: lines, crossings, and the table of pairs.

import { totalOf } from "../charts/totals.js";
import { tipTable } from "../charts/tip.js";
import * as format from "../format.js";

/** @typedef {import("../types.js").Report} Report */
/** @typedef {import("../types.js").BreakEven} BreakEven */
/** @typedef {import("../charts/totals.js").TotalLine} TotalLine */
/** @typedef {import("../charts/totals.js").Crossing} Crossing */
/** @typedef {import("../table.js").Column} Column */
/** @typedef {import("../table.js").Row} Row */

const SERIES = 8;
const FURTHEST = 1e6;

/**
 * A line for each mode whose first call and step time are known.
 * @param {Report} report
 * @returns {TotalLine[]}
 */
export function lines(report) {
  return report.modes.flatMap(({ mode, compile, step_time_s: { median } }, index) => {
    if (!compile?.first_call_s || median === null || compile.extra_s === null) return [];
    let sum = 0;
    const first = compile.steps_in_first_call;
    /** @type {[number, number][]} */
    const measured = compile.calls_s.map((seconds, call) => {
      sum += seconds;
      return [(call + 1) * first, sum];
    });
    const step = median + (compile.recurring_s ?? 0);
    return [{ name: mode, series: index % SERIES, start: compile.extra_s, step, first, measured }];
  });
}

/**
 * Where modes have repaid their first calls against the baseline.
 * @param {Report} report
 * @param {TotalLine[]} drawn
 * @returns {Crossing[]}
 */
export function crossings(report, drawn) {
  return report.modes.flatMap(({ mode, compile }) => {
    const line = drawn.find(({ name }) => name === mode);
    const even = compile?.break_even.find(({ against }) => against === report.baseline);
    if (!line || !even || even.step === null || even.status === "at once") return [];
    if (even.status === "unclear") return [];
    const { step, low, high } = even;
    const words = said(even);
    return [
      {
        at: step,
        low,
        high,
        total: totalOf(line, step),
        series: line.series,
        label: `${mode} against ${even.against}: ${words}`,
        tip: () =>
          tipTable(`${mode} against ${even.against}`, [
            [even.status === "step" ? "has paid from step" : "ahead until step", format.count(step)],
            ["95 % interval", low === null || high === null ? format.NOT_MEASURED : `${format.count(low)} – ${format.count(high)}`],
            ["by then", format.seconds(totalOf(line, step))],
            ...(even.epochs?.value ? [/** @type {[string, string]} */ (["epochs", epochs(even)])] : []),
          ]),
      },
    ];
  });
}

/**
 * How far the plot may reach: powers of ten around the crossings, and an epoch.
 * @param {Report} report
 * @param {TotalLine[]} drawn
 * @returns {{ id: string, title: string, steps: number }[]}
 */
export function reach(report, drawn) {
  const found = report.modes.flatMap(({ compile }) =>
    (compile?.break_even ?? []).flatMap(({ step, high }) => [step ?? 0, high ?? 0]),
  );
  const least = Math.max(...drawn.map(({ first }) => first), 10);
  const far = Math.min(FURTHEST, Math.max(100, 2 * Math.max(0, ...found.filter((one) => one < FURTHEST))));
  const choices = [];
  for (let steps = 10 ** Math.ceil(Math.log10(least + 1)); steps <= 10 ** Math.ceil(Math.log10(far)); steps *= 10) {
    choices.push({ id: String(steps), title: format.count(steps), steps });
  }
  const epoch = Number(report.workload.steps_per_epoch ?? 0);
  if (epoch > least) choices.push({ id: "epoch", title: "An epoch", steps: epoch });
  return choices.sort((one, other) => one.steps - other.steps);
}

/**
 * @param {TotalLine[]} drawn
 * @param {number} steps
 */
export function totalTip(drawn, steps) {
  const known = drawn
    .filter(({ first }) => first <= steps)
    .map((line) => ({ name: line.name, total: totalOf(line, steps) }))
    .sort((one, other) => one.total - other.total);
  return tipTable(
    `${format.count(steps)} ${steps === 1 ? "step" : "steps"}`,
    known.map(({ name, total }) => [name, format.seconds(total)]),
  );
}

/**
 * In words: "step 38 (25 – 60)", "never".
 * @param {BreakEven} even
 * @returns {string}
 */
export function said(even) {
  const { status, step, low, high } = even;
  const interval = low !== null && high !== null && low !== high ? ` (${format.count(low)} – ${format.count(high)})` : "";
  if (status === "step") return `step ${format.count(step)}${interval}`;
  if (status === "ahead until") return `ahead until step ${format.count(step)}${interval}`;
  if (status === "unclear" && low !== null && low > 1) return `unclear, not before step ${format.count(low)}`;
  return status;
}

/**
 * @param {BreakEven} even
 * @returns {string}
 */
function epochs(even) {
  return even.epochs?.value ? `${format.significant(even.epochs.value, 2)} epochs` : "";
}

/**
 * Every mode against every other one.
 * @param {Report} report
 * @returns {{ columns: Column[], rows: Row[] }}
 */
export function paysTable(report) {
  const modes = report.modes.filter(({ compile }) => compile?.first_call_s && compile.break_even.length);
  /** @type {Column[]} */
  const columns = [
    { title: "Mode" },
    { title: "First call", number: true },
    { title: "beyond steady steps", number: true, hint: "What building, compiling and running for the first time adds" },
    ...modes.map(({ mode }) => ({ title: `against ${mode}` })),
  ];
  const rows = modes.map(({ mode, compile }) => ({
    attributes: { "data-mode": mode },
    cells: [
      { text: mode },
      { text: format.seconds(compile?.first_call_s?.median), raw: compile?.first_call_s?.median ?? null },
      { text: format.seconds(compile?.extra_s), raw: compile?.extra_s ?? null },
      ...modes.map((other) => {
        const even = compile?.break_even.find(({ against }) => against === other.mode);
        return even ? { text: [said(even), epochs(even)].filter(Boolean).join(", ") } : { text: "", class: "faint" };
      }),
    ],
  }));
  return { columns, rows };
}
