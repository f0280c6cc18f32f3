// A table under a heading, to be copied as CSV.

import { h } from "../dom.js";
import { copyButton, table } from "../table.js";

/**
 * @param {string} title
 * @param {string} hint after the title; may be empty
 * @param {{ columns: import("../table.js").Column[], rows: import("../table.js").Row[] }} content
 * @param {{ testid?: string, none?: string, class?: string }} [options] `none` is said where there are no
 *   rows
 * @returns {HTMLElement}
 */
export function tableSection(title, hint, content, { testid, none = "Nothing was recorded.", class: name } = {}) {
  const rows = content.rows.length;
  return h(
    "section",
    { "aria-label": title },
    h(
      "div",
      { class: "section-head" },
      h("h2", {}, title),
      hint ? h("span", { class: "hint" }, hint) : null,
      h("span", { class: "spring" }),
      rows ? copyButton(() => content) : null,
    ),
    rows
      ? h("div", { class: "scroll" }, table({ ...content, caption: title, class: name, testid }))
      : h("p", { class: "hint", "data-testid": testid ? `no-${testid}` : null }, none),
  );
}
