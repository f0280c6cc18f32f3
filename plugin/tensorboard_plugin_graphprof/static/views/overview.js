// The first screen: the answer, what to know before believing it, and where each step goes.

import { fill, h } from "../dom.js";
import { breakdown } from "./overview-breakdown.js";
import { findings } from "./overview-findings.js";
import { modesSection } from "./overview-modes.js";
import { programSection } from "./overview-program.js";
import { replaySection } from "./overview-replay.js";
import { whatIf } from "./overview-whatif.js";
import { plain } from "./parts.js";

/** @typedef {import("../types.js").Report} Report */

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
        ...(report.program
          ? [
              findings(report, context),
              report.program.replay ? replaySection(report.program.replay, context, shown(report, context)) : null,
              programSection(report.program),
            ]
          : [modesSection(report, context), findings(report, context), bars, whatIf(report)]),
        choices(report),
      ),
      update: (state) => {
        const scale = state.scale === "share" ? "share" : "time";
        if (report.program || scale === drawn) return;
        drawn = scale;
        fill(bars, ...breakdown(report, context, scale));
      },
      close: () => {},
    };
  },
};

/**
 * The id under which the session is shown; the newest is shown unasked.
 * @param {Report} report
 * @param {import("./view.js").Context} context
 * @returns {string}
 */
function shown(report, context) {
  const asked = context.state().session;
  return typeof asked === "string" ? asked : report.session.id;
}

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
