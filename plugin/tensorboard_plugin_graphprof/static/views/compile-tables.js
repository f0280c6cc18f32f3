// What was built, when, and why again: tables of functions with their lines and the differing argument.

import { h } from "../dom.js";
import * as format from "../format.js";
import { tableSection } from "./table-section.js";

/** @typedef {import("../types.js").BuiltAgain} BuiltAgain */
/** @typedef {import("../types.js").BuiltGraph} BuiltGraph */
/** @typedef {import("../types.js").BuiltFunction} BuiltFunction */
/** @typedef {import("../types.js").CodeLine} CodeLine */
/** @typedef {import("../types.js").ModeReport} ModeReport */
/** @typedef {import("../table.js").Column} Column */
/** @typedef {import("../table.js").Row} Row */
/** @typedef {import("../table.js").Cell} Cell */

/**
 * @param {(BuiltAgain & { mode: string | null })[]} again
 * @param {boolean} watched
 * @returns {HTMLElement}
 */
export function againSection(again, watched) {
  const withModes = again.some(({ mode }) => mode !== null);
  /** @type {Column[]} */
  const columns = [
    ...(withModes ? [{ title: "Mode" }] : []),
    { title: "Function" },
    { title: "What" },
    { title: "Why" },
    { title: "Change" },
    { title: "Times", number: true },
    ...(withModes ? [{ title: "in timed calls", number: true }] : []),
    { title: "Cost", number: true, hint: "What these calls took beyond usual ones" },
  ];
  const rows = again.map((one) => ({
    attributes: { "data-cause": one.cause },
    cells: [
      ...(withModes ? [{ text: one.mode ?? "" }] : []),
      named(one.function || "XLA", one.defined_at, one.called_from),
      { text: one.what === "compiling" ? "compiled by XLA" : "built" },
      { text: one.words, class: "words" },
      { text: one.change ?? "", class: "words" },
      { text: format.count(one.count), raw: one.count },
      ...(withModes ? [{ text: format.count(one.timed), raw: one.timed }] : []),
      { text: format.seconds(one.extra_s ?? one.building_s), raw: one.extra_s ?? one.building_s },
    ],
  }));
  return tableSection("Built or compiled again", "after the first call", { columns, rows }, { testid: "again", none: watched ? "Nothing was built or compiled again." : "Not watched in this session." });
}

/**
 * @param {ModeReport[]} modes
 * @returns {HTMLElement}
 */
export function buildingsSection(modes) {
  /** @type {Column[]} */
  const columns = [
    { title: "Mode" },
    { title: "Function" },
    { title: "Built for" },
    { title: "Building", number: true, hint: "Seconds, with what was built inside" },
    { title: "Ops", number: true, hint: "Without those of functions built inside" },
  ];
  const rows = modes.flatMap(({ mode, compile }) =>
    [...(compile?.before ?? []), ...(compile?.buildings ?? [])].map((one) => ({
      cells: [
        { text: mode },
        { ...named(one.function, one.defined_at, one.called_from), class: one.inside ? "inside" : "" },
        { text: one.arguments + (one.jit_compile ? " · XLA" : ""), class: "words" },
        { text: format.seconds(one.seconds), raw: one.seconds },
        { text: one.ops ? format.count(one.ops) : "", raw: one.ops || null },
      ],
    })),
  );
  const unknown = modes.filter(({ compile }) => compile && compile.buildings === null).map(({ mode }) => mode);
  const none = unknown.length ? `Not watched in ${unknown.join(", ")}.` : "No mode built a graph.";
  return tableSection("Built in the first call", "one process of each mode, without the profiler where there is one", { columns, rows }, { testid: "buildings", none });
}

/**
 * Nodes of the graphs before and after they were optimised; null when nothing was recorded of any.
 * @param {ModeReport[]} modes
 * @returns {HTMLElement | null}
 */
export function graphsSection(modes) {
  const known = modes.filter(({ graph }) => graph);
  if (!known.length) return null;
  /** @type {Column[]} */
  const columns = [
    { title: "Mode" },
    { title: "Built", number: true },
    { title: "After Grappler", number: true },
    { title: "As run", number: true, hint: "With oneDNN's kernels in place of TensorFlow's" },
    { title: "Gone" },
    { title: "XLA instructions", number: true },
    { title: "of them fusions", number: true },
  ];
  const rows = known.map(({ mode, graph }) => {
    const gone = Object.entries(graph?.removed ?? {}).map(([why, count]) => `${why} ${format.count(count)}`);
    return {
      attributes: { "data-mode": mode },
      cells: [
        { text: mode },
        ...[graph?.before, graph?.optimised, graph?.ran].map((nodes) => ({ text: format.count(nodes), raw: nodes ?? null })),
        { text: gone.join(", "), class: "words" },
        ...[graph?.instructions, graph?.fusions].map((nodes) => ({ text: format.count(nodes), raw: nodes ?? null })),
      ],
    };
  });
  return tableSection("The graph", "nodes, as Python built it and as it runs", { columns, rows }, { testid: "graphs" });
}

/**
 * @param {BuiltFunction[]} functions
 * @returns {HTMLElement}
 */
export function programFunctions(functions) {
  /** @type {Column[]} */
  const columns = [
    { title: "Function" },
    { title: "First built for" },
    { title: "Built", number: true, hint: "How often" },
    { title: "Building", number: true },
    { title: "First runs", number: true, hint: "Beyond usual ones: optimising, compiling, running for the first time" },
    { title: "Ops", number: true },
  ];
  const rows = functions.map((one) => ({
    cells: [
      named(one.function, one.defined_at, one.called_from),
      { text: one.arguments + (one.jit_compile ? " · XLA" : ""), class: "words" },
      { text: format.count(one.buildings), raw: one.buildings },
      { text: format.seconds(one.building_s), raw: one.building_s },
      { text: format.seconds(one.first_run_s), raw: one.first_run_s },
      { text: one.ops ? format.count(one.ops) : "", raw: one.ops || null },
    ],
  }));
  return tableSection("Functions", "every tf.function of the program, the dearest first", { columns, rows }, { testid: "functions", none: "None was built." });
}

/**
 * A function with where it is defined, and which line called it.
 * @param {string} name
 * @param {CodeLine | null} defined
 * @param {CodeLine | null} called
 * @returns {Cell}
 */
function named(name, defined, called) {
  const from = called && called.file !== defined?.file ? ` from ${place(called)}` : called ? `, called in line ${called.line}` : "";
  const where = defined ? `${place(defined)}${from}` : called ? place(called) : "";
  return {
    text: `${name} ${where}`.trim(),
    node: h(
      "div",
      {},
      h("div", { class: "strong" }, name),
      h("div", { class: "below", title: [defined, called].filter(Boolean).map((line) => `${line?.file}:${line?.line}`).join("\n") }, where),
    ),
  };
}

/**
 * @param {CodeLine} line
 * @returns {string}
 */
function place({ file, line }) {
  return `${file.split(/[\\/]/).pop()}:${line}`;
}
