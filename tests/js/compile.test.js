// The Compile view's pure parts: lines, crossings, how far the plot reaches, and words.

import assert from "node:assert/strict";
import test from "node:test";

import { apart, logTicks, totalOf } from "../../plugin/tensorboard_plugin_graphprof/static/charts/totals.js";
import {
  crossings,
  lines,
  paysTable,
  reach,
  said,
} from "../../plugin/tensorboard_plugin_graphprof/static/views/compile-pays.js";

/** @type {(...values: any[]) => any} */
const even = (against, status, step, low, high) => ({ against, status, step, low, high, epochs: null });

/** @type {(...values: any[]) => any} */
const mode = (name, first, step, breakEven, perCall = 1) => ({
  mode: name,
  step_time_s: { median: step, low: null, high: null },
  compile: {
    first_call_s: { median: first, low: null, high: null },
    extra_s: first - perCall * step,
    steps_in_first_call: perCall,
    calls_s: [first, step, step],
    break_even: breakEven,
  },
});

/** @type {(workload?: object) => any} */
const report = (workload = {}) => ({
  baseline: "eager",
  workload,
  modes: [
    mode("eager", 0.25, 0.05, [even("graph", "ahead until", 20, 10, 40)]),
    mode("graph", 1, 0.01, [even("eager", "step", 20, 10, 40)]),
    mode("xla", 3, 0.05, [even("eager", "never", null, null, null)]),
    mode("odd", 1, 0.049, [even("eager", "unclear", 700, 400, null)]),
    { mode: "failed", step_time_s: { median: null }, compile: null },
  ],
});

test("a line begins at the first call and rises by a step", () => {
  const found = lines(report());
  assert.deepEqual(
    found.map(({ name }) => name),
    ["eager", "graph", "xla", "odd"],
  );
  assert.equal(totalOf(found[1], 1), 1);
  assert.ok(Math.abs(totalOf(found[1], 11) - 1.1) < 1e-12);
  assert.deepEqual(found[0].measured[0], [1, 0.25]);
  assert.ok(Math.abs(found[0].measured[2][1] - 0.35) < 1e-12);
});

test("measured calls of several steps stand at the steps that they end with", () => {
  const spe = { ...report(), modes: [mode("fit-spe=8", 1, 0.01, [], 8)] };
  assert.deepEqual(
    lines(spe)[0].measured.map(([steps]) => steps),
    [8, 16, 24],
  );
});

test("only crossings that are known are marked, where the line is", () => {
  const found = crossings(report(), lines(report()));
  assert.deepEqual(
    found.map(({ at, low, high }) => [at, low, high]),
    [[20, 10, 40]],
  );
  assert.ok(Math.abs(found[0].total - totalOf(lines(report())[1], 20)) < 1e-12);
});

test("the plot reaches beyond the crossings, and as far as an epoch", () => {
  const steps = reach(report({ steps_per_epoch: 250 }), lines(report())).map(({ steps: one }) => one);
  assert.deepEqual(steps, [100, 250, 1000, 10000]);
  assert.ok(reach(report(), lines(report())).every(({ id }) => id !== "epoch"));
});

test("break-even steps are said in words", () => {
  assert.equal(said(even("eager", "step", 20, 10, 40)), "step 20 (10 – 40)");
  assert.equal(said(even("eager", "never", null, null, null)), "never");
  assert.equal(said(even("eager", "unclear", null, 400, null)), "unclear, not before step 400");
  assert.equal(said(even("eager", "unclear", null, 1, null)), "unclear");
});

test("the table has every pair of modes", () => {
  const { columns, rows } = paysTable(report());
  assert.equal(columns.length, 3 + 4);
  assert.equal(rows.length, 4);
  for (const row of rows) assert.equal(row.cells.length, columns.length);
});

test("names at the ends of lines do not touch, and stay inside", () => {
  const placed = apart([50, 51, 52, 190], 0, 200);
  for (const [one, other] of [
    [0, 1],
    [1, 2],
    [2, 3],
  ]) {
    assert.ok(placed[other] - placed[one] >= 14);
  }
  assert.ok(Math.max(...apart([199, 200, 201], 0, 200)) <= 200);
});

test("logarithmic ticks are powers of ten, or 1, 2 and 5 of each", () => {
  assert.deepEqual(logTicks(1, 1000, false), [1, 10, 100, 1000]);
  assert.deepEqual(logTicks(1, 10, true), [1, 2, 5, 10]);
  assert.deepEqual(logTicks(0.3, 3, true), [0.5, 1, 2]);
});
