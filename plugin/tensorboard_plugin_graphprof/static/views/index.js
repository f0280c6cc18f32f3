// The views, in the order of their tabs. A new one is a file in this folder and a line here.

import { compile } from "./compile.js";
import { difference } from "./difference.js";
import { environment } from "./environment.js";
import { layers } from "./layers.js";
import { memory } from "./memory.js";
import { overview } from "./overview.js";
import { parity } from "./parity.js";
import { steps } from "./steps.js";
import { timeline } from "./timeline.js";

/** @type {import("./view.js").View[]} */
export const VIEWS = [overview, difference, timeline, layers, memory, steps, compile, parity, environment];
