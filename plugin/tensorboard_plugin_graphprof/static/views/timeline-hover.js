// What the pointer is on: its tooltip, and its kin in all modes.

import { hideTip, showTip } from "../charts/tip.js";
import { kinNames } from "./timeline-find.js";
import { blockTip, eventLine, eventTip, words } from "./timeline-tips.js";

/** @typedef {import("../charts/lanes-model.js").Hit} Hit */
/** @typedef {import("../charts/lanes.js").Lanes} Lanes */
/** @typedef {import("../types.js").EventDetail} EventDetail */
/** @typedef {import("./timeline-track.js").ModeTrack} ModeTrack */
/** @typedef {import("./view.js").Context} Context */

const DETAIL_AFTER = 70; // ms on one event before its details are asked for

export class Hover {
  /**
   * @param {{
   *   context: Context, lanes: Lanes, modes: () => ModeTrack[], redraw: () => void,
   *   say: (text: string) => void, fail: (error: unknown) => void
   * }} options `say` tells screen readers
   */
  constructor({ context, lanes, modes, redraw, say, fail }) {
    this.context = context;
    this.lanes = lanes;
    this.modes = modes;
    this.redraw = redraw;
    this.say = say;
    this.fail = fail;
    /** @type {Map<string, EventDetail>} */
    this.details = new Map();
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
      if (detail) this.say(eventLine(mode, detail, kinds));
    };
    show();
    if (this.details.has(key)) return;
    this.timer = window.setTimeout(async () => {
      try {
        this.details.set(key, await this.context.event(mode.mode, payload.event[entry]));
        const { hovered } = this.lanes;
        if (hovered?.payload === payload && hovered.entry === entry) show();
      } catch (error) {
        this.fail(error);
      }
    }, DETAIL_AFTER);
  }
}
