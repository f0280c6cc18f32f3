// What the pointer is on, in words.

import { tipTable } from "../charts/tip.js";
import { h } from "../dom.js";
import * as format from "../format.js";

/** @typedef {import("../charts/payload.js").Payload} Payload */
/** @typedef {import("../types.js").EventDetail} EventDetail */
/** @typedef {import("../types.js").Kind} Kind */
/** @typedef {import("./timeline-track.js").ModeTrack} ModeTrack */

const PS = 1e-12;

/**
 * A block of events that are too narrow to be drawn one by one.
 * @param {ModeTrack} mode
 * @param {Payload} payload
 * @param {number} entry
 * @param {Kind[]} kinds
 */
export function blockTip(mode, payload, entry, kinds) {
  const { name, count, busy, span, kind, unit } = payload;
  const title = name[entry] >= 0 ? mode.outline.names[name[entry]] : "several ops";
  /** @type {[string, string][]} */
  const lines = [
    ["events", format.count(count[entry])],
    ["over", format.seconds(span[entry] * unit * PS)],
    ["of it busy", format.seconds(busy[entry] * unit * PS)],
    ["mostly", kindTitle(kinds, kind[entry])],
    ["mode", mode.mode],
  ];
  return [...tipTable(title, lines), h("p", {}, "Zoom in to see them one by one.")];
}

/**
 * One event; what is exact about it comes from the backend a moment later.
 * @param {ModeTrack} mode
 * @param {Payload} payload
 * @param {number} entry
 * @param {Kind[]} kinds
 * @param {(EventDetail & {whose?: import("../types.js").EventWhose}) | null} detail
 */
export function eventTip(mode, payload, entry, kinds, detail) {
  const { name, span, kind, unit } = payload;
  const { op, scope } = words(mode, payload, entry);
  const length = detail ? detail.duration_ps : span[entry] * unit;
  const title = mode.outline.names[name[entry]] ?? "";
  /** @type {[string, string][]} */
  const lines = [
    ["kind", kindTitle(kinds, kind[entry])],
    ["takes", format.seconds(length * PS, 4)],
    ["itself", detail ? selfText(detail) : "…"],
  ];
  if (op !== title) lines.push(["op", op]);
  if (scope) lines.push(["scope", scope]);
  if (detail?.whose?.owner) {
    lines.push(["layer", `${detail.whose.owner}, ${detail.whose.in_pass} (${detail.whose.tag})`]);
  }
  if (detail) {
    lines.push(["begins", format.seconds((detail.start_ps - mode.track.origin) * PS, 5)]);
    lines.push(["thread", detail.line]);
    if (detail.parents.length) lines.push(["inside", detail.parents.slice(0, 4).join(" ‹ ")]);
  }
  lines.push(["mode", mode.mode]);
  return tipTable(title, lines);
}

/**
 * One line for the footer and for screen readers.
 * @param {ModeTrack} mode
 * @param {EventDetail} detail
 * @param {Kind[]} kinds
 */
export function eventLine(mode, detail, kinds) {
  const kind = kinds.find(({ id }) => id === detail.kind)?.title;
  return [
    mode.mode,
    detail.name,
    kind,
    `takes ${format.seconds(detail.duration_ps * PS, 4)}`,
    `itself ${selfText(detail)}`,
  ]
    .filter(Boolean)
    .join(" · ");
}

/**
 * The op and the scope that an entry stands for.
 * @param {ModeTrack} mode
 * @param {Payload} payload
 * @param {number} entry
 */
export function words(mode, payload, entry) {
  const id = payload.name[entry];
  return { op: mode.outline.ops[id] ?? "", scope: mode.outline.scopes[id] ?? "" };
}

/** @param {EventDetail} detail */
function selfText(detail) {
  const share = detail.duration_ps > 0 ? ` (${format.share(detail.self_ps / detail.duration_ps)})` : "";
  return `${format.seconds(detail.self_ps * PS, 4)}${share}`;
}

/**
 * @param {Kind[]} kinds
 * @param {number} index
 */
function kindTitle(kinds, index) {
  return kinds[index]?.title ?? "unknown";
}
