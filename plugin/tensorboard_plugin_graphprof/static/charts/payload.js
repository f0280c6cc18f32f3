// The binary answer of the timeline route as typed arrays over the buffer, without copying.
// Its layout is described in http_api.md. Pure.

const MAGIC = 0x54505247;
const VERSION = 1;
const HEADER = 48;

/**
 * Entries are sorted by row, then start. `name` is -1 for a block of several names, `kind` -1 where no
 * kind is known; `event` is the one event, or the longest of a block. Times: `base + start * unit`.
 * @typedef {{
 *   n: number, rows: number, base: number, end: number, resolution: number, unit: number,
 *   start: Int32Array, span: Uint32Array, name: Int32Array, count: Uint32Array,
 *   busy: Uint32Array, event: Int32Array, row: Int32Array, kind: Int8Array, rowStart: Int32Array
 * }} Payload
 */

/**
 * @param {ArrayBuffer} buffer
 * @returns {Payload}
 */
export function parsePayload(buffer) {
  const view = new DataView(buffer);
  if (
    buffer.byteLength < HEADER ||
    view.getUint32(0, true) !== MAGIC ||
    view.getUint32(4, true) !== VERSION
  ) {
    throw new Error("The timeline's data are of another version: reload the page");
  }
  const n = view.getUint32(8, true);
  const rows = view.getUint32(12, true);
  const at = (/** @type {number} */ column) => HEADER + 4 * n * column;
  const row = new Int32Array(buffer, at(6), n);
  return {
    n,
    rows,
    base: Number(view.getBigInt64(16, true)),
    end: Number(view.getBigInt64(24, true)),
    resolution: Number(view.getBigInt64(32, true)),
    unit: view.getFloat64(40, true),
    start: new Int32Array(buffer, at(0), n),
    span: new Uint32Array(buffer, at(1), n),
    name: new Int32Array(buffer, at(2), n),
    count: new Uint32Array(buffer, at(3), n),
    busy: new Uint32Array(buffer, at(4), n),
    event: new Int32Array(buffer, at(5), n),
    row,
    kind: new Int8Array(buffer, at(7), n),
    rowStart: rowStarts(row, rows),
  };
}

/**
 * Where the entries of each row begin; one more element closes the last row.
 * @param {Int32Array} row ascending
 * @param {number} rows
 * @returns {Int32Array}
 */
export function rowStarts(row, rows) {
  const starts = new Int32Array(rows + 1);
  for (let index = 0; index < row.length; index += 1) starts[row[index] + 1] += 1;
  for (let index = 0; index < rows; index += 1) starts[index + 1] += starts[index];
  return starts;
}

/**
 * The entry of a row that covers a time, or is at most `slack` away from it; -1 for none.
 * @param {Payload} payload
 * @param {number} row
 * @param {number} time on the payload's clock
 * @param {number} slack
 * @returns {number}
 */
export function entryAt(payload, row, time, slack) {
  const { start, span, rowStart, base, unit } = payload;
  let low = rowStart[row];
  let high = rowStart[row + 1];
  const first = low;
  const end = high;
  const wanted = (time - base) / unit;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (start[middle] <= wanted) low = middle + 1;
    else high = middle;
  }
  let best = -1;
  let least = slack / unit;
  for (const index of [low - 1, low]) {
    if (index < first || index >= end) continue;
    const distance = Math.max(start[index] - wanted, wanted - start[index] - span[index], 0);
    if (distance <= least) [best, least] = [index, distance];
  }
  return best;
}
