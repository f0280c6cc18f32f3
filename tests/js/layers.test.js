// The tree of layers, passes and ops.

import assert from "node:assert/strict";
import test from "node:test";

import {
  build,
  filterTree,
  findNode,
  gap,
  layOut,
  openable,
  sortTree,
  unitFor,
} from "../../plugin/tensorboard_plugin_graphprof/static/views/layers-tree.js";

/** @typedef {import("../../plugin/tensorboard_plugin_graphprof/static/views/layers-tree.js").Node} Node */

/** @type {any} */
const KINDS = [{ id: "python", title: "Python", explanation: "" }];

/**
 * @param {string} name
 * @param {any[][]} ops owner, pass, op type, type in every mode, tag, seconds
 * @param {any[][]} rows owner, pass, kinds
 * @returns {any}
 */
function mode(name, ops, rows) {
  const column = (/** @type {number} */ at) => ops.map((op) => op[at]);
  const wall = (/** @type {Record<string, number>} */ kinds) =>
    Object.values(kinds).reduce((all, one) => all + one, 0);
  return {
    ...{ mode: name, error: null, step_s: 10, op_s: 1, labelled: 1, tags: {} },
    rows: rows.map(([owner, in_pass, kinds]) => ({
      ...{ owner, in_pass, kinds, wall_s: wall(kinds), share: wall(kinds) / 10, busy_s: 1 },
    })),
    ops: {
      ...{ owner: column(0), in_pass: column(1), op_type: column(2), tf_type: column(3), tag: column(4) },
      ...{ wall_s: column(5), busy_s: column(5), low_s: column(5), high_s: column(5) },
      ...{ name: ops.map(() => ""), calls: ops.map(() => 1) },
    },
  };
}

const MODES = [
  mode(
    "eager",
    [
      ["net/conv", "forward", "Conv2D", "Conv2D", "direct", 3],
      ["net/conv", "backward", "ReluGrad", "ReluGrad", "direct", 1],
      ["net/conv", "backward", "ReluGrad", "ReluGrad", "dataflow", 1],
      ["", "other", "Odd", "Odd", "none", 1],
    ],
    [
      ["net/conv", "forward", { op: 3, python: 1 }],
      ["net/conv", "backward", { op: 2 }],
      ["", "other", { op: 1, python: 3 }],
    ],
  ),
  mode(
    "xla",
    [
      ["net/conv", "forward", "convolution", "Conv2D", "direct", 8],
      ["adam", "optimizer", "fusion", "", "inner", 2],
    ],
    [
      ["net/conv", "forward", { op: 8 }],
      ["adam", "optimizer", { op: 2 }],
    ],
  ),
];

/** @type {any} */
const LAYERS = { root: "net/", passes: ["forward", "backward", "optimizer", "other"] };
const tree = build(LAYERS, MODES, KINDS);

/** @param {Node[]} nodes */
const titles = (nodes) => nodes.map(({ title }) => title);

test("every row is what the rows below it sum to, and the layers are the step", () => {
  const check = (/** @type {Node} */ node) => {
    if (!node.children.length) return;
    node.cells.forEach((cell, at) => {
      const below = node.children.reduce((sum, child) => sum + (child.cells[at]?.seconds ?? 0), 0);
      assert.equal(cell?.seconds ?? 0, below, `${node.title} ${at}`);
    });
    node.children.forEach(check);
  };
  tree.forEach(check);
  for (const at of [0, 1]) {
    assert.equal(
      tree.reduce((sum, node) => sum + (node.cells[at]?.seconds ?? 0), 0),
      10,
    );
  }
});

test("what is nobody's is a row, what has one pass names it, the same work is one row", () => {
  assert.deepEqual(titles(tree), ["without layer", "adam", "conv"]);
  assert.equal(tree[1].note, "optimizer");
  assert.deepEqual(titles(tree[1].children), ["fusion"]);
  assert.deepEqual([...tree[0].tags], ["none"]);
  const conv = tree[2];
  assert.deepEqual(titles(conv.children), ["forward", "backward"]);
  const [convolution] = conv.children[0].children.filter(({ type }) => type === "Conv2D");
  assert.deepEqual(
    convolution.cells.map((cell) => cell?.seconds),
    [3, 8],
  );
  const [grad] = conv.children[1].children;
  assert.equal(grad.cells[0]?.calls, 2);
  assert.equal(grad.cells[1], null);
  assert.deepEqual([...grad.tags].sort(), ["dataflow", "direct"]);
});

test("ids lead to rows and do not depend on the order", () => {
  const sorted = sortTree(tree, { column: "0", reverse: true }, 0, 1);
  for (const id of openable(tree)) assert.equal(findNode(sorted, id)?.title, findNode(tree, id)?.title);
  assert.equal(findNode(tree, "9.9"), null);
});

test("sorting by difference takes the largest of either sign, by mode what is not there last", () => {
  const by = (/** @type {string} */ column, reverse = false) =>
    titles(sortTree(tree, { column, reverse }, 0, 1));
  assert.deepEqual(by("gap"), ["without layer", "adam", "conv"]);
  assert.deepEqual(
    tree.map((node) => gap(node, 0, 1)),
    [-4, 2, 2],
  );
  assert.deepEqual(by("0"), ["conv", "without layer", "adam"]);
  assert.deepEqual(by("1"), ["conv", "adam", "without layer"]);
  assert.deepEqual(by("name"), ["adam", "conv", "without layer"]);
  assert.deepEqual(by("name", true), ["without layer", "conv", "adam"]);
  const own = sortTree(tree, { column: "1", reverse: false }, 0, 1)[0].children[0];
  assert.deepEqual(titles(own.children), ["Conv2D", "Python"]);
});

test("a filter's words may stand on different levels, and in the recorded names", () => {
  const shown = (/** @type {string} */ text) =>
    layOut(filterTree(tree, text), (node) => Boolean(node.leads)).map(({ node }) => node.title);
  assert.deepEqual(shown("conv backward"), ["conv", "backward"]);
  assert.deepEqual(shown("CONV relu"), ["conv", "backward", "ReluGrad"]);
  assert.deepEqual(shown("convolution"), ["conv", "forward", "Conv2D"]);
  assert.deepEqual(shown("python"), ["without layer", "Python", "conv", "forward", "Python"]);
  assert.deepEqual(shown("nothing"), []);
  assert.deepEqual(shown("  "), titles(tree));
});

test("rows are laid out with their levels", () => {
  const rows = layOut(tree, (node) => node.title === "conv");
  assert.deepEqual(
    rows.map(({ node, level, expanded }) => [node.title, level, expanded]),
    [
      ["without layer", 1, false],
      ["adam", 1, false],
      ["conv", 1, true],
      ["forward", 2, false],
      ["backward", 2, false],
    ],
  );
});

test("one unit for all times of a table", () => {
  assert.deepEqual(unitFor(0.078), { unit: "ms", factor: 1e3, decimals: 3 });
  assert.deepEqual(unitFor(0.78), { unit: "ms", factor: 1e3, decimals: 2 });
  assert.deepEqual(unitFor(0.00012), { unit: "µs", factor: 1e6, decimals: 2 });
  assert.deepEqual(unitFor(42), { unit: "s", factor: 1, decimals: 3 });
  assert.deepEqual(unitFor(0), { unit: "µs", factor: 1e6, decimals: 3 });
});
