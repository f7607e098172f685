import { language, languages, say } from "./language.js";

/** An element that builds its content once and then keeps it in line with what it listens to. */
export class View extends HTMLElement {
  /** What says `change`, besides the language. */
  listensTo = [];

  connectedCallback() {
    this.build();
    for (const each of [languages, ...this.listensTo]) {
      each.addEventListener("change", () => this.show());
    }
    this.show();
  }
}

/** A new element. Children are elements or plain text, never markup. */
export function make(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** A new element of a drawing. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** Text is only touched where it differs, so that nothing blinks and selections stay. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** As setAttribute, where it differs; null takes the attribute away. */
export function setAttribute(node, name, value) {
  if (node.getAttribute(name) === value) return;
  if (value === null) node.removeAttribute(name);
  else node.setAttribute(name, value);
}

/** Hide or show an element, where that is a change. */
export function setHidden(node, hidden) {
  setAttribute(node, "hidden", hidden ? "" : null);
}

/** A value, or a dash that is read out as "not said". */
export function setValue(node, text, lang = language()) {
  setAttribute(node, "lang", text === null || lang === language() ? null : lang);
  if (text !== null) {
    setText(node, text);
    return;
  }
  if (node.textContent === `–${say("notSaid")}`) return;
  const words = make("span", { class: "visually-hidden" }, say("notSaid"));
  node.replaceChildren(make("span", { "aria-hidden": "true" }, "–"), words);
}
