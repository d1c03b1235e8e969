// The inbox: what this account was told and what it did with it. The list is read from the server; the counts are the
// server's own, absolute and with a revision, so that a late answer never turns them back.

import { $, h, redraw, showError, showReading } from "./dom.js";
import { del, get, post } from "./api.js";
import { ago, language, t } from "./i18n.js";
import { store } from "./store.js";

/** How many are shown; what is older is for a list of its own. */
const SHOWN = 30;
const FILTERS = ["", "unread", "archived"];

let items = [];
let filter = "";
let counts = { rev: -1, unseen: 0, unread: 0 };
let listeners = () => {};

/** Takes counts unless newer ones are here (FN6). */
export function takeCounts(next) {
  // A frame says `rev` what an answer says `state_rev`: what grows with everything that changes the counts.
  const rev = next?.state_rev ?? next?.rev ?? -1;
  if (rev < counts.rev) return;
  counts = { rev, unseen: next.unseen, unread: next.unread };
  listeners();
}

export const unseen = () => counts.unseen;

async function work(call) {
  showError($("inbox-error"), null);
  try {
    takeCounts((await call())?.counts);
  } catch (problem) {
    showError($("inbox-error"), problem.code === "already_handled" ? t("inbox.handled") : problem.text);
  }
  await refreshInbox();
}

const mark = (item, word) => work(() => post(`/api/v1/notifications/${item.id}/${word}`));

/** A button of a notice calls one of our own paths; the server decides about it like about every call. */
const press = (item, { method = "POST", path, body }) => work(async () => {
  if (!path?.startsWith("/api/v1/")) return null;
  await (method === "DELETE" ? del(path) : post(path, body ?? {}));
  return post(`/api/v1/notifications/${item.id}/read`);
});

function button(text, action, key, kind = "") {
  return h("button", { class: `small ${kind}`, type: "button", "data-focus": key, onclick: action }, text);
}

const label = (action) => (typeof action.label === "object" ? action.label[language()] ?? action.label.zh : action.label) ?? action.code;

function card(item) {
  const actions = item.state === "archived" || item.state === "snoozed" ? [] : item.actions ?? [];
  return h("article", { class: "card notice-item", "data-state": item.state, "data-severity": item.severity, "data-notice": item.id },
    h("i", { class: "dot", "aria-hidden": "true" }),
    h("div", { class: "notice-words" },
      h("b", {}, item.title, item.count > 1 && h("em", {}, `×${item.count}`)),
      h("p", {}, item.content),
      h("small", {}, t(`notice.${item.type}`), item.from?.name && ` · ${item.from.name}`, " · ", h("time", { "data-ago": item.at }, ago(item.at)))),
    h("div", { class: "chips notice-do" },
      actions.map((action) => button(label(action), () => press(item, action), `${action.code} ${item.id}`, action.code === "reject" ? "danger" : "")),
      item.is_read
        ? button(t("inbox.unread"), () => mark(item, "unread"), `unread ${item.id}`)
        : button(t("inbox.read"), () => mark(item, "read"), `read ${item.id}`),
      item.state === "archived"
        ? button(t("inbox.unarchive"), () => mark(item, "unarchive"), `archive ${item.id}`)
        : button(t("inbox.archive"), () => mark(item, "archive"), `archive ${item.id}`)));
}

export function drawInbox() {
  redraw($("inbox-filters"), [language(), filter, counts.unread], () => [
    ...FILTERS.map((name) => h("button", {
      class: "chip", type: "button", "aria-pressed": String(name === filter), "data-focus": `filter ${name}`,
      onclick: () => { filter = name; refreshInbox(); },
    }, name === "unread" ? t("inbox.filter.unread", { n: counts.unread }) : t(`inbox.filter.${name || "all"}`))),
    button(t("inbox.readAll"), () => work(() => post("/api/v1/notifications/bulk", { state: "read", filter: {} })), "read all"),
  ]);
  redraw($("inbox"), [language(), items], () => (items.length ? items.map(card) : [h("p", { class: "hint" }, t("inbox.none"))]));
}

/** Reads the list; who looks at it has seen what is in it. */
export async function refreshInbox() {
  if (!store.account) return;
  try {
    const body = await get(`/api/v1/notifications?page_size=${SHOWN}${filter ? `&state=${filter}` : ""}`);
    items = body.results;
    takeCounts(body.counts);
    drawInbox();
    showReading($("inbox-error"));
    if (counts.unseen && !document.hidden && !$("view-inbox").hidden) {
      takeCounts((await post("/api/v1/notifications/bulk", { state: "seen", filter: {} })).counts);
    }
  } catch (problem) {
    showReading($("inbox-error"), problem.text);
  }
}

/** Reads the counts alone, for the badge. */
export async function refreshCounts() {
  try {
    takeCounts(await get("/api/v1/notifications/counts"));
  } catch {
    // The next state event brings them.
  }
}

export function clearInbox() {
  items = [];
  filter = "";
  counts = { rev: -1, unseen: 0, unread: 0 };
  showError($("inbox-error"), null);
  drawInbox();
  listeners();
}

/** Calls back when the counts change. */
export function startInbox(listener) {
  listeners = listener;
}
