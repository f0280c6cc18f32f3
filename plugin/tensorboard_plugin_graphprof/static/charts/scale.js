// Scales and ticks. Pure.

/**
 * Round numbers that divide a range into about `wanted` parts.
 * @param {number} low
 * @param {number} high
 * @param {number} wanted
 * @returns {number[]} ascending, all within the range
 */
export function ticks(low, high, wanted) {
  if (!(high > low) || wanted < 1) return [];
  const step = niceStep((high - low) / wanted);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  /** @type {number[]} */
  const found = [];
  for (let i = first; i <= last; i += 1) found.push(i * step + 0); // + 0: no -0
  return found;
}

/**
 * The smallest of 1, 2, 5 x 10^n that is not below a number.
 * @param {number} rough
 * @returns {number}
 */
export function niceStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((one) => one * power >= rough * (1 - 1e-9)) ?? 10;
  return factor * power;
}

/**
 * A linear map from a domain to pixels.
 * @param {number} low
 * @param {number} high
 * @param {number} from
 * @param {number} to
 * @returns {(value: number) => number}
 */
export function linear(low, high, from, to) {
  const factor = high > low ? (to - from) / (high - low) : 0;
  return (value) => from + (value - low) * factor;
}

/**
 * Count values into equal bins.
 * @param {number[]} values
 * @param {number} low
 * @param {number} high
 * @param {number} bins
 * @returns {number[]} values outside the range are not counted
 */
export function histogram(values, low, high, bins) {
  const counts = new Array(bins).fill(0);
  if (!(high > low)) return counts;
  for (const value of values) {
    if (value < low || value > high) continue;
    counts[Math.min(bins - 1, Math.floor(((value - low) / (high - low)) * bins))] += 1;
  }
  return counts;
}

/**
 * A position within sorted values: 0.5 is the median.
 * @param {number[]} sorted ascending
 * @param {number} position from 0 to 1
 * @returns {number}
 */
export function quantile(sorted, position) {
  const at = (sorted.length - 1) * position;
  const below = Math.floor(at);
  const above = Math.min(sorted.length - 1, below + 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (at - below);
}
