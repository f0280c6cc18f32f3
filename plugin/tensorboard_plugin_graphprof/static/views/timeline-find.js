// The op that was looked for, in every mode: how often in the step, how long, and where.

import { fill, h } from "../dom.js";
import * as format from "../format.js";
import { copyButton, table } from "../table.js";
import { HOWS } from "./difference-matches.js";
import { isAboutWork, queryTitle } from "./timeline-queries.js";

/** @typedef {import("./timeline-track.js").ModeTrack} ModeTrack */
/** @typedef {import("../charts/viewport.js").Span} Span */
/** @typedef {import("../table.js").Column} Column */
/** @typedef {import("../table.js").Row} Row */
/** @typedef {import("./view.js").Context} Context */

const PS = 1e-12;

/**
 * Which names of a mode are meant: `op:TYPE`, `scope:PATH`, or a piece of the name.
 *
 * The backend goes by the same rules; here they light up what is drawn already, without a wait.
 * @param {ModeTrack} mode
 * @param {string} query
 * @returns {Uint8Array} 1 for each name that is meant
 */
export function litNames(mode, query) {
  const { names, ops, scopes } = mode.outline;
  // What belongs to a layer shows in no name: everything steps back behind the marks.
  if (isAboutWork(query)) return new Uint8Array(names.length);
  const at = query.indexOf(":");
  const [word, rest] = [query.slice(0, at), query.slice(at + 1)];
  if (word === "op" && rest) return Uint8Array.from(ops, (op) => Number(op === rest));
  if (word === "scope" && rest) {
    return Uint8Array.from(scopes, (scope) => Number(scope === rest || scope.startsWith(`${rest}/`)));
  }
  const piece = query.toLowerCase();
  return Uint8Array.from(names, (name) => Number(name.toLowerCase().includes(piece)));
}

/**
 * Names that belong to a hovered event: the same op; where both sides say in which scope of the model
 * they stand, it has to be the same scope.
 * @param {ModeTrack} mode
 * @param {string} op
 * @param {string} scope
 * @returns {Uint8Array}
 */
export function kinNames(mode, op, scope) {
  const { ops, scopes } = mode.outline;
  return Uint8Array.from(ops, (each, id) =>
    Number(each === op && (!scope || !scopes[id] || scopes[id] === scope)),
  );
}

/**
 * The panel under the lanes.
 */
export class FindPanel {
  /** @param {Context} context */
  constructor(context) {
    this.context = context;
    this.element = h("div", { class: "found", "data-testid": "found", "aria-live": "polite", hidden: true });
    this.asked = 0;
  }

  /**
   * Ask every mode for its uses within its step, and show them.
   * @param {ModeTrack[]} modes
   * @param {string | undefined} query
   */
  async show(modes, query) {
    this.asked += 1;
    const { asked } = this;
    this.element.hidden = !query;
    if (!query) return;
    const found = await Promise.all(modes.map((mode) => this.uses(mode, query, mode.stepSpan(), 1)));
    if (asked !== this.asked) return;
    const content = usesTable(modes, found, query);
    fill(
      this.element,
      h(
        "div",
        { class: "section-head" },
        h("b", {}, queryTitle(query)),
        h(
          "span",
          { class: "hint" },
          "in the step at 0 · N and P go from place to place, Esc lets go",
        ),
        h("span", { class: "spring" }),
        copyButton(() => content),
      ),
      table({ ...content, caption: `Uses of ${queryTitle(query)}` }),
    );
  }

  /**
   * @param {ModeTrack} mode
   * @param {string} name
   * @param {Span} window on the mode's own clock
   * @param {number} width
   */
  uses(mode, name, window, width) {
    const start_ps = Math.floor(window.from);
    const end_ps = Math.max(start_ps + 1, Math.ceil(window.to));
    return this.context.uses({ mode: mode.mode, name, start_ps, end_ps, width });
  }
}

/**
 * @param {ModeTrack[]} modes
 * @param {import("../types.js").OpUse[]} found
 * @param {string} query
 * @returns {{ columns: Column[], rows: Row[] }}
 */
function usesTable(modes, found, query) {
  const work = isAboutWork(query);
  return {
    columns: [
      { title: "Mode" },
      ...(work ? [{ title: "Ops", hint: "Those of most places first" }] : []),
      { title: "Places in the step", number: true },
      {
        title: "Time, summed",
        number: true,
        hint: "Over all threads; an event inside another one that was found is part of it",
      },
      { title: "Mean", number: true },
      { title: "Step", number: true },
    ],
    rows: modes.map((mode, index) => {
      const { count, total_ps } = found[index];
      const step = mode.stepSpan();
      const [total, mean, whole] = [
        total_ps * PS,
        count ? (total_ps * PS) / count : null,
        (step.to - step.from) * PS,
      ];
      return {
        cells: [
          { text: mode.mode },
          ...(work ? [opsCell(found[index])] : []),
          { text: format.count(count), raw: count },
          { text: format.seconds(total), raw: total, class: "strong" },
          { text: format.seconds(mean), raw: mean },
          { text: format.seconds(whole), raw: whole, class: "faint" },
        ],
      };
    }),
  };
}

/**
 * @param {import("../types.js").OpUse} use
 * @returns {import("../table.js").Cell}
 */
function opsCell({ how, types }) {
  const told = how && how !== "same" ? `${how}: ${HOWS[how]}` : "";
  return { text: [types.join(", "), told].filter(Boolean).join(" · ") || "none" };
}

/**
 * Marks by the row that they stand in.
 * @param {import("../types.js").OpUse} uses
 * @returns {Map<number, {start: number, span: number}[]>}
 */
export function byRow({ row, start_ps, span_ps }) {
  /** @type {Map<number, {start: number, span: number}[]>} */
  const rows = new Map();
  row.forEach((each, index) => {
    const own = rows.get(each) ?? [];
    own.push({ start: start_ps[index], span: span_ps[index] });
    rows.set(each, own);
  });
  return rows;
}
