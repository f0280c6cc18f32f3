// Whether the modes computed the same: each array, against the baseline and against a float64 run.

import { hideTip, withTip } from "../charts/tip.js";
import { button, checkbox, fill, h, on, segmented } from "../dom.js";
import * as format from "../format.js";
import { copyButton } from "../table.js";
import { legend, said, strip, tip } from "./parity-cells.js";
import { explained, modesTable } from "./parity-modes.js";
import { amount, build, filter, sort } from "./parity-rows.js";

/** @typedef {import("../types.js").Report} Report */
/** @typedef {import("../store.js").State} State */
/** @typedef {import("./parity-rows.js").Cell} Cell */
/** @typedef {import("./parity-rows.js").Parity} Parity */
/** @typedef {import("./parity-rows.js").Row} Row */
/** @typedef {import("./view.js").Context} Context */

// More rows than this make a page slow, and nobody reads them: the filter finds what is meant.
const MOST_ROWS = 1000;

const KINDS = [
  { id: "", title: "All" },
  { id: "layer", title: "Layers" },
  { id: "output", title: "Outputs" },
  { id: "loss", title: "Loss" },
  { id: "gradient", title: "Gradients" },
  { id: "weight", title: "Weights" },
  { id: "update", title: "Updates" },
];

/** @type {import("./view.js").View} */
export const parity = {
  id: "parity",
  title: "Parity",
  async open(context) {
    const report = await context.report();
    const found = build(report);
    if (!found) return { element: nothing(report), update: () => {}, close: () => {} };
    const page = new Page(context, report, found);
    return { element: page.element, update: (state) => page.update(state), close: hideTip };
  },
};

/**
 * @param {Report} report
 * @returns {HTMLElement}
 */
function nothing(report) {
  const why = report.modes.length > 1 ? "The session was recorded without it." : "There is only one mode.";
  return h(
    "section",
    { class: "notice" },
    h("h1", {}, "What the modes compute was not compared"),
    h("p", {}, `${why} That says nothing about whether they agree.`),
    h("p", { class: "cure" }, "Profile again in several modes, without --no-parity."),
  );
}

class Page {
  /**
   * @param {Context} context
   * @param {Report} report
   * @param {Parity} found
   */
  constructor(context, report, found) {
    this.context = context;
    this.found = found;
    this.drawn = "";
    this.focused = 0;
    /** @type {Row[]} */
    this.rows = [];
    this.search = this.searchBox();
    this.kinds = h("span", {});
    this.onlyFailed = h("span", {});
    this.count = h("span", { class: "hint", role: "status", "data-testid": "row-count" });
    this.holder = h("div", { class: "scroll" });
    this.element = h(
      "div",
      { class: "parity", "data-testid": "parity" },
      h("p", { class: "facts" }, explained(report, found)),
      modesTable(report),
      h(
        "div",
        { class: "toolbar", role: "toolbar", "aria-label": "What is shown" },
        this.search,
        this.kinds,
        this.onlyFailed,
        this.count,
        h("span", { class: "spring" }),
        copyButton(() => this.content()),
      ),
      legend(found),
      this.holder,
    );
  }

  /** @returns {HTMLInputElement} */
  searchBox() {
    const box = /** @type {HTMLInputElement} */ (
      h("input", {
        type: "search",
        placeholder: "Filter: gradient conv2d",
        "aria-label": "Filter arrays",
        "data-testid": "filter",
      })
    );
    return on(box, {
      input: () => this.context.set({ q: box.value }),
      keydown: (/** @type {KeyboardEvent} */ event) => {
        if (event.key !== "ArrowDown" && event.key !== "Enter") return;
        event.preventDefault();
        this.focus(0);
      },
    });
  }

  /** @param {State} state */
  update(state) {
    const key = JSON.stringify([state.q, state.array, state.failed, state.sort]);
    if (key === this.drawn) return;
    this.drawn = key;
    if (this.search.value !== (state.q ?? "")) this.search.value = state.q ?? "";
    const kind = KINDS.some(({ id }) => id === state.array) ? state.array : "";
    const there = KINDS.filter(({ id }) => !id || this.found.rows.some((row) => row.kind === id));
    fill(
      this.kinds,
      segmented("Kind of array", there, kind, (id) => this.context.set({ array: id })),
    );
    const failed = state.failed === "1";
    fill(
      this.onlyFailed,
      checkbox("only what differs", failed, (checked) => this.context.set({ failed: checked })),
    );
    const wanted = filter(this.found.rows, { q: state.q, kind, failed });
    this.rows = sort(wanted, this.column(state.sort));
    this.draw(this.column(state.sort));
  }

  /**
   * @param {string | undefined} sorted
   * @returns {string}
   */
  column(sorted) {
    return sorted === "name" || this.found.columns.includes(sorted ?? "") ? (sorted ?? "") : "";
  }

  /** @param {string} sorted */
  draw(sorted) {
    hideTip();
    const shown = this.rows.slice(0, MOST_ROWS);
    this.focused = 0;
    const more = this.rows.length - shown.length;
    fill(
      this.count,
      `${format.count(this.rows.length)} of ${format.count(this.found.rows.length)} arrays`,
      more ? `, the first ${format.count(MOST_ROWS)} shown` : "",
    );
    const body = on(h("tbody", {}, ...shown.map((row, at) => this.row(row, at))), {
      keydown: (/** @type {KeyboardEvent} */ event) => this.key(event),
    });
    if (!shown.length) {
      const words = h("td", { colspan: this.found.columns.length + 2, class: "faint" }, "Nothing has these words.");
      body.append(h("tr", {}, words));
    }
    fill(
      this.holder,
      h(
        "table",
        { class: "data arrays", "data-testid": "arrays" },
        h("caption", { class: "unseen" }, "Errors of each array"),
        h("thead", {}, this.head(sorted)),
        body,
      ),
    );
  }

  /**
   * @param {string} sorted
   * @returns {HTMLElement}
   */
  head(sorted) {
    const cell = (/** @type {string} */ id, /** @type {string} */ title, /** @type {string} */ hint) => {
      const own = sorted === id;
      return h(
        "th",
        { scope: "col", title: hint, "aria-sort": own ? (id === "name" ? "ascending" : "descending") : "none" },
        button(`${title}${own ? (id === "name" ? " ▴" : " ▾") : ""}`, () => this.sortBy(own ? "" : id), {
          class: "sort",
          "data-sort": id,
        }),
      );
    };
    return h(
      "tr",
      {},
      cell("name", "Array", "by name; once more: in the order of the model"),
      h("th", { scope: "col", class: "number", title: "The largest relative error that may pass" }, "Limit"),
      ...this.found.columns.map((column) =>
        cell(column, column, "the largest for its limit first; once more: in the order of the model"),
      ),
    );
  }

  /** @param {string} column */
  sortBy(column) {
    this.context.set({ sort: column });
    /** @type {HTMLElement | null} */ (this.holder.querySelector(`[data-sort="${CSS.escape(column)}"]`))?.focus();
  }

  /**
   * @param {Row} row
   * @param {number} at
   * @returns {HTMLElement}
   */
  row(row, at) {
    return h(
      "tr",
      { tabindex: at === 0 ? 0 : -1, "data-row": at, class: row.failed ? "differs" : null },
      h("th", { scope: "row" }, h("span", { class: "faint" }, `${row.kind} `), row.name),
      h("td", { class: "number" }, amount(row.tolerance)),
      ...row.cells.map((cell) => this.cell(cell, row)),
    );
  }

  /**
   * @param {Cell} cell
   * @param {Row} row
   * @returns {HTMLElement}
   */
  cell(cell, row) {
    if (!cell.error) return h("td", { class: "faint" }, "not compared");
    const { ok } = cell.error;
    const text = said(cell);
    return withTip(
      h(
        "td",
        { class: ok === false ? "beyond" : null },
        strip(cell, row.tolerance),
        h("span", { class: "amount" }, text),
      ),
      () => tip(cell, row, this.found.baseline),
    );
  }

  /** @param {number} at */
  focus(at) {
    const rows = this.holder.querySelectorAll("tr[data-row]");
    const next = Math.min(rows.length - 1, Math.max(0, at));
    if (next < 0) return;
    rows[this.focused]?.setAttribute("tabindex", "-1");
    rows[next].setAttribute("tabindex", "0");
    /** @type {HTMLElement} */ (rows[next]).focus();
    this.focused = next;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = Number(/** @type {HTMLElement} */ (event.target).getAttribute("data-row") ?? this.focused);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: this.rows.length }[event.key];
    if (to !== undefined) this.focus(to);
    else if (event.key === "/") this.search.focus();
    else return;
    event.preventDefault();
  }

  /** @returns {{ columns: import("../table.js").Column[], rows: import("../table.js").Row[] }} */
  content() {
    const { columns, baseline, reference } = this.found;
    const modes = columns.filter((column) => column !== baseline);
    const titles = modes.flatMap((mode) => [
      `${mode} against ${baseline}`,
      `${mode} ulp`,
      `${mode} passes`,
      ...(reference ? [`${mode} against float64`] : []),
    ]);
    const own = reference ? [`${baseline} against float64`] : [];
    return {
      columns: ["kind", "array", "limit", ...own, ...titles].map((title) => ({ title })),
      rows: this.rows.map((row) => ({
        cells: [
          row.kind,
          row.name,
          row.tolerance,
          ...row.cells.flatMap(({ own: only, error }) => {
            const beside = error?.reference?.relative ?? null;
            if (only) return [beside];
            const passes = error ? (error.ok === null ? "not judged" : error.ok ? "yes" : "no") : "not compared";
            const against = [error?.relative ?? null, error?.ulp ?? null, passes];
            return reference ? [...against, beside] : against;
          }),
        ].map((raw) => ({ raw })),
      })),
    };
  }
}
