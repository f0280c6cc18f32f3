// Around the lanes: heads of tracks, limits of steps, ruler, pointer.

import { BOLD, FONT, GUTTER, HEAD, RULER } from "./lanes-model.js";
import { ticks } from "./scale.js";

/** @typedef {import("./lanes.js").Lanes} Lanes */
/** @typedef {import("./lanes-model.js").Colors} Colors */
/** @typedef {import("./lanes-model.js").Section} Section */
/** @typedef {import("./lanes-model.js").Track} Track */

const NARROWEST_SECTION = 3;
const NARROWEST_LABEL = 24;

/**
 * @param {Lanes} lanes
 * @param {CanvasRenderingContext2D} context
 * @param {Colors} colors
 * @param {Track} track
 * @param {number} top
 * @param {number} height of the whole track
 */
export function paintHead(lanes, context, colors, track, top, height) {
  context.fillStyle = colors.raised;
  context.fillRect(0, top, lanes.width, HEAD - 2);
  if (track.focus) {
    context.fillStyle = colors.ink;
    context.fillRect(0, top, 3, HEAD - 2);
  }
  context.textBaseline = "middle";
  context.font = FONT;
  track.sections.forEach((section, index) =>
    paintSection(lanes, context, colors, section, index % 2 === 0, top, height),
  );
  const middle = top + HEAD / 2 - 1;
  if (track.note) {
    context.fillStyle = colors.soft;
    lanes.texts.draw(context, track.note, GUTTER + 6, middle, lanes.width - GUTTER - 12);
  }
  context.font = BOLD;
  context.fillStyle = colors.ink;
  lanes.texts.draw(context, track.title, 12, middle, GUTTER - 20);
  context.font = FONT;
}

/**
 * @param {Lanes} lanes
 * @param {CanvasRenderingContext2D} context
 * @param {Colors} colors
 * @param {Section} section
 * @param {boolean} shaded
 * @param {number} top
 * @param {number} height
 */
function paintSection(lanes, context, colors, section, shaded, top, height) {
  const edges = [lanes.x(section.from), lanes.x(section.to)];
  const from = Math.max(GUTTER, edges[0]);
  const to = Math.min(lanes.width, edges[1]);
  if (to <= GUTTER || from >= lanes.width || edges[1] - edges[0] < NARROWEST_SECTION) return;
  if (shaded) {
    context.fillStyle = colors.shade;
    context.fillRect(from, top, to - from, height);
  }
  context.fillStyle = section.current ? colors.ink : colors.faint;
  context.globalAlpha = section.current ? 0.65 : 0.25;
  for (const edge of edges) {
    if (edge >= GUTTER && edge <= lanes.width) context.fillRect(Math.round(edge), top, 1, height);
  }
  context.globalAlpha = 1;
  if (to - from <= NARROWEST_LABEL) return;
  const room = to - from - 10;
  const fits = lanes.texts.width(context, section.label) <= room;
  lanes.texts.draw(context, fits ? section.label : section.short, from + 6, top + HEAD / 2 - 1, room);
}

/**
 * The ruler over the lanes, the line beside their names, and where the pointer is.
 * @param {Lanes} lanes
 * @param {CanvasRenderingContext2D} context
 * @param {Colors} colors
 */
export function paintFrame(lanes, context, colors) {
  const { width, height, view } = lanes;
  context.fillStyle = colors.paper;
  context.fillRect(0, 0, width, RULER);
  context.fillStyle = colors.line;
  context.fillRect(0, RULER - 1, width, 1);
  context.fillRect(GUTTER - 1, 0, 1, height);
  context.fillStyle = colors.faint;
  context.font = FONT;
  context.textBaseline = "middle";
  context.textAlign = "center";
  for (const time of ticks(view.from, view.to, Math.max(2, Math.floor((width - GUTTER) / 110)))) {
    const x = lanes.x(time);
    context.fillRect(Math.round(x), RULER - 5, 1, 4);
    if (x > GUTTER + 20 && x < width - 24) context.fillText(lanes.format(time), x, RULER / 2 - 2);
  }
  context.textAlign = "left";
  if (lanes.pointer !== null && lanes.pointer >= GUTTER) paintPointer(lanes, context, colors, lanes.pointer);
}

/**
 * @param {Lanes} lanes
 * @param {CanvasRenderingContext2D} context
 * @param {Colors} colors
 * @param {number} pointer
 */
function paintPointer(lanes, context, colors, pointer) {
  context.globalAlpha = 0.5;
  context.fillStyle = colors.ink;
  context.fillRect(Math.round(pointer), RULER, 1, lanes.height);
  context.globalAlpha = 1;
  const text = lanes.format(lanes.time(pointer));
  const width = context.measureText(text).width + 10;
  const x = Math.min(lanes.width - width, Math.max(GUTTER, pointer - width / 2));
  context.fillRect(x, 2, width, RULER - 6);
  context.fillStyle = colors.paper;
  context.fillText(text, x + 5, RULER / 2 - 1);
}
