// The first call of each mode in its parts, on one scale.

import { stackedBars } from "../charts/bars.js";
import { responsive } from "../charts/responsive.js";
import { tipTable } from "../charts/tip.js";
import { h } from "../dom.js";
import * as format from "../format.js";
import { copyButton } from "../table.js";
import { swatch } from "./parts.js";

/** @typedef {import("../types.js").Report} Report */
/** @typedef {import("../types.js").CallPart} CallPart */

export const PARTS = [
  { id: "building", title: "Building", hint: "Python code run into a graph, variables made on the way" },
  {
    id: "optimising",
    title: "Optimising",
    hint: "The graph optimised (Grappler), placed on devices, and its kernels prepared",
  },
  { id: "compiling", title: "Compiling", hint: "XLA compiling the graph to machine code" },
  { id: "running", title: "First run", hint: "Ops at work for the first time, and waiting for them" },
  { id: "rest", title: "Rest", hint: "Python outside of building, dispatch, and the wait for the batch" },
];

/**
 * @param {Report} report
 * @returns {HTMLElement}
 */
export function firstCalls(report) {
  const modes = report.modes.filter(({ compile }) => compile?.first_call_s);
  const max = Math.max(...modes.map(({ compile }) => compile?.traced_first_call_s ?? 0));
  return h(
    "section",
    { "aria-label": "The first call", "data-testid": "first-calls" },
    h(
      "div",
      { class: "section-head" },
      h("h2", {}, "The first call"),
      h("span", { class: "hint" }, "of the process that traced it, divided; all modes on one scale"),
      h("span", { class: "spring" }),
      copyButton(() => asData(report)),
    ),
    h(
      "ul",
      { class: "legend", "aria-label": "Parts of the first call" },
      ...PARTS.map((part) => h("li", { title: part.hint }, swatch(part.id), part.title)),
    ),
    max > 0
      ? responsive((width) => bars(modes, max, width))
      : h("p", { class: "hint" }, "No first call was traced in this session."),
    h("p", { class: "hint" }, untraced(modes)),
  );
}

/**
 * @param {import("../types.js").ModeReport[]} modes
 * @param {number} max
 * @param {number} width
 * @returns {SVGElement}
 */
function bars(modes, max, width) {
  const letters = Math.max(...modes.map(({ mode }) => mode.length));
  return stackedBars({
    max,
    format: (value) => format.seconds(value, 2),
    label: "The first call of each mode, divided",
    width,
    labelWidth: Math.min(letters * 8 + 18, width * 0.3),
    rows: modes.map(({ mode, compile }) => ({
      label: mode,
      total: format.seconds(compile?.traced_first_call_s),
      note: "not traced",
      parts: (compile?.parts ?? [])
        .filter(({ seconds }) => seconds > 0)
        .map((part) => ({
          key: part.part,
          value: part.seconds,
          label: format.seconds(part.seconds, 2),
          tip: () => tip(mode, part),
        })),
    })),
  });
}

/**
 * @param {string} mode
 * @param {CallPart} part
 */
function tip(mode, part) {
  const known = PARTS.find(({ id }) => id === part.part);
  return [
    ...tipTable(`${mode}: ${known?.title ?? part.part}`, [
      ["seconds", format.seconds(part.seconds)],
      ["of the first call", format.share(part.share)],
    ]),
    h("p", {}, known?.hint),
  ];
}

/**
 * @param {import("../types.js").ModeReport[]} modes
 * @returns {string}
 */
function untraced(modes) {
  const known = modes.filter(({ compile }) => compile && !compile.first_call_traced);
  if (!known.length) return "All first calls of this session were traced, which makes them a little longer.";
  const texts = known.map(({ mode, compile }) => `${mode} ${format.seconds(compile?.first_call_s?.median)}`);
  return `Without the profiler: ${texts.join(", ")} (median over processes).`;
}

/**
 * @param {Report} report
 * @returns {{ columns: import("../table.js").Column[], rows: import("../table.js").Row[] }}
 */
function asData(report) {
  const names = ["mode", "first_call_s", ...PARTS.map(({ id }) => `${id}_s`), "traced_first_call_s", "building_untraced_s"];
  return {
    columns: names.map((title) => ({ title })),
    rows: report.modes.map(({ mode, compile }) => ({
      cells: [
        mode,
        compile?.first_call_s?.median,
        ...PARTS.map(({ id }) => compile?.parts?.find(({ part }) => part === id)?.seconds),
        compile?.traced_first_call_s,
        compile?.building_s?.median,
      ].map((raw) => ({ raw: raw ?? null })),
    })),
  };
}
