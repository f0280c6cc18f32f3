// The first screen: the answer, what to know before believing it, and where each step goes.

import { interval } from "../charts/interval.js";
import { stackedBars } from "../charts/bars.js";
import { responsive } from "../charts/responsive.js";
import { tipTable } from "../charts/tip.js";
import { fill, h, segmented } from "../dom.js";
import * as format from "../format.js";
import { copyButton, table } from "../table.js";
import { plain, profileAnchor, swatch, viewLink } from "./parts.js";

/** @typedef {import("../types.js").ModeReport} ModeReport */
/** @typedef {import("../types.js").Report} Report */
/** @typedef {import("../types.js").Part} Part */
/** @typedef {import("../types.js").Estimate} Estimate */
/** @typedef {import("../table.js").Cell} Cell */
/** @typedef {import("../table.js").Column} Column */
/** @typedef {import("../table.js").Row} Row */
/** @typedef {import("./view.js").Context} Context */

const PLOT = 200;

const VERDICTS = /** @type {Record<string, string>} */ ({
  baseline: "baseline",
  faster: "▲ faster",
  slower: "▼ slower",
  equivalent: "≈ equivalent",
  inconclusive: "? inconclusive",
});

/** @type {import("./view.js").View} */
export const overview = {
  id: "overview",
  title: "Overview",
  async open(context) {
    const report = await context.report();
    const bars = h("section", { "aria-label": "Breakdown", "data-testid": "breakdown" });
    let drawn = "";
    return {
      element: h(
        "div",
        { class: "overview" },
        ...head(report),
        modesSection(report, context),
        bars,
        findings(report),
        choices(report),
      ),
      update: (state) => {
        const scale = state.scale === "share" ? "share" : "time";
        if (scale === drawn) return;
        drawn = scale;
        fill(bars, ...breakdown(report, context, scale));
      },
      close: () => {},
    };
  },
};

/**
 * @param {Report} report
 * @returns {(HTMLElement | null)[]}
 */
function head(report) {
  const { session } = report;
  const facts = [
    session.target,
    report.phase,
    report.workload.batch_size ? `batch ${plain(report.workload.batch_size)}` : "",
    session.created.slice(0, 16).replace("T", " "),
  ];
  const state = {
    running: "still running, or cut off",
    interrupted: "interrupted",
    failed: "failed",
  }[session.status];
  return [
    h(
      "p",
      { class: "facts" },
      facts.filter(Boolean).join(" · "),
      state ? h("span", { class: "badge warn" }, state) : null,
    ),
    h("h1", { class: "verdict", "data-testid": "verdict" }, report.verdict),
    report.warnings.length
      ? h(
          "ul",
          { class: "warnings", "aria-label": "Know before you believe a number", "data-testid": "warnings" },
          ...report.warnings.map((sentence) => h("li", {}, sentence)),
        )
      : null,
  ];
}

/**
 * @param {Report} report
 * @param {Context} context
 * @returns {HTMLElement}
 */
function modesSection(report, context) {
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
    { title: report.baseline ? `vs ${report.baseline}` : "Ratio", number: true, hint: "Step time divided by the baseline's: 1.5x takes one and a half times as long" },
    { title: "Verdict" },
    { title: "First step", number: true, hint: "Building, compiling and running the first step" },
    { title: "Measured", number: true, hint: "What the step time rests on" },
    { title: "Evidence" },
  ];
  const max = Math.max(...report.modes.map((mode) => mode.step_time_s.high ?? mode.step_time_s.median ?? 0));
  const base = report.modes.find(({ mode }) => mode === report.baseline);
  const reference = base?.step_time_s.median ?? null;
  const rows = report.modes.map((mode) =>
    mode.step_time_s.median === null ? failedRow(mode, columns.length) : modeRow(mode, max, reference, context),
  );
  return table({ columns, rows, caption: "Modes", class: "modes", testid: "modes" });
}

/**
 * @param {ModeReport} mode
 * @param {number} width in columns
 * @returns {Row}
 */
function failedRow(mode, width) {
  const text = mode.error ? `${mode.error.message}. ${mode.error.cure}.` : "Nothing was measured of this mode.";
  return {
    attributes: { "data-mode": mode.mode },
    class: "failed",
    cells: [
      { node: modeName(mode) },
      { span: width - 1, class: "why", node: [h("b", {}, mode.error?.kind ?? "missing"), " ", text] },
    ],
  };
}

/**
 * @param {ModeReport} mode
 * @param {number} max
 * @param {number | null} reference
 * @param {Context} context
 * @returns {Row}
 */
function modeRow(mode, max, reference, context) {
  const { ratio, measured } = mode;
  const { low, high } = mode.step_time_s;
  const median = /** @type {number} */ (mode.step_time_s.median);
  const baseline = !ratio || ratio.verdict === "baseline";
  const evidence = context.link({ view: "steps", mode: mode.mode });
  return {
    attributes: { "data-mode": mode.mode },
    cells: [
      { node: modeName(mode) },
      { node: twoLines(viewLink(evidence, format.seconds(median), { class: "evidence" }), range(low, high, format.seconds)) },
      { node: interval({ value: median, low, high, max, reference, width: PLOT, strong: baseline, label: `${mode.mode}: ${format.seconds(median)}` }) },
      { node: baseline ? twoLines("1", "") : twoLines(format.ratio(ratio.value), range(ratio.low, ratio.high, format.ratio)) },
      { node: verdict(mode) },
      { text: format.seconds(mode.first_step_s) },
      {
        node: measured
          ? h("span", { class: "faint" }, `${format.count(measured.steps)} steps`, h("br"), `${measured.blocks} blocks, ${measured.processes} processes`)
          : format.NOT_MEASURED,
      },
      { node: evidenceLinks(mode, context) },
    ],
  };
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
    "mode", "step_time_s", "low_s", "high_s", "ratio", "ratio_low", "ratio_high", "verdict",
    "first_step_s", "traced_step_s", "steps", "blocks", "processes", "error",
  ];
  return {
    columns: names.map((title) => ({ title })),
    rows: report.modes.map(({ mode, step_time_s: time, ratio, measured, error, first_step_s, traced_step_s }) => ({
      cells: [
        mode, time.median, time.low, time.high, ratio?.value, ratio?.low, ratio?.high, ratio?.verdict,
        first_step_s, traced_step_s, measured?.steps, measured?.blocks, measured?.processes, error?.message,
      ].map((raw) => ({ raw: raw ?? null })),
    })),
  };
}

/**
 * @param {ModeReport} mode
 * @returns {HTMLElement}
 */
function modeName(mode) {
  const chips = Object.entries(mode.resolved).map(([name, value]) =>
    h("span", { class: "chip" }, `${name} `, h("b", {}, plain(value))),
  );
  return h(
    "div",
    { class: "mode-name" },
    h("span", { class: "mode" }, mode.mode),
    mode.title === mode.mode ? null : h("span", { class: "faint" }, mode.title),
    chips.length ? h("div", { class: "chips" }, ...chips) : null,
    mode.error && mode.step_time_s.median !== null ? h("div", { class: "why" }, `${mode.error.message}. ${mode.error.cure}.`) : null,
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
  return h("div", {}, h("span", { class: `verdict-word ${ratio.verdict}` }, VERDICTS[ratio.verdict] ?? ratio.verdict), more);
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
    viewLink(context.link({ view: "steps", mode: mode.mode }), "Steps"),
    mode.trace ? viewLink(context.link({ view: "timeline", mode: mode.mode }), "Timeline") : null,
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
 * @param {Report} report
 * @param {Context} context
 * @param {"time" | "share"} scale
 * @returns {(HTMLElement | null)[]}
 */
function breakdown(report, context, scale) {
  const traced = report.modes.filter((mode) => mode.breakdown);
  const title = h("h2", {}, "Where a step goes");
  if (!traced.length) {
    return [
      title,
      h("p", { class: "hint" }, "No mode was traced. Profile again with traces to see the step divided."),
    ];
  }
  const content = () => breakdownTable(report, context);
  return [
    h(
      "div",
      { class: "section-head" },
      title,
      h("span", { class: "hint" }, "the mean traced step, divided; all modes on one scale"),
      h("span", { class: "spring" }),
      segmented(
        "Scale",
        [
          { id: "time", title: "Time" },
          { id: "share", title: "Share" },
        ],
        scale,
        (id) => context.set({ scale: id === "share" ? "share" : null }),
      ),
      copyButton(content),
    ),
    legend(report, context),
    responsive((width) => bars(report, context, scale, width), { "data-testid": "bars" }),
    overheadLine(traced),
    h(
      "details",
      {},
      h("summary", {}, "As a table"),
      h("div", { class: "scroll" }, table({ ...content(), caption: "Breakdown of the mean traced step", testid: "breakdown-table" })),
    ),
  ];
}

/**
 * @param {Report} report
 * @param {Context} context
 * @param {"time" | "share"} scale
 * @param {number} width
 * @returns {SVGElement}
 */
function bars(report, context, scale, width) {
  const share = scale === "share";
  const text = share ? format.share : format.seconds;
  const longest = Math.max(...report.modes.map((mode) => mode.traced_step_s ?? 0));
  return stackedBars({
    width,
    labelWidth: Math.min(170, Math.max(...report.modes.map(({ mode }) => mode.length * 7)) + 24),
    max: share ? 1 : longest,
    format: text,
    label: "Breakdown of the mean traced step by mode",
    rows: report.modes.map((mode) => ({
      label: mode.mode,
      total: format.seconds(mode.traced_step_s),
      note: mode.error ? mode.error.kind : "not traced",
      link: mode.trace ? context.link({ view: "timeline", mode: mode.mode }) : null,
      parts: (mode.breakdown ?? [])
        .filter(({ seconds }) => seconds > 0)
        .map((part) => ({
          key: part.kind,
          value: share ? part.share : part.seconds,
          label: text(share ? part.share : part.seconds),
          tip: () => partTip(part, mode, context),
        })),
    })),
  });
}

/**
 * @param {Part} part
 * @param {ModeReport} mode
 * @param {Context} context
 */
function partTip(part, mode, context) {
  const kind = context.kinds.find(({ id }) => id === part.kind);
  return [
    ...tipTable(
      `${mode.mode}: ${kind?.title ?? part.kind}`,
      [
        ["per step", format.seconds(part.seconds)],
        ["of the step", format.share(part.share)],
      ],
      `var(--kind-${part.kind})`,
    ),
    h("p", {}, kind?.explanation),
  ];
}

/**
 * @param {Report} report
 * @param {Context} context
 * @returns {HTMLElement}
 */
function legend(report, context) {
  const present = new Set(
    report.modes.flatMap((mode) => (mode.breakdown ?? []).filter(({ seconds }) => seconds > 0).map(({ kind }) => kind)),
  );
  return h(
    "ul",
    { class: "legend", "aria-label": "Kinds of time", "data-testid": "legend" },
    ...context.kinds.map((kind) =>
      h("li", { title: kind.explanation, class: present.has(kind.id) ? null : "absent" }, swatch(kind.id), kind.title),
    ),
  );
}

/**
 * @param {ModeReport[]} modes
 * @returns {HTMLElement}
 */
function overheadLine(modes) {
  const texts = modes
    .filter((mode) => typeof mode.tracing_overhead?.value === "number")
    .map((mode) => {
      const { value } = /** @type {Estimate} */ (mode.tracing_overhead);
      const percent = Math.round((/** @type {number} */ (value) - 1) * 100);
      return `${mode.mode} ${percent >= 0 ? "+" : "−"}${Math.abs(percent)} %`;
    });
  return h(
    "p",
    { class: "hint", "data-testid": "overhead" },
    texts.length
      ? `Traced steps are longer than the step times above, because tracing costs time: ${texts.join(", ")}.`
      : "Traced steps may be longer than the step times above: what tracing costs was not measured.",
  );
}

/**
 * @param {Report} report
 * @param {Context} context
 * @returns {{ columns: Column[], rows: Row[] }}
 */
function breakdownTable(report, context) {
  const modes = report.modes.filter((mode) => mode.breakdown);
  /** @type {Column[]} */
  const columns = [
    { title: "Kind" },
    ...modes.flatMap((mode) => [
      { title: mode.mode, number: true },
      { title: "share", number: true },
    ]),
  ];
  const rows = context.kinds.map((kind) => ({
    cells: [
      { node: [swatch(kind.id), kind.title], text: kind.title },
      ...modes.flatMap((mode) => {
        const part = mode.breakdown?.find((each) => each.kind === kind.id);
        return [
          { text: format.seconds(part?.seconds), raw: part?.seconds ?? null },
          { text: format.share(part?.share), raw: part?.share ?? null, class: "faint" },
        ];
      }),
    ],
  }));
  rows.push({
    cells: [
      { node: [h("b", {}, "Traced step")], text: "Traced step" },
      ...modes.flatMap((mode) => [
        { text: format.seconds(mode.traced_step_s), raw: mode.traced_step_s, class: "strong" },
        { text: "", raw: null, class: "" },
      ]),
    ],
  });
  return { columns, rows };
}

/**
 * @param {Report} report
 * @returns {HTMLElement}
 */
function findings(report) {
  const items = report.findings.map((finding) =>
    h("li", {}, h("b", {}, String(finding.title ?? "")), " ", String(finding.sentence ?? "")),
  );
  return h(
    "section",
    { "aria-label": "Findings", "data-testid": "findings" },
    h("h2", {}, "Findings"),
    items.length
      ? h("ol", { class: "findings" }, ...items)
      : h("p", { class: "hint" }, "Nothing found, or not analysed for this session."),
  );
}

/**
 * @param {Report} report
 * @returns {HTMLElement | null}
 */
function choices(report) {
  const notes = [
    ...report.notes,
    ...report.modes.flatMap((mode) => mode.notes.map((note) => `${mode.mode}: ${note}`)),
    ...report.modes.flatMap((mode) => (mode.trace?.problems ?? []).map((text) => `${mode.mode}: ${text}`)),
  ];
  if (!notes.length) return null;
  return h(
    "section",
    { "aria-label": "Notes", "data-testid": "notes" },
    h("h2", {}, "Chosen for you"),
    h("ul", { class: "notes" }, ...notes.map((note) => h("li", {}, note))),
  );
}

/**
 * @param {number | null} low
 * @param {number | null} high
 * @param {(value: number | null) => string} text
 * @returns {string}
 */
function range(low, high, text) {
  return low === null || high === null ? format.NOT_MEASURED : `${text(low)} – ${text(high)}`;
}
