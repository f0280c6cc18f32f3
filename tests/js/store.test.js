// The page's state and its address.

import assert from "node:assert/strict";
import test from "node:test";

import {
  Store,
  merge,
  readAddress,
  writeAddress,
} from "../../plugin/tensorboard_plugin_graphprof/static/store.js";

const HOSTILE = ['"><img src=x>', "a&b=c#d", "50%", "日本語 💩", "a/b:c", "p.graphprof.x=1"];

test("an address and back", () => {
  for (const text of HOSTILE) {
    const state = { session: text, view: "timeline", [`odd ${text}`]: text };
    assert.deepEqual(readAddress(writeAddress(state)), state);
  }
});

test("what belongs to others stays in the address", () => {
  const address = writeAddress({ view: "steps" }, "#graphprof&p.scalars.run=a%2Fb&p.graphprof.view=old");
  assert.equal(address, "#graphprof&p.scalars.run=a%2Fb&p.graphprof.view=steps");
});

test("addresses typed by hand", () => {
  assert.deepEqual(readAddress(""), {});
  assert.deepEqual(readAddress("#graphprof"), {});
  assert.deepEqual(
    readAddress("#graphprof&&=&p.graphprof.&p.graphprof.a&p.graphprof.b=&p.graphprof.c=100%"),
    { c: "100%" },
  );
  assert.deepEqual(readAddress("#scalars&p.graphprof.view=steps"), { view: "steps" });
});

test("changes remove and convert", () => {
  const state = { a: "1", b: "2" };
  assert.deepEqual(merge(state, { a: null, c: 3, d: true, b: "" }), { c: "3", d: "1" });
  assert.deepEqual(state, { a: "1", b: "2" });
});

test("listeners hear changes, and only changes", () => {
  const store = new Store({ a: "1" });
  /** @type {unknown[]} */
  const heard = [];
  const stop = store.subscribe((state, before) => heard.push([before, state]));
  store.set({ a: "1" });
  store.set({ b: 2 });
  store.set({ b: null });
  stop();
  store.set({ b: 3 });
  assert.deepEqual(heard, [
    [{ a: "1" }, { a: "1", b: "2" }],
    [{ a: "1", b: "2" }, { a: "1" }],
  ]);
  assert.equal(store.get("b"), "3");
});
