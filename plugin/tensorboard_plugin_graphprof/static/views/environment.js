// What was run, where, and how it was measured.

import { h } from "../dom.js";
import * as format from "../format.js";
import { plain } from "./parts.js";
import { tableSection } from "./table-section.js";

/** @typedef {import("../table.js").Column} Column */
/** @typedef {import("../table.js").Row} Row */

/** @type {import("./view.js").View} */
export const environment = {
  id: "environment",
  title: "Environment & data",
  async open(context) {
    const report = await context.report();
    const names = [...new Set(report.modes.flatMap((mode) => Object.keys(mode.resolved)))];
    const resolved = {
      columns: [{ title: "Mode" }, { title: "Status" }, ...names.map((title) => ({ title }))],
      rows: report.modes.map((mode) => ({
        cells: [
          { text: mode.mode },
          { text: mode.error?.kind ?? mode.status },
          ...names.map((name) => ({ text: name in mode.resolved ? plain(mode.resolved[name]) : "" })),
        ],
      })),
    };
    const trace = {
      columns: [
        { title: "Mode" },
        { title: "Steps asked", number: true },
        { title: "Steps shown", number: true },
        { title: "Events", number: true },
        { title: "Parallelism", number: true, hint: "Kernel time over the wall time it covers" },
        {
          title: "Unknown per step",
          number: true,
          hint: "Time in events that no rule knows, counted by their parents' kind",
        },
        { title: "Run in PROFILE" },
      ],
      rows: report.modes
        .filter((mode) => mode.trace)
        .map((mode) => ({
          cells: [
            { text: mode.mode },
            { text: format.count(mode.steps.asked), raw: mode.steps.asked },
            { text: format.count(mode.steps.shown), raw: mode.steps.shown },
            { text: format.count(mode.trace?.events), raw: mode.trace?.events },
            {
              text:
                typeof mode.trace?.parallelism === "number"
                  ? format.significant(mode.trace.parallelism)
                  : format.NOT_MEASURED,
            },
            { text: format.seconds(mode.trace?.unknown_s), raw: mode.trace?.unknown_s },
            { text: mode.trace?.profile_run ?? "" },
          ],
        })),
    };
    return {
      element: h(
        "div",
        { class: "environment" },
        h(
          "div",
          { class: "columns" },
          facts("Workload", report.workload),
          facts("Environment", report.environment),
          report.machine ? facts("Machine while measuring", report.machine) : null,
          facts("Session", {
            ...report.session,
            phase: report.phase,
            baseline: report.baseline,
            schema: report.schema,
          }),
        ),
        tableSection("How each mode resolved", "", resolved, { class: "facts-table" }),
        trace.rows.length ? tableSection("Traces", "", trace, { class: "facts-table" }) : null,
      ),
      update: () => {},
      close: () => {},
    };
  },
};

/**
 * @param {string} title
 * @param {Record<string, unknown>} values
 * @returns {HTMLElement}
 */
function facts(title, values) {
  const content = {
    columns: [{ title: "Name" }, { title: "Value" }],
    rows: Object.entries(values).map(([name, value]) => ({
      // Long names may break after an underscore.
      cells: [
        { text: name.replaceAll("_", "_\u200b"), raw: name },
        { text: plain(value, name), raw: typeof value === "number" ? value : undefined },
      ],
    })),
  };
  return tableSection(title, "", content, { class: "facts-table" });
}
