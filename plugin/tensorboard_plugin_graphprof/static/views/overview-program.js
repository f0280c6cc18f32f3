// A watched program: how it ended, and where its main thread's time went.

import { h } from "../dom.js";
import * as format from "../format.js";
import { table } from "../table.js";

/** @typedef {import("../types.js").Program} Program */

/**
 * @param {Program} program
 * @returns {HTMLElement}
 */
export function programSection(program) {
  const end = program.exit_code === null ? "cut off" : `ended with ${program.exit_code}`;
  return h(
    "section",
    { "aria-label": "Program", "data-testid": "program" },
    h("h2", {}, "Where the program's time went"),
    h(
      "p",
      { class: "hint" },
      [
        `${end} after ${format.seconds(program.wall_s)}`,
        `imports ${format.seconds(program.imports_s)}`,
        `main work ${format.seconds(program.work_s)}`,
        ...program.seen,
      ].join(" · "),
    ),
    table({
      caption: "The main thread's time, each moment in one part",
      class: "tight",
      columns: [{ title: "Part" }, { title: "Time", number: true }, { title: "Share", number: true }],
      rows: program.division.map(({ part, seconds, share }) => ({
        cells: [
          { text: part },
          { text: format.seconds(seconds), raw: seconds },
          { text: format.share(share), raw: share },
        ],
      })),
    }),
  );
}
