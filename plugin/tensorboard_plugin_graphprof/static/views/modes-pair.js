// Two modes that are compared: which, how they are picked, and how their difference reads.

import { button, h, on } from "../dom.js";
import * as format from "../format.js";

/** @typedef {import("../store.js").State} State */
/** @typedef {import("./view.js").Context} Context */

/** @typedef {{ base: string, other: string }} Pair */

/**
 * The pair that the state asks for; where it asks for none, the baseline and the mode in question, or else the
 * first other one.
 * @param {string[]} modes traced ones, at least two
 * @param {string | null} baseline
 * @param {State} state
 * @param {string | null} [inQuestion]
 * @returns {Pair}
 */
export function pairOf(modes, baseline, state, inQuestion = null) {
  const known = (/** @type {string | null | undefined} */ mode) => (mode && modes.includes(mode) ? mode : "");
  const other = known(state.other);
  const base = known(state.base) || [known(baseline), ...modes].find((mode) => mode && mode !== other) || "";
  const next = [other, known(inQuestion), ...modes].find((mode) => mode && mode !== base);
  return { base, other: next ?? "" };
}

/**
 * The mode that one asks about first. The report that knows it takes a while; an address that names both modes
 * need not wait for it.
 * @param {Context} context
 * @returns {Promise<string | null>}
 */
export async function modeInQuestion(context) {
  const { base, other } = context.state();
  return base && other ? null : ((await context.report()).in_question ?? null);
}

/**
 * @param {string[]} modes
 * @param {Pair} pair
 * @param {Context} context
 * @returns {HTMLElement}
 */
export function pairPicker(modes, { base, other }, context) {
  // To pick the mode that stands on the other side turns the pair round.
  const pick = (/** @type {string} */ from, /** @type {string} */ to) => {
    context.set({ base: from, other: to, part: null });
  };
  return h(
    "span",
    { class: "pair" },
    picker("Baseline", modes, base, (mode) => pick(mode, mode === other ? base : other)),
    button("⇄", () => pick(other, base), {
      class: "quiet",
      "aria-label": "Turn round",
      title: "Turn round: the other mode becomes the baseline",
    }),
    picker("Mode", modes, other, (mode) => pick(mode === base ? other : base, mode)),
  );
}

/**
 * @param {string} label
 * @param {string[]} modes
 * @param {string} current
 * @param {(mode: string) => void} pick
 * @returns {HTMLElement}
 */
function picker(label, modes, current, pick) {
  const select = /** @type {HTMLSelectElement} */ (
    h(
      "select",
      { "data-testid": `pick-${label.toLowerCase()}` },
      ...modes.map((mode) => h("option", { value: mode }, mode)),
    )
  );
  select.value = current;
  on(select, { change: () => pick(select.value) });
  return h("label", { class: "pick" }, label, select);
}

/**
 * A difference in seconds with its sign: "+2.90 ms".
 * @param {number} seconds
 * @returns {string}
 */
export function signed(seconds) {
  if (seconds === 0) return "0 s";
  return `${seconds > 0 ? "+" : "−"}${format.seconds(Math.abs(seconds))}`;
}

/**
 * What to show where fewer than two modes were traced, else null.
 * @param {{mode: string, error: import("../types.js").Problem | null}[]} modes
 * @param {string[]} traced
 * @param {number} needed
 * @returns {HTMLElement | null}
 */
export function tooFew(modes, traced, needed) {
  if (traced.length >= needed) return null;
  return h(
    "section",
    { class: "notice", "data-testid": "no-trace" },
    h("h1", {}, traced.length ? "Only one mode was traced" : "No mode was traced"),
    h("p", {}, `This needs ${needed === 1 ? "a trace" : "the traces of two modes"}. Profile again with traces:`),
    h("pre", {}, "graphprof profile MODEL --modes eager,graph,xla --logdir LOGDIR"),
    ...missing(modes),
  );
}

/**
 * A line on each mode of which there is no trace.
 * @param {{mode: string, error: import("../types.js").Problem | null}[]} modes
 * @returns {HTMLElement[]}
 */
export function missing(modes) {
  return modes.flatMap(({ mode, error }) =>
    error ? [h("p", { class: "hint" }, `${mode}: ${error.message}. ${error.cure}.`)] : [],
  );
}
