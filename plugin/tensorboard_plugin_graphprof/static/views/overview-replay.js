// A watched program's work in the other modes: what it takes there, and where to see all of it.

import { h } from "../dom.js";
import * as format from "../format.js";
import { table } from "../table.js";
import { viewLink } from "./parts.js";

/** @typedef {import("../types.js").Replay} Replay */
/** @typedef {import("./view.js").Context} Context */

/**
 * @param {Replay} replay
 * @param {Context} context
 * @param {string} id of the program's session
 * @returns {HTMLElement}
 */
export function replaySection(replay, context, id) {
  return h(
    "section",
    { "aria-label": "In other modes", "data-testid": "replay" },
    h("h2", {}, "The same in other modes"),
    ...(replay.session === null ? without(replay) : compared(replay, context, beside(id, replay.session))),
  );
}

/**
 * @param {Replay} replay
 * @returns {HTMLElement[]}
 */
function without(replay) {
  const what = replay.what ?? "The program";
  return [h("p", { class: "hint" }, `${what} was not measured in other modes: ${replay.why_not}. ${replay.cure}.`)];
}

/**
 * @param {Replay} replay
 * @param {Context} context
 * @param {string} session
 * @returns {HTMLElement[]}
 */
function compared(replay, context, session) {
  return [
    h("p", {}, `${replay.what}: ${replay.verdict}`),
    table({
      caption: `${replay.what}, replayed in each mode`,
      class: "tight",
      columns: [
        { title: "Mode" },
        { title: "Step time", number: true },
        { title: `Times ${replay.baseline ?? "the first"}`, number: true },
        { title: "Verdict" },
      ],
      rows: replay.modes.map((mode) => ({
        cells: [
          { text: mode.mode },
          { text: format.seconds(mode.step_time_s.median), raw: mode.step_time_s.median },
          { text: format.ratio(mode.ratio?.value ?? null), raw: mode.ratio?.value ?? null },
          { text: mode.error?.message ?? mode.ratio?.verdict ?? "" },
        ],
      })),
    }),
    h("ul", { class: "notes" }, ...replay.notes.map((note) => h("li", {}, note))),
    h(
      "p",
      {},
      viewLink(context.link({ session, view: "overview" }), "Open the comparison", {
        "data-testid": "replay-link",
      }),
    ),
  ];
}

/**
 * The session that lies in the same folder as another.
 * @param {string} id
 * @param {string} name
 * @returns {string}
 */
function beside(id, name) {
  return [...id.split("/").slice(0, -1), name].join("/");
}
