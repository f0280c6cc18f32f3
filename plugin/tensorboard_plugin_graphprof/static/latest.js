// One question at a time, and of those that wait only the newest. Pure.

/**
 * Make a runner for tasks of which only the latest matters: while one runs, a new one waits for it, and
 * one that waited already is given up. Nothing is aborted, so no request fails.
 * @returns {<T>(task: () => Promise<T>) => Promise<T | null>} null: given up for a newer one
 */
export function latest() {
  let running = false;
  /** @type {((mine: boolean) => void) | null} */
  let waiting = null;
  return async (task) => {
    if (running) {
      waiting?.(false);
      const mine = await new Promise((resolve) => {
        waiting = resolve;
      });
      if (!mine) return null;
    }
    running = true;
    try {
      return await task();
    } finally {
      const next = waiting;
      waiting = null;
      running = next !== null; // stays taken for the one that waits, so that nobody slips in between
      next?.(true);
    }
  };
}
