// The tree of layers as a table that is walked by keys (the treegrid pattern).

import { tipTable, withTip } from "../charts/tip.js";
import { button, fill, h, on } from "../dom.js";
import * as format from "../format.js";
import { gap, unitFor } from "./layers-tree.js";
import { swatch } from "./parts.js";

/** @typedef {import("../types.js").Kind} Kind */
/** @typedef {import("../types.js").ModeLayers} ModeLayers */
/** @typedef {import("./layers-tree.js").Cell} Cell */
/** @typedef {import("./layers-tree.js").Node} Node */
/** @typedef {import("./layers-tree.js").Sort} Sort */
/** @typedef {import("./layers-tree.js").TreeRow} TreeRow */

/**
 * @typedef {{
 *   rows: TreeRow[], modes: ModeLayers[], base: number, other: number, sort: Sort,
 *   chosen: Node | null, detail: (node: Node) => HTMLElement
 * }} Drawing
 * @typedef {{
 *   toggle: (node: Node) => void, choose: (node: Node) => void, sort: (column: string) => void,
 *   leave: () => void
 * }} Actions
 */

const INDENT = 16;

export class TreeTable {
  /**
   * @param {Kind[]} kinds
   * @param {Actions} actions
   */
  constructor(kinds, actions) {
    this.kinds = kinds;
    this.actions = actions;
    this.focused = ""; // the row that the Tab key leads to
    this.head = h("thead");
    this.body = h("tbody");
    this.element = on(
      h(
        "table",
        { class: "data tree", role: "treegrid", "aria-label": "Layers and ops", "data-testid": "tree" },
        this.head,
        this.body,
      ),
      {
        keydown: (/** @type {KeyboardEvent} */ event) => this.key(event),
        focusin: (/** @type {FocusEvent} */ event) => {
          const row = /** @type {Element} */ (event.target).closest("tr[data-node]");
          this.focused = row?.getAttribute("data-node") ?? this.focused;
        },
      },
    );
    /** @type {Drawing | null} */
    this.drawing = null;
    this.scale = unitFor(0);
  }

  /** @param {Drawing} drawing */
  draw(drawing) {
    const had = this.body.contains(document.activeElement);
    this.drawing = drawing;
    const steps = drawing.modes.map(({ step_s: step }) => step ?? 0);
    this.scale = unitFor(Math.max(...steps));
    if (!drawing.rows.some(({ node }) => node.id === this.focused)) {
      this.focused = drawing.rows[0]?.node.id ?? "";
    }
    fill(this.head, this.headRow(drawing));
    fill(
      this.body,
      this.stepRow(drawing),
      ...drawing.rows.flatMap((row) => {
        const own = this.row(row, drawing);
        return row.node.id === drawing.chosen?.id ? [own, detailRow(drawing, row.node)] : [own];
      }),
    );
    if (!drawing.rows.length) {
      const span = columnCount(drawing);
      this.body.append(h("tr", {}, h("td", { colspan: span, class: "faint" }, "Nothing has these words.")));
    }
    if (had) this.focus(this.focused);
  }

  focusFirst() {
    this.focus(this.drawing?.rows[0]?.node.id ?? "");
  }

  /** @param {string} id */
  focus(id) {
    if (!id) return;
    for (const row of this.body.querySelectorAll("tr[data-node]")) {
      const own = row.getAttribute("data-node") === id;
      row.setAttribute("tabindex", own ? "0" : "-1");
      if (own) /** @type {HTMLElement} */ (row).focus();
    }
    this.focused = id;
  }

  /**
   * What is shown, for copying: times in seconds.
   * @returns {{ columns: import("../table.js").Column[], rows: import("../table.js").Row[] }}
   */
  content() {
    const { rows, modes, base, other } = /** @type {Drawing} */ (this.drawing);
    const names = modes.map(({ mode }) => mode);
    const titles = ["layer", "pass", "what", "label", ...names.flatMap((name) => [`${name}_s`, `${name} share`])];
    if (modes.length > 1) titles.push(`${names[other]} - ${names[base]}_s`);
    return {
      columns: titles.map((title) => ({ title })),
      rows: rows.map(({ node }) => ({
        cells: [
          { text: node.owner },
          { text: node.inPass },
          { text: node.type || (node.kind ? node.title : "") },
          { text: [...node.tags].join(", ") },
          ...node.cells.flatMap((cell) => [{ raw: cell?.seconds ?? null }, { raw: cell?.share ?? null }]),
          ...(modes.length > 1 ? [{ raw: gap(node, base, other) }] : []),
        ],
      })),
    };
  }

  /**
   * @param {Drawing} drawing
   * @returns {HTMLElement}
   */
  headRow({ modes, base, other, sort }) {
    const cell = (
      /** @type {string} */ column,
      /** @type {string} */ title,
      /** @type {import("../dom.js").Attributes} */ attributes,
    ) => {
      const own = sort.column === column;
      const up = own && sort.reverse !== (column === "name");
      const mark = own ? (up ? " ▴" : " ▾") : "";
      return h(
        "th",
        { scope: "col", "aria-sort": own ? (up ? "ascending" : "descending") : "none", ...attributes },
        button(title + mark, () => this.actions.sort(column), { class: "sort", "data-sort": column }),
      );
    };
    return h(
      "tr",
      {},
      cell("name", "Layer, pass, op", {}),
      h("th", { scope: "col", title: "Where it is known from whose it is" }, "Label"),
      ...modes.flatMap(({ mode }, at) => [
        cell(String(at), mode, { class: "number", title: `${this.scale.unit} a step` }),
        h("th", { scope: "col", class: "number share", title: `share of the step of ${mode}` }, "%"),
      ]),
      modes.length > 1
        ? cell("gap", `${modes[other].mode} − ${modes[base].mode}`, {
            class: "number",
            title: `${this.scale.unit} a step; the largest first, whatever its sign`,
          })
        : null,
    );
  }

  /**
   * The steps themselves, which all rows sum to.
   * @param {Drawing} drawing
   * @returns {HTMLElement}
   */
  stepRow({ modes, base, other }) {
    return h(
      "tr",
      { class: "whole", "data-testid": "whole" },
      h("th", { scope: "row" }, `Traced step, ${this.scale.unit}`),
      h("td"),
      ...modes.flatMap(({ step_s: step }) => [
        h("td", { class: "number" }, this.time(step)),
        h("td", { class: "number share" }, "100"),
      ]),
      modes.length > 1
        ? h("td", { class: "number" }, this.difference((modes[other].step_s ?? 0) - (modes[base].step_s ?? 0)))
        : null,
    );
  }

  /**
   * @param {TreeRow} row
   * @param {Drawing} drawing
   * @returns {HTMLElement}
   */
  row({ node, level, expanded }, { modes, base, other, chosen }) {
    const tags = [...node.tags];
    const difference = gap(node, base, other);
    return on(
      h(
        "tr",
        {
          "data-node": node.id,
          "aria-level": level,
          "aria-expanded": expanded === null ? null : String(expanded),
          "aria-selected": node.type ? String(chosen?.id === node.id) : null,
          tabindex: node.id === this.focused ? 0 : -1,
          class: [`level-${level}`, node.type ? "op" : "", node.owner ? "" : "nobody"].join(" ").trim(),
        },
        h(
          "th",
          { scope: "row" },
          h(
            "span",
            { class: "tree-name", style: `padding-left:${(level - 1) * INDENT}px`, title: node.owner || null },
            h("span", { class: "twisty", "aria-hidden": "true" }, expanded === null ? "" : expanded ? "▾" : "▸"),
            node.kind ? swatch(node.kind) : null,
            h("span", { class: "tree-title" }, node.title),
            node.note ? h("span", { class: "faint" }, node.note) : null,
          ),
        ),
        h("td", { class: tags.includes("none") ? "tags none" : "tags" }, tags.join(", ")),
        ...node.cells.flatMap((cell, at) => this.cells(cell, node, modes[at].mode)),
        modes.length > 1
          ? h("td", { class: "number gap" }, difference === null ? "" : this.difference(difference))
          : null,
      ),
      { click: () => this.act(node, expanded) },
    );
  }

  /**
   * @param {Cell | null} cell
   * @param {Node} node
   * @param {string} mode
   * @returns {HTMLElement[]}
   */
  cells(cell, node, mode) {
    if (!cell) return [h("td", { class: "number faint" }, "·"), h("td", { class: "number share" })];
    const time = h("td", { class: "number" }, this.time(cell.seconds));
    const share = cell.share === null ? "" : (100 * cell.share).toFixed(1);
    return [withTip(time, () => cellTip(cell, node, mode)), h("td", { class: "number share" }, share)];
  }

  /**
   * @param {number | null} seconds
   * @returns {string}
   */
  time(seconds) {
    if (seconds === null) return format.NOT_MEASURED;
    return (seconds * this.scale.factor).toFixed(this.scale.decimals);
  }

  /**
   * @param {number} seconds
   * @returns {string}
   */
  difference(seconds) {
    const text = this.time(Math.abs(seconds));
    return Number(text) === 0 ? text : `${seconds > 0 ? "+" : "−"}${text}`;
  }

  /**
   * @param {Node} node
   * @param {boolean | null} expanded
   */
  act(node, expanded) {
    this.focused = node.id;
    if (expanded !== null) this.actions.toggle(node);
    else if (node.type) this.actions.choose(node);
    this.focus(node.id);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const id = target.getAttribute("data-node");
    const rows = this.drawing?.rows ?? [];
    const at = rows.findIndex(({ node }) => node.id === id);
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const { node, level, expanded } = rows[at];
    const act = {
      ArrowDown: () => this.focus(rows[Math.min(rows.length - 1, at + 1)].node.id),
      ArrowUp: () => this.focus(rows[Math.max(0, at - 1)].node.id),
      Home: () => this.focus(rows[0].node.id),
      End: () => this.focus(rows[rows.length - 1].node.id),
      ArrowRight: () => {
        if (expanded === false) this.actions.toggle(node);
        else if (expanded) this.focus(rows[at + 1]?.node.id ?? "");
      },
      ArrowLeft: () => {
        if (expanded) this.actions.toggle(node);
        else this.focus(rows.slice(0, at).reverse().find((row) => row.level < level)?.node.id ?? "");
      },
      Enter: () => this.act(node, expanded),
      " ": () => this.act(node, expanded),
      "/": () => this.actions.leave(),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }
}

/**
 * @param {Drawing} drawing
 * @returns {number}
 */
function columnCount({ modes }) {
  return 2 + 2 * modes.length + (modes.length > 1 ? 1 : 0);
}

/**
 * @param {Drawing} drawing
 * @param {Node} node
 * @returns {HTMLElement}
 */
function detailRow(drawing, node) {
  return h("tr", { class: "detail" }, h("td", { colspan: columnCount(drawing) }, drawing.detail(node)));
}

/**
 * @param {Cell} cell
 * @param {Node} node
 * @param {string} mode
 */
function cellTip(cell, node, mode) {
  /** @type {[string, string][]} */
  const lines = [["per step", format.seconds(cell.seconds)]];
  if (cell.share !== null) lines.push(["of the step", format.share(cell.share)]);
  if (cell.calls !== null) lines.push(["calls a step", format.significant(cell.calls)]);
  if (cell.busy !== null) lines.push(["busy, over all threads", format.seconds(cell.busy)]);
  if (cell.low !== null && cell.high !== null) {
    const same = cell.high <= 1.05 * cell.low;
    const text = same ? format.seconds(cell.high) : `${format.seconds(cell.low)} – ${format.seconds(cell.high)}`;
    lines.push(["took", text]);
  }
  return tipTable(`${mode}: ${node.title}`, lines);
}
