// How long a step takes in each mode, against the baseline, and what that rests on.

import { interval } from "../charts/interval.js";
import { h } from "../dom.js";
import * as format from "../format.js";
import { copyButton, table } from "../table.js";
import { plain, profileAnchor, range, viewLink } from "./parts.js";

/** @typedef {import("../types.js").ModeReport} ModeReport */
/** @typedef {import("../types.js").Report} Report */
/** @typedef {import("../table.js").Column} Column */
/** @typedef {import("../table.js").Row} Row */
/** @typedef {import("./view.js").Context} Context */

const PLOT = 160;

const VERDICTS = /** @type {Record<string, string>} */ ({
  baseline: "baseline",
  faster: "▲ faster",
  slower: "▼ slower",
  equivalent: "≈ equivalent",
  inconclusive: "? inconclusive",
});

/**
 * @param {Report} report
 * @param {Context} context
 * @returns {HTMLElement}
 */
export function modesSection(report, context) {
  return h(
    "section",
    { "aria-label": "Modes" },
    h(
      "div",
      { class: "section-head" },
      h("h2", {}, "Step time"),
      h("span", { class: "hint" }, "measured with no profiler attached; median, and its 95 % interval below"),
      h("span", { class: "spring" }),
      copyButton(() => modesAsData(report)),
    ),
    h("div", { class: "scroll" }, modesTable(report, context)),
    sameEverywhere(report),
    aaLine(report),
  );
}

/**
 * @param {Report} report
 * @param {Context} context
 * @returns {HTMLElement}
 */
function modesTable(report, context) {
  /** @type {Column[]} */
  const columns = [
    { title: "Mode" },
    { title: "Step time", number: true },
    { title: "" },
    {
      title: report.baseline ? `vs ${report.baseline}` : "Ratio",
      number: true,
      hint: "Step time divided by the baseline's: 1.5x takes one and a half times as long",
    },
    { title: "Verdict" },
    { title: "First step", number: true, hint: "Building, compiling and running the first step" },
    { title: "Measured", number: true, hint: "What the step time rests on" },
    { title: "Evidence" },
  ];
  const max = Math.max(...report.modes.map((mode) => mode.step_time_s.high ?? mode.step_time_s.median ?? 0));
  const base = report.modes.find(({ mode }) => mode === report.baseline);
  const reference = base?.step_time_s.median ?? null;
  const { differing } = resolvedValues(report);
  const rows = report.modes.map((mode) => {
    const name = modeName(mode, differing);
    if (mode.step_time_s.median === null && mode.traced_step_s && !mode.error) {
      return tracedRow(mode, name, columns.length, context);
    }
    if (mode.step_time_s.median === null) return failedRow(mode, name, columns.length);
    return modeRow(mode, name, { max, reference }, report, context);
  });
  return table({ columns, rows, caption: "Modes", class: "modes", testid: "modes" });
}

/**
 * Which resolved values differ between the modes, and which are the same wherever they are known.
 * @param {Report} report
 * @returns {{ differing: Set<string>, same: [string, unknown][] }}
 */
function resolvedValues(report) {
  /** @type {Map<string, Set<string>>} */
  const values = new Map();
  for (const { resolved } of report.modes) {
    for (const [name, value] of Object.entries(resolved)) {
      values.set(name, (values.get(name) ?? new Set()).add(plain(value)));
    }
  }
  const names = [...values.keys()];
  const alone = report.modes.length < 2;
  const differing = new Set(names.filter((name) => alone || (values.get(name)?.size ?? 0) > 1));
  /** @type {[string, unknown][]} */
  const same = names
    .filter((name) => !differing.has(name))
    .map((name) => [name, [...(values.get(name) ?? [])][0]]);
  return { differing, same };
}

/**
 * @param {Report} report
 * @returns {HTMLElement | null}
 */
function sameEverywhere(report) {
  const { same } = resolvedValues(report);
  if (!same.length) return null;
  return h(
    "div",
    { class: "chips same", "data-testid": "same" },
    "In all modes:",
    ...same.map(([name, value]) => chip(name, value)),
  );
}

/**
 * @param {string} name
 * @param {unknown} value
 * @returns {HTMLElement}
 */
function chip(name, value) {
  return h("span", { class: "chip" }, `${name} `, h("b", {}, plain(value)));
}

/**
 * A mode of which there is a trace alone, as of one that others took.
 * @param {ModeReport} mode
 * @param {HTMLElement} name
 * @param {number} width in columns
 * @param {Context} context
 * @returns {Row}
 */
function tracedRow(mode, name, width, context) {
  return {
    attributes: { "data-mode": mode.mode },
    cells: [
      { node: name },
      {
        span: width - 2,
        node: [
          h("span", { class: "faint" }, "not measured without the profiler; its traced step takes "),
          h("b", {}, format.seconds(mode.traced_step_s)),
        ],
      },
      { node: evidenceLinks(mode, context) },
    ],
  };
}

/**
 * @param {ModeReport} mode
 * @param {HTMLElement} name
 * @param {number} width in columns
 * @returns {Row}
 */
function failedRow(mode, name, width) {
  const text = mode.error
    ? `${mode.error.message}. ${mode.error.cure}.`
    : "Nothing was measured of this mode.";
  return {
    attributes: { "data-mode": mode.mode },
    class: "failed",
    cells: [
      { node: name },
      { span: width - 1, class: "why", node: [h("b", {}, mode.error?.kind ?? "missing"), " ", text] },
    ],
  };
}

/**
 * @param {ModeReport} mode
 * @param {HTMLElement} name
 * @param {{ max: number, reference: number | null }} scale
 * @param {Report} report
 * @param {Context} context
 * @returns {Row}
 */
function modeRow(mode, name, { max, reference }, report, context) {
  const { ratio, measured } = mode;
  const { low, high, figures } = mode.step_time_s;
  const median = /** @type {number} */ (mode.step_time_s.median);
  const baseline = !ratio || ratio.verdict === "baseline";
  const evidence = context.link({ view: "steps", mode: mode.mode });
  return {
    attributes: { "data-mode": mode.mode },
    cells: [
      { node: name },
      {
        node: twoLines(
          viewLink(evidence, format.seconds(median, figures ?? 2), { class: "evidence" }),
          range(low, high, (value) => format.seconds(value, figures ?? 2)),
        ),
      },
      {
        node: interval({
          value: median,
          low,
          high,
          max,
          reference,
          width: PLOT,
          strong: baseline,
          label: `${mode.mode}: ${format.seconds(median)}`,
        }),
      },
      {
        node: baseline
          ? twoLines("1", "")
          : ratioLines(ratio),
      },
      { node: verdict(mode) },
      { node: firstStep(mode, report, context), text: format.seconds(mode.first_step_s) },
      {
        node: measured
          ? h(
              "span",
              { class: "faint" },
              many(measured.steps, "step"),
              h("br"),
              `${many(measured.blocks, "block")}, ${many(measured.processes, "process", "processes")}`,
            )
          : format.NOT_MEASURED,
      },
      { node: evidenceLinks(mode, context) },
    ],
  };
}

/**
 * What the first step took, and from when on that has paid.
 * @param {ModeReport} mode
 * @param {Report} report
 * @param {Context} context
 * @returns {HTMLElement}
 */
function firstStep(mode, report, context) {
  const even = mode.compile?.break_even.find(({ against }) => against === report.baseline);
  const text = format.seconds(mode.first_step_s);
  if (!even) return twoLines(text, "");
  return twoLines(viewLink(context.link({ view: "compile" }), text, { class: "evidence" }), pays(even));
}

/**
 * @param {import("../types.js").BreakEven} even
 * @returns {string}
 */
function pays({ status, step }) {
  if (status === "step") return `pays from step ${format.count(step)}`;
  if (status === "ahead until") return `ahead until step ${format.count(step)}`;
  return { "at once": "pays at once", never: "never pays", unclear: "unclear when it pays" }[status] ?? "";
}

/**
 * @param {import("../types.js").Ratio} ratio
 * @returns {HTMLElement}
 */
function ratioLines({ value, low, high, figures }) {
  const said = (/** @type {number | null} */ number) => format.ratio(number, figures ?? 2);
  return twoLines(said(value), range(low, high, said));
}

/**
 * @param {import("../dom.js").Child} value
 * @param {string} below
 * @returns {HTMLElement}
 */
function twoLines(value, below) {
  return h("div", {}, h("div", { class: "strong" }, value), h("div", { class: "below" }, below));
}

/**
 * The table as plain numbers, for a spreadsheet.
 * @param {Report} report
 * @returns {{ columns: Column[], rows: Row[] }}
 */
function modesAsData(report) {
  const names = [
    "mode",
    "step_time_s",
    "low_s",
    "high_s",
    "ratio",
    "ratio_low",
    "ratio_high",
    "verdict",
    "parity",
    "first_step_s",
    "traced_step_s",
    "steps",
    "blocks",
    "processes",
    "error",
  ];
  return {
    columns: names.map((title) => ({ title })),
    rows: report.modes.map(
      ({ mode, step_time_s: time, ratio, parity, measured, error, first_step_s, traced_step_s }) => ({
        cells: [
          mode,
          time.median,
          time.low,
          time.high,
          ratio?.value,
          ratio?.low,
          ratio?.high,
          ratio?.verdict,
          parity?.verdict,
          first_step_s,
          traced_step_s,
          measured?.steps,
          measured?.blocks,
          measured?.processes,
          error?.message,
        ].map((raw) => ({ raw: raw ?? null })),
      }),
    ),
  };
}

/**
 * @param {ModeReport} mode
 * @param {Set<string>} differing names of the resolved values that set the modes apart
 * @returns {HTMLElement}
 */
function modeName(mode, differing) {
  const chips = Object.entries(mode.resolved)
    .filter(([name]) => differing.has(name))
    .map(([name, value]) => chip(name, value));
  return h(
    "div",
    { class: "mode-name" },
    h("span", { class: "mode" }, mode.mode),
    mode.title === mode.mode ? null : h("span", { class: "faint" }, mode.title),
    chips.length ? h("div", { class: "chips" }, ...chips) : null,
    mode.error && mode.step_time_s.median !== null
      ? h("div", { class: "why" }, `${mode.error.message}. ${mode.error.cure}.`)
      : null,
  );
}

/**
 * @param {ModeReport} mode
 * @returns {HTMLElement}
 */
function verdict(mode) {
  const { ratio } = mode;
  if (!ratio) return h("span", { class: "faint" }, format.NOT_MEASURED);
  const more =
    ratio.verdict === "inconclusive" && ratio.blocks_needed
      ? h("div", { class: "below" }, `~${format.count(ratio.blocks_needed)} more blocks`)
      : null;
  return h(
    "div",
    {},
    h("span", { class: `verdict-word ${ratio.verdict}` }, VERDICTS[ratio.verdict] ?? ratio.verdict),
    more,
    mode.parity?.verdict === "failed"
      ? h("div", { class: "badge warn", title: mode.parity.reason }, "≠ results differ")
      : null,
  );
}

/**
 * @param {ModeReport} mode
 * @param {Context} context
 * @returns {HTMLElement}
 */
function evidenceLinks(mode, context) {
  const profile = mode.trace
    ? profileAnchor(context.profileLink(mode.trace.profile_run, "trace_viewer@"), "PROFILE")
    : null;
  return h(
    "span",
    { class: "links" },
    mode.measured ? viewLink(context.link({ view: "steps", mode: mode.mode }), "Steps") : null,
    mode.trace ? viewLink(context.link({ view: "timeline", mode: mode.mode }), "Timeline") : null,
    mode.parity ? viewLink(context.link({ view: "parity", sort: mode.mode }), "Parity") : null,
    profile,
  );
}

/**
 * @param {Report} report
 * @returns {HTMLElement | null}
 */
function aaLine(report) {
  if (!report.aa || report.aa.value === null) return null;
  const { value, low, high } = report.aa;
  return h(
    "p",
    { class: "hint", "data-testid": "aa" },
    `Check: ${report.baseline} against itself in other processes reads ${format.ratio(value)}`,
    low !== null && high !== null ? ` (${range(low, high, format.ratio)})` : "",
    "; it should read 1.",
  );
}

/**
 * @param {number} count
 * @param {string} one
 * @param {string} [several]
 * @returns {string}
 */
function many(count, one, several = `${one}s`) {
  return `${format.count(count)} ${count === 1 ? one : several}`;
}
