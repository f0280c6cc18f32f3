// One traced step of each mode: what is in use over it, on one scale of bytes.

import { curve, levelAt } from "../charts/curve.js";
import { responsive } from "../charts/responsive.js";
import { tipTable } from "../charts/tip.js";
import { h } from "../dom.js";
import * as format from "../format.js";
import { ownerTitle } from "./memory-table.js";

/** @typedef {import("../types.js").ModeMemory} ModeMemory */
/** @typedef {import("../types.js").StepMemory} StepMemory */
/** @typedef {import("../charts/curve.js").Point} Point */

const HEIGHT = 132;
const ROOM = 1.12; // above the highest peak, for its text

/**
 * The highest level that any mode reaches.
 * @param {ModeMemory[]} modes
 * @returns {number}
 */
export function highest(modes) {
  const levels = modes.flatMap((mode) => [...drawn(mode).used, ...drawn(mode).planned].map(([, level]) => level));
  return Math.max(1, ...levels);
}

/**
 * The curves of a mode: of a plan alone, its temporaries stand on nothing.
 * @param {ModeMemory} mode
 * @returns {{ used: Point[], planned: Point[] }}
 */
export function drawn({ memory, step }) {
  const before = memory.before_bytes ?? 0;
  return {
    used: step?.curve ?? [],
    planned: (step?.planned ?? []).map(([at, level]) => [at, level + before]),
  };
}

/**
 * @param {ModeMemory} mode
 * @param {string} root
 * @param {{ high: number, longest: number | null }} scale `longest` step, where all share a clock
 * @returns {HTMLElement}
 */
export function stepPanel(mode, root, { high, longest }) {
  const { used, planned } = drawn(mode);
  const said = h("p", { class: "unseen", role: "status" });
  return h(
    "section",
    { class: "memory-mode", "aria-label": mode.mode, "data-mode": mode.mode },
    h(
      "div",
      { class: "section-head" },
      h("h2", {}, mode.mode),
      h("span", { class: "hint" }, facts(mode)),
    ),
    mode.step && (used.length || planned.length)
      ? responsive((width) => chart(mode, mode.step, root, { high, longest }, width, said))
      : null,
    said,
  );
}

/**
 * @param {ModeMemory} mode
 * @returns {string}
 */
function facts({ memory, step, steps }) {
  if (memory.problem) return memory.problem;
  if (!memory.source) return `Not measured. ${memory.why_not ?? ""}`.trim();
  const which = step?.step_num !== null && step?.step_num !== undefined ? `step ${step.step_num} of the trace` : "";
  return [
    memory.allocator ? `peak ${format.size(memory.peak_bytes)}` : "",
    memory.plan ? `XLA's temporaries ${format.size(memory.plan.temporary_bytes)}` : "",
    which && `${which}, ${format.seconds(step?.seconds)}`,
    spread(steps),
    memory.allocator ? "" : (memory.why_not ?? ""),
  ]
    .filter(Boolean)
    .join(" · ");
}

/**
 * How the peaks of the traced steps differ: threads run in another order each time.
 * @param {{ peak: number }[]} steps
 * @returns {string}
 */
function spread(steps) {
  const peaks = steps.map(({ peak }) => peak);
  const [low, high] = [Math.min(...peaks), Math.max(...peaks)];
  return peaks.length > 1 && low < high
    ? `${format.size(low)} to ${format.size(high)} in ${peaks.length} traced steps`
    : "";
}

/**
 * @param {ModeMemory} mode
 * @param {StepMemory | null} step
 * @param {string} root
 * @param {{ high: number, longest: number | null }} scale
 * @param {number} width
 * @param {HTMLElement} said
 * @returns {Element}
 */
function chart(mode, step, root, { high, longest }, width, said) {
  const { used, planned } = drawn(mode);
  const seconds = step?.seconds ?? 1;
  const end = longest ?? seconds;
  const series = [
    { points: used, name: "used" },
    { points: planned, name: "planned" },
  ];
  const tip = (/** @type {number} */ at) => tipTable(where(mode.mode, at, seconds), lines(mode, root, at));
  return curve(
    {
      series,
      until: seconds,
      end,
      high: high * ROOM,
      label: `Memory in use over one step of ${mode.mode}`,
      unitX: longest ? 1 : seconds,
      formatX: longest ? (value) => format.seconds(value) : (value) => `${Math.round((100 * value) / seconds)} %`,
      formatY: (value) => (value === 0 ? "0" : format.size(value)),
      base: mode.memory.before_bytes,
      peak: planned.length
        ? peakOf(planned, (level) => `${format.size(level - (mode.memory.before_bytes ?? 0))} needed`)
        : peakOf(used, format.size),
      tip,
      said: (at) => {
        const texts = lines(mode, root, at).map(([name, value]) => `${name} ${value}`);
        said.textContent = [where(mode.mode, at, seconds), ...texts].join(", ");
      },
    },
    width,
    HEIGHT,
  );
}

/**
 * @param {string} mode
 * @param {number} at
 * @param {number} seconds
 * @returns {string}
 */
function where(mode, at, seconds) {
  return `${mode}: ${format.seconds(at)} into the step (${format.share(at / seconds)})`;
}

/**
 * The level at a time, and the largest of what is alive then.
 * @param {ModeMemory} mode
 * @param {string} root
 * @param {number} at seconds since the step's start
 * @returns {[string, string][]}
 */
export function lines(mode, root, at) {
  const { used, planned } = drawn(mode);
  /** @type {[string, string][]} */
  const found = [];
  const level = levelAt(used, at);
  if (level !== null) found.push(["in use", format.size(level)]);
  const needed = levelAt(planned, at);
  if (needed !== null) found.push(["needed by XLA", format.size(needed - (mode.memory.before_bytes ?? 0))]);
  const tops = mode.step?.tops ?? [];
  const top = [...tops].reverse().find(({ s }) => s <= at);
  for (const tensor of top?.tensors ?? []) {
    const pass = tensor.owner ? ` ${tensor.in_pass}` : "";
    const name = tensor.owner ? ownerTitle(tensor, root) : lastPart(tensor.op);
    found.push([`${name}${pass}`, format.size(tensor.bytes)]);
  }
  return found;
}

/** @param {string} op */
function lastPart(op) {
  return op.split("/").pop() ?? op;
}

/**
 * @param {Point[]} points
 * @param {(level: number) => string} text
 * @returns {{ at: number, level: number, text: string } | null}
 */
function peakOf(points, text) {
  if (!points.length) return null;
  const [at, level] = points.reduce((most, point) => (point[1] > most[1] ? point : most));
  return { at, level, text: text(level) };
}
