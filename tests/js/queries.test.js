import assert from "node:assert/strict";
import { test } from "node:test";

import { atOnce } from "../../plugin/tensorboard_plugin_graphprof/static/views/timeline.js";
import {
  isAboutWork,
  layerQuery,
  queryTitle,
  workQuery,
} from "../../plugin/tensorboard_plugin_graphprof/static/views/timeline-queries.js";

const WHOSE = { owner: "net/a|b", in_pass: "forward", op_type: "100%" };

test("queries of layers and of work are told from those of names", () => {
  assert.equal(layerQuery("net/conv", "forward"), "layer:net/conv|forward");
  assert.equal(layerQuery("net/conv"), "layer:net/conv");
  assert.equal(workQuery("xla|2", WHOSE), "work:xla%7C2|net/a%7Cb|forward|100%25");
  for (const about of [layerQuery("net/conv"), workQuery("eager", WHOSE)]) assert.ok(isAboutWork(about));
  for (const name of ["op:Conv2D", "scope:a|b", "layer:", "work:a|b", "a|b", "layer:a|b|c", ""]) {
    assert.ok(!isAboutWork(name), name);
  }
});

test("queries read as people say it, also when typed by hand", () => {
  assert.equal(queryTitle("layer:net/conv|forward"), "Ops of net/conv, forward");
  assert.equal(
    queryTitle(workQuery("eager", WHOSE)),
    "100% of net/a|b, forward, in eager, and what does its work elsewhere",
  );
  assert.equal(queryTitle("layer:100%"), "Ops of 100%");
  assert.equal(queryTitle("op:Conv2D"), "op:Conv2D");
});

test("of very many modes those that matter are drawn, in their order", () => {
  const modes = /** @type {any[]} */ (Array.from({ length: 40 }, (_, at) => ({ mode: `m${at}` })));
  const report = /** @type {any} */ ({ baseline: "m20", in_question: "m30" });
  const names = (/** @type {any} */ state) => atOnce(modes, report, state).map(({ mode }) => mode);
  const drawn = names({ mode: "m39", other: "gone" });
  assert.equal(drawn.length, 12);
  assert.deepEqual(drawn, ["m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m20", "m30", "m39"]);
  assert.deepEqual(atOnce(modes.slice(0, 3), report, {}).length, 3);
});
