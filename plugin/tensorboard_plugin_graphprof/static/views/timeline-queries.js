// What can be looked for beside names: the ops of a layer, and an op with what does its work elsewhere.
// The backend reads these texts (whose.py); a bar or a percent sign inside a part is escaped.

/** @typedef {{ owner: string, in_pass: string, op_type: string }} Whose */

const escaped = (/** @type {string} */ part) => part.replace(/[%|]/g, encodeURIComponent);

/**
 * The ops of a layer in a pass, in every mode.
 * @param {string} owner
 * @param {string} [inPass] every pass without one
 * @returns {string}
 */
export function layerQuery(owner, inPass = "") {
  return `layer:${[owner, inPass].filter(Boolean).map(escaped).join("|")}`;
}

/**
 * The ops of a type in a mode, and what does their work in the others.
 * @param {string} mode
 * @param {Whose} whose
 * @returns {string}
 */
export function workQuery(mode, { owner, in_pass, op_type }) {
  return `work:${[mode, owner, in_pass, op_type].map(escaped).join("|")}`;
}

/**
 * @param {string} query
 * @returns {boolean} whether it is one of these, and not about names
 */
export function isAboutWork(query) {
  return parts(query) !== null;
}

/**
 * A query as people read it.
 * @param {string} query
 * @returns {string}
 */
export function queryTitle(query) {
  const found = parts(query);
  if (!found) return query;
  if (found.length === 4) {
    const [mode, owner, inPass, type] = found;
    return `${type} of ${owner}, ${inPass}, in ${mode}, and what does its work elsewhere`;
  }
  return `Ops of ${found.join(", ")}`;
}

/**
 * @param {string} query
 * @returns {string[] | null}
 */
function parts(query) {
  const at = query.indexOf(":");
  const word = query.slice(0, at);
  const found = query
    .slice(at + 1)
    .split("|")
    .map(unescaped);
  if (word === "layer" && found.length <= 2 && found[0]) return found;
  return word === "work" && found.length === 4 ? found : null;
}

/**
 * @param {string} part
 * @returns {string}
 */
function unescaped(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // typed by hand
  }
}
