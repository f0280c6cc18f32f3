// The backend's routes (see http_api.md). The only module that knows an address of the server.

/** @typedef {import("./types.js").SessionList} SessionList */
/** @typedef {import("./types.js").Report} Report */
/** @typedef {import("./types.js").StepColumns} StepColumns */
/** @typedef {import("./types.js").TraceOutline} TraceOutline */
/** @typedef {import("./types.js").EventDetail} EventDetail */
/** @typedef {import("./types.js").OpUse} OpUse */
/** @typedef {import("./types.js").EventWhose} EventWhose */
/** @typedef {import("./types.js").Kinds} Kinds */
/** @typedef {import("./types.js").Comparison} Comparison */
/** @typedef {import("./types.js").Layers} Layers */
/** @typedef {import("./types.js").Memory} Memory */
/** @typedef {Record<string, string | number | null | undefined>} Query */

/** What the backend could not do, in its words, with the cure. */
export class ApiError extends Error {
  /**
   * @param {string} message
   * @param {string} cure
   * @param {number} status
   */
  constructor(message, cure, status) {
    super(message);
    this.cure = cure;
    this.status = status;
  }
}

/**
 * @param {string} route
 * @param {Query} query
 * @returns {string}
 */
export function url(route, query = {}) {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== null && value !== undefined) search.set(key, String(value));
  }
  const text = search.toString();
  return text ? `${route}?${text}` : route;
}

/**
 * @param {string} route
 * @param {Query} [query]
 * @returns {Promise<Response>}
 */
async function request(route, query = {}) {
  let response;
  try {
    response = await fetch(url(route, query));
  } catch {
    throw new ApiError("TensorBoard does not answer", "See whether it still runs, then reload this page", 0);
  }
  if (response.ok) return response;
  throw await readError(response);
}

/**
 * @param {Response} response
 * @returns {Promise<ApiError>}
 */
async function readError(response) {
  try {
    const { error } = await response.json();
    return new ApiError(error.message, error.cure, response.status);
  } catch {
    return new ApiError(
      `TensorBoard answered ${response.status}`,
      "Look at its output in the terminal",
      response.status,
    );
  }
}

/**
 * @param {string} route
 * @param {Query} [query]
 * @returns {Promise<any>}
 */
async function json(route, query) {
  return (await request(route, query)).json();
}

export const api = {
  /** @returns {Promise<SessionList>} */
  sessions: () => json("sessions"),

  /** @returns {Promise<Kinds>} */
  kinds: () => json("kinds"),

  /** @param {string} session @returns {Promise<Report>} */
  report: (session) => json("report", { session }),

  /** @param {string} session @returns {Promise<StepColumns>} */
  steps: (session) => json("steps", { session }),

  /** @param {string} session @param {string} mode @returns {Promise<TraceOutline>} */
  trace: (session, mode) => json("trace", { session, mode }),

  /**
   * @param {{session: string, mode: string, start_ps: number, end_ps: number, width: number}} query
   * @returns {Promise<ArrayBuffer>}
   */
  timeline: async (query) => (await request("timeline", query)).arrayBuffer(),

  /**
   * @param {string} session @param {string} mode @param {number} event
   * @returns {Promise<EventDetail>}
   */
  event: (session, mode, event) => json("event", { session, mode, event }),

  /**
   * @param {string} session @param {string} mode @param {number} event
   * @returns {Promise<EventWhose>}
   */
  whose: (session, mode, event) => json("whose", { session, mode, event }),

  /**
   * @param {{session: string, mode: string, name: string, start_ps: number, end_ps: number,
   *          width: number}} query
   * @returns {Promise<OpUse>}
   */
  uses: (query) => json("uses", query),

  /**
   * @param {{session: string, baseline: string, mode: string, by: string}} query
   * @returns {Promise<Comparison>}
   */
  difference: (query) => json("difference", query),

  /** @param {string} session @returns {Promise<Layers>} */
  layers: (session) => json("layers", { session }),

  /** @param {string} session @returns {Promise<Memory>} */
  memory: (session) => json("memory", { session }),

  /**
   * The runs that TensorBoard's PROFILE tab knows, or null where that tab is not installed.
   * @returns {Promise<string[] | null>}
   */
  profileRuns: async () => {
    // Asked first, because a request for a plugin that is not there would be an error in the console.
    /** @type {Record<string, unknown>} */
    const listing = await fetch("../../plugins_listing").then(
      (response) => (response.ok ? response.json() : {}),
      () => ({}),
    );
    if (!listing.profile) return null;
    const runs = await fetch("../profile/runs").then(
      (response) => (response.ok ? response.json() : null),
      () => null,
    );
    return Array.isArray(runs) ? runs : null;
  },
};
