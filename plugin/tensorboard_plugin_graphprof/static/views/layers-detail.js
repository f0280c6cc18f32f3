// An op in full: what does its work in the other modes, and each op of its type as recorded.

import { fill, h } from "../dom.js";
import * as format from "../format.js";
import { copyButton, sortableTable, table } from "../table.js";
import { calls } from "./difference-behind.js";
import { how, sideText } from "./difference-matches.js";
import { eachOp, typeOf } from "./difference-parts.js";
import { viewLink } from "./parts.js";
import { layerQuery, workQuery } from "./timeline-queries.js";

/** @typedef {import("../types.js").Match} Match */
/** @typedef {import("../types.js").ModeLayers} ModeLayers */
/** @typedef {import("../types.js").Side} Side */
/** @typedef {import("../table.js").Column} Column */
/** @typedef {import("../table.js").Row} Row */
/** @typedef {import("./layers-tree.js").Node} Node */
/** @typedef {import("./modes-pair.js").Pair} Pair */
/** @typedef {import("./view.js").Context} Context */

const MOST_ROWS = 40;

/**
 * @param {Node} node an op
 * @param {Pair} pair
 * @param {ModeLayers[]} modes
 * @param {Context} context
 * @returns {HTMLElement}
 */
export function opDetail(node, { base }, modes, context) {
  const others = modes.map(({ mode }) => mode).filter((mode) => mode !== base);
  const places = h("div", {}, others.length ? h("p", { class: "hint" }, "Looking for its counterparts …") : null);
  if (others.length) fillPlaces(places, node, base, others, modes, context);
  const content = (/** @type {number} */ most) => recorded(node, modes, most, context);
  const all = content(Infinity);
  const hidden = all.rows.length - MOST_ROWS;
  return h(
    "div",
    { class: "op-detail", "data-testid": "op-detail" },
    places,
    h(
      "div",
      { class: "section-head" },
      h("h3", {}, `${node.title} as recorded`),
      h("span", { class: "spring" }),
      h(
        "span",
        { class: "links" },
        viewLink(
          context.link({
            view: "timeline",
            find: node.owner ? layerQuery(node.owner, node.inPass) : `op:${node.type}`,
          }),
          "Timeline",
        ),
      ),
      copyButton(() => all),
    ),
    sortableTable({
      ...content(MOST_ROWS),
      ...{ caption: `${node.title} as recorded`, class: "tight", testid: "recorded" },
    }).element,
    hidden > 0 ? h("p", { class: "hint" }, `${hidden} smaller ones are in the copied table.`) : null,
  );
}

/**
 * @param {HTMLElement} places
 * @param {Node} node
 * @param {string} base
 * @param {string[]} others
 * @param {ModeLayers[]} modes
 * @param {Context} context
 */
async function fillPlaces(places, node, base, others, modes, context) {
  try {
    const found = await Promise.all(others.map((other) => context.difference(base, other, "op")));
    const matches = found.flatMap(({ alignment }, at) =>
      ofNode(alignment?.matches ?? [], node, modes, base, others[at]).map((match) => ({
        mode: others[at],
        match,
      })),
    );
    fill(places, matchList(matches, node, base));
  } catch (error) {
    const { message } = /** @type {Error} */ (error);
    fill(places, h("p", { class: "hint" }, `Its counterparts are not known: ${message}.`));
  }
}

/**
 * The matches that an op stands in, on either side.
 * @param {Match[]} matches
 * @param {Node} node
 * @param {ModeLayers[]} modes
 * @param {string} base
 * @param {string} other
 * @returns {Match[]}
 */
export function ofNode(matches, node, modes, base, other) {
  const left = typesOf(node, modes, base);
  const right = typesOf(node, modes, other);
  const has = (/** @type {Side[]} */ sides, /** @type {Set<string>} */ types) =>
    sides.some(({ op_type }) => types.has(op_type));
  return matches.filter(
    (match) =>
      match.owner === node.owner &&
      match.in_pass === node.inPass &&
      (has(match.left, left) || has(match.right, right)),
  );
}

/**
 * What ops of a row are called in a mode.
 * @param {Node} node
 * @param {ModeLayers[]} modes
 * @param {string} name
 * @returns {Set<string>}
 */
function typesOf(node, modes, name) {
  /** @type {Set<string>} */
  const types = new Set();
  const mode = modes.find((one) => one.mode === name);
  if (mode) {
    eachOp(mode, (op) => {
      if (op.owner === node.owner && op.in_pass === node.inPass && (typeOf(op) || "ops") === node.type) {
        types.add(op.op_type);
      }
    });
  }
  return types;
}

/**
 * @param {{mode: string, match: Match}[]} matches
 * @param {Node} node
 * @param {string} base
 * @returns {HTMLElement}
 */
function matchList(matches, node, base) {
  if (!matches.length) {
    const why = node.owner ? "No mode has a counterpart." : "Its layer is not known, so that it is not matched.";
    return h("p", { class: "hint" }, why);
  }
  /** @type {Column[]} */
  const columns = [{ title: base }, { title: "" }, { title: "in" }, { title: "ops" }];
  const rows = matches.map(({ mode, match }) => ({
    cells: [
      { text: sideText(match.left) },
      { node: how(match.how), text: match.how },
      { text: mode },
      { text: sideText(match.right) },
    ],
  }));
  return h(
    "div",
    { "data-testid": "counterparts" },
    h("h3", {}, "What does its work"),
    table({ columns, rows, caption: "What does its work", class: "tight" }),
  );
}

/**
 * @param {Node} node
 * @param {ModeLayers[]} modes
 * @param {number} most
 * @param {Context} context
 * @returns {{ columns: Column[], rows: Row[] }}
 */
function recorded(node, modes, most, context) {
  /** @type {Column[]} */
  const columns = [
    { title: "Mode" },
    { title: "Op" },
    { title: "Name" },
    { title: "Label" },
    { title: "Calls", number: true, hint: "a step" },
    { title: "Time", number: true, hint: "its part of the step" },
    { title: "Busy", number: true, hint: "summed over threads" },
    { title: "Took", number: true, hint: "from the least to the most, where it ran asynchronously" },
    { title: "Shapes", hint: "What it reads and makes" },
    { title: "GFLOP/s", number: true, hint: "Floating point operations per second while it ran, computed from shapes" },
    { title: "GB/s", number: true, hint: "Its inputs and outputs once, per second while it ran: it moved at least that" },
    { title: "", bare: true },
  ];
  /** @type {(Row & {wall: number})[]} */
  const rows = [];
  for (const mode of modes) {
    eachOp(mode, (op) => {
      if (op.owner !== node.owner || op.in_pass !== node.inPass || (typeOf(op) || "ops") !== node.type) return;
      rows.push({
        wall: op.wall_s ?? 0,
        cells: [
          { text: mode.mode, class: mode.mode.length < 16 ? "whole" : "" },
          { text: op.op_type },
          { text: op.name },
          { text: op.tag, class: "whole" },
          { text: calls(op.calls), raw: op.calls },
          { text: op.wall_s === null ? "not recorded" : format.seconds(op.wall_s), raw: op.wall_s },
          { text: format.seconds(op.busy_s), raw: op.busy_s },
          { text: took(op.low_s, op.high_s), raw: op.high_s },
          { text: shapes(op.inputs, op.outputs), class: "faint" },
          rate(op.flops_per_s),
          rate(op.bytes_per_s),
          { node: op.owner && op.op_type ? workLink(mode.mode, op, context) : null },
        ],
      });
    });
  }
  return { columns, rows: rows.sort((a, b) => b.wall - a.wall).slice(0, most) };
}

/**
 * @param {string[]} inputs
 * @param {string[]} outputs
 * @returns {string}
 */
function shapes(inputs, outputs) {
  if (!inputs.length && !outputs.length) return "";
  return `${inputs.join(", ") || "nothing"} → ${outputs.join(", ") || "nothing"}`;
}

/**
 * @param {number | null} perSecond
 * @returns {import("../table.js").Cell}
 */
function rate(perSecond) {
  const raw = perSecond === null ? null : perSecond / 1e9;
  return { text: raw === null ? format.NOT_MEASURED : format.significant(raw, 3), raw };
}

/**
 * To the events of an op in the Timeline, and to those that do its work in other modes.
 * @param {string} mode
 * @param {import("./timeline-queries.js").Whose} op
 * @param {Context} context
 * @returns {HTMLElement}
 */
function workLink(mode, op, context) {
  return viewLink(context.link({ view: "timeline", find: workQuery(mode, op) }), "Timeline");
}

/**
 * @param {number | null} low
 * @param {number | null} high
 * @returns {string}
 */
function took(low, high) {
  if (low === null || high === null) return format.NOT_MEASURED;
  // Ends that are a little late are those of ops that ran synchronously.
  return high <= 1.05 * low ? format.seconds(high) : `${format.seconds(low)} – ${format.seconds(high)}`;
}
