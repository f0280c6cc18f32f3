// The browser's number formatter says the same as Python's: both are held to one golden file.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import * as format from "../../plugin/tensorboard_plugin_graphprof/static/format.js";

/** @type {{function: string, value: number | null, digits?: number, text: string}[]} */
const cases = JSON.parse(readFileSync(new URL("../golden/units.json", import.meta.url), "utf8"));

const functions = /** @type {Record<string, any>} */ ({ ...format });

for (const name of new Set(cases.map((each) => each.function))) {
  test(`${name} as in units.py`, () => {
    const own = cases.filter((each) => each.function === name);
    assert.ok(own.length > 5);
    for (const { value, digits, text } of own) {
      assert.equal(functions[name](value, digits), text, `${name}(${value}, ${digits})`);
    }
  });
}

test("what was not measured is no number", () => {
  for (const missing of [null, undefined, NaN]) {
    for (const each of [format.seconds, format.size, format.ratio, format.share, format.count]) {
      assert.equal(each(missing), format.NOT_MEASURED);
    }
  }
});
