// A table that can be read, and copied into a spreadsheet.

import { button, h } from "./dom.js";

/** @typedef {import("./dom.js").Child} Child */

/**
 * @typedef {{ title: string, number?: boolean, hint?: string, bare?: boolean }} Column
 *   `number` aligns to the right; `bare` columns hold drawings and links, and are not copied
 * @typedef {{ text?: string, raw?: string | number | null, node?: Child | Child[], class?: string,
 *             span?: number }} Cell
 *   `raw` is what is copied where that is not the text
 * @typedef {{ cells: Cell[], class?: string, attributes?: import("./dom.js").Attributes }} Row
 */

/**
 * @param {{ columns: Column[], rows: Row[], caption: string, class?: string, testid?: string }} options
 * @returns {HTMLElement}
 */
export function table({ columns, rows, caption, class: name, testid }) {
  return h(
    "table",
    { class: `data ${name ?? ""}`.trim(), "data-testid": testid },
    h("caption", { class: "unseen" }, caption),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        ...columns.map((column) =>
          h("th", { scope: "col", class: column.number && "number", title: column.hint }, column.title),
        ),
      ),
    ),
    h("tbody", {}, ...rows.map((row) => tableRow(columns, row))),
  );
}

/**
 * @param {Column[]} columns
 * @param {Row} row
 * @returns {HTMLElement}
 */
function tableRow(columns, row) {
  return h(
    "tr",
    { class: row.class, ...row.attributes },
    ...row.cells.map((cell, index) =>
      h(
        index === 0 ? "th" : "td",
        {
          scope: index === 0 ? "row" : null,
          colspan: cell.span ?? null,
          class:
            [columns[index].number && !cell.span ? "number" : "", cell.class ?? ""].join(" ").trim() || null,
        },
        cell.node ?? cell.text ?? "",
      ),
    ),
  );
}

/**
 * A button that copies a table as tab-separated values.
 * @param {() => { columns: Column[], rows: Row[] }} content
 * @param {string} [what]
 * @returns {HTMLElement}
 */
export function copyButton(content, what = "Copy table") {
  const element = button(
    what,
    async () => {
      const { columns, rows } = content();
      const copied = await copyText(tsv(columns, rows));
      element.textContent = copied ? "Copied" : "The browser did not allow it";
      setTimeout(() => {
        element.textContent = what;
      }, 1500);
    },
    { class: "quiet", title: "Copy as tab-separated values, for a spreadsheet" },
  );
  return element;
}

/**
 * @param {Column[]} columns
 * @param {Row[]} rows
 * @returns {string}
 */
export function tsv(columns, rows) {
  const kept = columns.map((_, index) => index).filter((index) => !columns[index].bare);
  const lines = [kept.map((index) => columns[index].title)];
  for (const row of rows) {
    lines.push(
      kept.map((index) => {
        const cell = row.cells[index];
        return cell === undefined
          ? ""
          : String(cell.raw === undefined ? (cell.text ?? "") : (cell.raw ?? ""));
      }),
    );
  }
  // A tab or a line break inside a name must not become a new cell.
  return lines.map((line) => line.map((text) => text.replace(/[\t\r\n]+/g, " ")).join("\t")).join("\n");
}

/**
 * @param {string} text
 * @returns {Promise<boolean>}
 */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/**
 * The old way, for frames that may not use the clipboard directly.
 * @param {string} text
 * @returns {boolean}
 */
function copyBySelection(text) {
  const area = /** @type {HTMLTextAreaElement} */ (h("textarea", { class: "unseen" }));
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  return copied;
}
