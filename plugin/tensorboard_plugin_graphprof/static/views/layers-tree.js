// Layers, passes and ops of all modes as one tree: built, sorted, filtered and laid out in rows. Pure.

import { eachOp, kindTitle, typeOf, withoutRoot } from "./difference-parts.js";

/** @typedef {import("../types.js").Kind} Kind */
/** @typedef {import("../types.js").Layers} Layers */
/** @typedef {import("../types.js").ModeLayers} ModeLayers */

/**
 * @typedef {{
 *   seconds: number | null, share: number | null, busy: number | null, calls: number | null,
 *   low: number | null, high: number | null
 * }} Cell what a row takes of one mode's step
 *
 * @typedef {{
 *   id: string, title: string, note: string, words: string, kind: string, owner: string,
 *   inPass: string, type: string, cells: (Cell | null)[], tags: Set<string>, children: Node[],
 *   leads?: boolean
 * }} Node `note` is the pass of a layer that has only one, `kind` that of time outside ops, `type` that
 *   of an op in every mode; one that only `leads` to what a filter means is shown for its children
 *
 * @typedef {{ column: string, reverse: boolean }} Sort `column` is "name", "gap" or a mode's number
 * @typedef {{ node: Node, level: number, expanded: boolean | null }} TreeRow null: nothing to expand
 */

// What ops account for; a layer's other kinds of time stand beside its ops.
const OPS = ["op", "py_function"];

export const NOBODY = "without layer";

/**
 * @param {Layers} layers
 * @param {ModeLayers[]} modes those with a trace
 * @param {Kind[]} kinds
 * @returns {Node[]} layers, each with its passes, each with its ops and other kinds of time
 */
export function build({ root, passes }, modes, kinds) {
  const owners = new Set(modes.flatMap(({ rows }) => rows.map(({ owner }) => owner)));
  const sorted = [...owners].sort();
  const leaves = collect(modes, kinds);
  return sorted.map((owner, number) => {
    const title = owner ? withoutRoot(owner, root) : NOBODY;
    const parts = passes
      .map((inPass, at) => passNode(`${number}.${at}`, owner, inPass, modes, leaves))
      .filter((node) => node !== null);
    const single = parts.length === 1 ? parts[0] : null;
    return {
      id: String(number),
      title,
      note: single && single.inPass !== "other" ? single.inPass : "",
      words: `${title} ${single?.inPass ?? ""}`.toLowerCase(),
      kind: "",
      owner,
      inPass: single?.inPass ?? "",
      type: "",
      cells: modes.map((_, at) => summed(parts.map(({ cells }) => cells[at]))),
      tags: new Set(parts.flatMap(({ tags }) => [...tags])),
      children: single ? single.children : parts,
    };
  });
}

/** @typedef {Map<string, Map<string, Node>>} Leaves by pass and owner, then by what they are */

/**
 * The ops and other times of all modes.
 * @param {ModeLayers[]} modes
 * @param {Kind[]} kinds
 * @returns {Leaves}
 */
function collect(modes, kinds) {
  /** @type {Leaves} */
  const leaves = new Map();
  const leaf = (
    /** @type {string} */ owner,
    /** @type {string} */ inPass,
    /** @type {string} */ kind,
    /** @type {string} */ type,
  ) => {
    const here = leaves.get(`${inPass}\n${owner}`) ?? new Map();
    leaves.set(`${inPass}\n${owner}`, here);
    const key = `${kind}\n${type}`;
    const title = kind ? kindTitle(kind, kinds) : type;
    const node = here.get(key) ?? {
      ...{ id: "", title, note: "", words: title.toLowerCase(), kind, owner, inPass, type },
      ...{ cells: modes.map(() => null), tags: new Set(), children: [] },
    };
    here.set(key, node);
    return node;
  };
  modes.forEach((mode, at) => {
    eachOp(mode, (op) => {
      const node = leaf(op.owner, op.in_pass, "", typeOf(op) || "ops");
      const { calls, busy_s: busy, low_s: low, high_s: high } = op;
      const share = mode.step_s && op.wall_s !== null ? op.wall_s / mode.step_s : null;
      node.cells[at] = summed([node.cells[at], { seconds: op.wall_s, share, busy, calls, low, high }]);
      node.tags.add(op.tag);
      // Not its name: TensorFlow numbers scopes in its own way, and conv2d_1 may be another layer there.
      node.words += ` ${op.op_type}`.toLowerCase();
    });
    for (const row of mode.rows) {
      for (const [kind, seconds] of Object.entries(row.kinds)) {
        if (OPS.includes(kind)) continue;
        const share = mode.step_s ? seconds / mode.step_s : null;
        leaf(row.owner, row.in_pass, kind, "").cells[at] = {
          ...{ seconds, share, busy: null, calls: null, low: null, high: null },
        };
      }
    }
  });
  return leaves;
}

/**
 * @param {string} id
 * @param {string} owner
 * @param {string} inPass
 * @param {ModeLayers[]} modes
 * @param {Leaves} leaves
 * @returns {Node | null}
 */
function passNode(id, owner, inPass, modes, leaves) {
  const rows = modes.map((mode) => mode.rows.find((row) => row.owner === owner && row.in_pass === inPass));
  if (!rows.some(Boolean)) return null;
  const found = [...(leaves.get(`${inPass}\n${owner}`)?.values() ?? [])];
  const children = found
    .sort((a, b) => compareTexts(a.type, b.type) || compareTexts(a.kind, b.kind))
    .map((node, at) => ({ ...node, id: `${id}.${at}` }));
  return {
    ...{ id, title: inPass, note: "", words: inPass, kind: "", owner, inPass, type: "" },
    cells: rows.map((row) =>
      row
        ? {
            ...{ seconds: row.wall_s, share: row.share, busy: row.busy_s || null },
            ...{ calls: null, low: null, high: null },
          }
        : null,
    ),
    tags: new Set(children.flatMap(({ tags }) => [...tags])),
    children,
  };
}

/**
 * @param {(Cell | null)[]} cells
 * @returns {Cell | null}
 */
function summed(cells) {
  const known = cells.filter((cell) => cell !== null);
  if (known.length < 2) return known[0] ?? null;
  const sum = (/** @type {keyof Cell} */ name) => {
    const values = known.map((cell) => cell[name]).filter((value) => value !== null);
    return values.length ? values.reduce((all, value) => all + value, 0) : null;
  };
  return {
    ...{ seconds: sum("seconds"), share: sum("share"), busy: sum("busy") },
    ...{ calls: sum("calls"), low: sum("low"), high: sum("high") },
  };
}

/**
 * How much longer a row takes in one mode than in another; null where neither has it.
 * @param {Node} node
 * @param {number} base
 * @param {number} other
 * @returns {number | null}
 */
export function gap({ cells }, base, other) {
  if (!cells[base] && !cells[other]) return null;
  return (cells[other]?.seconds ?? 0) - (cells[base]?.seconds ?? 0);
}

/**
 * @param {Node[]} nodes
 * @param {Sort} sort
 * @param {number} base
 * @param {number} other
 * @returns {Node[]} at all levels; by number the largest first, differences without their sign
 */
export function sortTree(nodes, sort, base, other) {
  const value = (/** @type {Node} */ node) =>
    sort.column === "gap"
      ? Math.abs(gap(node, base, other) ?? 0)
      : (node.cells[Number(sort.column)]?.seconds ?? -1);
  const compare = (/** @type {Node} */ a, /** @type {Node} */ b) =>
    sort.column === "name"
      ? compareTexts(a.title, b.title)
      : value(b) - value(a) || compareTexts(a.title, b.title);
  const sign = sort.reverse ? -1 : 1;
  /** @type {(level: Node[]) => Node[]} */
  const order = (level) =>
    [...level]
      .sort((a, b) => sign * compare(a, b))
      .map((node) => ({ ...node, children: order(node.children) }));
  return order(nodes);
}

/**
 * Only what holds every word of a text, in its own name or in those around it, and what leads there.
 * @param {Node[]} nodes
 * @param {string} text
 * @returns {Node[]}
 */
export function filterTree(nodes, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return nodes;
  /** @type {(node: Node, around: string) => Node | null} */
  const keep = (node, around) => {
    const own = `${around} ${node.words}`;
    if (words.every((word) => own.includes(word))) return node;
    const children = node.children.map((child) => keep(child, own)).filter((child) => child !== null);
    return children.length ? { ...node, children, leads: true } : null;
  };
  return nodes.map((node) => keep(node, "")).filter((node) => node !== null);
}

/**
 * The rows to show, from the top.
 * @param {Node[]} nodes
 * @param {(node: Node) => boolean} isOpen
 * @returns {TreeRow[]}
 */
export function layOut(nodes, isOpen) {
  /** @type {TreeRow[]} */
  const rows = [];
  const walk = (/** @type {Node[]} */ level, /** @type {number} */ depth) => {
    for (const node of level) {
      const expanded = node.children.length ? isOpen(node) : null;
      rows.push({ node, level: depth, expanded });
      if (expanded) walk(node.children, depth + 1);
    }
  };
  walk(nodes, 1);
  return rows;
}

/**
 * Every node that can be opened.
 * @param {Node[]} nodes
 * @returns {string[]}
 */
export function openable(nodes) {
  return nodes.flatMap((node) => (node.children.length ? [node.id, ...openable(node.children)] : []));
}

/**
 * @param {Node[]} nodes
 * @param {string} id
 * @returns {Node | null}
 */
export function findNode(nodes, id) {
  for (const node of nodes) {
    const found = node.id === id ? node : findNode(node.children, id);
    if (found) return found;
  }
  return null;
}

/**
 * The unit in which a column of times reads best, and how many decimals it takes to tell them apart.
 * @param {number} longest seconds
 * @returns {{ unit: string, factor: number, decimals: number }}
 */
export function unitFor(longest) {
  const [unit, factor] = /** @type {[string, number]} */ (
    longest >= 10 ? ["s", 1] : longest >= 1e-3 ? ["ms", 1e3] : ["µs", 1e6]
  );
  const figures = Math.max(1, Math.floor(Math.log10(Math.max(1, longest * factor))) + 1);
  return { unit, factor, decimals: Math.max(0, Math.min(3, 5 - figures)) };
}

/**
 * Without the rules of a language, so that it is the same everywhere.
 * @param {string} a
 * @param {string} b
 */
function compareTexts(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}
