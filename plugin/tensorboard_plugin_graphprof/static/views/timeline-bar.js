// The bar above the lanes: which step, how much of it, what to find, which modes.

import { button, checkbox, h, on } from "../dom.js";

/** @typedef {import("../dom.js").Child} Child */
/** @typedef {import("./timeline-track.js").ModeTrack} ModeTrack */
/** @typedef {import("./view.js").Context} Context */

/**
 * @param {Context} context
 * @param {() => void} done called when the reader is through with typing
 * @returns {HTMLInputElement}
 */
export function searchBox(context, done) {
  const input = /** @type {HTMLInputElement} */ (
    h("input", {
      type: "search",
      placeholder: "Find an op or layer  ( / )",
      "aria-label": "Find an op or layer",
      spellcheck: "false",
      "data-testid": "find",
    })
  );
  const find = () => context.set({ find: input.value.trim() });
  return on(input, {
    change: find,
    keydown: (/** @type {KeyboardEvent} */ event) => {
      event.stopPropagation(); // letters typed here are no commands
      if (event.key === "Enter") find();
      if (event.key === "Enter" || event.key === "Escape") done();
    },
  });
}

/**
 * @param {{
 *   context: Context, modes: ModeTrack[], left: number, problems: string[], search: HTMLElement, mostlyOpen: boolean,
 *   moves: import("./timeline-moves.js").Moves
 * }} options `modes` are all, hidden ones included; `left` is how many more there are
 * @returns {Child[]}
 */
export function controls({ context, modes, left, problems, search, mostlyOpen, moves }) {
  const { step, hide } = context.state();
  const most = Math.max(...modes.map(({ outline }) => outline.steps.num.length));
  return [
    group(
      "Step",
      button("‹", () => moves.step(-1), { "aria-label": "Step before", title: "Step before ( [ )" }),
      button("›", () => moves.step(1), { "aria-label": "Step after", title: "Step after ( ] )" }),
      button("Typical", () => context.set({ step: null, from: null, to: null }), {
        "aria-pressed": String(step === undefined),
        title: "In each mode the step whose length is closest to the mean",
      }),
    ),
    h(
      "span",
      { class: "step-text", "data-testid": "step" },
      step === undefined ? "typical step" : `step ${Number(step) + 1} of ${most}`,
    ),
    group(
      "Zoom",
      button("−", () => moves.zoomAt(null, 1.6), { "aria-label": "Zoom out", title: "Zoom out (S)" }),
      button("+", () => moves.zoomAt(null, 1 / 1.6), { "aria-label": "Zoom in", title: "Zoom in (W)" }),
      button("Whole step", () => moves.reset(), { title: "0" }),
    ),
    search,
    button(mostlyOpen ? "Fold threads" : "Open threads", () => moves.threads(), {
      title: "Open threads show every level of calls; folded ones what they are at (T)",
    }),
    h("span", { class: "spring" }),
    ...modeBoxes(context, modes, hide),
    left > 0 &&
      h(
        "span",
        { class: "hint", title: "The link Timeline of a mode in the Overview opens it here" },
        `and ${left} more modes`,
      ),
    problems.length > 0 &&
      h(
        "span",
        { class: "badge warn", title: problems.join("\n"), "data-testid": "problems" },
        `${problems.length} not complete`,
      ),
  ];
}

/**
 * @param {Context} context
 * @param {ModeTrack[]} modes
 * @param {string | undefined} hide
 * @returns {HTMLElement[]}
 */
function modeBoxes(context, modes, hide) {
  const hidden = new Set((hide ?? "").split(",").filter(Boolean));
  return modes.map(({ mode }, index) =>
    checkbox(mode, !hidden.has(String(index)), (checked) => {
      if (checked) hidden.delete(String(index));
      else hidden.add(String(index));
      context.set({ hide: [...hidden].join(",") });
    }),
  );
}

/**
 * @param {string} label
 * @param {...HTMLElement} buttons
 * @returns {HTMLElement}
 */
function group(label, ...buttons) {
  return h("span", { class: "segmented", role: "group", "aria-label": label }, ...buttons);
}
