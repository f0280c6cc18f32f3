// What is behind a bar of the waterfall: the ops of a layer, the layers of a kind, the nodes of an op.

import { h } from "../dom.js";
import * as format from "../format.js";
import { copyButton, sortableTable } from "../table.js";
import { behind, gapOf, partTitle } from "./difference-parts.js";
import { signed } from "./modes-pair.js";
import { swatch, viewLink } from "./parts.js";
import { layerQuery } from "./timeline-queries.js";

/** @typedef {import("../types.js").Comparison} Comparison */
/** @typedef {import("../types.js").GapPart} GapPart */
/** @typedef {import("../types.js").Layers} Layers */
/** @typedef {import("../types.js").ModeLayers} ModeLayers */
/** @typedef {import("../table.js").Column} Column */
/** @typedef {import("../table.js").Row} Row */
/** @typedef {import("./difference-parts.js").Line} Line */
/** @typedef {import("./view.js").Context} Context */

const MOST_ROWS = 60;

/**
 * @param {GapPart[]} parts one, or those that are summed
 * @param {boolean} rest
 * @param {Comparison} found
 * @param {Layers} layers
 * @param {Context} context
 * @returns {HTMLElement}
 */
export function behindPanel(parts, rest, found, layers, context) {
  const { difference } = found;
  const lines = rest
    ? parts.map((part) => lineOf(part, difference.root, context))
    : behind(parts[0], difference, bothModes(difference, layers), layers.root, context.kinds);
  const title = rest ? "Everything else" : partTitle(parts[0], difference.root, context.kinds);
  const content = (/** @type {number} */ most) => linesTable(lines.slice(0, most), difference);
  const hidden = lines.length - MOST_ROWS;
  return h(
    "section",
    { class: "behind", "aria-label": title },
    h(
      "div",
      { class: "section-head" },
      h("h2", {}, title),
      h("span", { class: "hint" }, rest ? "summed because each is small" : hint(parts[0], context)),
      h("span", { class: "spring" }),
      rest ? null : links(parts[0], difference, context),
      copyButton(() => content(lines.length)),
    ),
    h(
      "div",
      { class: "scroll" },
      sortableTable({
        ...content(MOST_ROWS),
        ...{ caption: `What is behind ${title}`, testid: "behind-table", class: "tight" },
      }).element,
    ),
    hidden > 0 ? h("p", { class: "hint" }, `${hidden} smaller ones are in the copied table.`) : null,
  );
}

/**
 * @param {Comparison["difference"]} difference
 * @param {Layers} layers
 * @returns {[ModeLayers, ModeLayers]}
 */
function bothModes({ baseline, mode }, { modes }) {
  const find = (/** @type {string} */ name) => /** @type {ModeLayers} */ (modes.find((one) => one.mode === name));
  return [find(baseline), find(mode)];
}

/**
 * @param {GapPart} part
 * @param {string} root
 * @param {Context} context
 * @returns {Line}
 */
function lineOf(part, root, { kinds }) {
  const side = (/** @type {number} */ seconds) => ({ seconds, calls: null, tags: new Set() });
  return {
    title: partTitle(part, root, kinds),
    kind: part.kind,
    sides: [side(part.baseline_s), side(part.mode_s)],
  };
}

/**
 * @param {GapPart} part
 * @param {Context} context
 * @returns {string}
 */
function hint(part, { kinds }) {
  if (part.op_type) return "each op of this type, as recorded";
  if (part.kind) return kinds.find(({ id }) => id === part.kind)?.explanation ?? "";
  return part.owner ? "its ops, and its other time" : "ops of which the layer is not known";
}

/**
 * @param {GapPart} part
 * @param {Comparison["difference"]} difference
 * @param {Context} context
 * @returns {HTMLElement}
 */
function links({ owner, in_pass, op_type }, { baseline, mode }, context) {
  const words = [owner.split("/").pop(), in_pass, op_type].filter(Boolean).join(" ");
  const pair = { base: baseline, other: mode };
  return h(
    "span",
    { class: "links" },
    words
      ? viewLink(context.link({ ...pair, view: "layers", q: words }), "Layers & ops")
      : viewLink(context.link({ ...pair, view: "layers" }), "Layers & ops"),
    timelineLink(owner, in_pass, op_type, context),
  );
}

/**
 * To the ops of a layer in every mode, or where that is not known to those of a type.
 * @param {string} owner
 * @param {string} inPass
 * @param {string} type
 * @param {Context} context
 * @returns {HTMLElement | null}
 */
function timelineLink(owner, inPass, type, context) {
  if (!owner && !type) return null;
  const find = owner ? layerQuery(owner, inPass) : `op:${type}`;
  return viewLink(context.link({ view: "timeline", find }), "Timeline");
}

/**
 * @param {Line[]} lines
 * @param {Comparison["difference"]} difference
 * @returns {{ columns: Column[], rows: Row[] }}
 */
function linesTable(lines, { baseline, mode }) {
  const counted = lines.some(({ sides }) => sides.some((side) => side && side.calls !== null));
  /** @type {Column[]} */
  const columns = [
    { title: "What" },
    { title: baseline, number: true },
    ...(counted ? [{ title: "calls", number: true, hint: "a step" }] : []),
    { title: mode, number: true },
    ...(counted ? [{ title: "calls", number: true, hint: "a step" }] : []),
    { title: "Difference", number: true },
    ...(counted ? [{ title: "Label", hint: "Where it is known from whose it is" }] : []),
  ];
  const rows = lines.map((line) => {
    const tags = new Set(line.sides.flatMap((side) => [...(side?.tags ?? [])]));
    const name = [line.kind && line.kind !== "op" ? swatch(line.kind) : null, line.title];
    return {
      cells: [
        { node: name, text: line.title },
        ...line.sides.flatMap((side) => [
          side
            ? { text: format.seconds(side.seconds), raw: side.seconds }
            : { text: "none", raw: null, class: "faint" },
          ...(counted ? [{ text: calls(side?.calls), raw: side?.calls ?? null, class: "faint" }] : []),
        ]),
        { text: signed(gapOf(line)), raw: gapOf(line), class: "strong" },
        ...(counted ? [{ text: [...tags].join(", "), class: "faint" }] : []),
      ],
    };
  });
  return { columns, rows };
}

/**
 * @param {number | null | undefined} value
 * @returns {string}
 */
export function calls(value) {
  if (value === null || value === undefined) return "";
  return Number.isInteger(value) ? format.count(value) : format.significant(value);
}
