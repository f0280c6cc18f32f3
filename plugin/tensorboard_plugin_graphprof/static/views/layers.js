// Layers and ops: one tree, a column a mode, and what became of an op in the other modes.

import { hideTip } from "../charts/tip.js";
import { button, fill, h, on } from "../dom.js";
import * as format from "../format.js";
import { copyButton } from "../table.js";
import { opDetail } from "./layers-detail.js";
import { TreeTable } from "./layers-table.js";
import { build, filterTree, findNode, layOut, openable, sortTree } from "./layers-tree.js";
import { missing, modeInQuestion, pairOf, pairPicker, tooFew } from "./modes-pair.js";

/** @typedef {import("../types.js").Layers} Layers */
/** @typedef {import("../types.js").ModeLayers} ModeLayers */
/** @typedef {import("../store.js").State} State */
/** @typedef {import("./layers-tree.js").Node} Node */
/** @typedef {import("./layers-tree.js").Sort} Sort */
/** @typedef {import("./layers-tree.js").TreeRow} TreeRow */
/** @typedef {import("./modes-pair.js").Pair} Pair */
/** @typedef {import("./view.js").Context} Context */

// More rows than this make a page slow, and nobody reads them: the filter finds what is meant.
const MOST_ROWS = 1500;

/** @type {import("./view.js").View} */
export const layers = {
  id: "layers",
  title: "Layers & ops",
  async open(context) {
    const [found, inQuestion] = await Promise.all([context.layers(), modeInQuestion(context)]);
    const modes = found.modes.filter(({ error }) => !error);
    const few = tooFew(
      found.modes,
      modes.map(({ mode }) => mode),
      1,
    );
    if (few) return { element: few, update: () => {}, close: () => {} };
    const page = new Page(context, found, modes, inQuestion);
    return { element: page.element, update: (state) => page.update(state), close: hideTip };
  },
};

class Page {
  /**
   * @param {Context} context
   * @param {Layers} found
   * @param {ModeLayers[]} modes
   * @param {string | null} inQuestion
   */
  constructor(context, found, modes, inQuestion) {
    this.inQuestion = inQuestion;
    this.context = context;
    this.found = found;
    this.modes = modes;
    this.names = modes.map(({ mode }) => mode);
    this.tree = build(found, modes, context.kinds);
    this.drawn = "";
    /** @type {Pair} */
    this.pair = { base: this.names[0], other: this.names[0] };
    /** @type {TreeRow[]} */
    this.rows = [];
    this.filter = this.filterBox();
    this.pairs = h("span", { class: "pair-holder" });
    this.count = h("span", { class: "hint", role: "status", "data-testid": "row-count" });
    this.table = new TreeTable(context.kinds, {
      toggle: (node) => this.toggle(node),
      choose: (node) => this.choose(node),
      sort: (column) => this.sortBy(column),
      leave: () => this.filter.focus(),
    });
    this.element = h(
      "div",
      { class: "layers", "data-testid": "layers" },
      this.toolbar(),
      h("p", { class: "facts" }, labelFacts(modes)),
      this.table.element,
      ...missing(found.modes),
    );
  }

  /** @returns {HTMLInputElement} */
  filterBox() {
    const box = /** @type {HTMLInputElement} */ (
      h("input", {
        type: "search",
        placeholder: "Filter: conv2d backward",
        "aria-label": "Filter layers and ops",
        "data-testid": "filter",
      })
    );
    return on(box, {
      input: () => this.context.set({ q: box.value }),
      keydown: (/** @type {KeyboardEvent} */ event) => {
        if (event.key !== "ArrowDown" && event.key !== "Enter") return;
        event.preventDefault();
        this.table.focusFirst();
      },
    });
  }

  /** @returns {HTMLElement} */
  toolbar() {
    return h(
      "div",
      { class: "toolbar", role: "toolbar", "aria-label": "What is shown" },
      this.filter,
      this.pairs,
      button("Open all", () => this.context.set({ open: "all" }), { class: "quiet" }),
      button("Close all", () => this.context.set({ open: null, op: null }), { class: "quiet" }),
      this.count,
      h("span", { class: "spring" }),
      copyButton(() => this.table.content()),
    );
  }

  /** @param {State} state */
  update(state) {
    const key = JSON.stringify([state.q, state.base, state.other, state.open, state.op, state.sort]);
    if (key === this.drawn) return;
    this.drawn = key;
    if (this.filter.value !== (state.q ?? "")) this.filter.value = state.q ?? "";
    this.pair = this.names.length > 1 ? pairOf(this.names, this.found.baseline, state, this.inQuestion) : this.pair;
    fill(this.pairs, this.names.length > 1 ? pairPicker(this.names, this.pair, this.context) : null);
    this.draw(state);
  }

  /** @param {State} state */
  draw(state) {
    const base = this.names.indexOf(this.pair.base);
    const other = this.names.indexOf(this.pair.other);
    const sort = sortOf(state.sort, this.names.length);
    const kept = sortTree(filterTree(this.tree, state.q ?? ""), sort, base, other);
    const isOpen = this.openness(state);
    this.rows = layOut(kept, isOpen);
    const shown = this.rows.slice(0, MOST_ROWS);
    const hidden = this.rows.length - shown.length;
    this.count.textContent = hidden
      ? `the first ${format.count(MOST_ROWS)} of ${format.count(this.rows.length)} rows: filter to see the others`
      : kept.length === this.tree.length
        ? ""
        : `${format.count(kept.length)} of ${format.count(this.tree.length)}`;
    const chosen = state.op ? findNode(this.tree, state.op) : null;
    this.table.draw({
      rows: shown,
      modes: this.modes,
      base,
      other,
      sort,
      chosen: chosen?.type ? chosen : null,
      detail: (node) => opDetail(node, this.pair, this.modes, this.context),
    });
  }

  /**
   * Which nodes are open: those that the address names, and while a filter is on what it leads to.
   * @param {State} state
   * @returns {(node: Node) => boolean}
   */
  openness(state) {
    if (state.open === "all") return () => true;
    const open = new Set((state.open ?? "").split(","));
    return (node) => open.has(node.id) || (Boolean(node.leads) && !open.has(`-${node.id}`));
  }

  /** @param {Node} node */
  toggle(node) {
    const state = this.context.state();
    const isOpen = this.openness(state);
    const open = new Set(state.open === "all" ? openable(this.tree) : (state.open ?? "").split(","));
    for (const word of ["", node.id, `-${node.id}`]) open.delete(word);
    if (!isOpen(node)) open.add(node.id);
    else if (node.leads) open.add(`-${node.id}`); // opened by the filter
    this.context.set({ open: [...open].join(",") });
  }

  /** @param {Node} node */
  choose(node) {
    this.context.set({ op: this.context.state().op === node.id ? null : node.id });
  }

  /** @param {string} column */
  sortBy(column) {
    const now = sortOf(this.context.state().sort, this.names.length);
    const reverse = now.column === column && !now.reverse;
    this.context.set({ sort: `${reverse ? "-" : ""}${column}` });
  }
}

/**
 * @param {string | undefined} text
 * @param {number} modes
 * @returns {Sort}
 */
function sortOf(text, modes) {
  const column = (text ?? "").replace(/^-/, "");
  const known = ["name", ...(modes > 1 ? ["gap"] : []), ...Array.from({ length: modes }, (_, at) => String(at))];
  if (known.includes(column)) return { column, reverse: text?.startsWith("-") ?? false };
  return { column: modes > 1 ? "gap" : "0", reverse: false };
}

/**
 * @param {ModeLayers[]} modes
 * @returns {string}
 */
function labelFacts(modes) {
  const texts = modes.map(({ mode, labelled }) => `${mode} ${format.share(labelled)}`);
  return `Mean traced step. Share of op execution whose layer is known: ${texts.join(" · ")}`;
}
