// Wheel, drag and keys to moves of the timeline. Knows no data.

import { on } from "../dom.js";

/**
 * @typedef {{
 *   zoomAt: (x: number | null, factor: number) => void,
 *   panBy: (pixels: number) => void,
 *   scrollBy: (pixels: number) => void,
 *   hover: (x: number, y: number, event: PointerEvent) => void,
 *   leave: () => void,
 *   click: (x: number, y: number, event: PointerEvent) => void,
 *   reset: () => void,
 *   step: (by: number) => void,
 *   search: () => void,
 *   threads: () => void,
 *   next: (by: number) => void,
 *   escape: () => void
 * }} Moves
 */

const WHEEL = 0.0016;
const KEY_ZOOM = 1.35;
const KEY_PAN = 0.12;
const CLICK = 4; // a press that moves less than this is no drag

/**
 * @param {HTMLElement} holder has the focus and scrolls
 * @param {HTMLCanvasElement} canvas
 * @param {number} gutter width of the part that scrolls instead of zooming
 * @param {Moves} moves
 */
export function listen(holder, canvas, gutter, moves) {
  on(holder, {
    wheel: (/** @type {WheelEvent} */ event) => wheel(event, gutter, moves),
    keydown: (/** @type {KeyboardEvent} */ event) => {
      if (key(event, holder, moves)) event.preventDefault();
    },
  });
  drag(canvas, moves);
}

/**
 * @param {WheelEvent} event
 * @param {number} gutter
 * @param {Moves} moves
 */
function wheel(event, gutter, moves) {
  const lines = event.deltaMode === 1 ? 16 : 1; // Firefox counts lines
  const [dx, dy] = [event.deltaX * lines, event.deltaY * lines];
  const bounds = /** @type {HTMLElement} */ (event.currentTarget).getBoundingClientRect();
  const x = event.clientX - bounds.left;
  if (x < gutter && !event.ctrlKey) return;
  event.preventDefault();
  if (event.shiftKey || Math.abs(dx) > Math.abs(dy)) moves.panBy(event.shiftKey && !dx ? dy : dx);
  else moves.zoomAt(x, Math.exp(dy * WHEEL));
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Moves} moves
 */
function drag(canvas, moves) {
  /** @type {{x: number, y: number, moved: number} | null} */
  let held = null;
  on(canvas, {
    pointerdown: (/** @type {PointerEvent} */ event) => {
      if (event.button !== 0) return;
      held = { x: event.clientX, y: event.clientY, moved: 0 };
      canvas.setPointerCapture(event.pointerId);
    },
    pointermove: (/** @type {PointerEvent} */ event) => {
      if (!held) {
        moves.hover(event.offsetX, event.offsetY, event);
        return;
      }
      const [dx, dy] = [event.clientX - held.x, event.clientY - held.y];
      held = { x: event.clientX, y: event.clientY, moved: held.moved + Math.abs(dx) + Math.abs(dy) };
      if (held.moved < CLICK) return;
      canvas.classList.add("dragging");
      moves.panBy(-dx);
      moves.scrollBy(-dy);
    },
    pointerup: (/** @type {PointerEvent} */ event) => {
      if (held && held.moved < CLICK) moves.click(event.offsetX, event.offsetY, event);
      held = null;
      canvas.classList.remove("dragging");
    },
    pointercancel: () => {
      held = null;
      canvas.classList.remove("dragging");
    },
    pointerleave: () => moves.leave(),
  });
}

/**
 * @param {KeyboardEvent} event
 * @param {HTMLElement} holder
 * @param {Moves} moves
 * @returns {boolean} whether it was one of ours
 */
function key(event, holder, moves) {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const width = holder.clientWidth;
  /** @type {Record<string, () => void>} */
  const actions = {
    w: () => moves.zoomAt(null, 1 / KEY_ZOOM),
    "+": () => moves.zoomAt(null, 1 / KEY_ZOOM),
    "=": () => moves.zoomAt(null, 1 / KEY_ZOOM),
    s: () => moves.zoomAt(null, KEY_ZOOM),
    "-": () => moves.zoomAt(null, KEY_ZOOM),
    a: () => moves.panBy(-width * KEY_PAN),
    arrowleft: () => moves.panBy(-width * KEY_PAN),
    d: () => moves.panBy(width * KEY_PAN),
    arrowright: () => moves.panBy(width * KEY_PAN),
    arrowup: () => moves.scrollBy(-60),
    arrowdown: () => moves.scrollBy(60),
    0: () => moves.reset(),
    "[": () => moves.step(-1),
    "]": () => moves.step(1),
    "/": () => moves.search(),
    t: () => moves.threads(),
    n: () => moves.next(1),
    p: () => moves.next(-1),
    escape: () => moves.escape(),
  };
  const action = actions[event.key.toLowerCase()];
  action?.();
  return action !== undefined;
}
