// Who is online, tab by tab, with the means to end a session or all sessions of an account.

import { $, h, icon, redraw, showError, showReading } from "./dom.js";
import { all, del, post } from "./api.js";
import { ask } from "./ask.js";
import { ago, count, language, t } from "./i18n.js";
import { drawNodes, hasSeveral, refreshNodes } from "./nodes.js";
import { withReceipt } from "./receipt.js";
import { allows, store } from "./store.js";

let people = [];

async function change(work) {
  showError($("online-error"), null);
  try {
    await withReceipt(work);
  } catch (problem) {
    showError($("online-error"), problem.text);
  }
  await refreshOnline();
}

async function kick(person, sid) {
  const answer = await ask({
    title: t("ask.kick.title", { name: person.username }), text: t("ask.kick.text"), yes: t("ask.kick.yes"), reason: true,
  });
  if (!answer) return;
  const query = answer.reason ? `?reason=${encodeURIComponent(answer.reason)}` : "";
  await change(() => del(`/api/v1/sessions/${encodeURIComponent(sid)}${query}`));
}

async function logOutAll(person) {
  const answer = await ask({
    title: t("ask.all.title", { name: person.username }), text: t("ask.all.text"), yes: t("ask.all.yes"), reason: true,
  });
  if (!answer) return;
  await change(() => post(`/api/v1/accounts/${person.account_id}/logout-all`, answer.reason ? { reason: answer.reason } : {}));
}

/** A time that the page's ticker keeps fresh. */
const since = (at) => h("time", { "data-ago": at }, ago(at));

function tab(one) {
  return h("li", {},
    icon("tab"),
    h("span", { class: "tab-browser", title: one.browser }, one.browser || "–"),
    h("span", { class: "tab-ip" }, hasSeveral() ? `${one.ip} · ${one.node}` : one.ip),
    h("span", { class: "tab-since" }, since(one.connected_at)),
    h("span", { class: "tab-rev" }, t("rev", { rev: one.rev })));
}

function session(person, sid, tabs) {
  return h("div", { class: "session" },
    h("div", { class: "session-head" },
      h("small", { title: sid }, t("online.session", { sid: sid.slice(0, 8) })),
      allows("session:kick") && h("button", {
        class: "small danger", type: "button", "data-focus": `kick ${sid}`, "data-kick": person.username, onclick: () => kick(person, sid),
      }, t("online.kick"))),
    h("ul", {}, tabs.map(tab)));
}

function card(person) {
  const sessions = new Map();
  for (const one of person.tabs) sessions.set(one.sid, [...(sessions.get(one.sid) ?? []), one]);
  return h("article", { class: "card person", "data-account": person.username },
    h("header", {},
      h("div", { class: "avatar", "aria-hidden": "true" }, (person.display_name || person.username).slice(0, 1).toUpperCase()),
      h("div", { class: "person-words" },
        h("b", {}, person.display_name || person.username, person.account_id === store.account?.id && h("em", {}, t("online.you"))),
        h("small", {}, `${person.username} · ${count("online.tabs", person.tabs.length)}`)),
      allows("session:kick") && h("button", {
        class: "small danger", type: "button", "data-focus": `all ${person.account_id}`, "data-kick-all": person.username, onclick: () => logOutAll(person),
      }, t("online.all"))),
    [...sessions].map(([sid, tabs]) => session(person, sid, tabs)));
}

export function drawOnline() {
  drawNodes();
  const signature = [language(), hasSeveral(), allows("session:kick"), store.account?.id, people.map(({ account_id: id, username, display_name: name, tabs }) =>
    [id, username, name, tabs.map((one) => [one.connection_id, one.rev])])];
  redraw($("online"), signature, () => (people.length ? people.map(card) : [h("p", { class: "hint" }, t("online.none"))]));
}

export async function refreshOnline() {
  try {
    await refreshNodes();
    people = (await all("/api/v1/online-users")).sort((a, b) => a.username.localeCompare(b.username));
    drawOnline();
    showReading($("online-error"));
  } catch (problem) {
    showReading($("online-error"), problem.text);
  }
}

export function clearOnline() {
  people = [];
  showError($("online-error"), null);
  drawOnline();
}
