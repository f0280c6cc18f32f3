// The rows of a group: events as bars, with their names, and outlines over them.

import { BAR, FONT, GUTTER, ROW, RULER } from "./lanes-model.js";
import { SHADES } from "./shades.js";

/** @typedef {import("./lanes.js").Lanes} Lanes */
/** @typedef {import("./payload.js").Payload} Payload */
/** @typedef {import("./lanes-model.js").Colors} Colors */
/** @typedef {import("./lanes-model.js").Group} Group */
/** @typedef {import("./lanes-model.js").Track} Track */

const NARROWEST_LABEL = 26;

/**
 * Paints groups, one after the other; holds what only matters while it paints one.
 */
export class RowPainter {
  /** @param {Lanes} lanes */
  constructor(lanes) {
    this.lanes = lanes;
    /** @type {CanvasRenderingContext2D} */
    this.context = /** @type {any} */ (null);
    /** @type {Colors} */
    this.colors = /** @type {any} */ (null);
    /** The row that is painted on each pixel of a folded group. */
    this.cover = new Int32Array(1);
    /** @type {{payload: Payload, index: number, from: number, to: number, lit: boolean}[] | null} */
    this.labels = null;
    /** @type {{x: number, y: number, width: number, color: string, solid?: boolean}[]} drawn over all rows */
    this.outlines = [];
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Colors} colors
   */
  begin(context, colors) {
    this.context = context;
    this.colors = colors;
    context.font = FONT;
    context.textBaseline = "middle";
    const width = Math.ceil(this.lanes.width);
    if (this.cover.length !== width) this.cover = new Int32Array(width);
  }

  /**
   * @param {Track} track
   * @param {Group} group
   * @param {number} top
   * @param {number} height
   */
  draw(track, group, top, height) {
    const { context, colors, lanes } = this;
    context.save();
    context.beginPath();
    context.rect(GUTTER, Math.max(RULER, top), lanes.width - GUTTER, lanes.height);
    context.clip();
    this.labels = group.folded ? [] : null;
    this.cover.fill(-1);
    for (let row = 0; row < group.rows; row += 1) {
      const y = top + (group.folded ? 0 : row * ROW);
      if (y + ROW < RULER || y > lanes.height) continue;
      this.drawRow(track, group.firstRow + row, y);
    }
    this.drawFreeLabels(track, top);
    this.drawOutlines();
    context.restore();
    context.fillStyle = colors.line;
    context.fillRect(0, top + height + 1, lanes.width, 1);
    context.fillStyle = colors.soft;
    const sign = group.rows > 1 ? (group.folded ? "▸ " : "▾ ") : "   ";
    lanes.texts.draw(context, sign + group.title, 10, top + ROW / 2, GUTTER - 18);
  }

  /**
   * @param {Track} track
   * @param {number} row
   * @param {number} y
   */
  drawRow(track, row, y) {
    const { lanes } = this;
    let { from, to } = lanes.view;
    // What the finer data do not cover is drawn from the coarser ones, on either side.
    for (const payload of track.data) {
      const start = payload.base - track.origin;
      const end = payload.end - track.origin;
      if (end <= from || start >= to) continue;
      this.drawEntries(track, payload, row, y, Math.max(from, start), Math.min(to, end));
      if (start <= from) from = end;
      else if (end >= to) to = start;
      if (from >= to) break;
    }
    this.outline(track, track.marks?.get(row), y, track.solid);
    this.outline(track, track.glow?.get(row), y, false);
  }

  /**
   * @param {Track} track
   * @param {{start: number, span: number}[] | undefined} marks
   * @param {number} y
   * @param {boolean} solid
   */
  outline(track, marks, y, solid) {
    const { lanes, colors } = this;
    for (const { start, span } of marks ?? []) {
      const x = lanes.x(start - track.origin);
      const end = lanes.x(start + span - track.origin);
      if (x <= lanes.width && end >= GUTTER) {
        this.outlines.push({ x, y, width: end - x, color: colors.mark, solid });
      }
    }
  }

  /**
   * @param {Track} track
   * @param {Payload} payload
   * @param {number} row
   * @param {number} y
   * @param {number} from
   * @param {number} to
   */
  drawEntries(track, payload, row, y, from, to) {
    const { context, colors, lanes } = this;
    const { start, span, name, count, busy, kind, rowStart, unit, base } = payload;
    const scale = (lanes.width - GUTTER) / (lanes.view.to - lanes.view.from);
    const offset = GUTTER + (base - track.origin - lanes.view.from) * scale;
    const step = unit * scale;
    const [left, right] = [lanes.x(from), lanes.x(to)];
    const last = rowStart[row + 1] ?? 0;
    for (let index = firstVisible(payload, row, (left - offset) / step); index < last; index += 1) {
      const x = offset + start[index] * step;
      if (x > right) break;
      const begin = Math.max(x, left - 2);
      const shown = Math.min(x + span[index] * step, right + 2) - begin;
      const lit = !track.lit || (name[index] >= 0 && track.lit[name[index]] === 1);
      const dense = count[index] === 1 || span[index] === 0 ? 1 : Math.min(1, busy[index] / span[index]);
      const own = colors.kinds[kind[index]] ?? colors.kinds[colors.kinds.length - 1];
      context.fillStyle = own[(lit ? SHADES : 0) + Math.round(dense * (SHADES - 1))];
      context.fillRect(begin, y, Math.max(1, shown > 4 ? shown - 0.75 : shown), BAR);
      if (this.labels)
        this.cover.fill(row, Math.max(0, Math.floor(begin)), Math.max(0, Math.ceil(begin + shown)));
      if (shown > NARROWEST_LABEL)
        this.label({ payload, index, from: begin, to: begin + shown, lit }, track, y);
      if (track.kin && name[index] >= 0 && track.kin[name[index]] === 1) {
        this.outlines.push({ x: begin, y, width: shown, color: colors.mark });
      }
      if (this.isHovered(track, payload, index)) {
        this.outlines.push({ x: begin, y, width: shown, color: colors.ink });
      }
      lanes.drawn += 1;
    }
  }

  /**
   * Write a name now, or, on a folded group, once it is known what stays free.
   * @param {{payload: Payload, index: number, from: number, to: number, lit: boolean}} label
   * @param {Track} track
   * @param {number} y
   */
  label(label, track, y) {
    if (this.labels) this.labels.push(label);
    else this.drawName(track, label.payload, label.index, label.from, label.to - label.from, y, label.lit);
  }

  /**
   * @param {Track} track
   * @param {Payload} payload
   * @param {number} index
   * @returns {boolean}
   */
  isHovered(track, payload, index) {
    const { hovered, tracks } = this.lanes;
    return hovered?.payload === payload && hovered.entry === index && tracks[hovered.track] === track;
  }

  /**
   * @param {Track} track
   * @param {Payload} payload
   * @param {number} index
   * @param {number} x
   * @param {number} width
   * @param {number} y
   * @param {boolean} lit
   */
  drawName(track, payload, index, x, width, y, lit) {
    const { context, colors, lanes } = this;
    const id = payload.name[index];
    const text = id >= 0 ? track.names[id] : `${payload.count[index]} events`;
    context.globalAlpha = lit ? 1 : 0.45;
    context.fillStyle = colors.onKinds[payload.kind[index]] ?? colors.ink;
    lanes.texts.draw(context, text, x + 4, y + BAR / 2 + 0.5, width - 7);
    context.globalAlpha = 1;
  }

  /**
   * Names on a folded group: each where nothing deeper was painted over its event.
   * @param {Track} track
   * @param {number} y
   */
  drawFreeLabels(track, y) {
    for (const { payload, index, from, to, lit } of this.labels ?? []) {
      const row = payload.row[index];
      const end = Math.min(this.cover.length, Math.floor(to));
      let free = Math.max(GUTTER, Math.ceil(from));
      for (let x = free; x <= end; x += 1) {
        if (x < end && this.cover[x] === row) continue;
        if (x - free > NARROWEST_LABEL) {
          this.drawName(track, payload, index, free, x - free, y, lit);
          break;
        }
        free = x + 1;
      }
    }
    this.labels = null;
  }

  drawOutlines() {
    const { context } = this;
    context.lineWidth = 1.5;
    for (const { x, y, width, color, solid } of this.outlines) {
      context.strokeStyle = color;
      if (solid) {
        context.globalAlpha = 0.4;
        context.fillStyle = color;
        context.fillRect(x, y, Math.max(1.5, width), BAR);
        context.globalAlpha = 1;
      }
      context.strokeRect(x, y + 0.75, Math.max(1.5, width - 1), BAR - 1.5);
    }
    context.lineWidth = 1;
    this.outlines = [];
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
