// Causes with their evidence, and the change to make.

import { h } from "../dom.js";
import * as format from "../format.js";
import { range } from "./parts.js";

/** @typedef {import("../types.js").Finding} Finding */
/** @typedef {import("../types.js").Report} Report */

/**
 * @param {Report} report
 * @returns {HTMLElement}
 */
export function findings(report) {
  return h(
    "section",
    { "aria-label": "Findings", "data-testid": "findings" },
    h("h2", {}, "Findings"),
    report.findings.length
      ? h("ol", { class: "findings" }, ...report.findings.map(findingItem))
      : h("p", { class: "hint" }, "Nothing found, or not analysed for this session."),
  );
}

/**
 * @param {Finding} finding
 * @returns {HTMLElement}
 */
function findingItem(finding) {
  const { severity, sentence, location, evidence, expected_gain: gain, change, details } = finding;
  const line = location ? `${location.file}:${location.line}` : "";
  return h(
    "li",
    {},
    severity ? h("span", { class: `badge ${severity === "major" ? "warn" : "plain"}` }, severity) : null,
    " ",
    h("b", {}, sentence ?? finding.title ?? finding.cause ?? ""),
    gain
      ? h(
          "span",
          { class: "faint" },
          ` about ${format.ratio(gain.value)} faster (${range(gain.low, gain.high, format.ratio)})`,
        )
      : null,
    line
      ? h(
          "div",
          {},
          h("code", {}, line),
          location?.code ? h("code", { class: "faint" }, `  ${location.code}`) : null,
        )
      : null,
    change ? h("div", {}, h("span", { class: "faint" }, "Change: "), change) : null,
    evidence?.length
      ? h(
          "div",
          { class: "faint" },
          evidence.map(({ what, value, unit }) => `${what} ${amount(value, unit)}`).join(" · "),
        )
      : null,
    details?.length ? h("ul", { class: "faint" }, ...details.map((text) => h("li", {}, text))) : null,
  );
}

/**
 * @param {number} value
 * @param {string} unit
 * @returns {string}
 */
function amount(value, unit) {
  const by = {
    s: format.seconds,
    share: format.share,
    bytes: format.size,
    ratio: format.ratio,
    count: format.count,
  }[unit];
  return by ? by(value) : `${format.significant(value)} ${unit}`;
}
