// Zooming and panning: what stays where, and where it ends.

import assert from "node:assert/strict";
import test from "node:test";

import {
  clamp,
  covers,
  pan,
  surrounding,
  withMargin,
  zoom,
} from "../../plugin/tensorboard_plugin_graphprof/static/charts/viewport.js";

const LIMITS = { from: -2e9, to: 1e12 };

/** @param {number} seed */
function dice(seed) {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

test("the time under the pointer stays under it", () => {
  const roll = dice(1);
  for (let i = 0; i < 500; i += 1) {
    const from = roll() * 1e11;
    const span = { from, to: from + 1e6 + roll() * 1e10 };
    const at = span.from + roll() * (span.to - span.from);
    const factor = 0.2 + roll() * 3;
    const next = zoom(span, factor, at, LIMITS);
    const before = (at - span.from) / (span.to - span.from);
    const after = (at - next.from) / (next.to - next.from);
    assert.ok(Math.abs(before - after) < 1e-6, JSON.stringify({ span, at, factor, next }));
  }
});

test("zooming in and out again comes back", () => {
  const span = { from: 1e9, to: 3e9 };
  const back = zoom(zoom(span, 0.1, 2e9, LIMITS), 10, 2e9, LIMITS);
  assert.ok(Math.abs(back.from - span.from) < 1 && Math.abs(back.to - span.to) < 1);
});

test("no further in than a nanosecond, no further out than everything", () => {
  let span = { from: 0, to: 1e9 };
  for (let i = 0; i < 200; i += 1) span = zoom(span, 0.5, 5e8, LIMITS);
  assert.equal(Math.round(span.to - span.from), 1000);
  for (let i = 0; i < 200; i += 1) span = zoom(span, 2, 5e8, LIMITS);
  assert.ok(span.to - span.from <= (LIMITS.to - LIMITS.from) * 1.1 + 1);
});

test("panning keeps the length and something in sight", () => {
  const span = { from: 0, to: 1e9 };
  for (const by of [1e5, -1e5, 1e15, -1e15]) {
    const next = pan(span, by, LIMITS);
    assert.ok(Math.abs(next.to - next.from - 1e9) < 1);
    assert.ok(next.from < LIMITS.to && next.to > LIMITS.from);
  }
  assert.deepEqual(pan(span, 1e5, LIMITS), { from: 1e5, to: 1e9 + 1e5 });
});

test("an empty stretch becomes one that can be drawn", () => {
  const span = clamp({ from: 5, to: 5 }, { from: 0, to: 0 });
  assert.ok(span.to > span.from);
});

test("what is fetched covers what is in sight, and a little more", () => {
  const span = { from: 1e9, to: 2e9 };
  const fetched = surrounding(span);
  assert.ok(covers(span, fetched, false));
  assert.ok(covers(pan(span, 4e8, LIMITS), fetched, false));
  assert.ok(!covers(pan(span, 6e8, LIMITS), fetched, false));
  assert.ok(!covers(zoom(span, 0.5, 1.5e9, LIMITS), fetched, false), "too coarse");
  assert.ok(covers(zoom(span, 0.01, 1.5e9, LIMITS), fetched, true), "every event is there already");
  assert.ok(!covers(span, null, true));
});

test("a margin on both sides", () => {
  const { from, to } = withMargin({ from: 0, to: 1e9 });
  assert.ok(from < 0 && to > 1e9);
});
