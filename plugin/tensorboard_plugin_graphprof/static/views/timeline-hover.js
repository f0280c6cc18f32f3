// What the pointer is on: its tooltip, and its kin in all modes.

import { hideTip, showTip } from "../charts/tip.js";
import { byRow, kinNames } from "./timeline-find.js";
import { layerQuery } from "./timeline-queries.js";
import { blockTip, eventLine, eventTip, words } from "./timeline-tips.js";

/** @typedef {import("../charts/lanes-model.js").Hit} Hit */
/** @typedef {import("../charts/lanes.js").Lanes} Lanes */
/** @typedef {import("../types.js").EventDetail} EventDetail */
/** @typedef {import("../types.js").EventWhose} EventWhose */
/** @typedef {import("./timeline-track.js").ModeTrack} ModeTrack */
/** @typedef {import("./view.js").Context} Context */

const DETAIL_AFTER = 70; // ms on one event before its details are asked for

export class Hover {
  /**
   * @param {{
   *   context: Context, lanes: Lanes, modes: () => ModeTrack[], redraw: () => void,
   *   say: (text: string) => void, fail: (error: unknown) => void,
   *   uses: (mode: ModeTrack, name: string) => Promise<import("../types.js").OpUse>
   * }} options `say` tells screen readers, `uses` says where in sight a query's events are
   */
  constructor({ context, lanes, modes, redraw, say, fail, uses }) {
    this.context = context;
    this.lanes = lanes;
    this.modes = modes;
    this.redraw = redraw;
    this.say = say;
    this.fail = fail;
    this.uses = uses;
    /** @type {Map<string, EventDetail & {whose: EventWhose}>} */
    this.details = new Map();
    /** The query that glows, or is about to. */
    this.glowing = "";
    this.timer = 0;
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {PointerEvent} event
   */
  move(x, y, event) {
    clearTimeout(this.timer);
    const hit = this.lanes.hit(x, y);
    const onThread = hit.area === "gutter" && hit.group >= 0;
    this.lanes.pointer = x;
    this.lanes.canvas.style.cursor = onThread ? "pointer" : "";
    this.outline(hit);
    if (onThread) {
      showTip([this.modes()[hit.track].track.groups[hit.group].hint], event.clientX, event.clientY);
    } else if (hit.payload && hit.entry >= 0) {
      this.tip(hit, event);
    } else {
      hideTip();
    }
  }

  leave() {
    clearTimeout(this.timer);
    this.lanes.pointer = null;
    this.outline(null);
    hideTip();
  }

  /**
   * Outline the entry that is hit, and its kin in all modes.
   * @param {Hit | null} hit
   */
  outline(hit) {
    const on = hit?.payload && hit.entry >= 0 ? { ...hit, payload: hit.payload } : null;
    const from = on && this.modes()[on.track];
    const { op, scope } = on && from ? words(from, on.payload, on.entry) : { op: "", scope: "" };
    if (on?.payload !== this.lanes.hovered?.payload || on?.entry !== this.lanes.hovered?.entry) this.glow("");
    this.lanes.hovered = on;
    for (const mode of this.modes()) mode.track.kin = op ? kinNames(mode, op, scope) : null;
    this.redraw();
  }

  /**
   * @param {Hit} hit
   * @param {PointerEvent} event
   */
  tip({ track, payload, entry }, { clientX, clientY }) {
    if (!payload) return;
    const mode = this.modes()[track];
    const kinds = this.context.laneKinds;
    if (payload.count[entry] > 1) {
      showTip(blockTip(mode, payload, entry, kinds), clientX, clientY);
      return;
    }
    const key = `${mode.mode}\n${payload.event[entry]}`;
    const show = () => {
      const detail = this.details.get(key) ?? null;
      showTip(eventTip(mode, payload, entry, kinds, detail), clientX, clientY);
      if (!detail) return;
      this.say(eventLine(mode, detail, kinds));
      const { owner, in_pass } = detail.whose;
      this.glow(owner ? layerQuery(owner, in_pass) : "").catch((error) => this.fail(error));
    };
    show();
    if (this.details.has(key)) return;
    this.timer = window.setTimeout(async () => {
      try {
        const index = payload.event[entry];
        const [detail, whose] = await Promise.all([
          this.context.event(mode.mode, index),
          this.context.whose(mode.mode, index),
        ]);
        this.details.set(key, { ...detail, whose });
        const { hovered } = this.lanes;
        if (hovered?.payload === payload && hovered.entry === entry) show();
      } catch (error) {
        this.fail(error);
      }
    }, DETAIL_AFTER);
  }

  /**
   * Light up in every mode what belongs to the same layer and pass.
   * @param {string} query nothing where it is empty
   */
  async glow(query) {
    if (query === this.glowing) return;
    this.glowing = query;
    const modes = this.modes();
    for (const { track } of modes) track.glow = null;
    if (!query) return;
    const found = await Promise.all(modes.map((mode) => this.uses(mode, query)));
    if (query !== this.glowing) return;
    modes.forEach(({ track }, index) => {
      track.glow = byRow(found[index]);
    });
    this.redraw();
  }
}
