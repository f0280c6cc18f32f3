// One mode's lanes: which step stands at 0, what is fetched for what is in sight.

import { parsePayload } from "../charts/payload.js";
import { covers, surrounding } from "../charts/viewport.js";
import * as format from "../format.js";
import { latest } from "../latest.js";

/** @typedef {import("../types.js").TraceOutline} TraceOutline */
/** @typedef {import("../charts/payload.js").Payload} Payload */
/** @typedef {import("../charts/viewport.js").Span} Span */
/** @typedef {import("../charts/lanes-model.js").Track} Track */
/** @typedef {import("./view.js").Context} Context */

/**
 * A mode on the timeline. `track` is what is drawn.
 */
export class ModeTrack {
  /**
   * @param {Context} context
   * @param {string} mode
   * @param {TraceOutline} outline
   */
  constructor(context, mode, outline) {
    this.context = context;
    this.mode = mode;
    this.outline = outline;
    this.step = outline.typical ?? 0;
    /** @type {Payload | null} */
    this.coarse = null;
    /** @type {Payload | null} */
    this.fine = null;
    this.asking = latest();
    /** @type {Track} */
    this.track = {
      title: mode,
      note: outline.steps.num.length ? "" : "no step is marked in this trace",
      groups: outline.lines.map((line, index) => ({
        title: threadTitle(
          outline.lines.map(({ name }) => name),
          index,
        ),
        hint: `${line.name} · ${format.count(line.events)} events`,
        firstRow: line.first_row,
        rows: line.rows,
        folded: true,
      })),
      sections: [],
      origin: 0,
      data: [],
      names: outline.names,
      lit: null,
      kin: null,
      marks: null,
      solid: false,
      glow: null,
      focus: false,
    };
    this.goTo(null);
  }

  /**
   * Put a step at 0.
   * @param {number | null} step its number in order, or null for the one closest to the mean
   */
  goTo(step) {
    const { steps, typical, start_ps } = this.outline;
    this.step = Math.max(0, Math.min(step ?? typical ?? 0, steps.num.length - 1));
    this.track.origin = steps.start_ps[this.step] ?? start_ps;
    this.track.sections = steps.num.map((num, index) => {
      const [from, to] = [steps.start_ps[index], steps.end_ps[index]];
      return {
        from: from - this.track.origin,
        to: to - this.track.origin,
        label: `step ${num} ${steps.exact[index] ? "·" : "≈"} ${format.seconds((to - from) / 1e12)}`,
        short: String(num),
        current: index === this.step,
      };
    });
  }

  /** @returns {Span} the step at 0 on this mode's own clock */
  stepSpan() {
    const { steps, start_ps, end_ps } = this.outline;
    if (!steps.num.length) return { from: start_ps, to: end_ps };
    return { from: steps.start_ps[this.step], to: steps.end_ps[this.step] };
  }

  /** @returns {Span} everything recorded, counted from the step at 0 */
  limits() {
    const { origin } = this.track;
    return { from: this.outline.start_ps - origin, to: this.outline.end_ps - origin };
  }

  /**
   * See to it that what is in sight can be drawn.
   * @param {() => Span} sight what is in sight when the answer can be asked for, from the step at 0
   * @param {number} width in pixels
   * @returns {Promise<boolean>} whether there may be something new to draw
   */
  async fetch(sight, width) {
    return (await this.asking(() => this.fetchNow(sight(), width))) ?? false;
  }

  /**
   * @param {Span} visible
   * @param {number} width
   * @returns {Promise<boolean>}
   */
  async fetchNow(visible, width) {
    const { origin } = this.track;
    const { start_ps, end_ps } = this.outline;
    this.coarse ??= await this.ask({ from: start_ps, to: end_ps + 1 }, width);
    const wanted = { from: visible.from + origin, to: visible.to + origin };
    const inside = this.clip(wanted);
    if (inside && !isCovered(inside, this.coarse) && !isCovered(inside, this.fine)) {
      const window = this.clip(surrounding(wanted)) ?? inside;
      const pixels = (width * (window.to - window.from)) / (wanted.to - wanted.from);
      this.fine = await this.ask(window, pixels);
    }
    this.track.data = this.fine ? [this.fine, this.coarse] : [this.coarse];
    return true;
  }

  /**
   * The part of a stretch in which something was recorded.
   * @param {Span} span
   * @returns {Span | null}
   */
  clip(span) {
    const from = Math.max(Math.floor(span.from), this.outline.start_ps);
    const to = Math.min(Math.ceil(span.to), this.outline.end_ps + 1);
    return to > from ? { from, to } : null;
  }

  /**
   * @param {Span} window
   * @param {number} width
   * @returns {Promise<Payload>}
   */
  async ask(window, width) {
    const query = {
      mode: this.mode,
      start_ps: Math.floor(window.from),
      end_ps: Math.ceil(window.to),
      width: Math.max(1, Math.min(16384, Math.round(width))),
    };
    return parsePayload(await this.context.timeline(query));
  }
}

/**
 * @param {Span} wanted
 * @param {Payload | null} payload
 * @returns {boolean}
 */
function isCovered(wanted, payload) {
  if (!payload) return false;
  return covers(wanted, { from: payload.base, to: payload.end }, payload.resolution === 0);
}

/**
 * A thread's name without its number, which differs in every trace; numbered where there are several.
 * @param {string[]} names
 * @param {number} index
 * @returns {string}
 */
export function threadTitle(names, index) {
  const plain = (/** @type {string} */ name) => name.replace(/\/-?\d+$/, "");
  const title = plain(names[index]);
  const same = names.filter((name) => plain(name) === title).length;
  if (same < 2) return title;
  return `${title} ${names.slice(0, index + 1).filter((name) => plain(name) === title).length}`;
}
