// The modes' steps stacked on one clock, each step's start at 0; they zoom and pan together.

import { GUTTER } from "../charts/lanes-model.js";
import { Lanes } from "../charts/lanes.js";
import { clamp, pan, withMargin, zoom } from "../charts/viewport.js";
import { fill, h, on } from "../dom.js";
import { latest } from "../latest.js";
import { swatch } from "./parts.js";
import { controls, searchBox } from "./timeline-bar.js";
import { laneColors, rulerText } from "./timeline-colors.js";
import { FindPanel, byRow, litNames } from "./timeline-find.js";
import { Hover } from "./timeline-hover.js";
import { listen } from "./timeline-moves.js";
import { isAboutWork, layerQuery, workQuery } from "./timeline-queries.js";
import { words } from "./timeline-tips.js";
import { ModeTrack } from "./timeline-track.js";

/** @typedef {import("../store.js").State} State */
/** @typedef {import("../charts/viewport.js").Span} Span */
/** @typedef {import("../charts/lanes-model.js").Hit} Hit */
/** @typedef {import("./view.js").Context} Context */

const FETCH_AFTER = 40; // ms of rest before data are asked for
const REMEMBER_AFTER = 250; // browsers limit how often an address may change
const MOST_MODES = 12; // of hundreds of imported traces nobody sees more at once

/** @type {import("./view.js").View} */
export const timeline = {
  id: "timeline",
  title: "Timeline",
  async open(context) {
    const report = await context.report();
    const all = report.modes.filter((mode) => mode.trace);
    const traced = atOnce(all, report, context.state());
    const opened = await Promise.allSettled(
      traced.map(async ({ mode }) => new ModeTrack(context, mode, await context.trace(mode))),
    );
    const modes = opened.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    const problems = [
      ...report.modes
        .filter((mode) => !mode.trace)
        .map((mode) => `${mode.mode}: ${mode.error ? mode.error.message : "not traced"}.`),
      ...opened.flatMap((result, index) =>
        result.status === "rejected"
          ? [`${traced[index].mode}: ${result.reason.message}. ${result.reason.cure ?? ""}.`]
          : [],
      ),
      ...modes.flatMap(({ mode, outline }) => outline.problems.map((text) => `${mode}: ${text}`)),
    ];
    if (!modes.length) return nothingTraced(problems);
    return new TimelineView(context, modes, problems, all.length - traced.length).opened();
  },
};

/**
 * The modes that are drawn: all, or of very many those that the address and the report speak of, then the first.
 * @param {import("../types.js").ModeReport[]} traced
 * @param {import("../types.js").Report} report
 * @param {State} state
 * @returns {import("../types.js").ModeReport[]}
 */
export function atOnce(traced, { baseline, in_question: inQuestion }, { mode, base, other }) {
  const first = [mode, base, other, baseline, inQuestion].filter((name) => name);
  const names = new Set([...first, ...traced.map((one) => one.mode)]);
  const known = [...names].filter((name) => traced.some((one) => one.mode === name));
  const chosen = new Set(known.slice(0, MOST_MODES));
  return traced.filter((one) => chosen.has(one.mode));
}

/**
 * @param {string[]} problems
 * @returns {import("./view.js").OpenView}
 */
function nothingTraced(problems) {
  const element = h(
    "section",
    { class: "notice", "data-testid": "no-trace" },
    h("h1", {}, "There is no trace to show"),
    ...problems.map((text) => h("p", {}, text)),
    h("p", { class: "cure" }, "Profile again with traces."),
  );
  return { element, update: () => {}, close: () => {} };
}

class TimelineView {
  /**
   * @param {Context} context
   * @param {ModeTrack[]} modes
   * @param {string[]} problems
   * @param {number} left how many more modes there are
   */
  constructor(context, modes, problems, left) {
    this.left = left;
    this.context = context;
    this.all = modes;
    /** @type {ModeTrack[]} those that are not hidden */
    this.modes = modes;
    this.problems = problems;
    this.canvas = /** @type {HTMLCanvasElement} */ (h("canvas", { "data-testid": "lanes" }));
    this.spacer = h("div");
    this.holder = h(
      "div",
      {
        class: "lanes",
        tabindex: "0",
        role: "application",
        "aria-label":
          "Timeline of all modes. W and S zoom, A and D move, 0 shows the whole step, slash finds an op",
      },
      h("div", { class: "stick" }, this.canvas),
      this.spacer,
    );
    this.bar = h("div", { class: "toolbar", role: "toolbar", "aria-label": "Timeline" });
    this.status = h("span", { class: "unseen", role: "status", "data-testid": "status" });
    this.trouble = h("span", { class: "trouble", role: "alert", "data-testid": "trouble" });
    this.search = searchBox(context, () => this.holder.focus());
    this.found = new FindPanel(context);
    this.lanes = new Lanes(this.canvas);
    this.lanes.format = (ps) => rulerText(ps, this.lanes.view);
    this.hover = new Hover({
      context,
      lanes: this.lanes,
      modes: () => this.modes,
      redraw: () => this.redraw(),
      say: (text) => {
        this.status.textContent = text;
      },
      fail: (error) => this.fail(error),
      uses: (mode, name) => this.usesInSight(mode, name),
    });
    /** @type {Span} */
    this.view = { from: 0, to: 1 };
    this.visible = true;
    this.closed = false;
    this.frame = 0;
    this.timers = { fetch: 0, remember: 0 };
    this.applied = "";
    this.marking = latest();
  }

  /** @returns {import("./view.js").OpenView} */
  opened() {
    listen(this.holder, this.canvas, GUTTER, this.moves());
    on(this.holder, { scroll: () => this.redraw() });
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(this.holder);
    const legend = h(
      "ul",
      { class: "legend", "aria-label": "Kinds of time" },
      ...this.context.laneKinds.map((kind) =>
        h("li", { title: kind.explanation }, swatch(kind.id), kind.title),
      ),
    );
    const element = h(
      "div",
      { class: "timeline", "data-testid": "timeline" },
      this.bar,
      this.holder,
      this.found.element,
      h("div", { class: "foot" }, legend, this.trouble, this.status),
    );
    return {
      element,
      update: (state) => this.update(state),
      close: () => this.close(),
      setTheme: () => this.setTheme(),
      setVisible: (visible) => this.setVisible(visible),
    };
  }

  /**
   * Take over what the address says.
   * @param {State} state
   */
  update(state) {
    const key = JSON.stringify([state.step, state.hide, state.threads, state.fold, state.find, state.mode]);
    const [from, to] = [Number(state.from), Number(state.to)];
    const given = state.from !== undefined && state.to !== undefined && to > from;
    if (key !== this.applied) {
      this.applied = key;
      this.apply(state);
    }
    // A move of ours that is not in the address yet is newer than what the address says.
    if (this.timers.remember) return;
    const span = given ? clamp({ from, to }, this.limits()) : this.whole();
    // What was written into the address by ourselves is rounded and must not move the picture.
    if (Math.abs(span.from - this.view.from) > 1 || Math.abs(span.to - this.view.to) > 1) this.setView(span);
  }

  /** @param {State} state */
  apply(state) {
    const hidden = new Set((state.hide ?? "").split(",").filter(Boolean));
    this.modes = this.all.filter((_, index) => !hidden.has(String(index)));
    const step = state.step === undefined ? null : Number(state.step);
    this.all.forEach((mode) => {
      mode.goTo(step === null || Number.isNaN(step) ? null : step);
      mode.track.focus = mode.mode === state.mode;
    });
    this.lanes.tracks = this.modes.map(({ track }) => track);
    this.foldThreads(state);
    for (const mode of this.modes) {
      mode.track.lit = state.find ? litNames(mode, state.find) : null;
      mode.track.solid = Boolean(state.find) && isAboutWork(state.find);
    }
    this.hover.leave();
    this.search.value = state.find ?? "";
    this.fillBar();
    this.layout();
    this.found.show(this.modes, state.find).catch((error) => this.fail(error));
    this.fetchSoon();
  }

  /**
   * All threads open, or all folded, but for those that were clicked. Where the address does not say,
   * the first thread of each mode is open if everything fits then.
   * @param {State} state
   */
  foldThreads(state) {
    const clicked = new Set((state.fold ?? "").split(",").filter(Boolean));
    const each = (/** @type {(mode: number, thread: number) => boolean} */ folded) =>
      this.all.forEach((mode, index) =>
        mode.track.groups.forEach((group, number) => {
          group.folded = folded(index, number) !== clicked.has(`${index}.${number}`);
        }),
      );
    if (state.threads === "open") each(() => false);
    else if (state.threads === "folded") each(() => true);
    else {
      each((_, thread) => thread > 0);
      if (this.lanes.layout() > this.lanes.height - 30) each(() => true);
    }
  }

  /** @returns {string[]} as `mode.thread`, for the address */
  openThreads() {
    return this.all.flatMap((mode, index) =>
      mode.track.groups.flatMap((group, number) => (group.folded ? [] : [`${index}.${number}`])),
    );
  }

  /** @returns {boolean} */
  mostlyOpen() {
    const all = this.modes.reduce((sum, mode) => sum + mode.track.groups.length, 0);
    return this.openThreads().length >= all / 2;
  }

  fillBar() {
    const { context, all, problems, search, left } = this;
    const moves = this.moves();
    fill(
      this.bar,
      ...controls({ context, modes: all, left, problems, search, moves, mostlyOpen: this.mostlyOpen() }),
    );
  }

  /** @returns {import("./timeline-moves.js").Moves} */
  moves() {
    const scale = () => (this.view.to - this.view.from) / Math.max(1, this.lanes.width - GUTTER);
    return {
      zoomAt: (x, factor) => {
        const at = x === null ? (this.view.from + this.view.to) / 2 : this.lanes.time(Math.max(GUTTER, x));
        this.setView(zoom(this.view, factor, at, this.limits()), true);
      },
      panBy: (pixels) => this.setView(pan(this.view, pixels * scale(), this.limits()), true),
      scrollBy: (pixels) => {
        this.holder.scrollTop += pixels;
      },
      hover: (x, y, event) => this.hover.move(x, y, event),
      leave: () => this.hover.leave(),
      click: (x, y, event) => this.click(x, y, event),
      reset: () => this.setView(this.whole(), true),
      step: (by) => this.stepBy(by),
      search: () => this.search.select(),
      threads: () => this.context.set({ threads: this.mostlyOpen() ? "folded" : "open", fold: null }),
      next: (by) => this.goToUse(by).catch((error) => this.fail(error)),
      escape: () => this.context.set({ find: null }),
    };
  }

  /** @returns {Span} the longest step among the modes, from 0 */
  whole() {
    const longest = Math.max(
      ...this.modes.map((mode) => {
        const { from, to } = mode.stepSpan();
        return to - from;
      }),
      1000,
    );
    return withMargin({ from: 0, to: longest });
  }

  /** @returns {Span} */
  limits() {
    const all = this.modes.map((mode) => mode.limits());
    if (!all.length) return { from: 0, to: 1000 };
    return { from: Math.min(...all.map(({ from }) => from)), to: Math.max(...all.map(({ to }) => to)) };
  }

  /**
   * @param {Span} span
   * @param {boolean} [remember] put it into the address
   */
  setView(span, remember = false) {
    this.view = span;
    this.lanes.view = span;
    this.redraw();
    this.fetchSoon();
    if (!remember) return;
    clearTimeout(this.timers.remember);
    this.timers.remember = window.setTimeout(() => this.remember(), REMEMBER_AFTER);
  }

  remember() {
    this.timers.remember = 0;
    const whole = this.whole();
    const isWhole = Math.abs(whole.from - this.view.from) < 1 && Math.abs(whole.to - this.view.to) < 1;
    const { from, to } = this.view;
    this.context.set(isWhole ? { from: null, to: null } : { from: Math.round(from), to: Math.round(to) });
  }

  /** @param {number} by */
  stepBy(by) {
    const most = Math.max(...this.all.map(({ outline }) => outline.steps.num.length));
    const { step } = this.context.state();
    const current = step === undefined ? (this.modes[0]?.step ?? 0) : Number(step);
    this.context.set({ step: Math.max(0, Math.min(most - 1, current + by)) });
  }

  layout() {
    const height = this.lanes.layout();
    this.spacer.style.height = `${Math.max(0, height + 32 - this.lanes.height)}px`;
    this.redraw();
  }

  resize() {
    const { clientWidth, clientHeight } = this.holder;
    if (!clientWidth || !clientHeight) return;
    this.lanes.width = clientWidth;
    this.lanes.height = clientHeight;
    if (!this.lanes.colors) {
      this.setTheme();
      // Only now it is known what fits.
      this.applied = "";
      this.update(this.context.state());
      const focus = this.modes.findIndex(({ track }) => track.focus);
      if (focus > 0) this.holder.scrollTop = this.lanes.topOf(focus);
    }
    this.layout();
    this.fetchSoon();
  }

  setTheme() {
    this.lanes.colors = laneColors(this.context.laneKinds);
    this.redraw();
  }

  /** @param {boolean} visible */
  setVisible(visible) {
    this.visible = visible;
    if (visible) this.resize();
  }

  redraw() {
    if (this.frame || !this.visible || this.closed) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.lanes.scroll = this.holder.scrollTop;
      this.lanes.draw();
      this.canvas.dataset.from = String(Math.round(this.view.from));
      this.canvas.dataset.to = String(Math.round(this.view.to));
      this.canvas.dataset.drawn = String(this.lanes.drawn);
    });
  }

  fetchSoon() {
    clearTimeout(this.timers.fetch);
    if (!this.closed) this.timers.fetch = window.setTimeout(() => this.fetch(), FETCH_AFTER);
  }

  fetch() {
    if (this.lanes.width <= GUTTER + 10 || !this.visible) return;
    for (const mode of this.modes) {
      mode
        .fetch(() => this.view, this.lanes.width - GUTTER)
        .then(
          (changed) => changed && this.redraw(),
          (error) => this.fail(error),
        );
    }
    this.mark().catch((error) => this.fail(error));
  }

  /** Outline where the name that is looked for stands, also inside merged blocks. */
  async mark() {
    const { find } = this.context.state();
    if (!find) {
      for (const { track } of this.all) track.marks = null;
      return;
    }
    await this.marking(() =>
      Promise.all(
        this.modes.map(async (mode) => {
          const uses = await this.usesInSight(mode, find);
          if (this.context.state().find === find) mode.track.marks = byRow(uses);
        }),
      ),
    );
    this.redraw();
  }

  /**
   * Where in sight the events are that a query stands for.
   * @param {ModeTrack} mode
   * @param {string} query
   */
  usesInSight(mode, query) {
    const { origin } = mode.track;
    const window = { from: this.view.from + origin, to: this.view.to + origin };
    return this.found.uses(mode, query, window, this.lanes.width - GUTTER);
  }

  /**
   * A click on a thread's name folds it; on an event it looks for the ops of its layer and pass, with
   * Shift for its op and what does its work in other modes; on nothing it lets go.
   * @param {number} x
   * @param {number} y
   * @param {PointerEvent} event
   */
  click(x, y, event) {
    this.holder.focus();
    const hit = this.lanes.hit(x, y);
    if (hit.area === "gutter" && hit.group >= 0) {
      this.fold(hit);
      return;
    }
    if (!hit.payload || hit.entry < 0) {
      if (hit.area === "rows" || hit.area === "empty") this.context.set({ find: null });
      return;
    }
    if (hit.payload.name[hit.entry] < 0) {
      this.setView(zoom(this.view, 0.3, this.lanes.time(x), this.limits()), true);
      return;
    }
    this.lookFor(this.modes[hit.track], hit.payload, hit.entry, event.shiftKey).catch((error) => this.fail(error));
  }

  /**
   * @param {ModeTrack} mode
   * @param {import("../charts/payload.js").Payload} payload
   * @param {number} entry
   * @param {boolean} one whether its op alone is meant
   */
  async lookFor(mode, payload, entry, one) {
    const whose = await this.context.whose(mode.mode, payload.event[entry]);
    const { op } = words(mode, payload, entry);
    if (!whose.owner) this.context.set({ find: `op:${op}` });
    else if (one && whose.op_type) this.context.set({ find: workQuery(mode.mode, whose) });
    else this.context.set({ find: layerQuery(whose.owner, whose.in_pass) });
  }

  /** @param {Hit} hit */
  fold(hit) {
    const key = `${this.all.indexOf(this.modes[hit.track])}.${hit.group}`;
    const open = new Set(this.openThreads());
    if (!open.delete(key)) open.add(key);
    this.context.set({ threads: "folded", fold: [...open].join(",") });
  }

  /**
   * Bring the next place of what is looked for to the middle.
   * @param {number} by 1 forwards, -1 backwards
   */
  async goToUse(by) {
    const { find } = this.context.state();
    if (!find) return;
    const middle = (this.view.from + this.view.to) / 2;
    const places = await Promise.all(
      this.modes.map(async (mode) => {
        const at = Math.round(middle + mode.track.origin);
        const uses = await this.found.uses(
          mode,
          find,
          { from: at + Math.max(0, by), to: at + 1 + Math.max(0, by) },
          1,
        );
        const place = by > 0 ? uses.next_ps : uses.previous_ps;
        return place === null ? null : place - mode.track.origin;
      }),
    );
    const known = places.filter((place) => place !== null);
    if (!known.length) return;
    const next = by > 0 ? Math.min(...known) : Math.max(...known);
    this.setView(pan(this.view, next - middle, this.limits()), true);
  }

  /** @param {unknown} error */
  fail(error) {
    if (this.closed) return;
    const { message, cure } = /** @type {{message?: string, cure?: string}} */ (error);
    this.trouble.textContent = [message ?? String(error), cure].filter(Boolean).join(". ");
    this.trouble.title = this.trouble.textContent;
  }

  close() {
    this.closed = true;
    this.sizes?.disconnect();
    cancelAnimationFrame(this.frame);
    for (const timer of Object.values(this.timers)) clearTimeout(timer);
    this.hover.leave();
  }
}
