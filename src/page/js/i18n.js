// The language of the page: chosen by the reader and remembered, else the browser's; and words, numbers and times in it.

import { WORDS } from "./words.js";
import { areaName, codeName } from "./codes.js";

const KEY = "livegrant.language";
const listeners = new Set();

function stored() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

let current = stored() ?? (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");
if (!WORDS[current]) current = "en";

export const language = () => current;

/** The words for a key, with `{name}` places filled in. */
export function t(key, values = {}) {
  const text = WORDS[current][key] ?? WORDS.en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** The words for a number of things: `key` with `n`, or `key` and `1` for one. */
export const count = (key, n) => t(n === 1 ? `${key}1` : key, { n });

/** True if there are words for the key. */
export const has = (key) => key in WORDS.en;

export const area = (code) => areaName(code, current);
export const permission = (code) => codeName(code, current);

/** Puts the words into everything that is marked with `data-t`, `data-t-label` or `data-t-placeholder`. */
export function translate() {
  document.documentElement.lang = current === "zh" ? "zh-CN" : "en";
  for (const node of document.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of document.querySelectorAll("[data-t-label]")) node.setAttribute("aria-label", t(node.dataset.tLabel));
  for (const node of document.querySelectorAll("[data-t-placeholder]")) node.placeholder = t(node.dataset.tPlaceholder);
}

/** Calls back after each change of language; answers how to stop that. */
export function onLanguage(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function setLanguage(next) {
  current = next;
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // Without storage the choice holds until the page is left.
  }
  translate();
  for (const listener of listeners) listener();
}

const locale = () => (current === "zh" ? "zh-CN" : "en-GB");

export const clock = (at) => new Date(at).toLocaleTimeString(locale(), { hour12: false });

export const moment = (at) => new Date(at).toLocaleString(locale(), {
  month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false,
});

/** How long ago, in the largest unit that fits. */
export function ago(at) {
  const seconds = Math.max(0, Math.round((Date.now() - new Date(at).getTime()) / 1000));
  if (seconds < 60) return t("ago.s", { n: seconds });
  if (seconds < 3600) return t("ago.m", { n: Math.floor(seconds / 60) });
  return t("ago.h", { n: Math.floor(seconds / 3600) });
}
