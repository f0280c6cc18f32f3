// Memory: a step of each mode on one scale, what is alive at the peaks, and the processes.

import { hideTip, tipTable, withTip } from "../charts/tip.js";
import { button, fill, h, on, segmented } from "../dom.js";
import * as format from "../format.js";
import { copyButton } from "../table.js";
import { highest, stepPanel } from "./memory-curves.js";
import { processTable } from "./memory-process.js";
import { figures, filterHeld, heldContent, heldRows, sortHeld, sortOf } from "./memory-table.js";
import { tableSection } from "./table-section.js";

/** @typedef {import("../types.js").Memory} Memory */
/** @typedef {import("../store.js").State} State */
/** @typedef {import("./memory-table.js").Held} Held */
/** @typedef {import("./memory-table.js").Sort} Sort */
/** @typedef {import("./view.js").Context} Context */

/** @type {Record<string, string>} what is no pass, in words */
const PASSES = { gaps: "", kept: "kept from before the step" };

/** @type {import("./view.js").View} */
export const memory = {
  id: "memory",
  title: "Memory",
  async open(context) {
    const found = await context.memory();
    const page = new Page(context, found);
    return { element: page.element, update: (state) => page.update(state), close: hideTip };
  },
};

class Page {
  /**
   * @param {Context} context
   * @param {Memory} found
   */
  constructor(context, found) {
    this.context = context;
    this.found = found;
    this.rows = heldRows(found.modes, found.root);
    /** @type {Held[]} */
    this.shown = [];
    this.clock = "";
    this.drawn = "";
    this.filter = this.filterBox();
    this.count = h("span", { class: "hint", role: "status", "data-testid": "row-count" });
    this.toolbar = h("div", { class: "toolbar", role: "toolbar", "aria-label": "What is shown" });
    this.curves = h("div", { "data-testid": "curves" });
    this.held = h("div", { class: "scroll" });
    this.element = h("div", { class: "memory", "data-testid": "memory" }, ...this.parts());
  }

  /** @returns {(HTMLElement | null)[]} */
  parts() {
    const { modes } = this.found;
    const said = modes.map(({ memory: one }) => one.sentence).filter(Boolean);
    const process = processTable(this.found);
    const known = figures(modes);
    return [
      said.length
        ? h("ul", { class: "notes memory-said", "data-testid": "said" }, ...said.map((text) => h("li", {}, text)))
        : null,
      this.toolbar,
      this.curves,
      tableSection("Steps", "of the traced steps, the one with the highest peak", known, { testid: "figures" }),
      tableSection("Processes", "resident set: all that the system gave to the process, Python and TensorFlow included", process, { testid: "processes" }),
      h(
        "section",
        { "aria-label": "Alive at the peak" },
        h(
          "div",
          { class: "section-head" },
          h("h2", {}, "Alive at the peak"),
          h("span", { class: "hint" }, "taken in the step, by layer and pass"),
          this.filter,
          this.count,
          h("span", { class: "spring" }),
          copyButton(() =>
            heldContent(
              this.shown,
              modes.map(({ mode }) => mode),
            ),
          ),
        ),
        this.held,
      ),
    ];
  }

  /** @returns {HTMLInputElement} */
  filterBox() {
    const box = /** @type {HTMLInputElement} */ (
      h("input", {
        type: "search",
        placeholder: "Filter: pooling backward",
        "aria-label": "Filter layers",
        "data-testid": "filter",
      })
    );
    return on(box, { input: () => this.context.set({ q: box.value }) });
  }

  /** @param {State} state */
  update(state) {
    if (this.filter.value !== (state.q ?? "")) this.filter.value = state.q ?? "";
    const clock = state.clock === "time" ? "time" : "step";
    if (clock !== this.clock) {
      this.clock = clock;
      this.drawCurves(clock);
    }
    const key = JSON.stringify([state.q, state.sort]);
    if (key === this.drawn) return;
    this.drawn = key;
    this.drawHeld(state);
  }

  /** @param {string} clock */
  drawCurves(clock) {
    const { modes, root } = this.found;
    const lengths = modes.map(({ step }) => step?.seconds ?? 0);
    const scale = { high: highest(modes), longest: clock === "time" ? Math.max(...lengths) || null : null };
    fill(
      this.toolbar,
      segmented(
        "Clock",
        [
          { id: "step", title: "Each step's own clock" },
          { id: "time", title: "One clock" },
        ],
        clock,
        (id) => this.context.set({ clock: id === "time" ? "time" : null }),
      ),
      h("span", { class: "spring" }),
      h("span", { class: "hint" }, h("span", { class: "swatch used" }), "in use"),
      h("span", { class: "hint" }, h("span", { class: "swatch planned" }), "needed at once, by XLA's plan"),
      h("span", { class: "hint" }, "┄ in use before the step"),
    );
    fill(this.curves, ...modes.map((mode) => stepPanel(mode, root, scale)));
  }

  /** @param {State} state */
  drawHeld(state) {
    const { modes } = this.found;
    const sort = sortOf(state.sort, modes.length);
    this.shown = sortHeld(filterHeld(this.rows, state.q ?? ""), sort);
    this.count.textContent =
      this.shown.length === this.rows.length ? "" : `${this.shown.length} of ${this.rows.length}`;
    if (!this.rows.length) {
      fill(this.held, h("p", { class: "hint" }, "Nothing is known of any mode; why, is said above."));
      return;
    }
    const had = document.activeElement?.getAttribute("data-sort");
    fill(this.held, this.heldTable(sort));
    if (had) /** @type {HTMLElement | null} */ (this.held.querySelector(`[data-sort="${had}"]`))?.focus();
  }

  /**
   * @param {Sort} sort
   * @returns {HTMLElement}
   */
  heldTable(sort) {
    const { modes } = this.found;
    const total = modes.map(({ memory: one }) => one.alive.reduce((sum, row) => sum + row.bytes, 0));
    const head = (/** @type {string} */ column, /** @type {string} */ title, /** @type {string} */ name) => {
      const own = sort.column === column;
      const up = own && sort.reverse !== (column === "name" || column === "pass");
      return h(
        "th",
        { scope: "col", class: name, "aria-sort": own ? (up ? "ascending" : "descending") : "none" },
        button(title + (own ? (up ? " ▴" : " ▾") : ""), () => this.sortBy(column, sort), {
          class: "sort",
          "data-sort": column,
        }),
      );
    };
    return h(
      "table",
      { class: "data held", "data-testid": "held" },
      h("caption", { class: "unseen" }, "What is alive at the peak of each mode"),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          head("name", "Layer", ""),
          head("pass", "Pass", ""),
          ...modes.map(({ mode }, at) => head(String(at), mode, "number")),
        ),
      ),
      h(
        "tbody",
        {},
        h(
          "tr",
          { class: "whole" },
          h("th", { scope: "row" }, "All of it"),
          h("td", {}),
          ...total.map((bytes, at) =>
            h("td", { class: "number" }, modes[at].memory.alive.length ? format.size(bytes) : format.NOT_MEASURED),
          ),
        ),
        ...this.shown.map((row) => this.heldRow(row)),
        this.shown.length
          ? null
          : h("tr", {}, h("td", { colspan: modes.length + 2, class: "faint" }, "Nothing has these words.")),
      ),
    );
  }

  /**
   * @param {Held} row
   * @returns {HTMLElement}
   */
  heldRow(row) {
    return h(
      "tr",
      { "data-row": `${row.owner} ${row.inPass}` },
      h("th", { scope: "row" }, row.title),
      h("td", {}, PASSES[row.inPass] ?? row.inPass),
      ...row.cells.map((cell, at) => {
        const none = this.found.modes[at].memory.alive.length ? "" : format.NOT_MEASURED;
        const element = h("td", { class: "number" }, cell ? format.size(cell.bytes) : none);
        if (!cell) return element;
        return withTip(element, () =>
          tipTable(row.title, [
            ["of what is alive", format.share(cell.share)],
            ["pieces", format.count(cell.tensors)],
            ["the largest", format.size(cell.largest_bytes)],
            ["taken by", cell.largest],
            ...(cell.shape ? [/** @type {[string, string]} */ (["shape", cell.shape])] : []),
          ]),
        );
      }),
    );
  }

  /**
   * @param {string} column
   * @param {Sort} now
   */
  sortBy(column, now) {
    const reverse = now.column === column && !now.reverse;
    this.context.set({ sort: `${reverse ? "-" : ""}${column}` });
  }
}
