// What took whose place: ops of one mode and those that do their work in the other.

import { fill, h, on, segmented } from "../dom.js";
import * as format from "../format.js";
import { copyButton, sortableTable } from "../table.js";
import { calls } from "./difference-behind.js";
import { eachOp, ownerTitle } from "./difference-parts.js";
import { viewLink } from "./parts.js";
import { workQuery } from "./timeline-queries.js";

/** @typedef {import("../types.js").Comparison} Comparison */
/** @typedef {import("../types.js").Layers} Layers */
/** @typedef {import("../types.js").Match} Match */
/** @typedef {import("../types.js").Side} Side */
/** @typedef {import("../table.js").Column} Column */
/** @typedef {import("../table.js").Row} Row */
/** @typedef {import("./view.js").Context} Context */

const MOST_ROWS = 12;

/** @type {Record<string, string>} */
export const HOWS = {
  same: "op for op",
  fused: "fewer ops do the work",
  rewritten: "other ops do the work",
  vanished: "no op does it: folded, eliminated, or too cheap to be recorded",
  appeared: "does the work of no op",
};

/**
 * @param {Comparison} found
 * @param {Layers} layers
 * @param {Context} context
 * @returns {HTMLElement | null} null where ops were not aligned
 */
export function matchesSection({ alignment, difference }, layers, context) {
  if (!alignment) return null;
  const { baseline, mode } = difference;
  const labels = labelsOf(layers, [baseline, mode]);
  const view = { back: false, words: "" };
  const body = h("div", { class: "scroll" });
  const more = h("p", { class: "hint" });
  let content = () => matchesTable([], [baseline, mode], () => "");
  const draw = () => {
    const matches = alignment.matches.map((match) => (view.back ? turned(match) : match));
    const modes = /** @type {[string, string]} */ (view.back ? [mode, baseline] : [baseline, mode]);
    const title = (/** @type {Match} */ match) => ownerTitle(match.owner, match.in_pass, difference.root);
    const chosen = matches.filter((match) => holds(match, title(match), view.words));
    const details = { labels, context };
    const shown = sortableTable({
      ...matchesTable(chosen.slice(0, MOST_ROWS), modes, title, details),
      ...{ caption: "What took whose place", class: "tight" },
    });
    content = () => matchesTable(chosen, modes, title, details);
    fill(body, shown.element);
    const hidden = chosen.length - MOST_ROWS;
    more.textContent = hidden > 0 ? `${hidden} smaller ones: filter for them, or copy the table.` : "";
    fill(
      direction,
      segmented(
        "Which way it is read",
        [
          { id: "on", title: `${baseline} → ${mode}` },
          { id: "back", title: `${mode} → ${baseline}` },
        ],
        view.back ? "back" : "on",
        (id) => {
          view.back = id === "back";
          draw();
        },
      ),
    );
  };
  const direction = h("span");
  const filter = on(
    h("input", {
      type: "search",
      placeholder: "Filter: relu forward",
      "aria-label": "Filter the ops",
      "data-testid": "filter-matches",
    }),
    {
      input: (/** @type {InputEvent} */ event) => {
        view.words = /** @type {HTMLInputElement} */ (event.target).value;
        draw();
      },
    },
  );
  draw();
  return h(
    "section",
    { "aria-label": "What took whose place", "data-testid": "matches" },
    h(
      "div",
      { class: "section-head" },
      h("h2", {}, "What took whose place"),
      direction,
      filter,
      h("span", { class: "spring" }),
      copyButton(() => content()),
    ),
    h("p", { class: "hint" }, mapped(alignment, baseline, mode)),
    body,
    more,
  );
}

/**
 * A match read from the other side.
 * @param {Match} match
 * @returns {Match}
 */
export function turned(match) {
  const how = { vanished: "appeared", appeared: "vanished" }[match.how] ?? match.how;
  return { ...match, how, left: match.right, right: match.left };
}

/**
 * Whether every word stands somewhere in a match.
 * @param {Match} match
 * @param {string} title
 * @param {string} words
 * @returns {boolean}
 */
export function holds(match, title, words) {
  const text = [title, match.how, sideText(match.left), sideText(match.right)].join(" ").toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/**
 * Where it is known from whose the ops of some modes are: by mode, layer, pass and op type.
 * @param {Layers} layers
 * @param {string[]} modes
 * @returns {Map<string, Set<string>>}
 */
function labelsOf(layers, modes) {
  /** @type {Map<string, Set<string>>} */
  const labels = new Map();
  for (const one of layers.modes.filter(({ mode }) => modes.includes(mode))) {
    eachOp(one, ({ owner, in_pass: inPass, op_type: type, tag }) => {
      const key = [one.mode, owner, inPass, type].join("\n");
      labels.set(key, (labels.get(key) ?? new Set()).add(tag));
    });
  }
  return labels;
}

/**
 * @param {NonNullable<Comparison["alignment"]>} alignment
 * @param {string} baseline
 * @param {string} mode
 * @returns {string}
 */
function mapped({ left_mapped, left_vanished, right_mapped }, baseline, mode) {
  return [
    `${format.share(left_mapped)} of ${baseline}'s ops have a counterpart in ${mode}`,
    `${format.share(left_vanished)} are gone`,
    `${format.share(right_mapped)} of ${mode}'s have one`,
  ].join("; ");
}

/**
 * @param {Match[]} matches
 * @param {[string, string]} modes
 * @param {(match: Match) => string} title
 * @param {{ labels: Map<string, Set<string>>, context: Context }} [details]
 * @returns {{ columns: Column[], rows: Row[] }}
 */
export function matchesTable(matches, modes, title, details) {
  /** @type {Column[]} */
  const columns = [
    { title: "Layer and pass" },
    { title: modes[0] },
    { title: "time", number: true },
    { title: "how", hint: "How the second mode does the work" },
    { title: modes[1] },
    { title: "time", number: true },
    ...(details ? [{ title: "Label", hint: "Where it is known from whose these ops are" }] : []),
    ...(details ? [{ title: "", bare: true }] : []),
  ];
  const rows = matches.map((match) => ({
    cells: [
      { text: title(match) },
      { text: sideText(match.left) },
      time(match.left),
      { node: how(match.how), text: match.how },
      { text: sideText(match.right) },
      time(match.right),
      ...(details ? [{ text: labelText(match, modes, details.labels), class: "faint" }] : []),
      ...(details ? [{ node: matchLink(match, modes, details.context) }] : []),
    ],
  }));
  return { columns, rows };
}

/**
 * @param {Match} match
 * @param {[string, string]} modes
 * @param {Map<string, Set<string>>} labels
 * @returns {string}
 */
function labelText({ owner, in_pass: inPass, left, right }, modes, labels) {
  const found = new Set();
  [left, right].forEach((sides, at) => {
    for (const { op_type: type } of sides) {
      for (const tag of labels.get([modes[at], owner, inPass, type].join("\n")) ?? []) found.add(tag);
    }
  });
  return [...found].join(", ");
}

/**
 * To the events of a match's ops in the Timeline, in every mode.
 * @param {Match} match
 * @param {[string, string]} modes
 * @param {Context} context
 * @returns {HTMLElement}
 */
function matchLink({ owner, in_pass, left, right }, modes, context) {
  const [mode, side] = left.length ? [modes[0], left[0]] : [modes[1], right[0]];
  const find = workQuery(mode, { owner, in_pass, op_type: side?.op_type ?? "" });
  return viewLink(context.link({ view: "timeline", find }), "Timeline");
}

/**
 * @param {string} word
 * @returns {HTMLElement}
 */
export function how(word) {
  return h("span", { class: `how ${word}`, title: HOWS[word] }, `${word} →`);
}

/**
 * "Conv2D, BiasAdd ×2": ops and how often each runs in a step.
 * @param {Side[]} sides
 * @returns {string}
 */
export function sideText(sides) {
  if (!sides.length) return "none";
  const text = (/** @type {Side} */ { op_type: type, calls: many, why }) =>
    (many === 1 ? type : `${type} ×${calls(many)}`) + (why ? ` (${why})` : "");
  return sides.map(text).join(", ");
}

/**
 * @param {Side[]} sides
 * @returns {import("../table.js").Cell}
 */
function time(sides) {
  if (!sides.length) return { text: "", raw: null };
  const known = sides.filter((side) => side.wall_s !== null);
  if (!known.length) return { text: "not recorded", raw: null };
  const raw = known.reduce((sum, side) => sum + (side.wall_s ?? 0), 0);
  return { text: format.seconds(raw), raw };
}
