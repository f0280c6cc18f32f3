// Compile: what the first call of each mode costs, what is built again, and from when on it pays.

import { responsive } from "../charts/responsive.js";
import { totals } from "../charts/totals.js";
import { hideTip } from "../charts/tip.js";
import { fill, h, segmented } from "../dom.js";
import * as format from "../format.js";
import { copyButton, table } from "../table.js";
import { firstCalls } from "./compile-parts.js";
import { crossings, lines, paysTable, reach, totalTip } from "./compile-pays.js";
import { unlike } from "./parts.js";
import { againSection, buildingsSection, graphsSection, programFunctions } from "./compile-tables.js";

/** @typedef {import("../types.js").Report} Report */
/** @typedef {import("../store.js").State} State */
/** @typedef {import("./view.js").Context} Context */

const HEIGHT = 330;

/** @type {import("./view.js").View} */
export const compile = {
  id: "compile",
  title: "Compile",
  async open(context) {
    const report = await context.report();
    const page = report.program ? programPage(report) : new Page(context, report);
    return { element: page.element, update: (state) => page.update(state), close: hideTip };
  },
};

/**
 * @param {Report} report
 * @returns {{ element: HTMLElement, update: (state: State) => void }}
 */
function programPage(report) {
  const found = report.program?.compile;
  const element = h(
    "div",
    { class: "compile", "data-testid": "compile" },
    ...(found
      ? [
          h(
            "p",
            { class: "facts" },
            `Building graphs took ${format.seconds(found.building_s)} in all, first executions ` +
              `${format.seconds(found.first_runs_s)} beyond usual ones (optimising, compiling with XLA, first run).`,
          ),
          againSection(found.again.map((one) => ({ ...one, mode: null })), true),
          programFunctions(found.functions),
        ]
      : [h("p", { class: "hint" }, "Nothing is known of what this program built.")]),
  );
  return { element, update: () => {} };
}

class Page {
  /**
   * @param {Context} context
   * @param {Report} report
   */
  constructor(context, report) {
    this.context = context;
    this.report = report;
    this.lines = lines(report);
    this.drawn = "";
    this.toolbar = h("div", { class: "toolbar", role: "toolbar", "aria-label": "Scale" });
    this.plot = h("div", { "data-testid": "totals" });
    this.said = h("p", { class: "unseen", role: "status" });
    this.element = h("div", { class: "compile", "data-testid": "compile" }, ...this.parts());
  }

  /** @returns {(HTMLElement | null)[]} */
  parts() {
    const known = this.report.modes.filter((mode) => mode.compile);
    if (!known.length) {
      return [h("p", { class: "hint" }, "No first call was measured in this session.")];
    }
    const again = known.flatMap((mode) =>
      (mode.compile?.again ?? []).map((one) => ({ ...one, mode: mode.mode })),
    );
    return [
      this.lines.length ? this.paysSection() : null,
      firstCalls(this.report),
      againSection(again, known.some((mode) => mode.compile?.buildings !== null)),
      buildingsSection(known),
      graphsSection(known),
      problems(known),
    ];
  }

  /** @returns {HTMLElement} */
  paysSection() {
    const content = () => paysTable(this.report);
    return h(
      "section",
      { "aria-label": "When it pays" },
      h(
        "div",
        { class: "section-head" },
        h("h2", {}, "When it pays"),
        h("span", { class: "hint" }, "what so many steps take in all, the first call included"),
        h("span", { class: "spring" }),
        this.toolbar,
      ),
      unlike(this.report),
      this.plot,
      this.said,
      h(
        "p",
        { class: "hint" },
        "○ where a mode has repaid its first call, in a bar that is the 95 % interval of a new run; dots are measured calls",
      ),
      h(
        "div",
        { class: "section-head" },
        h("h3", {}, "From which step a mode has taken less time in all"),
        h("span", { class: "spring" }),
        copyButton(content),
      ),
      h("div", { class: "scroll" }, table({ ...content(), caption: "Break-even steps", testid: "pays" })),
    );
  }

  /** @param {State} state */
  update(state) {
    if (!this.lines.length) return;
    const log = state.scale !== "linear";
    const choices = reach(this.report, this.lines);
    const last = choices.find(({ id }) => id === state.upto) ?? choices[log ? choices.length - 1 : 0];
    const key = `${log} ${last.id}`;
    if (key === this.drawn) return;
    this.drawn = key;
    fill(
      this.toolbar,
      segmented(
        "Scale",
        [
          { id: "log", title: "Log" },
          { id: "linear", title: "Linear" },
        ],
        log ? "log" : "linear",
        (id) => this.context.set({ scale: id === "linear" ? "linear" : null }),
      ),
      segmented("Up to", choices, last.id, (id) => this.context.set({ upto: id })),
    );
    const data = {
      lines: this.lines,
      crossings: crossings(this.report, this.lines),
      last: last.steps,
      log,
      label: "Total time over steps, by mode",
      format: (/** @type {number} */ value) => format.seconds(value, 2),
      count: format.count,
      tip: (/** @type {number} */ steps) => totalTip(this.lines, steps),
      said: (/** @type {number} */ steps) => {
        this.said.textContent = this.lines
          .map((line) => `${line.name} ${format.seconds(line.start + steps * line.step)}`)
          .join(", ");
      },
    };
    fill(
      this.plot,
      responsive((width) => totals(data, width, HEIGHT)),
    );
  }
}

/**
 * @param {import("../types.js").ModeReport[]} modes
 * @returns {HTMLElement | null}
 */
function problems(modes) {
  const said = modes.flatMap((mode) => (mode.compile?.problems ?? []).map((text) => `${mode.mode}: ${text}`));
  if (!said.length) return null;
  return h("ul", { class: "notes", "aria-label": "Problems" }, ...said.map((text) => h("li", {}, text)));
}
