// Numbers to text: the twin of graphprof/units.py in the browser. Both are held to
// tests/golden/units.json. What was not measured is printed as NOT_MEASURED, never as 0.

export const NOT_MEASURED = "—";

/** @type {[number, string][]} */
const TIME_UNITS = [
  [1, "s"],
  [1e-3, "ms"],
  [1e-6, "µs"],
  [1e-9, "ns"],
];
const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/**
 * `value` with so many significant figures, without an exponent, and never with fewer figures before
 * the point than it has.
 * @param {number} value
 * @param {number} [digits]
 * @returns {string}
 */
export function significant(value, digits = 3) {
  if (value === 0) return "0";
  let magnitude = exponent(value);
  const rounded = Number(fixed(value, digits - 1 - magnitude));
  // Rounding may carry into a new magnitude (9.996 -> 10.0), which takes one decimal less.
  if (Math.abs(rounded) >= Number(`1e${magnitude + 1}`)) magnitude += 1;
  const decimals = Math.max(0, digits - 1 - magnitude);
  return fixed(decimals === 0 ? value : rounded, decimals);
}

/**
 * A duration in seconds in the unit that fits: 0.0061 -> "6.10 ms".
 * @param {number | null | undefined} value
 * @param {number} [digits]
 * @returns {string}
 */
export function seconds(value, digits = 3) {
  if (isMissing(value)) return NOT_MEASURED;
  if (value === 0) return "0 s";
  for (const [scale, unit] of TIME_UNITS) {
    // 0.9995 ms with three digits reads 1.00 ms, so the unit is chosen after rounding.
    if (Number(significant(Math.abs(value) / scale, digits)) >= 1) {
      return `${significant(value / scale, digits)} ${unit}`;
    }
  }
  const [scale, unit] = TIME_UNITS[TIME_UNITS.length - 1];
  return `${significant(value / scale, digits)} ${unit}`;
}

/**
 * A number of bytes: 1536 -> "1.50 KiB".
 * @param {number | null | undefined} value
 * @returns {string}
 */
export function size(value) {
  if (isMissing(value)) return NOT_MEASURED;
  let number = value;
  let unit = 0;
  while (Math.abs(number) >= 1024 && unit < BYTE_UNITS.length - 1) {
    number /= 1024;
    unit += 1;
  }
  return unit === 0 ? `${fixed(number, 0)} B` : `${significant(number)} ${BYTE_UNITS[unit]}`;
}

/**
 * A ratio: 1.5 -> "1.50x" (times the baseline).
 * @param {number | null | undefined} value
 * @param {number} [digits]
 * @returns {string}
 */
export function ratio(value, digits = 3) {
  return isMissing(value) ? NOT_MEASURED : `${significant(value, digits)}x`;
}

/**
 * A share of one as a percentage: 0.123 -> "12.3 %".
 * @param {number | null | undefined} value
 * @returns {string}
 */
export function share(value) {
  return isMissing(value) ? NOT_MEASURED : `${fixed(100 * value, 1)} %`;
}

/**
 * A whole number with thin groups of three.
 * @param {number | null | undefined} value
 * @returns {string}
 */
export function count(value) {
  if (isMissing(value)) return NOT_MEASURED;
  return String(value).replace(/\B(?=(\d{3})+(?!\d))/g, "\u2009");
}

/**
 * @param {number | null | undefined} value
 * @returns {value is null | undefined}
 */
function isMissing(value) {
  return value === null || value === undefined || Number.isNaN(value);
}

/**
 * The decimal exponent of a number: 1234 -> 3.
 * @param {number} value
 * @returns {number}
 */
function exponent(value) {
  // toExponential with all digits does not round up into the next magnitude, as log10 can.
  return Number(Math.abs(value).toExponential(20).split("e")[1]);
}

/**
 * `value` with so many decimals (negative: rounded before the point), half going to even as in Python.
 * @param {number} value
 * @param {number} decimals
 * @returns {string}
 */
function fixed(value, decimals) {
  if (decimals < 0) return String(Number(value.toPrecision(Math.max(1, exponent(value) + 1 + decimals))));
  const text = value.toFixed(decimals);
  // toFixed rounds an exact half away from zero. All digits of a double are few enough to see one.
  const exact = Math.abs(value).toFixed(100);
  const point = exact.indexOf(".");
  const rest = exact.slice(point + 1 + decimals);
  if (!/^50*$/.test(rest)) return text;
  const kept = exact.slice(0, point + (decimals === 0 ? 0 : 1 + decimals));
  const lastDigit = Number(kept[kept.length - 1]);
  return lastDigit % 2 === 0 ? (value < 0 ? `-${kept}` : kept) : text;
}
