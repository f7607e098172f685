import { TEXTS } from "./texts.js";

export const LANGUAGES = { en: "English", es: "Español" };
const KEY = "language";

/** Says `change` when another language was chosen. */
export const languages = new EventTarget();
let current = addressed() ?? remembered() ?? preferred() ?? "en";

/** The code of the page's language. */
export function language() {
  return current;
}

/** The name under which Intl has the language, with its way to write dates. */
export function locale() {
  return { en: "en-GB", es: "es-ES" }[current];
}

/** A text of the page in its language. */
export function say(name, ...values) {
  const text = TEXTS[current][name];
  return typeof text === "function" ? text(...values) : text;
}

/** Change the language, and remember it. */
export function choose(code) {
  current = known(code) ?? current;
  try {
    localStorage.setItem(KEY, current);
  } catch {
    // Storage may be forbidden. The choice is good for this page, then.
  }
  correctAddress();
  languages.dispatchEvent(new Event("change"));
}

function known(code) {
  return Object.hasOwn(LANGUAGES, code ?? "") ? code : null;
}

function addressed() {
  return known(new URLSearchParams(location.search).get("lang"));
}

function remembered() {
  try {
    return known(localStorage.getItem(KEY));
  } catch {
    return null;
  }
}

function preferred() {
  return (navigator.languages ?? []).map((each) => known(each.slice(0, 2))).find(Boolean);
}

/** An address that names a language would win again when the page is reloaded. */
function correctAddress() {
  const address = new URL(location.href);
  if (!address.searchParams.has("lang")) return;
  address.searchParams.set("lang", current);
  history.replaceState(null, "", address);
}
