// What lanes are made of, and their sizes in pixels.

/**
 * @typedef {import("./payload.js").Payload} Payload
 * @typedef {import("./viewport.js").Span} Span
 *
 * Places by the row that they are on.
 * @typedef {Map<number, {start: number, span: number}[]>} Marks
 *
 * A group of rows, as a thread. Folded, all its rows are painted onto one, the deeper over the others:
 * what shows is what the thread is at.
 * @typedef {{ title: string, hint: string, firstRow: number, rows: number, folded: boolean }} Group
 *
 * A stretch that is set apart, as a step.
 * @typedef {{
 *   from: number, to: number, label: string, short: string, current: boolean
 * }} Section
 *
 * `origin` is the time on the track's own clock that is 0 here. `data` are drawn from the first that
 * covers a stretch; `lit` says by name which events stand out (null: no difference is made), `kin` which
 * are outlined; `marks` by row are drawn over everything, filled where `solid` says so, and so is `glow`, what
 * belongs to where the pointer is.
 * @typedef {{
 *   title: string, note: string, groups: Group[], sections: Section[], origin: number,
 *   data: Payload[], names: string[], lit: Uint8Array | null, kin: Uint8Array | null,
 *   marks: Marks | null, solid: boolean, glow: Marks | null, focus: boolean
 * }} Track
 *
 * `kinds` holds for each kind, and last for none, its colour at every shade (see `shades`).
 * @typedef {{
 *   kinds: string[][], paper: string, raised: string, line: string, ink: string,
 *   soft: string, faint: string, shade: string, mark: string, onKinds: string[]
 * }} Colors
 *
 * Where a track's head (group -1) or one of its groups stands.
 * @typedef {{ track: number, group: number, top: number, height: number }} Place
 *
 * What is under a point.
 * @typedef {{
 *   track: number, group: number, row: number, entry: number, payload: Payload | null,
 *   area: "gutter" | "ruler" | "head" | "rows" | "empty"
 * }} Hit
 */

export const GUTTER = 188;
export const RULER = 24;
export const HEAD = 22;
export const ROW = 15;
export const BAR = 14;
export const GROUP_GAP = 3;
export const TRACK_GAP = 6;

export const FONT = "11px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
export const BOLD = FONT.replace("11px", "600 12px");
