// Lanes of nested events over one clock, on canvas: several tracks, each with groups of rows.
// Draws only; moving and fetching are up to who holds it.

import { prepareCanvas } from "./responsive.js";
import { entryAt } from "./payload.js";
import { ticks } from "./scale.js";

/** @typedef {import("./payload.js").Payload} Payload */
/** @typedef {import("./viewport.js").Span} Span */

/**
 * A group of rows, as a thread. Folded, all its rows are painted onto one, the deeper over the others:
 * what shows is what the thread is at.
 * @typedef {{ title: string, hint: string, firstRow: number, rows: number, folded: boolean }} Group
 *
 * A stretch that is set apart, as a step.
 * @typedef {{
 *   from: number, to: number, label: string, short: string, current: boolean
 * }} Section
 *
 * `origin` is the time on the track's own clock that is 0 here. `data` are drawn from the first that
 * covers a stretch; `lit` says by name which events stand out (null: no difference is made), `kin` which
 * are outlined; `marks` by row are drawn over everything.
 * @typedef {{
 *   title: string, note: string, groups: Group[], sections: Section[], origin: number,
 *   data: Payload[], names: string[], lit: Uint8Array | null, kin: Uint8Array | null,
 *   marks: Map<number, {start: number, span: number}[]> | null, focus: boolean
 * }} Track
 *
 * `kinds` holds for each kind, and last for none, its colour at every shade (see `shades`).
 * @typedef {{
 *   kinds: string[][], paper: string, raised: string, line: string, ink: string,
 *   soft: string, faint: string, shade: string, mark: string, onKinds: string[]
 * }} Colors
 *
 * @typedef {{ track: number, group: number, row: number, entry: number, payload: Payload | null,
 *             area: "gutter" | "ruler" | "head" | "rows" | "empty" }} Hit
 */

export const GUTTER = 188;
export const RULER = 24;
const HEAD = 24;
const ROW = 15;
const BAR = 14;
const GROUP_GAP = 5;
const TRACK_GAP = 8;
const NARROWEST_LABEL = 26;

// A merged block is the paler the less of it is covered; what does not stand out is paler still. The
// colours are mixed beforehand: opaque ones can be painted over each other, and cost no blending.
const SHADES = 4;
const PALEST = 0.45;
const DIM = 0.22;
const FONT = "11px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
const BOLD = FONT.replace("11px", "600 12px");

/** @typedef {{ track: number, group: number, top: number, height: number }} Place */

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
    /** @type {Place[]} */
    this.places = [];
    /** @type {{track: number, payload: Payload, entry: number} | null} */
    this.hovered = null;
    /** @type {Colors | null} */
    this.colors = null;
    /** @type {(ps: number) => string} */
    this.format = String;
    /** @type {Map<string, number>} */
    this.textWidths = new Map();
    this.drawn = 0;
    /** @type {{x: number, y: number, width: number}[]} drawn when a group is done, over all its rows */
    this.outlines = [];
    /** The row that is painted on each pixel of a folded thread. */
    this.cover = new Int32Array(1);
    /** @type {{payload: Payload, index: number, from: number, to: number, lit: boolean}[] | null} */
    this.labels = null;
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
    if (!this.colors || this.width < 10 || this.height < 10) return;
    const context = prepareCanvas(this.canvas, this.width, this.height);
    if (this.cover.length !== Math.ceil(this.width)) this.cover = new Int32Array(Math.ceil(this.width));
    this.drawn = 0;
    context.textBaseline = "middle";
    context.font = FONT;
    for (const place of this.places) {
      const top = place.top - this.scroll + RULER;
      if (top + place.height < RULER || top > this.height) continue;
      if (place.group < 0) this.drawHead(context, this.tracks[place.track], top, this.heightOf(place.track));
      else this.drawGroup(context, place, top);
    }
    this.drawRuler(context);
    this.drawPointer(context);
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
   * @param {CanvasRenderingContext2D} context
   * @param {Track} track
   * @param {number} top
   * @param {number} height
   */
  drawHead(context, track, top, height) {
    const colors = /** @type {Colors} */ (this.colors);
    context.fillStyle = colors.raised;
    context.fillRect(0, top, this.width, HEAD - 2);
    if (track.focus) {
      context.fillStyle = colors.ink;
      context.fillRect(0, top, 3, HEAD - 2);
    }
    this.drawSections(context, track, top, height);
    context.font = BOLD;
    context.fillStyle = colors.ink;
    this.text(context, track.title, 12, top + HEAD / 2 - 1, GUTTER - 20);
    context.font = FONT;
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Track} track
   * @param {number} top
   * @param {number} height
   */
  drawSections(context, track, top, height) {
    const colors = /** @type {Colors} */ (this.colors);
    track.sections.forEach((section, index) => {
      const from = Math.max(GUTTER, this.x(section.from));
      const to = Math.min(this.width, this.x(section.to));
      if (to <= GUTTER || from >= this.width || this.x(section.to) - this.x(section.from) < 3) return;
      if (index % 2 === 0) {
        context.fillStyle = colors.shade;
        context.fillRect(from, top, to - from, height);
      }
      context.fillStyle = section.current ? colors.ink : colors.faint;
      for (const edge of [this.x(section.from), this.x(section.to)]) {
        if (edge < GUTTER || edge > this.width) continue;
        context.globalAlpha = section.current ? 0.65 : 0.25;
        context.fillRect(Math.round(edge), top, 1, height);
      }
      context.globalAlpha = 1;
      const room = to - from - 10;
      const fits = this.widthOf(context, section.label) <= room;
      this.text(context, fits ? section.label : section.short, from + 6, top + HEAD / 2 - 1, room);
    });
    if (track.note) {
      context.fillStyle = colors.soft;
      this.text(context, track.note, GUTTER + 6, top + HEAD / 2 - 1, this.width - GUTTER - 12);
    }
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Place} place
   * @param {number} top
   */
  drawGroup(context, place, top) {
    const colors = /** @type {Colors} */ (this.colors);
    const track = this.tracks[place.track];
    const group = track.groups[place.group];
    context.save();
    context.beginPath();
    context.rect(GUTTER, Math.max(RULER, top), this.width - GUTTER, this.height);
    context.clip();
    this.labels = group.folded ? [] : null;
    this.cover.fill(-1);
    for (let row = 0; row < group.rows; row += 1) {
      const y = top + (group.folded ? 0 : row * ROW);
      if (y + ROW < RULER || y > this.height) continue;
      this.drawRow(context, track, group.firstRow + row, y);
    }
    this.drawFreeLabels(context, track, top);
    this.drawOutlines(context);
    context.restore();
    context.fillStyle = colors.line;
    context.fillRect(0, top + place.height + 2, this.width, 1);
    context.fillStyle = colors.soft;
    const sign = group.rows > 1 ? (group.folded ? "▸ " : "▾ ") : "   ";
    this.text(context, sign + group.title, 10, top + ROW / 2, GUTTER - 18);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Track} track
   * @param {number} row
   * @param {number} y
   */
  drawRow(context, track, row, y) {
    let { from, to } = this.view;
    // What the finer data do not cover is drawn from the coarser ones, on either side.
    for (const payload of track.data) {
      const start = payload.base - track.origin;
      const end = payload.end - track.origin;
      if (end <= from || start >= to) continue;
      this.drawEntries(context, track, payload, row, y, Math.max(from, start), Math.min(to, end));
      if (start <= from) from = end;
      else if (end >= to) to = start;
      if (from >= to) break;
    }
    for (const { start, span } of track.marks?.get(row) ?? []) {
      const x = this.x(start - track.origin);
      const end = this.x(start + span - track.origin);
      if (x <= this.width && end >= GUTTER) this.outlines.push({ x, y, width: end - x });
    }
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Track} track
   * @param {Payload} payload
   * @param {number} row
   * @param {number} y
   * @param {number} from
   * @param {number} to
   */
  drawEntries(context, track, payload, row, y, from, to) {
    const colors = /** @type {Colors} */ (this.colors);
    const { start, span, name, count, busy, kind, rowStart, unit, base } = payload;
    const scale = (this.width - GUTTER) / (this.view.to - this.view.from);
    const offset = GUTTER + (base - track.origin - this.view.from) * scale;
    const step = unit * scale;
    const [left, right] = [this.x(from), this.x(to)];
    const last = rowStart[row + 1] ?? 0;
    for (let index = firstVisible(payload, row, (left - offset) / step); index < last; index += 1) {
      const x = offset + start[index] * step;
      if (x > right) break;
      const width = span[index] * step;
      const lit = !track.lit || (name[index] >= 0 && track.lit[name[index]] === 1);
      const dense = count[index] === 1 || span[index] === 0 ? 1 : Math.min(1, busy[index] / span[index]);
      const own = colors.kinds[kind[index]] ?? colors.kinds[colors.kinds.length - 1];
      context.fillStyle = own[(lit ? SHADES : 0) + Math.round(dense * (SHADES - 1))];
      const begin = Math.max(x, left - 2);
      const shown = Math.min(x + width, right + 2) - begin;
      context.fillRect(begin, y, Math.max(1, shown > 4 ? shown - 0.75 : shown), BAR);
      this.drawn += 1;
      if (track.kin && name[index] >= 0 && track.kin[name[index]] === 1) {
        this.outlines.push({ x: begin, y, width: shown });
      }
      if (this.labels) {
        this.cover.fill(row, Math.max(0, Math.floor(begin)), Math.max(0, Math.ceil(begin + shown)));
        if (shown > NARROWEST_LABEL) this.labels.push({ payload, index, from: begin, to: begin + shown, lit });
      } else if (shown > NARROWEST_LABEL) {
        this.drawName(context, track, payload, index, begin, shown, y, lit);
      }
    }
    context.globalAlpha = 1;
    this.drawHovered(context, track, payload, row, y, offset, step);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Track} track
   * @param {Payload} payload
   * @param {number} index
   * @param {number} x
   * @param {number} width
   * @param {number} y
   * @param {boolean} lit
   */
  drawName(context, track, payload, index, x, width, y, lit) {
    const colors = /** @type {Colors} */ (this.colors);
    const id = payload.name[index];
    const text = id >= 0 ? track.names[id] : `${payload.count[index]} events`;
    context.globalAlpha = lit ? 1 : 0.45;
    context.fillStyle = colors.onKinds[payload.kind[index]] ?? colors.ink;
    this.text(context, text, x + 4, y + BAR / 2 + 0.5, width - 7);
  }

  /**
   * Names on a folded thread: each where nothing deeper was painted over its event.
   * @param {CanvasRenderingContext2D} context
   * @param {Track} track
   * @param {number} y
   */
  drawFreeLabels(context, track, y) {
    for (const { payload, index, from, to, lit } of this.labels ?? []) {
      const row = payload.row[index];
      const end = Math.min(this.cover.length, Math.floor(to));
      let free = Math.max(GUTTER, Math.ceil(from));
      for (let x = free; x <= end; x += 1) {
        if (x < end && this.cover[x] === row) continue;
        if (x - free > NARROWEST_LABEL) {
          this.drawName(context, track, payload, index, free, x - free, y, lit);
          break;
        }
        free = x + 1;
      }
    }
    context.globalAlpha = 1;
    this.labels = null;
  }

  /** @param {CanvasRenderingContext2D} context */
  drawOutlines(context) {
    context.strokeStyle = /** @type {Colors} */ (this.colors).mark;
    context.lineWidth = 1.5;
    for (const { x, y, width } of this.outlines) {
      context.strokeRect(x, y + 0.75, Math.max(1.5, width - 1), BAR - 1.5);
    }
    context.lineWidth = 1;
    this.outlines = [];
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Track} track
   * @param {Payload} payload
   * @param {number} row
   * @param {number} y
   * @param {number} offset
   * @param {number} step
   */
  drawHovered(context, track, payload, row, y, offset, step) {
    const { hovered, colors } = this;
    if (!hovered || !colors || this.tracks[hovered.track] !== track) return;
    if (hovered.payload !== payload || payload.row[hovered.entry] !== row) return;
    const x = offset + payload.start[hovered.entry] * step;
    const width = Math.max(1.5, payload.span[hovered.entry] * step);
    const begin = Math.max(GUTTER - 3, x);
    context.strokeStyle = colors.ink;
    context.lineWidth = 1.5;
    context.strokeRect(begin, y + 0.75, Math.min(x + width, this.width + 3) - begin, BAR - 1.5);
    context.lineWidth = 1;
  }

  /** @param {CanvasRenderingContext2D} context */
  drawRuler(context) {
    const colors = /** @type {Colors} */ (this.colors);
    context.fillStyle = colors.paper;
    context.fillRect(0, 0, this.width, RULER);
    context.fillStyle = colors.line;
    context.fillRect(0, RULER - 1, this.width, 1);
    context.fillRect(GUTTER - 1, 0, 1, this.height);
    context.textAlign = "center";
    const wanted = Math.max(2, Math.floor((this.width - GUTTER) / 110));
    for (const time of ticks(this.view.from, this.view.to, wanted)) {
      const x = this.x(time);
      context.fillStyle = colors.faint;
      context.fillRect(Math.round(x), RULER - 5, 1, 4);
      if (x > GUTTER + 20 && x < this.width - 24) context.fillText(this.format(time), x, RULER / 2 - 2);
    }
    context.textAlign = "left";
  }

  /** @param {CanvasRenderingContext2D} context */
  drawPointer(context) {
    const colors = /** @type {Colors} */ (this.colors);
    if (this.pointer === null || this.pointer < GUTTER) return;
    context.globalAlpha = 0.5;
    context.fillStyle = colors.ink;
    context.fillRect(Math.round(this.pointer), RULER, 1, this.height);
    context.globalAlpha = 1;
    const text = this.format(this.time(this.pointer));
    const width = context.measureText(text).width + 10;
    const x = Math.min(this.width - width, Math.max(GUTTER, this.pointer - width / 2));
    context.fillStyle = colors.ink;
    context.fillRect(x, 2, width, RULER - 6);
    context.fillStyle = colors.paper;
    context.fillText(text, x + 5, RULER / 2 - 1);
  }

  /**
   * Text cut to a width; too narrow a place stays empty.
   * @param {CanvasRenderingContext2D} context
   * @param {string} text
   * @param {number} x
   * @param {number} y
   * @param {number} room
   */
  text(context, text, x, y, room) {
    const width = this.widthOf(context, text);
    if (width <= room) {
      context.fillText(text, x, y);
      return;
    }
    const letters = Math.floor((Math.min(text.length, 400) * (room - 8)) / width);
    if (letters < 2) return;
    // What an op is stands at the end of its path, and which of several threads at that of its name.
    const tail = text.includes("/") ? text.slice(-letters) : (/ \d+$/.exec(text)?.[0] ?? "");
    context.fillText(`${text.slice(0, Math.max(0, letters - tail.length))}…${tail}`, x, y);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {string} text
   * @returns {number} of its first 400 letters
   */
  widthOf(context, text) {
    const key = `${context.font}\n${text}`;
    let width = this.textWidths.get(key);
    if (width === undefined) {
      width = context.measureText(text.slice(0, 400)).width;
      if (this.textWidths.size > 20000) this.textWidths.clear();
      this.textWidths.set(key, width);
    }
    return width;
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

/**
 * The first entry of a row that reaches a place, by halving: entries of a row do not overlap.
 * @param {Payload} payload
 * @param {number} row
 * @param {number} place in the payload's units
 * @returns {number}
 */
function firstVisible({ start, span, rowStart }, row, place) {
  let low = rowStart[row] ?? 0;
  let high = rowStart[row + 1] ?? 0;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (start[middle] + span[middle] < place) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Each colour at every shade on a background: first the dimmed ones, then the full ones, each from the
 * least to the most covered.
 * @param {string[]} colors as #rrggbb
 * @param {string} background as #rrggbb
 * @returns {string[][]}
 */
export function shades(colors, background) {
  const paper = channels(background);
  return colors.map((color) => {
    const own = channels(color);
    return [DIM, 1].flatMap((strength) =>
      Array.from({ length: SHADES }, (_, level) => {
        const part = strength * (PALEST + ((1 - PALEST) * level) / (SHADES - 1));
        const mixed = own.map((channel, index) => Math.round(part * channel + (1 - part) * paper[index]));
        return `rgb(${mixed.join(",")})`;
      }),
    );
  });
}

/**
 * @param {string} color
 * @returns {number[]}
 */
function channels(color) {
  return [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
}
