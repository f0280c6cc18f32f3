// The way from one mode to another, and what is behind its steps.

import assert from "node:assert/strict";
import test from "node:test";

import { scaleStart } from "../../plugin/tensorboard_plugin_graphprof/static/charts/waterfall.js";
import {
  REST,
  behind,
  partId,
  partTitle,
  way,
} from "../../plugin/tensorboard_plugin_graphprof/static/views/difference-parts.js";
import { pairOf, signed } from "../../plugin/tensorboard_plugin_graphprof/static/views/modes-pair.js";

/** @type {any} */
const KINDS = [
  { id: "python", title: "Python", explanation: "" },
  { id: "op", title: "Op execution", explanation: "" },
];

/**
 * @param {Record<string, unknown>} changes
 * @returns {any}
 */
function part(changes) {
  const empty = { kind: "", owner: "", in_pass: "", op_type: "", baseline_s: 0, mode_s: 0 };
  /** @type {any} */
  const made = { ...empty, baseline_busy_s: 0, mode_busy_s: 0, ...changes };
  return { ...made, gap_s: made.mode_s - made.baseline_s };
}

/**
 * @param {any[]} parts
 * @param {string} [by]
 * @returns {any}
 */
function difference(parts, by = "layer") {
  const sum = (/** @type {string} */ name) => parts.reduce((all, one) => all + one[name], 0);
  const [baseline_s, mode_s] = [sum("baseline_s"), sum("mode_s")];
  const sorted = [...parts].sort((a, b) => Math.abs(b.gap_s) - Math.abs(a.gap_s));
  return {
    ...{ baseline: "graph", mode: "xla", by, root: "net/", parts: sorted },
    ...{ baseline_s, mode_s, gap_s: mode_s - baseline_s },
  };
}

/**
 * @param {any[][]} ops owner, pass, type in every mode, name, calls, seconds
 * @param {any[]} rows
 * @returns {any}
 */
function mode(ops, rows) {
  const column = (/** @type {number} */ at) => ops.map((op) => op[at]);
  return {
    ...{ mode: "", error: null, step_s: 1, op_s: 1, labelled: 1, tags: {}, rows },
    ops: {
      ...{ owner: column(0), in_pass: column(1), op_type: column(2), tf_type: column(2), name: column(3) },
      ...{ calls: column(4), wall_s: column(5), busy_s: column(5), low_s: column(5), high_s: column(5) },
      tag: ops.map(() => "direct"),
    },
  };
}

test("the way closes, whatever the parts are", () => {
  let seed = 7;
  const random = () => {
    seed = (seed * 16807) % 2147483647;
    return seed / 2147483647;
  };
  for (let round = 0; round < 200; round += 1) {
    const count = Math.floor(random() * 40);
    const parts = Array.from({ length: count }, (_, at) =>
      part({ owner: `net/${at}`, in_pass: "forward", baseline_s: random() ** 4, mode_s: random() ** 4 }),
    );
    const found = difference(parts);
    const steps = way(found, KINDS);
    let at = found.baseline_s;
    for (const step of steps) {
      assert.equal(step.from, at);
      assert.ok(Math.abs(step.to - step.from - step.gap) < 1e-12);
      at = step.to;
    }
    assert.ok(Math.abs(at - found.mode_s) < 1e-9, `${at} ${found.mode_s}`);
    assert.ok(steps.length <= 13);
    const sizes = steps.filter(({ id }) => id !== REST).map(({ gap }) => Math.abs(gap));
    assert.deepEqual(
      sizes,
      [...sizes].sort((a, b) => b - a),
    );
    assert.equal(
      steps.reduce((sum, step) => sum + step.parts.length, 0),
      parts.filter(({ gap_s }) => gap_s !== 0).length,
    );
  }
});

test("a rest of one part is that part, and what does not differ is no step", () => {
  const large = part({ owner: "a", in_pass: "forward", mode_s: 1 });
  const small = part({ owner: "b", in_pass: "forward", mode_s: 0.0001 });
  const same = part({ owner: "c", in_pass: "forward", baseline_s: 1, mode_s: 1 });
  assert.deepEqual(
    way(difference([large, small, same]), KINDS).map(({ title }) => title),
    ["a forward", "b forward"],
  );
  const rest = way(difference([large, small, { ...small, owner: "d" }]), KINDS);
  assert.deepEqual(
    rest.map(({ title }) => title),
    ["a forward", "everything else (2)"],
  );
});

test("what parts are called", () => {
  const titles = [
    { owner: "net/conv", in_pass: "backward" },
    { owner: "adam", in_pass: "optimizer" },
    { owner: "adam", in_pass: "optimizer", kind: "python" },
    { kind: "python" },
    { in_pass: "other" },
    { in_pass: "input", op_type: "IteratorGetNext" },
    { owner: "net/conv", in_pass: "forward", op_type: "Conv2D" },
  ].map((one) => partTitle(part(one), "net/", KINDS));
  assert.deepEqual(titles, [
    "conv backward",
    "optimizer adam",
    "optimizer adam Python",
    "Python",
    "without layer",
    "input without layer IteratorGetNext",
    "conv forward Conv2D",
  ]);
  assert.notEqual(partId(part({ kind: "a", owner: "b" })), partId(part({ owner: "a|b" })));
});

const LSTM = part({ owner: "net/lstm", in_pass: "forward", baseline_s: 7, mode_s: 4 });
const PYTHON = part({ kind: "python", baseline_s: 2, mode_s: 1 });
const NOBODY = part({ in_pass: "other", baseline_s: 0.5, mode_s: 0 });
const BOTH = /** @type {[any, any]} */ ([
  mode(
    [
      ["net/lstm", "forward", "MatMul", "one", 1, 1],
      ["net/lstm", "forward", "MatMul", "two", 1, 2],
      ["net/lstm/cell", "forward", "Add", "three", 3, 3],
      ["", "other", "Odd", "four", 1, 0.5],
    ],
    [
      { owner: "net/lstm", in_pass: "forward", wall_s: 4, kinds: { op: 3, python: 1 } },
      { owner: "net/lstm/cell", in_pass: "forward", wall_s: 3, kinds: { op: 3 } },
      { owner: "", in_pass: "other", wall_s: 2.5, kinds: { op: 0.5, python: 2 } },
    ],
  ),
  mode(
    [["net/lstm", "forward", "MatMul", "one", 1, 4]],
    [
      { owner: "net/lstm", in_pass: "forward", wall_s: 4, kinds: { op: 4 } },
      { owner: "", in_pass: "other", wall_s: 1, kinds: { python: 1 } },
    ],
  ),
]);

/**
 * @param {import("../../plugin/tensorboard_plugin_graphprof/static/views/difference-parts.js").Line[]} lines
 */
function sums(lines) {
  return [0, 1].map((side) => lines.reduce((all, line) => all + (line.sides[side]?.seconds ?? 0), 0));
}

test("behind a layer are its ops and its other time, with what only one mode tells apart", () => {
  const found = difference([LSTM, PYTHON, NOBODY]);
  const lines = behind(LSTM, found, BOTH, "net/", KINDS);
  assert.deepEqual(sums(lines), [7, 4]);
  assert.deepEqual(
    lines.map(({ title, kind }) => [title, kind]),
    [
      ["Add", "op"],
      ["MatMul", "op"],
      ["Python", "python"],
    ],
  );
  assert.equal(lines[1].sides[0]?.calls, 2);
  assert.equal(lines[0].sides[1], null);
});

test("behind time of nobody are its ops, or the kind alone", () => {
  const found = difference([LSTM, PYTHON, NOBODY]);
  assert.deepEqual(sums(behind(NOBODY, found, BOTH, "net/", KINDS)), [0.5, 0]);
  assert.deepEqual(sums(behind(PYTHON, found, BOTH, "net/", KINDS)), [2, 1]);
});

test("behind a kind are layers", () => {
  const op = part({ kind: "op", baseline_s: 6.5, mode_s: 4 });
  const lines = behind(op, difference([op], "kind"), BOTH, "net/", KINDS);
  assert.deepEqual(sums(lines), [6.5, 4]);
  assert.deepEqual(
    lines.map(({ title }) => title),
    ["lstm/cell forward", "lstm forward", "without layer"],
  );
});

test("behind an op are its nodes by name", () => {
  const op = part({ owner: "net/lstm", in_pass: "forward", op_type: "MatMul", baseline_s: 3, mode_s: 4 });
  const lines = behind(op, difference([op], "op"), BOTH, "net/", KINDS);
  assert.deepEqual(sums(lines), [3, 4]);
  assert.deepEqual(lines.map(({ title }) => title).sort(), ["one: MatMul", "two: MatMul"]);
});

test("the scale begins at 0 unless all changes are far from it", () => {
  const rows = (/** @type {number[]} */ ...amounts) =>
    amounts.slice(1).map((to, at) => ({
      ...{ id: String(at), label: "", text: "", tip: () => [] },
      ...{ from: amounts[at], to },
    }));
  assert.equal(scaleStart(rows(5, 9, 16)), 0);
  const start = scaleStart(rows(100, 104, 102));
  assert.ok(start > 90 && start < 100, String(start));
  assert.equal(scaleStart(rows(0, 0)), 0);
});

test("a pair of modes from the address", () => {
  const modes = ["eager", "graph", "xla"];
  assert.deepEqual(pairOf(modes, "graph", {}), { base: "graph", other: "eager" });
  assert.deepEqual(pairOf(modes, "graph", {}, "xla"), { base: "graph", other: "xla" });
  assert.deepEqual(pairOf(modes, "graph", { base: "xla" }, "xla"), { base: "xla", other: "eager" });
  assert.deepEqual(pairOf(modes, "graph", { other: "eager" }, "xla"), { base: "graph", other: "eager" });
  assert.deepEqual(pairOf(modes, "graph", { other: "graph" }), { base: "eager", other: "graph" });
  assert.deepEqual(pairOf(modes, null, { base: "xla" }), { base: "xla", other: "eager" });
  assert.deepEqual(pairOf(modes, "gone", { base: "x", other: "y" }), { base: "eager", other: "graph" });
  assert.deepEqual(pairOf(modes, "graph", { base: "xla", other: "xla" }), { base: "xla", other: "eager" });
});

test("differences carry their sign", () => {
  assert.deepEqual([0.0029, -0.0029, 0].map(signed), ["+2.90 ms", "−2.90 ms", "0 s"]);
});
