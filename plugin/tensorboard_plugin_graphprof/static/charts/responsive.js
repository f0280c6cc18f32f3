// A place for a chart that is drawn again when its width changes.

import { h, fill } from "../dom.js";

/**
 * @param {(width: number) => Element} draw makes the chart for a width in pixels
 * @param {Record<string, string>} [attributes]
 * @returns {HTMLElement}
 */
export function responsive(draw, attributes = {}) {
  const holder = h("div", { ...attributes, class: `chart ${attributes.class ?? ""}`.trim() });
  let drawn = 0;
  const observer = new ResizeObserver((entries) => {
    const width = Math.floor(entries[entries.length - 1].contentRect.width);
    if (width === 0 || width === drawn) return;
    drawn = width;
    fill(holder, draw(width));
  });
  observer.observe(holder);
  return holder;
}

/**
 * A canvas in device pixels, with a context scaled to CSS pixels.
 * @param {HTMLCanvasElement} canvas
 * @param {number} width in CSS pixels
 * @param {number} height
 * @returns {CanvasRenderingContext2D}
 */
export function prepareCanvas(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  const [pixelWidth, pixelHeight] = [Math.round(width * ratio), Math.round(height * ratio)];
  // Setting the size clears a canvas and costs an allocation, so it is done only when it changed.
  if (canvas.width !== pixelWidth || canvas.height !== pixelHeight) {
    canvas.width = pixelWidth;
    canvas.height = pixelHeight;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}
