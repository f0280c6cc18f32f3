// The views, in the order of their tabs. A new one is a file in this folder and a line here.

import { environment } from "./environment.js";
import { overview } from "./overview.js";
import { steps } from "./steps.js";
import { timeline } from "./timeline.js";

/** @type {import("./view.js").View[]} */
export const VIEWS = [overview, timeline, steps, environment];
