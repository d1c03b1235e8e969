// The inbox: what this account was told and what it did with it. The list is read from the server; the counts are the
// server's own, absolute and with a revision, so that a late answer never turns them back.

import { $, h, icon, redraw, showError, showReading } from "./dom.js";
import { del, get, post } from "./api.js";
import { ask } from "./ask.js";
import { ago, has, language, moment, t } from "./i18n.js";
import { store } from "./store.js";
import { decide, learn, loadTasks, refusal, tasks, undecided, verdict, verdictWords } from "./tasks.js";

/** How many are shown at first, and how many more each time that more are asked for. */
const PAGE = 30;
/** No list on a page is longer: what is older is found by searching. */
const AT_MOST = 300;
/** One change comes as several frames; the list is read once for them. */
const TOGETHER = 60;
const FILTERS = ["", "unread", "snoozed", "archived"];
const LATER = ["hour", "later", "tomorrow", "next_week"];
/** What the server's buttons say, in the page's language. */
const LABELS = { 同意: "leave.approve", 完成: "inbox.done", 拒绝: "leave.reject" };

/** How the kinds of notices look. */
const KINDS = {
  position_change: "position", approval_notice: "approval", message_notification: "message", system_notification: "system",
};

const NONE = { rev: -1, unseen: 0, unread: 0 };

let items = [];
let more = false;
let shown = PAGE;
let filter = "";
let search = "";
let counts = NONE;
let asked = 0;
let soon = null;
let listener = () => {};

/** Takes counts unless newer ones are here (FN6). */
export function takeCounts(next) {
  // A frame says `rev` what an answer says `state_rev`: what grows with everything that changes the counts.
  const rev = next?.state_rev ?? next?.rev ?? -1;
  if (rev < counts.rev) return;
  counts = { rev, unseen: next.unseen, unread: next.unread };
  listener();
  drawFilters();
}

export const unseen = () => counts.unseen;

async function work(call) {
  showError($("inbox-error"), null);
  try {
    takeCounts((await call())?.counts);
  } catch (problem) {
    showError($("inbox-error"), refusal(problem));
  }
  await refreshInbox();
}

const at = (item, word = "") => `/api/v1/notifications/${item.id}${word && `/${word}`}`;
const mark = (item, word, body) => work(() => post(at(item, word), body));

/** A button of a notice calls one of our own paths; the server decides about it like about every call. */
const press = (item, { method = "POST", path, body }) => work(async () => {
  if (!path?.startsWith("/api/v1/")) return null;
  await (method === "DELETE" ? del(path) : post(path, body ?? {}));
  return post(at(item, "read"));
});

const reject = (item) => work(async () => (await decide(item.data.taskId, item.content, "reject") ? post(at(item, "read")) : null));

async function remove(item) {
  const answer = await ask({ title: t("inbox.delete.title"), text: item.title, yes: t("inbox.delete") });
  if (answer) await work(() => del(at(item)));
}

function button(text, action, key, kind = "", label = null) {
  return h("button", { class: `small ${kind}`, type: "button", "aria-label": label, "data-focus": key, onclick: action }, text);
}

const lies = (item) => item.state === "archived" || item.state === "snoozed";

function words(action) {
  const said = typeof action.label === "object" ? action.label[language()] ?? action.label.zh : action.label;
  return LABELS[said] ? t(LABELS[said]) : said ?? action.code;
}

/** What somebody is asked to decide, in a line. */
const wants = ({ data }) => (data.taskId && tasks().find(({ guid }) => guid === data.taskId)?.summary) || "";

/** The notice's own buttons, as long as what they are for is open; after that, who did it. */
function asks(item) {
  const { taskId } = item.data;
  const about = `${item.title} ${item.content}`;
  const made = (item.actions ?? []).map((action) =>
    button(words(action), () => press(item, action), `${action.code} ${item.id}`, action.code === "reject" ? "danger" : "primary-small", `${words(action)}: ${about}`));
  if (!taskId) return lies(item) ? [] : made;
  const became = verdict(taskId);
  if (became) return [h("span", { class: "verdict", "data-state": became.state }, verdictWords(became))];
  if (lies(item) || !undecided(taskId)) return [];
  // The server offers no button for what needs words; the page asks for them.
  if (made.length && !item.actions.some(({ code }) => code === "reject")) {
    made.push(button(t("leave.reject"), () => reject(item), `reject ${item.id}`, "danger", `${t("leave.reject")}: ${about}`));
  }
  return made;
}

function later(item) {
  const select = h("select", {
    class: "small later", "aria-label": `${t("inbox.snooze")}: ${item.title}`, "data-focus": `snooze ${item.id}`,
    onchange: () => select.value && mark(item, "snooze", { preset: select.value }),
  }, h("option", { value: "" }, t("inbox.snooze")), LATER.map((preset) => h("option", { value: preset }, t(`inbox.snooze.${preset}`))));
  return select;
}

function places(item) {
  const of = (word) => `${t(word)}: ${item.title}`;
  const [word, name] = { archived: ["unarchive", "inbox.unarchive"], snoozed: ["unsnooze", "inbox.unarchive"] }[item.state] ?? ["archive", "inbox.archive"];
  return [
    !lies(item) && (item.is_read
      ? button(t("inbox.unread"), () => mark(item, "unread"), `read ${item.id}`, "", of("inbox.unread"))
      : button(t("inbox.read"), () => mark(item, "read"), `read ${item.id}`, "", of("inbox.read"))),
    !lies(item) && later(item),
    button(t(name), () => mark(item, word), `place ${item.id}`, "", of(name)),
    button(t("inbox.delete"), () => remove(item), `delete ${item.id}`, "danger", of("inbox.delete")),
  ];
}

function card(item) {
  const { comment } = item.data;
  const kind = `notice.${item.type}`;
  return h("article", { class: "card notice-item", "data-state": item.state, "data-severity": item.severity, "data-notice": item.id },
    h("span", { class: "kind", "data-kind": KINDS[item.type] ?? "system", "aria-hidden": "true" }, icon(KINDS[item.type] ?? "system")),
    h("div", { class: "notice-words" },
      h("h2", {}, !item.is_read && h("span", { class: "sr" }, `${t("inbox.isUnread")} `), item.title, item.count > 1 && h("em", {}, `×${item.count}`)),
      h("p", {}, item.content, wants(item) && h("span", { class: "wants" }, wants(item)), comment && !item.content.includes(comment) && h("q", {}, comment)),
      h("small", {},
        has(kind) ? t(kind) : item.type, item.category && ` · ${item.category}`,
        item.severity !== "info" && h("b", { class: "severity" }, ` · ${t(`severity.${item.severity}`)}`),
        item.from?.name && ` · ${item.from.name}`,
        " · ", h("time", { "data-ago": item.at, datetime: item.at, title: moment(item.at) }, ago(item.at)),
        item.snoozed_until && ` · ${t("inbox.until", { at: moment(item.snoozed_until) })}`)),
    h("div", { class: "notice-do" },
      h("div", { class: "chips" }, asks(item)),
      h("div", { class: "chips quiet" }, places(item))));
}

function drawFilters() {
  redraw($("inbox-filters"), [language(), filter, counts.unread], () => [
    ...FILTERS.map((name) => h("button", {
      class: "chip", type: "button", "aria-pressed": String(name === filter), "data-focus": `filter ${name}`,
      onclick: () => { [filter, shown] = [name, PAGE]; refreshInbox(); },
    }, name === "unread" ? t("inbox.filter.unread", { n: counts.unread }) : t(`inbox.filter.${name || "all"}`))),
    h("button", {
      class: "text-button", type: "button", "data-focus": "read all", disabled: counts.unread === 0,
      onclick: () => work(() => post("/api/v1/notifications/bulk", { state: "read", filter: {} })),
    }, t("inbox.readAll")),
  ]);
}

export function drawInbox() {
  drawFilters();
  const known = items.map(({ data }) => [data.taskId && undecided(data.taskId), data.taskId && verdict(data.taskId), wants({ data })]);
  redraw($("inbox"), [language(), items, known, more], () => [
    ...(items.length ? items.map(card) : [h("p", { class: "hint" }, t("inbox.none"))]),
    more && items.length < AT_MOST && button(t("inbox.more"), () => { shown += PAGE; refreshInbox(); }, "more"),
  ].filter(Boolean));
}

/** Reads as many as are shown, page by page. */
async function read() {
  const query = new URLSearchParams({ page_size: String(Math.min(shown, 100)), ...(filter && { state: filter }), ...(search && { search }) });
  const rows = [];
  let path = `/api/v1/notifications?${query}`;
  let standing = null;
  while (path && rows.length < Math.min(shown, AT_MOST)) {
    const body = await get(path);
    rows.push(...body.results);
    standing = body.counts;
    path = body.next;
  }
  return { rows, more: Boolean(path), standing };
}

/** Reads the list; who looks at it has seen what is in it. */
export async function refreshInbox() {
  if (!store.account) return;
  clearTimeout(soon);
  asked += 1;
  const mine = asked;
  try {
    const [list] = await Promise.all([read(), loadTasks()]);
    if (mine !== asked) return;
    await learn(list.rows);
    if (mine !== asked) return;
    [items, more] = [list.rows, list.more];
    takeCounts(list.standing);
    drawInbox();
    showReading($("inbox-error"));
    const ids = items.filter(({ state }) => state === "unseen").map(({ id }) => id);
    if (ids.length && !document.hidden && !$("view-inbox").hidden) {
      takeCounts((await post("/api/v1/notifications/bulk", { state: "seen", ids })).counts);
    }
  } catch (problem) {
    if (mine === asked) showReading($("inbox-error"), problem.text);
  }
}

/** Reads the list again in a moment, once for all that came until then. */
export function refreshInboxSoon() {
  clearTimeout(soon);
  soon = setTimeout(refreshInbox, TOGETHER);
}

/** Reads the counts alone, for the badge. */
export async function refreshCounts() {
  try {
    takeCounts(await get("/api/v1/notifications/counts"));
  } catch {
    // The next state event brings them.
  }
}

/** After a failover revisions begin anew: what is here compares with nothing. */
export function forgetCounts() {
  counts = { ...counts, rev: -1 };
}

export function clearInbox() {
  asked += 1;
  clearTimeout(soon);
  [items, more, shown, filter, search] = [[], false, PAGE, "", ""];
  counts = NONE;
  $("inbox-search").value = "";
  showError($("inbox-error"), null);
  drawInbox();
  listener();
}

/** Calls back when the counts change. */
export function startInbox(back) {
  listener = back;
  let wait = null;
  $("inbox-search").addEventListener("input", ({ target }) => {
    clearTimeout(wait);
    wait = setTimeout(() => {
      [search, shown] = [target.value.trim(), PAGE];
      refreshInbox();
    }, 250);
  });
}
