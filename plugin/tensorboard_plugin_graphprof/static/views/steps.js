// Every measured step: in its order, its distribution, and a line on each process.

import { dots } from "../charts/dots.js";
import { responsive } from "../charts/responsive.js";
import { quantile } from "../charts/scale.js";
import { hideTip, tipTable } from "../charts/tip.js";
import { checkbox, fill, h, segmented } from "../dom.js";
import * as format from "../format.js";
import { copyButton, sortableTable } from "../table.js";
import { viewLink } from "./parts.js";
import { everyStep, processTable } from "./steps-tables.js";

/** @typedef {import("../types.js").StepColumns} StepColumns */
/** @typedef {import("../types.js").Report} Report */
/** @typedef {import("../store.js").State} State */
/** @typedef {import("./view.js").Context} Context */

const HEIGHT = 150;

// The parts of StepColumns, in the backend's order.
const FIRST = 0;
const WARMUP = 1;
const STEADY = 3;

/** @type {import("./view.js").View} */
export const steps = {
  id: "steps",
  title: "Steps",
  async open(context) {
    const [columns, report] = await Promise.all([context.steps(), context.report()]);
    const element = h("div", { class: "steps" });
    let drawn = "";
    const draw = () => fill(element, ...content(columns, report, context, context.state()));
    return {
      element,
      update: (state) => {
        const key = JSON.stringify([state.warmup, state.first, state.log, state.y, state.mode, state.aa]);
        if (key === drawn) return;
        drawn = key;
        draw();
      },
      close: hideTip,
      setTheme: draw,
    };
  },
};

/**
 * @param {StepColumns} columns
 * @param {Report} report
 * @param {Context} context
 * @param {State} state
 * @returns {(HTMLElement | null)[]}
 */
function content(columns, report, context, state) {
  const missing = report.modes.filter(({ mode }) => !columns.modes.includes(mode));
  if (!columns.modes.length) {
    return [
      h(
        "section",
        { class: "notice" },
        h("h1", {}, "No step was timed"),
        h("p", {}, report.verdict),
        ...report.modes.map((mode) =>
          h(
            "p",
            {},
            `${mode.mode}: ${mode.error ? `${mode.error.message}. ${mode.error.cure}.` : "nothing measured"}`,
          ),
        ),
      ),
    ];
  }
  const shown = columns.modes.filter(
    (mode) => !state.mode || !columns.modes.includes(state.mode) || state.mode === mode,
  );
  const scale = sharedScale(columns, shown, state);
  const processes = sortableTable({
    ...processTable(columns, shown),
    caption: "Processes",
    testid: "processes",
  });
  return [
    toolbar(columns, context, state),
    ...shown.map((mode) => modePanel(columns, report, mode, scale, context, state)),
    ...missing.map(({ mode, error }) =>
      h("p", { class: "hint" }, `${mode}: ${error ? `${error.message}. ${error.cure}.` : "not measured."}`),
    ),
    h(
      "section",
      { "aria-label": "Processes" },
      h(
        "div",
        { class: "section-head" },
        h("h2", {}, "Processes"),
        h("span", { class: "hint" }, "steady steps of each worker process, seconds of one step"),
        h("span", { class: "spring" }),
        copyButton(processes.content),
        copyButton(() => everyStep(columns, shown), "Copy every step"),
      ),
      h("div", { class: "scroll" }, processes.element),
    ),
  ];
}

/**
 * @param {StepColumns} columns
 * @param {Context} context
 * @param {State} state
 * @returns {HTMLElement}
 */
function toolbar(columns, context, state) {
  const modes = [{ id: "", title: "All modes" }, ...columns.modes.map((mode) => ({ id: mode, title: mode }))];
  const current = state.mode && columns.modes.includes(state.mode) ? state.mode : "";
  return h(
    "div",
    { class: "toolbar", role: "toolbar", "aria-label": "What is shown" },
    segmented("Mode", modes, current, (id) => context.set({ mode: id || null })),
    segmented(
      "Scale",
      [
        { id: "own", title: "Own scales" },
        { id: "one", title: "One scale" },
      ],
      state.y === "one" ? "one" : "own",
      (id) => context.set({ y: id === "one" ? "one" : null }),
    ),
    checkbox("Warm-up", state.warmup !== "0", (checked) => context.set({ warmup: checked ? null : "0" })),
    checkbox("First calls", state.first === "1", (checked) => context.set({ first: checked })),
    checkbox("Logarithmic", state.log === "1", (checked) => context.set({ log: checked })),
    h("span", { class: "spring" }),
    ...["● steady", "○ warm-up, first of its block, or built anew", "△ above the scale", "┄ median"].map((text) =>
      h("span", { class: "hint" }, text),
    ),
  );
}

/**
 * @param {StepColumns} columns
 * @param {string} mode
 * @param {State} state
 * @returns {number[]} indices into the columns
 */
function selected(columns, mode, state) {
  const number = columns.modes.indexOf(mode);
  const { mode: modes, part } = columns.columns;
  /** @type {number[]} */
  const found = [];
  for (let index = 0; index < modes.length; index += 1) {
    if (modes[index] !== number) continue;
    if (part[index] === FIRST && state.first !== "1") continue;
    if (part[index] === WARMUP && state.warmup === "0") continue;
    found.push(index);
  }
  return found;
}

/**
 * @param {StepColumns} columns
 * @param {string[]} modes
 * @param {State} state
 * @returns {{low: number, high: number} | null}
 */
function sharedScale(columns, modes, state) {
  if (state.y !== "one") return null;
  const scales = modes.map((mode) => ownScale(columns, selected(columns, mode, state), state));
  return {
    low: Math.min(...scales.map(({ low }) => low)),
    high: Math.max(...scales.map(({ high }) => high)),
  };
}

/**
 * The range that shows the bulk of the steps; what lies above is marked at the edge.
 * @param {StepColumns} columns
 * @param {number[]} indices
 * @param {State} state
 */
function ownScale(columns, indices, state) {
  const { part, seconds } = columns.columns;
  const everything = state.log === "1" || state.first === "1";
  const counted = indices.filter((index) => everything || part[index] === STEADY);
  const sorted = (counted.length ? counted : indices).map((index) => seconds[index]).sort((a, b) => a - b);
  if (!sorted.length) return { low: 0, high: 1 };
  if (state.log === "1") return { low: sorted[0] * 0.9, high: sorted[sorted.length - 1] * 1.1 };
  if (everything) return { low: 0, high: sorted[sorted.length - 1] * 1.05 };
  const [low, high] = [sorted[0], quantile(sorted, 0.99)];
  const room = Math.max((high - low) * 0.15, high * 0.01);
  return state.y === "one"
    ? { low: 0, high: high + room }
    : { low: Math.max(0, low - room), high: high + room };
}

/**
 * @param {StepColumns} columns
 * @param {Report} report
 * @param {string} mode
 * @param {{low: number, high: number} | null} shared
 * @param {Context} context
 * @param {State} state
 * @returns {HTMLElement}
 */
function modePanel(columns, report, mode, shared, context, state) {
  const indices = selected(columns, mode, state);
  const scale = shared ?? ownScale(columns, indices, state);
  const { part, seconds, process } = columns.columns;
  const summary = report.modes.find((each) => each.mode === mode);
  return h(
    "section",
    { class: "steps-mode", "aria-label": mode, "data-mode": mode },
    h(
      "div",
      { class: "section-head" },
      h("h2", {}, mode),
      h("span", { class: "hint" }, summaryText(summary)),
      h("span", { class: "spring" }),
      summary?.trace ? viewLink(context.link({ view: "timeline", mode }), "Timeline") : null,
    ),
    responsive((width) => {
      const css = getComputedStyle(document.documentElement);
      const color = (/** @type {string} */ name) => css.getPropertyValue(name).trim();
      const palette = [
        { color: color("--accent") },
        { color: color("--accent"), hollow: true },
        { color: color("--warn"), hollow: true },
      ];
      return dots(
        {
          values: indices.map((index) => seconds[index]),
          styles: indices.map((index) => (part[index] === FIRST ? 2 : part[index] === STEADY ? 0 : 1)),
          counted: indices.map((index) => part[index] === STEADY),
          palette,
          bands: bands(
            columns,
            indices.map((index) => process[index]),
            mode,
          ),
          low: scale.low,
          high: scale.high,
          log: state.log === "1",
          reference: summary?.step_time_s.median ?? null,
          format: (value) => format.seconds(value),
          tip: (at) => stepTip(columns, indices[at], mode),
          label: `Steps of ${mode} in order, and their distribution`,
          line: color("--line"),
          text: color("--faint"),
          background: color("--paper"),
        },
        width,
        HEIGHT,
      );
    }),
  );
}

/**
 * @param {import("../types.js").ModeReport | undefined} mode
 * @returns {string}
 */
function summaryText(mode) {
  if (!mode || mode.step_time_s.median === null) return "not measured";
  const { median, low, high } = mode.step_time_s;
  const parts = [
    `median ${format.seconds(median)}`,
    low !== null && high !== null ? `95 % interval ${format.seconds(low)} – ${format.seconds(high)}` : "",
    mode.first_step_s !== null ? `first step ${format.seconds(mode.first_step_s)}` : "",
    mode.measured ? `${format.count(mode.measured.warmup_steps)} warm-up steps left out` : "",
  ];
  return parts.filter(Boolean).join(" · ");
}

/**
 * Where each process begins and ends among the dots.
 * @param {StepColumns} columns
 * @param {number[]} processes
 * @param {string} mode
 */
function bands(columns, processes, mode) {
  /** @type {{from: number, to: number, label: string}[]} */
  const found = [];
  processes.forEach((process, at) => {
    if (at > 0 && process === processes[at - 1]) {
      found[found.length - 1].to = at + 1;
      return;
    }
    const row = columns.processes.find((each) => each.mode === mode && each.process === process);
    const label = row
      ? `wave ${row.wave + 1}${row.arm === "aa" ? ", A/A check" : ""}`
      : `process ${process + 1}`;
    found.push({ from: at, to: at + 1, label });
  });
  return found;
}

/**
 * @param {StepColumns} columns
 * @param {number} index
 * @param {string} mode
 */
function stepTip(columns, index, mode) {
  const { part, seconds, process, round } = columns.columns;
  /** @type {[string, string][]} */
  const lines = [
    ["step time", format.seconds(seconds[index])],
    ["is", columns.parts[part[index]]],
    ["process", String(process[index] + 1)],
  ];
  if (round[index] >= 0) lines.push(["round", String(round[index] + 1)]);
  return tipTable(mode, lines);
}
