// One mode's lane data: which step stands at 0, what is fetched for what is in sight.

import { parsePayload } from "../charts/payload.js";
import { covers, surrounding } from "../charts/viewport.js";
import * as format from "../format.js";

/** @typedef {import("../types.js").TraceOutline} TraceOutline */
/** @typedef {import("../charts/payload.js").Payload} Payload */
/** @typedef {import("../charts/viewport.js").Span} Span */
/** @typedef {import("../charts/lanes.js").Track} Track */
/** @typedef {import("./view.js").Context} Context */

// Rows that show at first: deeper threads are folded until they are asked for.
const SHOWN_AT_FIRST = 24;

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
    /** @type {AbortController | null} */
    this.asking = null;
    /** @type {Span | null} */
    this.asked = null;
    /** @type {Track} */
    this.track = {
      title: mode,
      note: outline.steps.num.length ? "" : "no step is marked in this trace",
      groups: outline.lines.map((line) => ({
        title: line.name,
        hint: `${format.count(line.events)} events`,
        firstRow: line.first_row,
        rows: line.rows,
        folded: line.rows > SHOWN_AT_FIRST,
      })),
      sections: [],
      origin: 0,
      data: [],
      names: outline.names,
      lit: null,
      marks: null,
      focus: false,
    };
    this.foldedAtFirst = this.track.groups.map(({ folded }) => folded);
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
        label: `step ${num} · ${format.seconds((to - from) / 1e12)}`,
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
   * See to it that what is in sight can be drawn; what was asked for before and is not needed any
   * more is dropped.
   * @param {Span} visible counted from the step at 0
   * @param {number} width in pixels
   * @returns {Promise<boolean>} whether there is something new to draw
   */
  async fetch(visible, width) {
    const { origin } = this.track;
    const wanted = { from: visible.from + origin, to: visible.to + origin };
    if (!this.coarse) {
      const { start_ps, end_ps } = this.outline;
      this.coarse = await this.ask({ from: start_ps, to: end_ps + 1 }, width);
      this.track.data = [this.coarse];
    }
    const inside = this.clip(wanted);
    if (!inside || isCovered(inside, this.coarse) || isCovered(inside, this.fine)) return true;
    if (this.asked && covers(inside, this.asked, false)) return false;
    this.asking?.abort();
    const asking = new AbortController();
    this.asking = asking;
    const window = this.clip(surrounding(wanted)) ?? wanted;
    this.asked = window;
    const pixels = Math.ceil((width * (window.to - window.from)) / (wanted.to - wanted.from));
    try {
      const fine = await this.ask(window, pixels, asking.signal);
      if (asking.signal.aborted) return false;
      this.fine = fine;
      this.track.data = [fine, this.coarse];
      return true;
    } catch (error) {
      if (asking.signal.aborted) return false;
      throw error;
    } finally {
      if (this.asking === asking) this.asked = null;
    }
  }

  close() {
    this.asking?.abort();
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
   * @param {AbortSignal} [signal]
   * @returns {Promise<Payload>}
   */
  async ask(window, width, signal) {
    const query = {
      mode: this.mode,
      start_ps: Math.floor(window.from),
      end_ps: Math.ceil(window.to),
      width: Math.max(1, Math.min(16384, Math.round(width))),
    };
    return parsePayload(await this.context.timeline(query, signal));
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
