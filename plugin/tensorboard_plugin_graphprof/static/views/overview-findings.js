// Causes, the change to make, what it would give and gave; the numbers behind each one click away.

import { h } from "../dom.js";
import * as format from "../format.js";
import { range, viewLink } from "./parts.js";

/** @typedef {import("../types.js").Evidence} Evidence */
/** @typedef {import("../types.js").Finding} Finding */
/** @typedef {import("../types.js").Gain} Gain */
/** @typedef {import("../types.js").Report} Report */
/** @typedef {import("../types.js").Tried} Tried */
/** @typedef {import("./view.js").Context} Context */

/** What a gain is a ratio of, in words. */
const OF = /** @type {Record<string, string>} */ ({
  work: "",
  steady: ", once built",
  step: " a step",
  example: " per example",
  epoch: " in a run of one epoch",
});

const MARKS = /** @type {Record<string, {sign: string, class: string}>} */ ({
  confirmed: { sign: "✓ confirmed", class: "good" },
  refuted: { sign: "✗ refuted", class: "warn" },
  inconclusive: { sign: "? not certain", class: "plain" },
});

/**
 * @param {Report} report
 * @param {Context} context
 * @returns {HTMLElement}
 */
export function findings(report, context) {
  const healthy = report.findings.every(({ severity }) => severity === "minor");
  return h(
    "section",
    { "aria-label": "Findings", "data-testid": "findings" },
    h(
      "div",
      { class: "section-head" },
      h("h2", {}, "Findings"),
      h("span", { class: "hint" }, "what makes it slow, what to change, and whether that helped"),
    ),
    healthy && judged(report) ? h("p", { class: "healthy" }, "Healthy: nothing found that is worth changing.") : null,
    report.findings.length
      ? h("ol", { class: "findings" }, ...report.findings.map((each) => findingItem(each, context)))
      : null,
    judged(report) ? null : h("p", { class: "hint" }, "Nothing was traced that findings could rest on."),
  );
}

/**
 * Whether there was anything that findings can rest on.
 * @param {Report} report
 * @returns {boolean}
 */
function judged(report) {
  return report.findings.length > 0 || !!report.program || report.modes.some((mode) => mode.breakdown);
}

/**
 * @param {Finding} finding
 * @param {Context} context
 * @returns {HTMLElement}
 */
function findingItem(finding, context) {
  const { cause, severity, sentence, location, expected_gain: gain, change, verified } = finding;
  const line = location ? `${location.file}:${location.line}` : "";
  return h(
    "li",
    { "data-cause": cause ?? "" },
    h(
      "div",
      {},
      severity ? h("span", { class: `badge ${severity === "major" ? "warn" : "plain"}` }, severity) : null,
      " ",
      h("b", {}, sentence ?? finding.title ?? cause ?? ""),
      " ",
      verified ? mark(verified) : null,
    ),
    gain && gain.high > 1 ? h("div", {}, expected(gain), verified ? shown(verified) : null) : null,
    line
      ? h(
          "div",
          {},
          h("code", {}, line),
          location?.code ? h("code", { class: "faint" }, `  ${location.code}`) : null,
        )
      : null,
    change ? h("div", {}, h("span", { class: "faint" }, "Change: "), h("code", { class: "change" }, change)) : null,
    behind(finding, context),
  );
}

/**
 * @param {Gain} gain
 * @returns {HTMLElement}
 */
function expected(gain) {
  const spread = range(gain.low, gain.high, format.ratio);
  const known = gain.measured ? "measured here" : "expected";
  return h("span", { class: "faint" }, `${known}: ${format.ratio(gain.value)} faster${OF[gain.of ?? "work"] ?? ""} (${spread})`);
}

/**
 * @param {Tried} tried
 * @returns {HTMLElement}
 */
function mark(tried) {
  const { sign, class: kind } = MARKS[tried.verdict] ?? { sign: tried.verdict, class: "plain" };
  return h("span", { class: `badge ${kind}`, "data-testid": "verified" }, sign);
}

/**
 * @param {Tried} tried
 * @returns {HTMLElement}
 */
function shown(tried) {
  const measured = tried.measured;
  const figures = measured
    ? `when tried: ${format.ratio(measured.value)} (${range(measured.low, measured.high, format.ratio)})`
    : tried.sentence;
  return h("span", { title: tried.sentence }, " · ", figures);
}

/**
 * The numbers behind a finding, where they can be looked at, and what would refute it.
 * @param {Finding} finding
 * @param {Context} context
 * @returns {HTMLElement | null}
 */
function behind(finding, context) {
  const { cause, evidence, details, confidence, refuted_by: refuted, verified } = finding;
  if (!evidence?.length && !details?.length) return null;
  return h(
    "details",
    { class: "behind" },
    h("summary", {}, "Evidence"),
    h("ul", {}, ...(evidence ?? []).map((each) => h("li", {}, ...number(each, context)))),
    details?.length ? h("ul", { class: "faint" }, ...details.map((text) => h("li", {}, text))) : null,
    verified ? h("p", {}, `${verified.verdict}: ${verified.sentence}`) : null,
    h(
      "p",
      { class: "faint" },
      [
        cause ?? "",
        confidence ? `${format.share(confidence)} sure` : "",
        refuted ? `would be refuted by: ${refuted}` : "",
      ]
        .filter(Boolean)
        .join(" · "),
    ),
  );
}

/**
 * @param {Evidence} evidence
 * @param {Context} context
 * @returns {import("../dom.js").Child[]}
 */
function number({ what, value, unit, source, link }, context) {
  const text = `${what} ${amount(value, unit)}`;
  const from = source ? h("span", { class: "faint" }, ` ${source}`) : null;
  if (!link || link.view === "overview") return [text, from];
  const target = context.link({
    view: link.view,
    mode: link.mode,
    find: link.view === "timeline" ? link.find : null,
    q: link.view === "layers" ? link.find : null,
  });
  return [viewLink(target, text), from];
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
