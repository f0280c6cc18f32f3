// Lanes of nested events over one clock, on canvas: several tracks, each with groups of rows.
// Lays out, draws and hits; moving and fetching are up to who holds it.

import { GROUP_GAP, GUTTER, HEAD, ROW, RULER, TRACK_GAP } from "./lanes-model.js";
import { paintFrame, paintHead } from "./lanes-frame.js";
import { RowPainter } from "./lanes-rows.js";
import { entryAt } from "./payload.js";
import { prepareCanvas } from "./responsive.js";
import { Texts } from "./texts.js";

/** @typedef {import("./payload.js").Payload} Payload */
/** @typedef {import("./viewport.js").Span} Span */
/** @typedef {import("./lanes-model.js").Colors} Colors */
/** @typedef {import("./lanes-model.js").Hit} Hit */
/** @typedef {import("./lanes-model.js").Place} Place */
/** @typedef {import("./lanes-model.js").Track} Track */

export class Lanes {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    /** @type {Track[]} */
    this.tracks = [];
    /** @type {Span} */
    this.view = { from: 0, to: 1 };
    this.scroll = 0;
    this.width = 1;
    this.height = 1;
    /** @type {number | null} */
    this.pointer = null;
    /** @type {{track: number, payload: Payload, entry: number} | null} */
    this.hovered = null;
    /** @type {Colors | null} */
    this.colors = null;
    /** @type {(ps: number) => string} */
    this.format = String;
    /** How many entries the last drawing took. */
    this.drawn = 0;
    this.texts = new Texts();
    this.rows = new RowPainter(this);
    /** @type {Place[]} */
    this.places = [];
  }

  /** @returns {number} how high everything together is, without the ruler */
  layout() {
    this.places = [];
    let top = 0;
    this.tracks.forEach((track, index) => {
      this.places.push({ track: index, group: -1, top, height: HEAD });
      top += HEAD;
      track.groups.forEach((group, number) => {
        const height = (group.folded ? 1 : group.rows) * ROW;
        this.places.push({ track: index, group: number, top, height });
        top += height + GROUP_GAP;
      });
      top += TRACK_GAP;
    });
    return top;
  }

  /** @param {number} time @returns {number} */
  x(time) {
    return GUTTER + ((time - this.view.from) / (this.view.to - this.view.from)) * (this.width - GUTTER);
  }

  /** @param {number} x @returns {number} */
  time(x) {
    return this.view.from + ((x - GUTTER) / (this.width - GUTTER)) * (this.view.to - this.view.from);
  }

  draw() {
    const { colors } = this;
    if (!colors || this.width < 10 || this.height < 10) return;
    const context = prepareCanvas(this.canvas, this.width, this.height);
    this.drawn = 0;
    this.rows.begin(context, colors);
    for (const { track, group, top, height } of this.places) {
      const y = top - this.scroll + RULER;
      if (y > this.height) break;
      // A track's head draws the lines of its steps through all its groups.
      const reach = group < 0 ? this.heightOf(track) : height;
      if (y + reach < RULER) continue;
      if (group < 0) paintHead(this, context, colors, this.tracks[track], y, reach);
      else this.rows.draw(this.tracks[track], this.tracks[track].groups[group], y, height);
    }
    paintFrame(this, context, colors);
  }

  /**
   * @param {number} track
   * @returns {number} where its head stands, from the first one's
   */
  topOf(track) {
    return this.places.find((place) => place.track === track)?.top ?? 0;
  }

  /**
   * @param {number} track
   * @returns {number}
   */
  heightOf(track) {
    const own = this.places.filter((place) => place.track === track);
    const last = own[own.length - 1];
    return last.top + last.height - own[0].top;
  }

  /**
   * What is at a place on the canvas.
   * @param {number} x
   * @param {number} y
   * @returns {Hit}
   */
  hit(x, y) {
    /** @type {Hit} */
    const nothing = { track: -1, group: -1, row: -1, entry: -1, payload: null, area: "empty" };
    if (y < RULER) return { ...nothing, area: "ruler" };
    const at = y - RULER + this.scroll;
    const place = this.places.find(({ top, height }) => at >= top && at < top + height);
    if (!place) return x < GUTTER ? { ...nothing, area: "gutter" } : nothing;
    const { track: index, group: number } = place;
    const found = { ...nothing, track: index, group: number };
    if (x < GUTTER) return { ...found, area: "gutter" };
    if (number < 0) return { ...found, area: "head" };
    const track = this.tracks[index];
    const group = track.groups[number];
    const time = this.time(x) + track.origin;
    const payload = track.data.find(({ base, end }) => base <= time && end >= time) ?? null;
    const pixel = (this.view.to - this.view.from) / (this.width - GUTTER);
    if (!payload) return { ...found, area: "rows" };
    if (!group.folded) {
      const row = group.firstRow + Math.floor((at - place.top) / ROW);
      return { ...found, row, payload, entry: entryAt(payload, row, time, 2 * pixel), area: "rows" };
    }
    for (let row = group.firstRow + group.rows - 1; row >= group.firstRow; row -= 1) {
      const entry = entryAt(payload, row, time, pixel / 2);
      if (entry >= 0) return { ...found, row, payload, entry, area: "rows" };
    }
    return { ...found, payload, area: "rows" };
  }
}
