// Where the difference between two modes comes from: a way from one step to the other that closes.

import { press, waterfall } from "../charts/waterfall.js";
import { responsive } from "../charts/responsive.js";
import { hideTip, tipTable } from "../charts/tip.js";
import { fill, h, segmented } from "../dom.js";
import * as format from "../format.js";
import { copyButton, sortableTable } from "../table.js";
import { behindPanel } from "./difference-behind.js";
import { REST, partId, partTitle, way } from "./difference-parts.js";
import { matchesSection } from "./difference-matches.js";
import { missing, modeInQuestion, pairOf, pairPicker, signed, tooFew } from "./modes-pair.js";

/** @typedef {import("../types.js").By} By */
/** @typedef {import("../types.js").Comparison} Comparison */
/** @typedef {import("../types.js").Layers} Layers */
/** @typedef {import("../store.js").State} State */
/** @typedef {import("../table.js").Column} Column */
/** @typedef {import("../table.js").Row} Row */
/** @typedef {import("./modes-pair.js").Pair} Pair */
/** @typedef {import("./view.js").Context} Context */

/** @type {{id: By, title: string}[]} */
const BYS = [
  { id: "layer", title: "Layer and pass" },
  { id: "op", title: "Op" },
  { id: "kind", title: "Kind of time" },
];

/** @type {import("./view.js").View} */
export const difference = {
  id: "difference",
  title: "Difference",
  async open(context) {
    const [layers, inQuestion] = await Promise.all([context.layers(), modeInQuestion(context)]);
    const modes = layers.modes.filter(({ error }) => !error).map(({ mode }) => mode);
    const few = tooFew(layers.modes, modes, 2);
    if (few) return { element: few, update: () => {}, close: () => {} };
    const page = new Page(context, layers, modes, inQuestion);
    return { element: page.element, update: (state) => page.update(state), close: hideTip };
  },
};

class Page {
  /**
   * @param {Context} context
   * @param {Layers} layers
   * @param {string[]} modes
   * @param {string | null} inQuestion
   */
  constructor(context, layers, modes, inQuestion) {
    this.inQuestion = inQuestion;
    this.context = context;
    this.layers = layers;
    this.modes = modes;
    this.toolbar = h("div", { class: "toolbar", role: "toolbar", "aria-label": "What is compared" });
    this.body = h("div", { "data-testid": "difference" });
    this.behind = h("div", { "data-testid": "behind" });
    this.element = h("div", { class: "difference" }, this.toolbar, this.body);
    /** @type {Comparison | null} */
    this.comparison = null;
    this.drawn = "";
  }

  /** @param {State} state */
  async update(state) {
    const pair = pairOf(this.modes, this.layers.baseline, state, this.inQuestion);
    const by = BYS.find(({ id }) => id === state.by)?.id ?? "layer";
    const key = [pair.base, pair.other, by].join("\n");
    if (key === this.drawn) {
      this.choose(state.part ?? "");
      return;
    }
    this.drawn = key;
    this.fillToolbar(pair, by);
    try {
      const found = await this.context.difference(pair.base, pair.other, by);
      if (this.drawn !== key) return;
      this.comparison = found;
      fill(this.body, ...this.content(found));
      this.choose(this.context.state().part ?? "");
    } catch (error) {
      if (this.drawn === key) this.fail(/** @type {Error & {cure?: string}} */ (error));
    }
  }

  /** @param {Error & {cure?: string}} error */
  fail(error) {
    this.comparison = null;
    fill(
      this.body,
      h(
        "section",
        { class: "notice error", role: "alert", "data-testid": "problem" },
        h("h1", {}, "These modes cannot be compared"),
        h("p", {}, `${error.message}.`),
        error.cure ? h("p", { class: "cure" }, `${error.cure}.`) : null,
      ),
    );
  }

  /**
   * @param {Pair} pair
   * @param {By} by
   */
  fillToolbar(pair, by) {
    fill(
      this.toolbar,
      pairPicker(this.modes, pair, this.context),
      segmented("Divided by", BYS, by, (id) =>
        this.context.set({ by: id === "layer" ? null : id, part: null }),
      ),
    );
  }

  /**
   * @param {Comparison} found
   * @returns {(HTMLElement | null)[]}
   */
  content(found) {
    const { kinds } = this.context;
    const steps = way(found.difference, kinds);
    const parts = sortableTable({
      ...partsTable(found, kinds),
      caption: "Parts of the difference",
      testid: "parts",
    });
    return [
      h("h1", { class: "verdict", "data-testid": "sentence" }, unbroken(found.sentence)),
      h("p", { class: "facts" }, facts(found)),
      found.warnings.length
        ? h(
            "ul",
            { class: "warnings", "data-testid": "warnings" },
            ...found.warnings.map((text) => h("li", {}, text)),
          )
        : null,
      h(
        "section",
        { "aria-label": "Waterfall" },
        h(
          "div",
          { class: "section-head" },
          h("h2", {}, `From ${found.difference.baseline} to ${found.difference.mode}`),
          h("span", { class: "hint" }, "parts of the mean traced step; choose one to see what is behind it"),
          h("span", { class: "spring" }),
          copyButton(parts.content),
        ),
        responsive((width) => this.chart(found, steps, width), { "data-testid": "waterfall" }),
      ),
      this.behind,
      matchesSection(found, this.layers, this.context),
      h(
        "details",
        {},
        h("summary", {}, "As a table"),
        h("div", { class: "scroll" }, parts.element),
      ),
      ...missing(this.layers.modes),
    ];
  }

  /**
   * @param {Comparison} found
   * @param {import("./difference-parts.js").Step[]} steps
   * @param {number} width
   * @returns {SVGElement}
   */
  chart({ difference: { baseline, mode, baseline_s, mode_s, gap_s } }, steps, width) {
    const whole = (/** @type {string} */ name, /** @type {number} */ to) => ({
      id: `mode ${name}`,
      label: name,
      from: 0,
      to,
      text: format.seconds(to),
      whole: true,
      tip: () => tipTable(name, [["mean traced step", format.seconds(to)]]),
    });
    return waterfall({
      rows: [
        whole(baseline, baseline_s),
        ...steps.map((step) => ({
          id: step.id,
          label: step.title,
          from: step.from,
          to: step.to,
          text: signed(step.gap),
          tip: () => stepTip(step, baseline, mode, gap_s),
        })),
        whole(mode, mode_s),
      ],
      format: format.seconds,
      label: `What makes the step of ${baseline} into that of ${mode}`,
      width,
      chosen: this.context.state().part,
      choose: (id) => this.context.set({ part: this.context.state().part === id ? null : id }),
    });
  }

  /**
   * Show what is behind a part, or nothing.
   * @param {string} id
   */
  choose(id) {
    const found = this.comparison;
    if (!found) return;
    press(this.body, id);
    const { parts } = found.difference;
    const rest = way(found.difference, this.context.kinds).find((step) => step.id === REST);
    const chosen = id === REST ? (rest?.parts ?? []) : parts.filter((part) => partId(part) === id);
    const panel = () => behindPanel(chosen, id === REST, found, this.layers, this.context);
    fill(this.behind, chosen.length ? panel() : null);
  }
}

/**
 * A sentence whose figures stay beside their units and have a sign as long as a plus.
 * @param {string} text
 * @returns {string}
 */
function unbroken(text) {
  return text.replace(/(\d) (s|ms|µs|ns)(?![a-z])/g, "$1\u00a0$2").replace(/ -(?=\d)/g, " −");
}

/**
 * @param {Comparison} found
 * @returns {string}
 */
function facts({ difference: { baseline, mode, baseline_s, mode_s, gap_s }, ratio }) {
  const traced = baseline_s ? `, ${format.ratio(mode_s / baseline_s)}` : "";
  const times = `${baseline} ${format.seconds(baseline_s)}, ${mode} ${format.seconds(mode_s)}`;
  return [
    `traced step: ${times} (${signed(gap_s)}${traced})`,
    ratio === null ? "step times without profiler were not measured" : `without profiler: ${format.ratio(ratio)}`,
  ].join(" · ");
}

/**
 * @param {import("./difference-parts.js").Step} step
 * @param {string} baseline
 * @param {string} mode
 * @param {number} gap
 */
function stepTip(step, baseline, mode, gap) {
  const sum = (/** @type {"baseline_s" | "mode_s" | "baseline_busy_s" | "mode_busy_s"} */ name) =>
    step.parts.reduce((all, part) => all + part[name], 0);
  const busy = sum("mode_busy_s") - sum("baseline_busy_s");
  /** @type {[string, string][]} */
  const lines = [
    [baseline, format.seconds(sum("baseline_s"))],
    [mode, format.seconds(sum("mode_s"))],
    ["difference", signed(step.gap)],
  ];
  if (gap) lines.push(["of the whole difference", format.share(step.gap / gap)]);
  if (busy) lines.push(["busy, over all threads", signed(busy)]);
  return tipTable(step.title, lines);
}

/**
 * @param {Comparison} found
 * @param {import("../types.js").Kind[]} kinds
 * @returns {{ columns: Column[], rows: Row[] }}
 */
function partsTable({ difference: found }, kinds) {
  /** @type {Column[]} */
  const columns = [
    { title: { kind: "Kind of time", layer: "Layer and pass", op: "Op" }[found.by] },
    { title: found.baseline, number: true },
    { title: found.mode, number: true },
    { title: "Difference", number: true },
    { title: "Busy", number: true, hint: "Difference of its kernels' time, summed over threads" },
  ];
  /** @type {Row[]} */
  const rows = found.parts.map((part) => {
    const busy = part.mode_busy_s - part.baseline_busy_s;
    return {
      cells: [
        { text: partTitle(part, found.root, kinds) },
        ...[part.baseline_s, part.mode_s].map((raw) => ({ text: format.seconds(raw), raw })),
        { text: signed(part.gap_s), raw: part.gap_s, class: "strong" },
        { text: busy ? signed(busy) : format.NOT_MEASURED, raw: busy || null, class: "faint" },
      ],
    };
  });
  rows.push({
    last: true,
    cells: [
      { text: "Traced step" },
      ...[found.baseline_s, found.mode_s].map((raw) => ({ text: format.seconds(raw), raw })),
      { text: signed(found.gap_s), raw: found.gap_s, class: "strong" },
      { text: "", raw: null, class: "" },
    ],
  });
  return { columns, rows };
}
