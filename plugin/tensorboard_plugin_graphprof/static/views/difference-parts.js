// The parts of a difference: what they are called, which are shown, and what is behind them. Pure.

/** @typedef {import("../types.js").Comparison} Comparison */
/** @typedef {import("../types.js").GapPart} GapPart */
/** @typedef {import("../types.js").Kind} Kind */
/** @typedef {import("../types.js").ModeLayers} ModeLayers */

/**
 * @typedef {{ id: string, title: string, from: number, to: number, gap: number, parts: GapPart[] }} Step
 *   one step of the way from one mode to the other
 * @typedef {{ seconds: number, calls: number | null, tags: Set<string> }} Amount
 * @typedef {{ title: string, kind: string, sides: [Amount | null, Amount | null] }} Line
 *   what a part is made of, in both modes
 */

export const REST = "rest";

// Parts below this share of the larger step are summed, and so is what would not fit on a screen.
const WORTH_A_ROW = 0.005;
const MOST_ROWS = 12;

// Kinds that ops account for: what is left of a layer's time stands beside them.
const OPS = ["op", "py_function"];

/**
 * What an address calls a part.
 * @param {GapPart} part
 * @returns {string}
 */
export function partId({ kind, in_pass, op_type, owner }) {
  return [kind, in_pass, op_type, owner].join("|");
}

/**
 * What to call a part: "max_pooling2d backward", "Python", "optimizer adam".
 * @param {GapPart} part
 * @param {string} root
 * @param {Kind[]} kinds
 * @returns {string}
 */
export function partTitle(part, root, kinds) {
  const words = part.owner || part.in_pass ? [ownerTitle(part.owner, part.in_pass, root)] : [];
  if (part.kind) words.push(kindTitle(part.kind, kinds));
  words.push(part.op_type);
  return words.filter(Boolean).join(" ");
}

/**
 * @param {string} owner
 * @param {string} inPass
 * @param {string} root
 * @returns {string}
 */
export function ownerTitle(owner, inPass, root) {
  if (owner && (inPass === "forward" || inPass === "backward")) return `${withoutRoot(owner, root)} ${inPass}`;
  if (owner) return `${inPass} ${owner}`;
  return inPass === "other" ? "without layer" : `${inPass} without layer`;
}

/**
 * @param {string} owner
 * @param {string} root
 * @returns {string}
 */
export function withoutRoot(owner, root) {
  return root && owner.startsWith(root) ? owner.slice(root.length) : owner;
}

/**
 * @param {string} id
 * @param {Kind[]} kinds
 * @returns {string}
 */
export function kindTitle(id, kinds) {
  return kinds.find((kind) => kind.id === id)?.title ?? id;
}

/**
 * The way from the baseline's step to the mode's: the largest parts one by one, then the rest.
 *
 * The last step ends at the mode's time exactly, because the parts sum to the difference.
 * @param {Comparison["difference"]} difference
 * @param {Kind[]} kinds
 * @returns {Step[]}
 */
export function way(difference, kinds) {
  const { parts, root, baseline_s: start, mode_s: end } = difference;
  const least = WORTH_A_ROW * Math.max(start, end);
  const differing = parts.filter((part) => part.gap_s !== 0);
  let shown = Math.min(differing.filter((part) => Math.abs(part.gap_s) >= least).length, MOST_ROWS);
  // A rest of a single part can as well be shown as itself.
  if (differing.length === shown + 1) shown += 1;
  /** @type {Step[]} */
  const steps = [];
  let at = start;
  for (const part of differing.slice(0, shown)) {
    const title = partTitle(part, root, kinds);
    steps.push({ id: partId(part), title, from: at, to: at + part.gap_s, gap: part.gap_s, parts: [part] });
    at += part.gap_s;
  }
  const rest = differing.slice(shown);
  if (rest.length) {
    const gap = rest.reduce((sum, part) => sum + part.gap_s, 0);
    steps.push({
      id: REST,
      title: `everything else (${rest.length})`,
      from: at,
      to: at + gap,
      gap,
      parts: rest,
    });
  }
  return steps;
}

/**
 * What a part is made of in both modes: ops and other time of a layer, layers of a kind, or the single
 * ops of a type. The lines of each side sum to the part.
 * @param {GapPart} part
 * @param {Comparison["difference"]} difference
 * @param {[ModeLayers, ModeLayers]} modes baseline and mode
 * @param {string} root
 * @param {Kind[]} kinds
 * @returns {Line[]} the largest difference first
 */
export function behind(part, difference, modes, root, kinds) {
  const isOwn = ownership(difference.parts);
  /** @type {Map<string, Line>} */
  const lines = new Map();
  modes.forEach((mode, side) => {
    const add = (
      /** @type {string} */ title,
      /** @type {string} */ kind,
      /** @type {Amount} */ amount,
    ) => {
      const line = lines.get(`${kind}\n${title}`) ?? { title, kind, sides: [null, null] };
      lines.set(`${kind}\n${title}`, line);
      const sum = line.sides[side];
      line.sides[side] = sum ? joined(sum, amount) : amount;
    };
    if (part.op_type) addOps(part, mode, isOwn, add);
    else if (part.kind) addKind(part, difference.by, mode, isOwn, root, add);
    else addLayer(part, mode, isOwn, kinds, add);
  });
  return [...lines.values()].sort((a, b) => Math.abs(gapOf(b)) - Math.abs(gapOf(a)));
}

/** @typedef {(title: string, kind: string, amount: Amount) => void} Add */
/** @typedef {(owner: string, inPass: string, part: GapPart) => boolean} IsOwn */

/**
 * Whether time of an owner is in a part. A layer that one of the modes cannot tell apart is in the
 * part of the layer around it.
 * @param {GapPart[]} parts
 * @returns {IsOwn}
 */
function ownership(parts) {
  const known = new Set(parts.map((part) => `${part.in_pass}\n${part.owner}`));
  return (owner, inPass, part) => {
    if (inPass !== part.in_pass) return false;
    let found = owner;
    while (found.includes("/") && !known.has(`${inPass}\n${found}`)) {
      found = found.slice(0, found.lastIndexOf("/"));
    }
    return found === part.owner;
  };
}

/**
 * The single ops of a type.
 * @param {GapPart} part
 * @param {ModeLayers} mode
 * @param {IsOwn} isOwn
 * @param {Add} add
 */
function addOps(part, mode, isOwn, add) {
  eachOp(mode, (op) => {
    if (typeOf(op) !== part.op_type || !isOwn(op.owner, op.in_pass, part)) return;
    add(op.name ? `${op.name}: ${op.op_type}` : op.op_type, "op", amountOf(op));
  });
}

/**
 * A kind of time, by whose it is.
 * @param {GapPart} part
 * @param {string} by
 * @param {ModeLayers} mode
 * @param {IsOwn} isOwn
 * @param {string} root
 * @param {Add} add
 */
function addKind(part, by, mode, isOwn, root, add) {
  for (const row of mode.rows) {
    if (by !== "kind" && (part.owner ? !isOwn(row.owner, row.in_pass, part) : row.owner)) continue;
    let seconds = row.kinds[part.kind] ?? 0;
    // Ops without a layer have a part of their own.
    if (by !== "kind" && part.kind === "op") seconds -= sumOfOps(mode, row.owner, row.in_pass);
    if (seconds) {
      const title = ownerTitle(row.owner, row.in_pass, root);
      add(title, "", { seconds, calls: null, tags: new Set() });
    }
  }
}

/**
 * A layer in a pass: its ops by type, and its other time by kind.
 * @param {GapPart} part
 * @param {ModeLayers} mode
 * @param {IsOwn} isOwn
 * @param {Kind[]} kinds
 * @param {Add} add
 */
function addLayer(part, mode, isOwn, kinds, add) {
  eachOp(mode, (op) => {
    const type = typeOf(op);
    if (isOwn(op.owner, op.in_pass, part) && (type || op.owner)) add(type || "ops", "op", amountOf(op));
  });
  if (!part.owner) return;
  for (const row of mode.rows) {
    if (!isOwn(row.owner, row.in_pass, part)) continue;
    for (const [kind, seconds] of Object.entries(row.kinds)) {
      if (!OPS.includes(kind)) add(kindTitle(kind, kinds), kind, { seconds, calls: null, tags: new Set() });
    }
  }
}

/**
 * @param {ModeLayers} mode
 * @param {string} owner
 * @param {string} inPass
 * @returns {number}
 */
function sumOfOps(mode, owner, inPass) {
  let sum = 0;
  eachOp(mode, (op) => {
    if (op.owner === owner && op.in_pass === inPass && op.op_type) sum += op.wall_s ?? 0;
  });
  return sum;
}

/**
 * @typedef {{
 *   owner: string, in_pass: string, op_type: string, tf_type: string, name: string, tag: string,
 *   calls: number, recorded: number | null, wall_s: number | null, busy_s: number | null,
 *   low_s: number | null, high_s: number | null, inputs: string[], outputs: string[],
 *   flops: number | null, bytes: number | null, flops_per_s: number | null, bytes_per_s: number | null
 * }} Op
 */

/**
 * @param {ModeLayers} mode
 * @param {(op: Op) => void} visit
 */
export function eachOp({ ops }, visit) {
  const names = /** @type {(keyof Op)[]} */ (Object.keys(ops));
  ops.owner.forEach((_, at) => {
    visit(/** @type {Op} */ (Object.fromEntries(names.map((name) => [name, ops[name][at]]))));
  });
}

/**
 * What an op is called in every mode.
 * @param {Op} op
 * @returns {string}
 */
export function typeOf(op) {
  return op.tf_type || op.op_type;
}

/**
 * @param {Op} op
 * @returns {Amount}
 */
function amountOf(op) {
  return { seconds: op.wall_s ?? 0, calls: op.calls, tags: new Set([op.tag]) };
}

/**
 * @param {Amount} one
 * @param {Amount} other
 * @returns {Amount}
 */
function joined(one, other) {
  return {
    seconds: one.seconds + other.seconds,
    calls: one.calls === null && other.calls === null ? null : (one.calls ?? 0) + (other.calls ?? 0),
    tags: new Set([...one.tags, ...other.tags]),
  };
}

/**
 * @param {Line} line
 * @returns {number}
 */
export function gapOf({ sides: [base, other] }) {
  return (other?.seconds ?? 0) - (base?.seconds ?? 0);
}
