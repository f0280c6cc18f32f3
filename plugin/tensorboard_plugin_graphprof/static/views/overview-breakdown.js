// The mean traced step of each mode, divided into kinds of time, all on one scale.

import { stackedBars } from "../charts/bars.js";
import { responsive } from "../charts/responsive.js";
import { tipTable } from "../charts/tip.js";
import { h, segmented } from "../dom.js";
import * as format from "../format.js";
import { copyButton, table } from "../table.js";
import { swatch } from "./parts.js";

/** @typedef {import("../types.js").Part} Part */
/** @typedef {import("../types.js").ModeReport} ModeReport */
/** @typedef {import("../types.js").Report} Report */
/** @typedef {import("../table.js").Column} Column */
/** @typedef {import("../table.js").Row} Row */
/** @typedef {import("./view.js").Context} Context */

/**
 * @param {Report} report
 * @param {Context} context
 * @param {"time" | "share"} scale
 * @returns {(HTMLElement | null)[]}
 */
export function breakdown(report, context, scale) {
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
      h(
        "div",
        { class: "scroll" },
        table({ ...content(), caption: "Breakdown of the mean traced step", testid: "breakdown-table" }),
      ),
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
    report.modes.flatMap((mode) =>
      (mode.breakdown ?? []).filter(({ seconds }) => seconds > 0).map(({ kind }) => kind),
    ),
  );
  return h(
    "ul",
    { class: "legend", "aria-label": "Kinds of time", "data-testid": "legend" },
    ...context.kinds.map((kind) =>
      h(
        "li",
        { title: kind.explanation, class: present.has(kind.id) ? null : "absent" },
        swatch(kind.id),
        kind.title,
      ),
    ),
  );
}

/**
 * @param {ModeReport[]} modes
 * @returns {HTMLElement}
 */
function overheadLine(modes) {
  const texts = modes.flatMap(({ mode, tracing_overhead: overhead }) => {
    if (typeof overhead?.value !== "number") return [];
    const percent = Math.round((overhead.value - 1) * 100);
    return [`${mode} ${percent >= 0 ? "+" : "−"}${Math.abs(percent)} %`];
  });
  const timed = modes.some(({ step_time_s: time }) => time.median !== null);
  return h(
    "p",
    { class: "hint", "data-testid": "overhead" },
    texts.length
      ? `What tracing adds to a step, measured in the same process: ${texts.join(", ")}.`
      : "Tracing makes steps longer; by how much was not measured.",
    timed ? " The step times above are untraced." : "",
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
