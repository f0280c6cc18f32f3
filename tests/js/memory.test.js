// Memory: curves in steps, and the table of what is alive at the peaks.

import assert from "node:assert/strict";
import test from "node:test";

import { byteTicks, levelAt, stairs } from "../../plugin/tensorboard_plugin_graphprof/static/charts/curve.js";
import {
  figures,
  filterHeld,
  growthText,
  heldContent,
  heldRows,
  sortHeld,
  sortOf,
} from "../../plugin/tensorboard_plugin_graphprof/static/views/memory-table.js";

const MIB = 1 << 20;

/**
 * @param {string} name
 * @param {[string, string, number][]} rows owner, pass, bytes
 * @param {any} [more]
 * @returns {any}
 */
function mode(name, rows, more = {}) {
  const alive = rows.map(([owner, in_pass, bytes]) => ({
    ...{ owner, in_pass, bytes, share: 0.5, tensors: 1, largest: `${owner}/MatMul`, largest_bytes: bytes, shape: "" },
  }));
  return { mode: name, memory: { alive, ...more } };
}

const GRAPH = mode("graph", [
  ["net/dense", "forward", 10],
  ["net/dense", "backward", 5],
]);
const XLA = mode("xla", [
  ["net/pool", "backward", 40],
  ["", "gaps", 20],
  ["net/dense", "forward", 11],
]);

test("a level holds until the next point", () => {
  /** @type {[number, number][]} */
  const points = [
    [1, 10],
    [2, 30],
    [2, 20],
  ];
  assert.equal(levelAt(points, 0.5), null);
  assert.equal(levelAt(points, 1), 10);
  assert.equal(levelAt(points, 1.99), 10);
  assert.equal(levelAt(points, 2), 20);
  assert.equal(levelAt(points, 99), 20);
  assert.equal(levelAt([], 1), null);
});

test("a curve has steps and no slopes", () => {
  const same = (/** @type {number} */ value) => value;
  const points = /** @type {[number, number][]} */ ([
    [0, 5],
    [2, 7],
  ]);
  assert.equal(stairs(points, 9, same, same), "M0,5H2V7H9");
  assert.equal(stairs([], 9, same, same), "");
});

test("levels are counted in round numbers of their unit", () => {
  assert.deepEqual(byteTicks(9 * MIB, 4), [0, 5 * MIB]);
  assert.deepEqual(byteTicks(2000, 4), [0, 512, 1024, 1536]);
  assert.deepEqual(byteTicks(900, 2), [0, 500]);
});

test("an owner and pass are one row over all modes", () => {
  const rows = heldRows([GRAPH, XLA], "net/");
  assert.deepEqual(
    rows.map(({ title, inPass, cells }) => [title, inPass, ...cells.map((cell) => cell?.bytes ?? null)]),
    [
      ["dense", "forward", 10, 11],
      ["dense", "backward", 5, null],
      ["pool", "backward", null, 40],
      ["space that nothing fills", "gaps", null, 20],
    ],
  );
});

test("rows are sorted by the most in any mode, by one mode, or by name", () => {
  const rows = heldRows([GRAPH, XLA], "net/");
  const titles = (/** @type {string | undefined} */ sort) =>
    sortHeld(rows, sortOf(sort, 2)).map(({ title, inPass }) => `${title} ${inPass}`);
  assert.equal(titles(undefined)[0], "pool backward");
  assert.equal(titles("0")[0], "dense forward");
  assert.equal(titles("-1")[0], "dense backward");
  assert.equal(titles("name")[0], "dense backward");
  assert.equal(titles("-pass")[0], "space that nothing fills gaps");
  assert.deepEqual(titles("9"), titles(undefined));
});

test("a filter asks for all its words, in layer, pass and op", () => {
  const rows = heldRows([GRAPH, XLA], "net/");
  assert.equal(filterHeld(rows, "").length, 4);
  assert.equal(filterHeld(rows, "Dense back").length, 1);
  assert.equal(filterHeld(rows, "pool matmul").length, 1);
  assert.equal(filterHeld(rows, "pool forward").length, 0);
});

test("what is copied is bytes, and nothing is not 0", () => {
  const { columns, rows } = heldContent(heldRows([GRAPH, XLA], "net/"), ["graph", "xla"]);
  assert.deepEqual(
    columns.map(({ title }) => title),
    ["layer", "pass", "graph bytes", "graph largest", "xla bytes", "xla largest"],
  );
  assert.deepEqual(
    rows[1].cells.map(({ text, raw }) => (raw === undefined ? text : raw)),
    ["net/dense", "backward", 5, "net/dense/MatMul", null, ""],
  );
});

test("figures that were not measured are dashes", () => {
  const known = mode("xla", [], {
    ...{ needed_bytes: 3 * MIB, step_bytes: 4 * MIB, before_bytes: 0, peak_bytes: 4 * MIB },
    ...{ left_behind_bytes: MIB, by_pass: { forward: MIB, backward: 0 } },
    ...{ plan: { temporary_bytes: 3 * MIB }, weights_bytes: null, optimizer_bytes: undefined },
    ...{ allocator: "mklcpu", counts_from_bytes: 262144 },
  });
  const texts = figures([known, mode("graph", [], { allocator: null, by_pass: {} })]).rows.map(({ cells }) =>
    cells.map(({ text }) => text),
  );
  assert.deepEqual(texts, [
    ["xla", "3.00 MiB", "4.00 MiB", "0 B", "1.00 MiB", "4.00 MiB", "1.00 MiB", "0 B", "3.00 MiB", "—", "—", "mklcpu, from 256 KiB"],
    ["graph", "—", "—", "—", "—", "—", "—", "—", "—", "—", "—", "—"],
  ]);
});

test("growth is said only where it grows", () => {
  const of = (/** @type {boolean} */ grows) =>
    /** @type {any} */ ({ rss: { growth: { bytes_per_step: MIB, steps: 90, grows } } });
  assert.equal(growthText(of(true)), "grows by 1.00 MiB a step over 90 steps");
  assert.equal(growthText(of(false)), "steady over 90 steps");
  assert.equal(growthText(/** @type {any} */ ({ rss: null })), "—");
});
