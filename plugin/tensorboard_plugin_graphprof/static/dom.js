// Elements without markup: all text goes in as text nodes, so that a session, mode or op called
// "<img onerror=…>" is shown as exactly that.

/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {Record<string, string | number | boolean | null | undefined>} Attributes */
/** @typedef {Record<string, (event: any) => void>} Listeners */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An HTML element.
 * @param {string} tag
 * @param {Attributes} [attributes] false, null and undefined leave the attribute out, true sets it empty
 * @param {...(Child | Child[])} children
 * @returns {HTMLElement}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  setAttributes(element, attributes);
  append(element, children);
  return element;
}

/**
 * An SVG element.
 * @param {string} tag
 * @param {Attributes} [attributes]
 * @param {...(Child | Child[])} children
 * @returns {SVGElement}
 */
export function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  setAttributes(element, attributes);
  append(element, children);
  return /** @type {SVGElement} */ (element);
}

/**
 * Listen to events; returns the element, so that it can stand inside `h`.
 * @template {Element} T
 * @param {T} element
 * @param {Listeners} listeners
 * @returns {T}
 */
export function on(element, listeners) {
  for (const [name, listener] of Object.entries(listeners)) {
    element.addEventListener(name, listener);
  }
  return element;
}

/**
 * A button that does something.
 * @param {string} text
 * @param {() => void} action
 * @param {Attributes} [attributes]
 * @returns {HTMLElement}
 */
export function button(text, action, attributes = {}) {
  return on(h("button", { type: "button", ...attributes }, text), { click: action });
}

/**
 * A small set of choices of which one is in force, shown as joined buttons.
 * @param {string} label what is chosen, for screen readers
 * @param {{id: string, title: string}[]} choices
 * @param {string} current
 * @param {(id: string) => void} choose
 * @returns {HTMLElement}
 */
export function segmented(label, choices, current, choose) {
  const buttons = choices.map(({ id, title }) =>
    button(title, () => choose(id), { "aria-pressed": String(id === current), "data-choice": id }),
  );
  return h("div", { class: "segmented", role: "group", "aria-label": label }, ...buttons);
}

/**
 * A labelled checkbox.
 * @param {string} text
 * @param {boolean} checked
 * @param {(checked: boolean) => void} change
 * @returns {HTMLElement}
 */
export function checkbox(text, checked, change) {
  const input = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox" }));
  input.checked = checked;
  on(input, { change: () => change(input.checked) });
  return h("label", { class: "check" }, input, text);
}

/**
 * Replace what an element holds.
 * @param {Element} element
 * @param {...(Child | Child[])} children
 */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

/**
 * @param {Element} element
 * @param {(Child | Child[])[]} children
 */
function append(element, children) {
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/**
 * @param {Element} element
 * @param {Attributes} attributes
 */
function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
}
