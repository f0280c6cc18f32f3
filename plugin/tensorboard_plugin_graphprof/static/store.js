// The state of the page: a flat map of short texts, all of it in the address, so that an address is
// a view that can be shared. Pure: knows neither window nor DOM.

const PLUGIN = "graphprof";
const PREFIX = `p.${PLUGIN}.`;

/** @typedef {Record<string, string>} State */
/** @typedef {Record<string, string | number | boolean | null | undefined>} Changes */

/**
 * Read the state out of an address.
 *
 * TensorBoard keeps a plugin's state in its own fragment as `#graphprof&p.graphprof.key=value`.
 * @param {string} hash
 * @returns {State}
 */
export function readAddress(hash) {
  /** @type {State} */
  const state = {};
  for (const [key, value] of pairs(hash)) {
    if (key.startsWith(PREFIX) && value !== "") state[key.slice(PREFIX.length)] = value;
  }
  return state;
}

/**
 * Write the state into an address; what belongs to other plugins stays.
 * @param {State} state
 * @param {string} [hash] the address as it is
 * @returns {string}
 */
export function writeAddress(state, hash = "") {
  const others = pairs(hash).filter(([key]) => key.includes(".") && !key.startsWith(PREFIX));
  const own = Object.keys(state)
    .sort()
    .map((key) => [PREFIX + key, state[key]]);
  const texts = [...others, ...own].map(
    ([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`,
  );
  return `#${[PLUGIN, ...texts].join("&")}`;
}

/**
 * @param {string} hash
 * @returns {[string, string][]}
 */
function pairs(hash) {
  return hash
    .replace(/^#/, "")
    .split("&")
    .filter((part) => part.includes("="))
    .map((part) => {
      const at = part.indexOf("=");
      return [decode(part.slice(0, at)), decode(part.slice(at + 1))];
    });
}

/**
 * @param {string} text
 * @returns {string}
 */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray % typed by hand is taken as it stands
  }
}

/**
 * Apply changes to a state: null, undefined, false and "" remove a key.
 * @param {State} state
 * @param {Changes} changes
 * @returns {State}
 */
export function merge(state, changes) {
  const next = { ...state };
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === false || value === "") delete next[key];
    else next[key] = value === true ? "1" : String(value);
  }
  return next;
}

/**
 * Holds the state and tells who listens about changes.
 */
export class Store {
  /** @param {State} [state] */
  constructor(state = {}) {
    /** @type {State} */
    this.state = state;
    /** @type {Set<(state: State, before: State) => void>} */
    this.listeners = new Set();
  }

  /**
   * @param {string} key
   * @returns {string | undefined}
   */
  get(key) {
    return this.state[key];
  }

  /**
   * Change some keys and tell the listeners, if anything changed.
   * @param {Changes} changes
   */
  set(changes) {
    this.replace(merge(this.state, changes));
  }

  /**
   * Put another state in place of this one.
   * @param {State} next
   */
  replace(next) {
    const before = this.state;
    if (same(before, next)) return;
    this.state = next;
    for (const listener of [...this.listeners]) listener(next, before);
  }

  /**
   * @param {(state: State, before: State) => void} listener
   * @returns {() => void} stops listening
   */
  subscribe(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

/**
 * @param {State} one
 * @param {State} other
 */
function same(one, other) {
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => one[key] === other[key]);
}
