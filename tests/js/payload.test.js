// The timeline's binary data, and finding an entry in them.

import assert from "node:assert/strict";
import test from "node:test";

import {
  entryAt,
  parsePayload,
  rowStarts,
} from "../../plugin/tensorboard_plugin_graphprof/static/charts/payload.js";

/**
 * @param {number[][]} entries each [start, span, name, count, busy, event, row, kind]
 * @param {{rows?: number, base?: number, end?: number, unit?: number, version?: number}} [head]
 */
function written(entries, { rows = 3, base = 1000, end = 9000, unit = 2, version = 1 } = {}) {
  const n = entries.length;
  const buffer = new ArrayBuffer(48 + 28 * n + Math.ceil(n / 4) * 4);
  const view = new DataView(buffer);
  [0x54505247, version, n, rows].forEach((value, index) => view.setUint32(4 * index, value, true));
  view.setBigInt64(16, BigInt(base), true);
  view.setBigInt64(24, BigInt(end), true);
  view.setBigInt64(32, 4096n, true);
  view.setFloat64(40, unit, true);
  entries.forEach((entry, index) => {
    for (let column = 0; column < 7; column += 1)
      view.setInt32(48 + 4 * (column * n + index), entry[column], true);
    view.setInt8(48 + 28 * n + index, entry[7]);
  });
  return buffer;
}

const ENTRIES = [
  [-5, 20, 0, 1, 20, 10, 0, 2],
  [30, 10, 1, 1, 10, 11, 0, 0],
  [100, 0, -1, 7, 0, 12, 0, -1],
  [32, 4, 2, 3, 2, 13, 2, 11],
];

test("columns and header", () => {
  const payload = parsePayload(written(ENTRIES));
  assert.equal(payload.n, 4);
  assert.deepEqual([payload.base, payload.end, payload.resolution, payload.unit], [1000, 9000, 4096, 2]);
  assert.deepEqual([...payload.start], [-5, 30, 100, 32]);
  assert.deepEqual([...payload.name], [0, 1, -1, 2]);
  assert.deepEqual([...payload.kind], [2, 0, -1, 11]);
  assert.deepEqual([...payload.rowStart], [0, 3, 3, 4]);
});

test("nothing in the window", () => {
  const payload = parsePayload(written([]));
  assert.deepEqual([...payload.rowStart], [0, 0, 0, 0]);
  assert.equal(entryAt(payload, 1, 2000, 100), -1);
});

test("another version is refused in words", () => {
  assert.throws(() => parsePayload(written(ENTRIES, { version: 2 })), /reload the page/);
  assert.throws(() => parsePayload(new ArrayBuffer(10)), /reload the page/);
  assert.throws(() => parsePayload(new ArrayBuffer(64)), /reload the page/);
});

test("the entry under the pointer", () => {
  const payload = parsePayload(written(ENTRIES));
  const at = (/** @type {number} */ units) => 1000 + units * 2;
  assert.equal(entryAt(payload, 0, at(0), 0), 0);
  assert.equal(entryAt(payload, 0, at(15), 0), 0);
  assert.equal(entryAt(payload, 0, at(20), 2), -1);
  assert.equal(entryAt(payload, 0, at(35), 0), 1);
  assert.equal(entryAt(payload, 0, at(28), 6), 1, "within the slack");
  assert.equal(entryAt(payload, 0, at(100), 0), 2, "an instant");
  assert.equal(entryAt(payload, 0, at(103), 8), 2, "an instant, nearly hit");
  assert.equal(entryAt(payload, 2, at(33), 0), 3);
  assert.equal(entryAt(payload, 2, at(100), 0), -1, "of its own row only");
});

test("where rows begin", () => {
  assert.deepEqual([...rowStarts(Int32Array.from([0, 0, 3]), 5)], [0, 2, 2, 2, 3, 3]);
});
