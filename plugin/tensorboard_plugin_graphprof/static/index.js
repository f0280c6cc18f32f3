// The shell: session picker, tabs, state in the address. TensorBoard calls `render` once.

import { api, ApiError } from "./api.js";
import { button, fill, h, on } from "./dom.js";
import * as host from "./host.js";
import { helpPanel } from "./help.js";
import { Store, merge } from "./store.js";
import { copyText } from "./table.js";
import { hideTip } from "./charts/tip.js";
import { VIEWS } from "./views/index.js";

/** @typedef {import("./types.js").SessionList} SessionList */
/** @typedef {import("./types.js").SessionEntry} SessionEntry */
/** @typedef {import("./views/view.js").OpenView} OpenView */

// What belongs to one session or view, and is dropped when another is opened.
const OWN_OF_SESSION = [
  ...["mode", "step", "from", "to", "find", "hide", "threads", "fold"],
  ...["base", "other", "part", "open", "op", "q"],
];

export async function render() {
  document.documentElement.lang = "en";
  document.title = "graphprof";
  await loadStyle();
  const shell = new Shell();
  host.onTheme((theme) => shell.setTheme(theme));
  host.onAddress((state) => shell.store.replace(state));
  host.onReload(() => shell.reload());
  host.onVisible((visible) => shell.setVisible(visible));
  await shell.reload();
}

/** @returns {Promise<void>} */
function loadStyle() {
  return new Promise((resolve) => {
    const link = h("link", { rel: "stylesheet", href: new URL("style.css", import.meta.url).href });
    on(link, { load: () => resolve(), error: () => resolve() });
    document.head.append(link);
  });
}

class Shell {
  constructor() {
    this.store = new Store(host.currentState());
    /** @type {SessionList | null} */
    this.list = null;
    /** @type {import("./types.js").Kinds | null} */
    this.kinds = null;
    /** @type {Promise<string[] | null> | null} */
    this.profileRuns = null;
    /** @type {Map<string, Promise<any>>} */
    this.answers = new Map();
    /** @type {OpenView | null} */
    this.view = null;
    this.shown = "";
    this.visible = true;
    this.picker = /** @type {HTMLSelectElement} */ (
      h("select", { "aria-label": "Session", "data-testid": "session-picker", class: "session-picker" })
    );
    this.tabs = h("div", { role: "tablist", class: "tabs", "aria-label": "Views" });
    this.main = h("main", { id: "view", role: "tabpanel", tabindex: "-1" });
    this.build();
    this.store.subscribe((state, before) => {
      host.showState(state, state.view !== before.view || state.session !== before.session);
      this.show();
    });
  }

  build() {
    on(this.picker, { change: () => this.choose(this.picker.value) });
    on(this.tabs, { keydown: (/** @type {KeyboardEvent} */ event) => this.moveTab(event) });
    on(document.documentElement, {
      keydown: (/** @type {KeyboardEvent} */ event) => {
        if (event.key === "?" && !isTyping(event)) this.help();
        if (event.key === "Escape") hideTip();
      },
    });
    fill(
      document.body,
      h(
        "header",
        { class: "shell" },
        h("span", { class: "brand" }, "graphprof"),
        this.picker,
        this.tabs,
        h("span", { class: "spring" }),
        this.linkButton(),
        button("?", () => this.help(), {
          class: "quiet",
          "aria-label": "Keys and words",
          title: "Keys and words (?)",
        }),
      ),
      this.main,
    );
  }

  /** @returns {HTMLElement} */
  linkButton() {
    const text = "Copy link";
    const element = button(
      text,
      async () => {
        const copied = await copyText(host.addressOf(this.store.state));
        element.textContent = copied ? "Copied" : "Take it from the address bar";
        setTimeout(() => {
          element.textContent = text;
        }, 1500);
      },
      { class: "quiet", title: "Copy the address of exactly what is shown" },
    );
    return element;
  }

  /** Read everything anew: at the start, and when TensorBoard's reload button is pressed. */
  async reload() {
    this.answers.clear();
    this.profileRuns = null;
    try {
      [this.list, this.kinds] = await Promise.all([api.sessions(), this.kinds ?? api.kinds()]);
    } catch (error) {
      this.fail(error);
      return;
    }
    this.close();
    this.fillPicker();
    this.show();
  }

  fillPicker() {
    const sessions = this.list?.sessions ?? [];
    fill(
      this.picker,
      ...sessions.map((entry) => {
        const title = sessionTitle(entry);
        const alone = sessions.filter((other) => sessionTitle(other) === title).length === 1;
        return h("option", { value: entry.id, title: entry.id }, alone ? title : `${title} · ${entry.id}`);
      }),
    );
    this.picker.hidden = sessions.length === 0;
  }

  /** Show what the state says: opens another view, or tells the open one. */
  show() {
    const session = this.session();
    const view = VIEWS.find(({ id }) => id === this.store.get("view")) ?? VIEWS[0];
    fill(this.tabs, ...VIEWS.map((each) => this.tab(each, each === view)));
    if (!session) {
      this.close();
      fill(this.main, this.empty());
      return;
    }
    this.picker.value = session.id;
    const key = `${session.id}\n${view.id}`;
    if (this.shown === key && this.view) {
      this.view.update(this.store.state);
      return;
    }
    this.close();
    this.shown = key;
    if (session.error) {
      fill(this.main, problem(`${session.id} cannot be read`, session.error));
      return;
    }
    this.open(view, session, key);
  }

  /**
   * @param {import("./views/view.js").View} view
   * @param {SessionEntry} session
   * @param {string} key
   */
  async open(view, session, key) {
    fill(this.main, h("p", { class: "loading", role: "status" }, "Reading the session …"));
    try {
      const opened = await view.open(this.context(session));
      if (this.shown !== key) {
        opened.close();
        return;
      }
      this.view = opened;
      fill(this.main, opened.element);
      opened.update(this.store.state);
      opened.setVisible?.(this.visible);
    } catch (error) {
      if (this.shown === key) this.fail(error);
    }
  }

  /**
   * What a view may use. Views know no addresses, neither the page's nor the server's.
   * @param {SessionEntry} session
   * @returns {import("./views/view.js").Context}
   */
  context(session) {
    const { id } = session;
    return {
      kinds: this.kinds?.kinds ?? [],
      laneKinds: [...(this.kinds?.kinds ?? []), ...(this.kinds?.beside ?? [])],
      state: () => this.store.state,
      set: (changes) => this.store.set(changes),
      link: (changes) => {
        const target = host.addressOf(merge(forSession(this.store.state, id), changes));
        return {
          href: target,
          go: () => this.store.replace(merge(forSession(this.store.state, id), changes)),
        };
      },
      report: () => this.once(`report ${id}`, () => api.report(id)),
      steps: () => this.once(`steps ${id}`, () => api.steps(id)),
      trace: (mode) => this.once(`trace ${id} ${mode}`, () => api.trace(id, mode)),
      timeline: (query) => api.timeline({ session: id, ...query }),
      event: (mode, event) => api.event(id, mode, event),
      uses: (query) => api.uses({ session: id, ...query }),
      whose: (mode, event) => api.whose(id, mode, event),
      difference: (baseline, mode, by) =>
        this.once(["difference", id, baseline, mode, by].join("\n"), () =>
          api.difference({ session: id, baseline, mode, by }),
        ),
      layers: () => this.once(`layers ${id}`, () => api.layers(id)),
      memory: () => this.once(`memory ${id}`, () => api.memory(id)),
      profileLink: (run, tool) => this.profileLink(run, tool),
    };
  }

  /**
   * Ask once, and remember the answer until the next reload.
   * @template T
   * @param {string} key
   * @param {() => Promise<T>} ask
   * @returns {Promise<T>}
   */
  once(key, ask) {
    const known = this.answers.get(key);
    if (known) return known;
    const answer = ask();
    this.answers.set(key, answer);
    answer.catch(() => this.answers.delete(key));
    return answer;
  }

  /**
   * The address of a run in TensorBoard's PROFILE tab, or null where it is not known there.
   *
   * That tab shows its first run for a run that it does not know, so it is asked first.
   * @param {string} run
   * @param {string} tool
   * @returns {Promise<string | null>}
   */
  async profileLink(run, tool) {
    this.profileRuns ??= api.profileRuns();
    const runs = await this.profileRuns;
    if (!runs?.includes(run)) return null;
    const root = new URL("../../../", document.baseURI).href;
    return `${root}?run=${encodeURIComponent(run)}&tag=${encodeURIComponent(tool)}#profile`;
  }

  close() {
    this.view?.close();
    this.view = null;
    this.shown = "";
    hideTip();
  }

  /** @returns {SessionEntry | undefined} */
  session() {
    const sessions = this.list?.sessions ?? [];
    return sessions.find(({ id }) => id === this.store.get("session")) ?? sessions[0];
  }

  /** @param {string} id */
  choose(id) {
    this.store.replace(merge(this.store.state, { ...nothing(OWN_OF_SESSION), session: id }));
  }

  /**
   * @param {import("./views/view.js").View} view
   * @param {boolean} current
   * @returns {HTMLElement}
   */
  tab(view, current) {
    return button(view.title, () => this.store.set({ view: view.id, session: this.session()?.id }), {
      role: "tab",
      id: `tab-${view.id}`,
      "aria-selected": String(current),
      "aria-controls": "view",
      tabindex: current ? "0" : "-1",
      "data-testid": `tab-${view.id}`,
    });
  }

  /** @param {KeyboardEvent} event */
  moveTab(event) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const at = VIEWS.findIndex(({ id }) => id === (this.store.get("view") ?? VIEWS[0].id));
    const next = VIEWS[(at + by + VIEWS.length) % VIEWS.length];
    this.store.set({ view: next.id });
    document.getElementById(`tab-${next.id}`)?.focus();
    event.stopPropagation();
  }

  help() {
    helpPanel(this.kinds?.kinds ?? []);
  }

  /** @returns {HTMLElement} */
  empty() {
    const logdir = this.list?.logdir || "LOGDIR";
    return h(
      "section",
      { class: "notice", "data-testid": "empty" },
      h("h1", {}, "No session here yet"),
      h("p", {}, "Profile your own model, or a built-in one on real data:"),
      h("pre", {}, `graphprof profile models.py:build --logdir ${logdir}\ngraphprof demo --logdir ${logdir}`),
      h("p", {}, "Then press TensorBoard's reload button: the session shows up by itself."),
    );
  }

  /** @param {unknown} error */
  fail(error) {
    this.close();
    const known =
      error instanceof ApiError
        ? { message: error.message, cure: error.cure }
        : { message: String(error), cure: "Reload the page; report it if it stays" };
    if (!(error instanceof ApiError)) console.error(error);
    fill(this.main, problem("This cannot be shown", known));
  }

  /** @param {"light" | "dark"} theme */
  setTheme(theme) {
    document.documentElement.dataset.theme = theme;
    this.view?.setTheme?.();
  }

  /** @param {boolean} visible */
  setVisible(visible) {
    // Another tab may have wiped the address while we were hidden.
    if (visible && !this.visible) host.showState(this.store.state, false);
    this.visible = visible;
    this.view?.setVisible?.(visible);
    if (!visible) hideTip();
  }
}

/**
 * @param {SessionEntry} entry
 * @returns {string}
 */
function sessionTitle(entry) {
  if (entry.error) return `${entry.id} · damaged`;
  const when = entry.created ? entry.created.slice(0, 16).replace("T", " ") : "";
  return [entry.target, entry.phase, when, entry.status === "complete" ? "" : entry.status]
    .filter(Boolean)
    .join(" · ");
}

/**
 * @param {string} title
 * @param {{message: string, cure: string}} error
 * @returns {HTMLElement}
 */
function problem(title, error) {
  return h(
    "section",
    { class: "notice error", role: "alert", "data-testid": "problem" },
    h("h1", {}, title),
    h("p", {}, `${error.message}.`),
    h("p", { class: "cure" }, `${error.cure}.`),
  );
}

/**
 * The state with which another view of the same session opens.
 * @param {import("./store.js").State} state
 * @param {string} session
 */
function forSession(state, session) {
  return merge(state, { ...nothing(OWN_OF_SESSION), session });
}

/**
 * @param {string[]} keys
 * @returns {Record<string, null>}
 */
function nothing(keys) {
  return Object.fromEntries(keys.map((key) => [key, null]));
}

/**
 * @param {KeyboardEvent} event
 * @returns {boolean}
 */
function isTyping(event) {
  return event.target instanceof HTMLInputElement && event.target.type !== "checkbox";
}
