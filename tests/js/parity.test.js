// What the modes computed, as rows.

import assert from "node:assert/strict";
import test from "node:test";

import {
  amount,
  build,
  closeness,
  filter,
  position,
  sort,
} from "../../plugin/tensorboard_plugin_graphprof/static/views/parity-rows.js";

/**
 * @param {string} kind
 * @param {string} name
 * @param {number | null} relative
 * @param {boolean | null} ok
 * @param {number | null} [truth] relative error against the reference
 * @returns {any}
 */
const error = (kind, name, relative, ok, truth) => ({
  ...{ kind, name, relative, ok, ulp: null, tolerance: kind === "update" ? 0.1 : 1e-4 },
  reference: truth === undefined ? null : { relative: truth, ulp: null, ok: true },
});

const OWN = [error("layer", "dense", 0, null, 1e-7), error("update", "dense/kernel", 0, null, 1e-5)];
const XLA = [error("layer", "dense", 5e-3, false, 5e-3), error("update", "dense/kernel", 1e-6, true, 1e-5)];
const FIT = [error("layer", "dense", 0, true, 1e-7)];

/**
 * @param {any[]} own
 * @returns {any}
 */
const report = (own) => ({
  parity: { baseline: "eager", steps: 3, arrays: own },
  modes: [
    { mode: "eager", parity: null },
    { mode: "xla", parity: { verdict: "failed", arrays: XLA } },
    { mode: "fit", parity: { verdict: "passed", arrays: FIT } },
  ],
});

test("a row is an array, a column a mode, the baseline's own errors first", () => {
  const found = build(report(OWN));
  assert.deepEqual(found?.columns, ["eager", "xla", "fit"]);
  assert.deepEqual(
    found?.rows.map(({ kind, name, failed }) => [kind, name, failed]),
    [
      ["layer", "dense", true],
      ["update", "dense/kernel", false],
    ],
  );
  // What was not compared stays without an error: it is not an error of 0.
  assert.equal(found?.rows[1].cells[2].error, null);
  assert.equal(found?.rows[0].cells[2].error?.relative, 0);
});

test("without a float64 run the baseline has no column, and without parity there is nothing", () => {
  assert.deepEqual(build(report([]))?.columns, ["xla", "fit"]);
  assert.equal(build(/** @type {any} */ ({ modes: [{ mode: "eager", parity: null }] })), null);
  assert.equal(build({ ...report(OWN), modes: [{ mode: "eager", parity: null }] }), null);
});

test("rows are filtered by words, kind and failure", () => {
  const rows = build(report(OWN))?.rows ?? [];
  const names = (/** @type {any} */ wanted) => filter(rows, wanted).map(({ words }) => words);
  assert.deepEqual(names({ q: "KERNEL upd" }), ["update dense/kernel"]);
  assert.deepEqual(names({ kind: "layer" }), ["layer dense"]);
  assert.deepEqual(names({ failed: true }), ["layer dense"]);
  assert.deepEqual(names({ q: "conv" }), []);
  assert.equal(names({}).length, 2);
});

test("a column sorts by what is largest for its limit, the baseline's by its distance from float64", () => {
  const rows = build(report(OWN))?.rows ?? [];
  const names = (/** @type {string} */ by) => sort(rows, by).map(({ kind }) => kind);
  assert.deepEqual(names(""), ["layer", "update"]);
  assert.deepEqual(names("xla"), ["layer", "update"]);
  assert.deepEqual(names("name"), ["layer", "update"]);
  assert.ok(Math.abs(closeness(rows[0], "eager") - 1e-3) < 1e-12);
  assert.equal(closeness(rows[1], "fit"), -1);
  const endless = { ...rows[1], cells: [{ column: "xla", own: false, error: error("update", "k", null, false) }] };
  assert.equal(sort([rows[0], endless], "xla")[0], endless);
});

test("errors stand on a logarithmic scale whose ends hold what lies beyond", () => {
  assert.equal(position(0), 0);
  assert.equal(position(1e-12), 0);
  assert.equal(position(null), 1);
  assert.equal(position(1e9), 1);
  assert.ok(Math.abs(position(1e-4) - 0.5) < 1e-9);
});

test("errors read as powers of ten", () => {
  assert.deepEqual([0, 2.34e-7, 1, 31, null].map(amount), ["0", "2e-7", "1e0", "3e1", "all of it"]);
});
