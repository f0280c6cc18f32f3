// What surrounds the page: TensorBoard's window when we are in its frame, our own window otherwise.
// A parent of another origin (a notebook's) cannot be read: then we behave as if there were none.

import { readAddress, writeAddress } from "./store.js";

/** @typedef {import("./store.js").State} State */

/** @returns {Window} the window that holds the address */
export function hostWindow() {
  try {
    if (window.parent !== window && window.parent.location.href) return window.parent;
  } catch {
    return window;
  }
  return window;
}

/** @returns {State} */
export function currentState() {
  // TensorBoard's own GetURLPluginData answers {} on the first load, so the address is read directly.
  return readAddress(hostWindow().location.hash);
}

/**
 * Put the state into the address.
 * @param {State} state
 * @param {boolean} remember whether Back shall return to the state before
 */
export function showState(state, remember) {
  const host = hostWindow();
  const { hash, pathname, search } = host.location;
  const address = writeAddress(state, hash);
  if (address === hash) return;
  // With the path, because TensorBoard gives our page another base address than its own.
  const whole = pathname + search + address;
  if (remember) host.history.pushState(host.history.state, "", whole);
  else host.history.replaceState(host.history.state, "", whole);
}

/**
 * The address of a state, to be opened elsewhere.
 * @param {State} state
 * @returns {string}
 */
export function addressOf(state) {
  const { location } = hostWindow();
  return location.href.replace(/#.*$/, "") + writeAddress(state, location.hash);
}

/**
 * Call back when the reader goes back or edits the address.
 * @param {(state: State) => void} change
 */
export function onAddress(change) {
  const host = hostWindow();
  const listener = () => {
    // Another plugin's tab has the address now: ours is put back when we are seen again.
    if (host === window || host.location.hash.startsWith("#graphprof")) change(currentState());
  };
  host.addEventListener("hashchange", listener);
  host.addEventListener("popstate", listener);
}

/**
 * Follow TensorBoard's light or dark mode, or the system's when there is no TensorBoard around.
 * @param {(theme: "light" | "dark") => void} change called at once, and on each change
 */
export function onTheme(change) {
  const host = hostWindow();
  if (host !== window) {
    const { body } = host.document;
    const tell = () => change(body.classList.contains("dark-mode") ? "dark" : "light");
    new MutationObserver(tell).observe(body, { attributes: true, attributeFilter: ["class"] });
    tell();
    return;
  }
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const tell = () => change(dark.matches ? "dark" : "light");
  dark.addEventListener("change", tell);
  tell();
}

/**
 * Call back when the reader asks TensorBoard to reload.
 *
 * Speaks TensorBoard's message protocol for framed plugins: a port handed to the parent, over which
 * it sends JSON texts and waits for a reply to each.
 * @param {() => void} reload
 */
export function onReload(reload) {
  if (window.parent === window) return;
  const { port1, port2 } = new MessageChannel();
  port1.addEventListener("message", (event) => {
    const message = JSON.parse(event.data);
    if (message.isReply) return;
    if (message.type === "experimental.DataReloaded") reload();
    port1.postMessage(JSON.stringify({ ...message, payload: null, error: null, isReply: true }));
  });
  port1.start();
  window.parent.postMessage("experimental.bootstrap", "*", [port2]);
}

/**
 * Call back when the page comes into or goes out of sight. TensorBoard keeps the frame of a hidden
 * tab alive and "visible", so only the layout tells.
 * @param {(visible: boolean) => void} change
 */
export function onVisible(change) {
  new IntersectionObserver((entries) => change(entries[entries.length - 1].isIntersecting)).observe(
    document.body,
  );
}
