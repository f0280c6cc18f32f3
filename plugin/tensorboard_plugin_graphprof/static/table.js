// A table that can be read, and copied into a spreadsheet.

import { button, h } from "./dom.js";

/** @typedef {import("./dom.js").Child} Child */

/**
 * @typedef {{ title: string, number?: boolean, hint?: string, bare?: boolean }} Column
 *   `number` aligns to the right; `bare` columns hold drawings and links, and are not copied
 * @typedef {{ text?: string, raw?: string | number | null, node?: Child | Child[], class?: string,
 *             span?: number }} Cell
 *   `raw` is what is copied where that is not the text
 * @typedef {{ cells: Cell[], class?: string, attributes?: import("./dom.js").Attributes, last?: boolean }} Row
 *   a row that is `last` stays last when others are sorted
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
 * A table whose rows can be put in another order by its titles; those that are `last` stay where they are.
 * @param {{ columns: Column[], rows: Row[], caption: string, class?: string, testid?: string }} options
 * @returns {{ element: HTMLElement, content: () => { columns: Column[], rows: Row[] } }} the table, and what it
 *   holds in the order that it has now
 */
export function sortableTable(options) {
  const element = h("div", { class: "sortable" });
  /** @type {{ column: number, reverse: boolean } | null} */
  let sort = null;
  let rows = options.rows;
  const draw = () => {
    rows = sorted(options, sort);
    const drawn = table({ ...options, rows });
    drawn.querySelectorAll("thead th").forEach((title, index) => sortTitle(title, index));
    element.replaceChildren(drawn);
  };
  /** @type {(title: Element, index: number) => void} */
  const sortTitle = (title, index) => {
    const { title: text, number, bare } = options.columns[index];
    if (bare || !text) return;
    const own = sort?.column === index;
    // Numbers are of most interest where they are large.
    const up = own && (sort?.reverse ?? false) === Boolean(number);
    title.setAttribute("aria-sort", own ? (up ? "ascending" : "descending") : "none");
    const turn = () => {
      if (!own) sort = { column: index, reverse: false };
      else sort = sort?.reverse ? null : { column: index, reverse: true };
      draw();
      /** @type {HTMLElement | null} */ (element.querySelector(`[data-sort="${index}"]`))?.focus();
    };
    const mark = own ? (up ? " ▴" : " ▾") : "";
    title.replaceChildren(button(text + mark, turn, { class: "sort", "data-sort": index }));
  };
  draw();
  return { element, content: () => ({ columns: options.columns, rows }) };
}

/**
 * @param {{ columns: Column[], rows: Row[] }} content
 * @param {{ column: number, reverse: boolean } | null} sort null leaves the order as it is
 * @returns {Row[]}
 */
export function sorted({ columns, rows }, sort) {
  if (!sort) return rows;
  const last = rows.filter((row) => row.last);
  const { number } = columns[sort.column];
  const sign = Boolean(number) === sort.reverse ? 1 : -1;
  const value = (/** @type {Row} */ row) => {
    const cell = row.cells[sort.column];
    return cell?.raw ?? (number ? null : (cell?.text ?? null));
  };
  const moved = rows.filter((row) => !row.last);
  moved.sort((one, two) => {
    const [a, b] = [value(one), value(two)];
    // What is not known stands at the end, whichever way.
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    const order =
      typeof a === "number" && typeof b === "number"
        ? a - b
        : String(a).localeCompare(String(b), "en", { numeric: true });
    return sign * order;
  });
  return [...moved, ...last];
}

/**
 * A button that copies a table: as CSV where text is pasted, as a table where that is understood.
 * @param {() => { columns: Column[], rows: Row[] }} content
 * @param {string} [what]
 * @returns {HTMLElement}
 */
export function copyButton(content, what = "Copy as CSV") {
  const element = button(
    what,
    async () => {
      const lines = plainLines(content());
      const copied = await copyLines(lines);
      element.textContent = copied ? "Copied" : "The browser did not allow it";
      setTimeout(() => {
        element.textContent = what;
      }, 1500);
    },
    { class: "quiet", title: "Copy every row as CSV, numbers in SI units; a spreadsheet takes it as a table" },
  );
  return element;
}

/**
 * The copied cells of a table as plain texts, its titles first, with their unit.
 * @param {{ columns: Column[], rows: Row[] }} content
 * @returns {string[][]}
 */
export function plainLines({ columns, rows }) {
  const kept = columns.map((_, index) => index).filter((index) => !columns[index].bare);
  const lines = [kept.map((index) => columns[index].title + unitOf(rows, index))];
  for (const row of rows) {
    lines.push(
      kept.map((index) => {
        const cell = row.cells[index];
        if (cell === undefined) return "";
        return cell.raw === undefined ? guarded(cell.text ?? "") : plainCell(cell.raw);
      }),
    );
  }
  return lines;
}

/**
 * @param {string | number | null} raw
 * @returns {string}
 */
function plainCell(raw) {
  return typeof raw === "string" ? guarded(raw) : String(raw ?? "");
}

/**
 * A text that a spreadsheet would take for a formula, made none: names in traces are anybody's.
 * @param {string} text
 * @returns {string}
 */
function guarded(text) {
  return /^[=+@\t\r-]/.test(text) ? `'${text}` : text;
}

/**
 * What the plain numbers of a column are in, told by the text that is shown of them: seconds, bytes.
 * @param {Row[]} rows
 * @param {number} index
 * @returns {string}
 */
function unitOf(rows, index) {
  const shown = rows.find(({ cells }) => typeof cells[index]?.raw === "number" && cells[index].text);
  const unit = shown?.cells[index].text?.match(/\d\s?(?:(s|ms|µs|ns)|([kMGTKi]*B))$/);
  if (!unit) return "";
  return unit[1] ? " (s)" : " (bytes)";
}

/**
 * @param {string[][]} lines
 * @returns {string}
 */
export function csv(lines) {
  const cell = (/** @type {string} */ text) =>
    /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  return lines.map((line) => line.map(cell).join(",")).join("\n");
}

/**
 * @param {string[][]} lines
 * @returns {Promise<boolean>}
 */
async function copyLines(lines) {
  const text = csv(lines);
  try {
    const rows = lines.map((line) => h("tr", {}, ...line.map((cell) => h("td", {}, cell))));
    const html = new XMLSerializer().serializeToString(h("table", {}, ...rows));
    const flavours = { "text/plain": text, "text/html": html };
    const blobs = Object.entries(flavours).map(([type, content]) => [type, new Blob([content], { type })]);
    await navigator.clipboard.write([new ClipboardItem(Object.fromEntries(blobs))]);
    return true;
  } catch {
    return copyText(text); // where only text may be copied
  }
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
