// Small pieces that several views share.

import { h, on } from "../dom.js";
import * as format from "../format.js";

/** @typedef {import("../dom.js").Child} Child */
/** @typedef {import("./view.js").Link} Link */

/**
 * A link to another view of the session: opens in place, or in a new tab as the reader wishes.
 * @param {Link} link
 * @param {Child} content
 * @param {import("../dom.js").Attributes} [attributes]
 * @returns {HTMLElement}
 */
export function viewLink(link, content, attributes = {}) {
  return on(h("a", { href: link.href, target: "_blank", ...attributes }, content), {
    click: (/** @type {MouseEvent} */ event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
      event.preventDefault();
      link.go();
    },
  });
}

/**
 * A link into TensorBoard's PROFILE tab, shown once it is known to lead there.
 * @param {Promise<string | null>} address
 * @param {string} text
 * @returns {HTMLElement}
 */
export function profileAnchor(address, text) {
  const anchor = h("a", { target: "_blank", rel: "noopener", hidden: true }, text);
  address.then((href) => {
    if (!href) return;
    anchor.setAttribute("href", href);
    anchor.hidden = false;
  });
  return anchor;
}

/**
 * @param {string} kind
 * @returns {HTMLElement}
 */
export function swatch(kind) {
  return h("span", { class: `swatch kind-${kind}` });
}

/**
 * A recorded value of any kind as text; the end of its name says its unit.
 * @param {unknown} value
 * @param {string} [name]
 * @returns {string}
 */
export function plain(value, name = "") {
  if (value === null || value === undefined) return format.NOT_MEASURED;
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") return number(value, name);
  if (Array.isArray(value)) return value.map((each) => plain(each)).join(", ") || "none";
  if (typeof value === "object") return JSON.stringify(value);
  return String(value);
}

/**
 * @param {number} value
 * @param {string} name
 * @returns {string}
 */
function number(value, name) {
  if (name.endsWith("_bytes")) return format.size(value);
  if (name.endsWith("_s")) return format.seconds(value);
  if (name.endsWith("_share") || name.endsWith("_spread")) return format.share(value);
  if (name.endsWith("_hz")) return `${format.significant(value / 1e9)} GHz`;
  if (Number.isInteger(value)) return value < 10_000 ? String(value) : format.count(value);
  return format.significant(value, 4);
}

/**
 * @param {number | null} low
 * @param {number | null} high
 * @param {(value: number | null) => string} text
 * @returns {string}
 */
export function range(low, high, text) {
  return low === null || high === null ? format.NOT_MEASURED : `${text(low)} – ${text(high)}`;
}

/**
 * What stands beside any claim that a mode is faster, where its results are known to differ.
 * @param {import("../types.js").Report} report
 * @returns {HTMLElement | null}
 */
export function unlike(report) {
  const modes = report.modes.filter(({ parity }) => parity?.verdict === "failed").map(({ mode }) => mode);
  if (!modes.length) return null;
  const words = `≠ The results of ${modes.join(" and ")} differ from those of ${report.baseline}: its times are those of other work.`;
  return h("p", { class: "unlike", "data-testid": "unlike" }, words);
}
