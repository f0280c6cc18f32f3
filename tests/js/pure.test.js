// Small pure pieces: scales, copied tables, thread names, what a query lights up, one question at a time.

import assert from "node:assert/strict";
import test from "node:test";

import { shades } from "../../plugin/tensorboard_plugin_graphprof/static/charts/shades.js";
import {
  histogram,
  linear,
  niceStep,
  quantile,
  ticks,
} from "../../plugin/tensorboard_plugin_graphprof/static/charts/scale.js";
import { latest } from "../../plugin/tensorboard_plugin_graphprof/static/latest.js";
import { csv, plainLines, sorted } from "../../plugin/tensorboard_plugin_graphprof/static/table.js";
import { kinNames, litNames } from "../../plugin/tensorboard_plugin_graphprof/static/views/timeline-find.js";
import { threadTitle } from "../../plugin/tensorboard_plugin_graphprof/static/views/timeline-track.js";

test("ticks are round, within the range, and not too many", () => {
  assert.deepEqual(ticks(0, 10, 5), [0, 2, 4, 6, 8, 10]);
  assert.deepEqual(ticks(-3, 3, 3), [-2, 0, 2]);
  assert.deepEqual(ticks(5, 5, 4), []);
  for (const [low, high] of [
    [0, 1],
    [1e9, 1e9 + 7],
    [-1e12, 3e10],
    [0.001, 0.0011],
  ]) {
    const found = ticks(low, high, 6);
    assert.ok(found.length >= 2 && found.length <= 8, `${low} ${high}: ${found}`);
    assert.ok(found.every((each) => each >= low - 1e-9 && each <= high * (1 + 1e-9)));
  }
  assert.equal(niceStep(0.03), 0.05);
});

test("scales", () => {
  assert.equal(linear(0, 10, 100, 200)(5), 150);
  assert.equal(linear(3, 3, 100, 200)(3), 100);
  assert.equal(quantile([1, 2, 3, 4], 0.5), 2.5);
  assert.equal(quantile([7], 0.99), 7);
  assert.deepEqual(histogram([0, 1, 2, 2, 4, 5, -1], 0, 4, 2), [2, 3]);
  assert.deepEqual(histogram([1, 2], 3, 3, 2), [0, 0]);
});

test("a copied table has plain numbers, their unit, and one line a row whatever the names", () => {
  const columns = [{ title: "mode" }, { title: "time" }, { title: "", bare: true }, { title: "note" }];
  const rows = [
    { cells: [{ text: 'a,"b"\nc' }, { text: "6.10 ms", raw: 0.0061 }, { text: "picture" }, { text: "x" }] },
    { cells: [{ text: "=d()" }, { text: "—", raw: null }, {}] },
    { cells: [{ raw: "-e" }, { text: "−6.10 ms", raw: -0.0061 }, {}, { text: "" }] },
  ];
  const lines = plainLines({ columns, rows });
  assert.deepEqual(lines[0], ["mode", "time (s)", "note"]);
  assert.equal(csv(lines), 'mode,time (s),note\n"a,""b""\nc",0.0061,x\n\'=d(),,\n\'-e,-0.0061,');
});

test("a unit is told from what is shown: seconds, bytes, or none", () => {
  const column = (/** @type {string} */ text) =>
    plainLines({ columns: [{ title: "t" }], rows: [{ cells: [{ text: "—", raw: null }] }, { cells: [{ text, raw: 1 }] }] });
  for (const [text, title] of [
    ["0 s", "t (s)"],
    ["1.2 µs", "t (s)"],
    ["+3.00 ms", "t (s)"],
    ["12 MB", "t (bytes)"],
    ["12 MiB", "t (bytes)"],
    ["12", "t"],
    ["3.1 %", "t"],
    ["2 calls", "t"],
  ]) {
    assert.equal(column(text)[0][0], title, text);
  }
});

test("rows are sorted by a title; what is unknown comes last, and the sum stays where it is", () => {
  const columns = [{ title: "op" }, { title: "time", number: true }];
  const row = (/** @type {string} */ op, /** @type {number | null} */ raw, last = false) => ({
    cells: [{ text: op }, { text: String(raw), raw }],
    last,
  });
  const rows = [row("b10", 1), row("b9", null), row("a", 3), row("sum", 4, true)];
  const names = (/** @type {{column: number, reverse: boolean} | null} */ sort) =>
    sorted({ columns, rows }, sort).map(({ cells }) => cells[0].text);
  assert.deepEqual(names(null), ["b10", "b9", "a", "sum"]);
  assert.deepEqual(names({ column: 1, reverse: false }), ["a", "b10", "b9", "sum"]);
  assert.deepEqual(names({ column: 1, reverse: true }), ["b10", "a", "b9", "sum"]);
  assert.deepEqual(names({ column: 0, reverse: false }), ["a", "b9", "b10", "sum"]);
  assert.deepEqual(names({ column: 0, reverse: true }), ["b10", "b9", "a", "sum"]);
});

test("threads are called without the number that differs in every trace", () => {
  const names = ["python", "tf_Compute/-77", "tf_Compute/12", "tf_numa_-1_Eigen/5"];
  assert.deepEqual(
    names.map((_, index) => threadTitle(names, index)),
    ["python", "tf_Compute 1", "tf_Compute 2", "tf_numa_-1_Eigen"],
  );
});

/** @type {any} */
const MODE = {
  outline: {
    names: ["EagerLocalExecute: Conv2D", "m/conv/Relu:_FusedConv2D", "m/conv2/Conv2D:Conv2D", "train"],
    ops: ["Conv2D", "Conv2D", "Conv2D", "train"],
    scopes: ["", "m/conv", "m/conv2", ""],
  },
};

test("what a query lights up", () => {
  assert.deepEqual([...litNames(MODE, "op:Conv2D")], [1, 1, 1, 0]);
  assert.deepEqual([...litNames(MODE, "scope:m/conv")], [0, 1, 0, 0]);
  assert.deepEqual([...litNames(MODE, "scope:m")], [0, 1, 1, 0]);
  assert.deepEqual([...litNames(MODE, "FUSED")], [0, 1, 0, 0]);
});

test("kin of an event: the same op, and the same scope where both have one", () => {
  assert.deepEqual([...kinNames(MODE, "Conv2D", "")], [1, 1, 1, 0]);
  assert.deepEqual([...kinNames(MODE, "Conv2D", "m/conv")], [1, 1, 0, 0]);
});

test("colours from dimmed to full, from pale to covered", () => {
  const [own] = shades(["#ff0000"], "#ffffff");
  assert.equal(own.length, 8);
  assert.equal(own[7], "rgb(255,0,0)");
  const greens = own.map((each) => Number(each.split(",")[1]));
  assert.deepEqual(
    greens,
    [...greens].sort((a, b) => b - a),
    "each stronger than the one before",
  );
});

test("one question at a time, and only the newest waits", async () => {
  const run = latest();
  /** @type {string[]} */
  const asked = [];
  /** @type {Record<string, () => void>} */
  const answer = {};
  const ask = (/** @type {string} */ name) =>
    run(() => {
      asked.push(name);
      return new Promise((resolve) => {
        answer[name] = () => resolve(name);
      });
    });
  const [first, second, third] = [ask("1"), ask("2"), ask("3")];
  assert.equal(await second, null);
  assert.deepEqual(asked, ["1"]);
  answer["1"]();
  assert.equal(await first, "1");
  await Promise.resolve();
  assert.deepEqual(asked, ["1", "3"]);
  answer["3"]();
  assert.equal(await third, "3");
});

test("a question that fails lets the next one through", async () => {
  const run = latest();
  const failing = run(() => Promise.reject(new Error("no")));
  const next = run(async () => "yes");
  await assert.rejects(failing, /no/);
  assert.equal(await next, "yes");
});
