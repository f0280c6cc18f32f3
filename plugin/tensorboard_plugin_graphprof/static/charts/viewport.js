// The visible stretch of time, and how it moves. All lanes share one, so they move together. Pure.

/** @typedef {{ from: number, to: number }} Span */

// A nanosecond over the screen: below the resolution of what is recorded.
const NARROWEST = 1000;

/**
 * @param {Span} span
 * @param {number} factor above 1 shows more time
 * @param {number} center stays where it is
 * @param {Span} limits
 * @returns {Span}
 */
export function zoom(span, factor, center, limits) {
  const length = span.to - span.from;
  const wanted = Math.max(NARROWEST, Math.min(length * factor, widest(limits)));
  const from = center - ((center - span.from) / length) * wanted;
  return clamp({ from, to: from + wanted }, limits);
}

/**
 * @param {Span} span
 * @param {number} by
 * @param {Span} limits
 * @returns {Span}
 */
export function pan(span, by, limits) {
  return clamp({ from: span.from + by, to: span.to + by }, limits);
}

/**
 * Keep something of the limits in sight: their edge may come to the middle, no further.
 * @param {Span} span
 * @param {Span} limits
 * @returns {Span}
 */
export function clamp(span, limits) {
  const length = Math.max(NARROWEST, Math.min(span.to - span.from, widest(limits)));
  const from = Math.max(limits.from - length / 2, Math.min(span.from, limits.to - length / 2));
  return { from, to: from + length };
}

/**
 * @param {Span} limits
 * @returns {number}
 */
function widest(limits) {
  return Math.max(NARROWEST, (limits.to - limits.from) * 1.1);
}

/**
 * A little more than a stretch, so that its ends can be seen.
 * @param {Span} span
 * @returns {Span}
 */
export function withMargin(span) {
  const margin = Math.max(NARROWEST, (span.to - span.from) * 0.02);
  return { from: span.from - margin, to: span.to + margin };
}

/**
 * Whether data fetched for one stretch can still be drawn for another.
 *
 * They can while they cover it, and are not so coarse that a pixel would show.
 * @param {Span} visible
 * @param {Span | null} fetched
 * @param {boolean} complete the data hold every event as itself
 * @returns {boolean}
 */
export function covers(visible, fetched, complete) {
  if (!fetched || fetched.from > visible.from || fetched.to < visible.to) return false;
  const ratio = (fetched.to - fetched.from) / (visible.to - visible.from);
  return complete || ratio <= 3;
}

/**
 * What to fetch for a stretch: half of it more on each side, so that a short move needs nothing new.
 * @param {Span} visible
 * @returns {Span}
 */
export function surrounding(visible) {
  const half = (visible.to - visible.from) / 2;
  return { from: Math.floor(visible.from - half), to: Math.ceil(visible.to + half) };
}
