// Values in their order as dots, with the distribution beside them on the same scale, on canvas.

import { h, on } from "../dom.js";
import { prepareCanvas } from "./responsive.js";
import { histogram, linear, ticks } from "./scale.js";
import { hideTip, showTip } from "./tip.js";

/** @typedef {import("../dom.js").Child} Child */

/**
 * @typedef {{ color: string, hollow?: boolean, faint?: boolean }} DotStyle
 * @typedef {{
 *   values: number[], styles: number[], palette: DotStyle[],
 *   bands: { from: number, to: number, label: string }[],
 *   low: number, high: number, log: boolean,
 *   format: (value: number) => string, tip: (index: number) => Child[], label: string,
 *   line: string, text: string, background: string, counted: boolean[],
 *   reference?: number | null
 * }} DotData `counted` values make up the distribution; those above `high` are drawn as triangles
 */

const LEFT = 64;
const TOP = 16;
const BOTTOM = 6;
const DISTRIBUTION = 110;
const BINS = 36;
const RADIUS = 2.4;

/**
 * @param {DotData} data
 * @param {number} width
 * @param {number} height
 * @returns {HTMLCanvasElement}
 */
export function dots(data, width, height) {
  const canvas = /** @type {HTMLCanvasElement} */ (
    h("canvas", { role: "img", "aria-label": data.label, class: "dots" })
  );
  const right = Math.max(LEFT + 40, width - DISTRIBUTION - 12);
  const x = linear(-0.5, data.values.length - 0.5, LEFT + 6, right - 4);
  const y = scaleY(data, height);
  draw(prepareCanvas(canvas, width, height), data, { x, y, right, width, height });
  on(canvas, {
    pointermove: (/** @type {PointerEvent} */ event) => {
      const index = nearest(data, x, y, event.offsetX, event.offsetY);
      if (index < 0) hideTip();
      else showTip(data.tip(index), event.clientX, event.clientY);
    },
    pointerleave: hideTip,
  });
  return canvas;
}

/**
 * @param {DotData} data
 * @param {number} height
 * @returns {(value: number) => number}
 */
function scaleY(data, height) {
  if (!data.log) return linear(data.low, data.high, height - BOTTOM, TOP);
  const inner = linear(Math.log(data.low), Math.log(data.high), height - BOTTOM, TOP);
  return (value) => inner(Math.log(Math.max(value, 1e-12)));
}

/**
 * @typedef {{
 *   x: (value: number) => number, y: (value: number) => number, right: number, width: number,
 *   height: number
 * }} Geometry
 */

/**
 * @param {CanvasRenderingContext2D} context
 * @param {DotData} data
 * @param {Geometry} geometry
 */
function draw(context, data, geometry) {
  context.font = "11px system-ui, sans-serif";
  drawGrid(context, data, geometry);
  drawBands(context, data, geometry);
  drawDots(context, data, geometry);
  drawDistribution(context, data, geometry);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {DotData} data
 * @param {Geometry} geometry
 */
function drawGrid(context, data, { y, right, height }) {
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.lineWidth = 1;
  for (const value of marks(data, height)) {
    context.strokeStyle = data.line;
    context.beginPath();
    context.moveTo(LEFT, Math.round(y(value)) + 0.5);
    context.lineTo(right, Math.round(y(value)) + 0.5);
    context.stroke();
    context.fillStyle = data.text;
    context.fillText(data.format(value), LEFT - 6, y(value));
  }
}

/**
 * @param {DotData} data
 * @param {number} height
 * @returns {number[]}
 */
function marks(data, height) {
  if (!data.log) return ticks(data.low, data.high, Math.max(2, Math.floor(height / 36)));
  const found = [];
  for (let power = Math.ceil(Math.log10(data.low)); 10 ** power <= data.high; power += 1)
    found.push(10 ** power);
  return found;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {DotData} data
 * @param {Geometry} geometry
 */
function drawBands(context, data, { x, height }) {
  context.textAlign = "left";
  context.textBaseline = "top";
  data.bands.forEach((band, index) => {
    const from = x(band.from - 0.5);
    if (index > 0) {
      context.strokeStyle = data.text;
      context.globalAlpha = 0.35;
      context.beginPath();
      context.moveTo(Math.round(from) + 0.5, TOP - 12);
      context.lineTo(Math.round(from) + 0.5, height - BOTTOM);
      context.stroke();
      context.globalAlpha = 1;
    }
    const room = x(band.to - 0.5) - from - 6;
    if (context.measureText(band.label).width < room) {
      context.fillStyle = data.text;
      context.fillText(band.label, from + 4, 1);
    }
  });
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {DotData} data
 * @param {Geometry} geometry
 */
function drawDots(context, data, { x, y }) {
  const many = data.values.length > 600;
  data.values.forEach((value, index) => {
    const style = data.palette[data.styles[index]];
    context.globalAlpha = style.faint ? 0.55 : many ? 0.7 : 0.9;
    context.fillStyle = style.hollow ? data.background : style.color;
    context.strokeStyle = style.color;
    context.beginPath();
    if (value > data.high) triangle(context, x(index), TOP + 2);
    else context.arc(x(index), y(value), RADIUS, 0, 2 * Math.PI);
    context.fill();
    if (style.hollow) context.stroke();
  });
  context.globalAlpha = 1;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number} y
 */
function triangle(context, x, y) {
  context.moveTo(x - 3.2, y + 3);
  context.lineTo(x + 3.2, y + 3);
  context.lineTo(x, y - 3);
  context.closePath();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {DotData} data
 * @param {Geometry} geometry
 */
function drawDistribution(context, data, { y, width, right }) {
  const values = data.values.filter((_, index) => data.counted[index]);
  const map = data.log ? Math.log : (/** @type {number} */ value) => value;
  const counts = histogram(values.map(map), map(data.low), map(data.high), BINS);
  const most = Math.max(1, ...counts);
  const left = right + 12;
  const step = (map(data.high) - map(data.low)) / BINS;
  const unmap = data.log ? Math.exp : map;
  context.fillStyle = data.palette[0].color;
  counts.forEach((found, bin) => {
    if (!found) return;
    const top = y(unmap(map(data.low) + (bin + 1) * step));
    const bottom = y(unmap(map(data.low) + bin * step));
    context.globalAlpha = 0.75;
    context.fillRect(
      left,
      top + 0.5,
      Math.max(1, (found / most) * (width - left - 2)),
      Math.max(1, bottom - top - 1),
    );
  });
  context.globalAlpha = 1;
  if (typeof data.reference === "number" && data.reference <= data.high && data.reference >= data.low) {
    context.strokeStyle = data.text;
    context.beginPath();
    context.moveTo(LEFT, Math.round(y(data.reference)) + 0.5);
    context.lineTo(width, Math.round(y(data.reference)) + 0.5);
    context.setLineDash([3, 3]);
    context.stroke();
    context.setLineDash([]);
  }
}

/**
 * The dot under the pointer, or -1.
 * @param {DotData} data
 * @param {(value: number) => number} x
 * @param {(value: number) => number} y
 * @param {number} atX
 * @param {number} atY
 */
function nearest(data, x, y, atX, atY) {
  let best = -1;
  let least = 10 ** 2;
  data.values.forEach((value, index) => {
    const dx = x(index) - atX;
    const dy = (value > data.high ? TOP + 2 : y(value)) - atY;
    const distance = dx * dx + dy * dy;
    if (distance < least) [best, least] = [index, distance];
  });
  return best;
}
