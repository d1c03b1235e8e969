// Who received a change: accepted, enforced, delivered tab by tab. The receipt of an own change fills as the server tells it;
// any other is asked for until it is complete.

import { $, h, icon } from "./dom.js";
import { get } from "./api.js";
import { language, t } from "./i18n.js";

/** Growing pauses (ms): most receipts are complete at the first look; the sum, 20 s, outlasts a slow phone. */
const PAUSES = [80, 150, 300, 600, 1_200, 2_500, 5_000, 10_000];

/** A receipt that was told so lately needs no asking. */
const TOLD_WITHIN = 2_000;
/** Names of people without a tab that are shown; the rest is a number. */
const NAMED = 5;

let shown = null;
let turn = 0;
/** The receipt that was told last: it may come before the answer to the change itself. */
let told = { receipt: null, at: 0 };

const between = (from, to) => Math.max(0, new Date(to) - new Date(from));

function step(state, words, more) {
  return h("li", { class: state }, h("i", { class: "mark" }, state === "done" && icon("check")), h("div", {}, h("span", {}, words), more));
}

/** Who had no tab: a number and the first names. */
function absent({ offline }) {
  if (!offline?.count) return null;
  const names = offline.names.slice(0, NAMED).join(language() === "zh" ? "、" : ", ");
  const key = offline.count > NAMED ? "receipt.offline.more" : "receipt.offline";
  return h("p", { class: "offline" }, t(key, { n: offline.count, names, more: offline.count - NAMED }));
}

/** How many nodes enforce it, and which are still to be heard of; nothing on one node. */
function nodes(receipt) {
  const all = receipt?.nodes ?? [];
  if (all.length < 2) return null;
  const of = (state) => all.filter((node) => node.state === state).map(({ node }) => node).join(language() === "zh" ? "、" : ", ");
  const done = all.filter(({ state }) => state === "enforced").length;
  const lines = [t("receipt.nodes", { done, all: all.length })];
  if (of("pending")) lines.push(t("receipt.nodes.pending", { names: of("pending") }));
  if (of("lease_over")) lines.push(t("receipt.nodes.over", { names: of("lease_over") }));
  return lines.map((line) => h("p", { class: "offline" }, line));
}

function delivered({ receipt }) {
  if (!receipt) return step("wait", t("receipt.wait"));
  const { complete, tabs_sent: sent, tabs_acked: acked, slowest_ms: slowest, waiting } = receipt;
  const state = complete ? "done" : "wait";
  // Tabs do not acknowledge a notice.
  if (acked === null) return step(state, t("receipt.notice", { sent }));
  const more = [absent(receipt)];
  if (waiting > 0) more.unshift(h("p", { class: "offline" }, t("receipt.merging", { n: waiting })));
  if (sent === 0) return step(state, t(complete ? "receipt.tabs.none" : "receipt.wait"), more);
  const words = slowest === null ? t("receipt.tabs.wait", { acked, sent }) : t("receipt.tabs", { acked, sent, ms: slowest });
  return step(state, words, [h("progress", { max: sent, value: acked }), ...more]);
}

function account(row) {
  return h("li", {},
    h("b", {}, row.username),
    row.tabs_acked === null ? h("span", {}, String(row.tabs_sent))
      : h("span", { class: row.tabs_acked >= row.tabs_sent ? "full" : "part" }, `${row.tabs_acked}/${row.tabs_sent}`),
    h("small", {}, row.tabs_acked > 0 ? t("receipt.ms", { ms: row.slowest_ms ?? 0 }) : ""));
}

export function drawReceipt() {
  const body = $("receipt-body");
  $("receipt").dataset.empty = String(!shown);
  if (!shown) return body.replaceChildren(h("p", { class: "hint" }, t("receipt.none")));
  const { rev, ms, receipt, changed } = shown;
  if (!changed) return body.replaceChildren(h("p", { class: "hint" }, t("receipt.nothing")));
  const enforced = receipt?.enforced_at
    ? step("done", receipt.accepted_at ? t("receipt.enforced.in", { ms: between(receipt.accepted_at, receipt.enforced_at) }) : t("receipt.enforced"), nodes(receipt))
    : step("wait", t("receipt.enforced.wait"), nodes(receipt));
  const accounts = receipt?.accounts ?? [];
  const more = (receipt?.accounts_told ?? 0) - accounts.length;
  return body.replaceChildren(
    h("ol", { class: "trail", "data-rev": rev, "data-complete": receipt?.complete && "" },
      step("done", ms === null ? t("receipt.accepted", { rev }) : t("receipt.accepted.in", { rev, ms })),
      enforced,
      delivered(shown)),
    ...(accounts.length ? [h("ul", { class: "receivers" }, accounts.map(account), more > 0 && h("li", {}, h("small", {}, t("receipt.more", { n: more }))))] : []));
}

async function follow(mine) {
  for (const pause of PAUSES) {
    await new Promise((wake) => setTimeout(wake, pause));
    if (mine !== turn || shown.receipt?.complete) return;
    if (told.receipt?.rev === shown.rev && Date.now() - told.at < TOLD_WITHIN) continue;
    try {
      const receipt = await get(`/api/v1/changes/${shown.rev}/receipt`);
      if (mine !== turn) return;
      shown.receipt = receipt;
    } catch (problem) {
      if (mine !== turn || problem.status === 403 || problem.status === 401) return;
    }
    drawReceipt();
  }
}

/** Takes a receipt that the server told: of a change that this person made, here or in another tab. */
export function receiptTold(receipt) {
  told = { receipt, at: Date.now() };
  if (shown && receipt.rev < shown.rev) return;
  if (shown?.rev !== receipt.rev) {
    turn += 1;
    shown = { rev: receipt.rev, ms: null, changed: true, receipt };
  }
  shown.receipt = receipt;
  drawReceipt();
}

/** Shows the receipt of `rev`. `ms` is how long the change took to be accepted, seen from here; null if it was not ours. */
export function showReceipt(rev, ms = null, changed = true) {
  turn += 1;
  shown = { rev, ms, changed, receipt: told.receipt?.rev === rev ? told.receipt : null };
  drawReceipt();
  if (changed) follow(turn);
}

/** Makes a change and shows its receipt; answers what the server answered. */
export async function withReceipt(change) {
  const began = performance.now();
  const answer = await change();
  if (answer?.rev !== undefined) showReceipt(answer.rev, Math.max(1, Math.round(performance.now() - began)), answer.changed !== false);
  return answer;
}

/** Shows the latest receipt there is, if nothing else is shown. */
export async function showLatestReceipt() {
  try {
    const receipt = await get("/api/v1/changes/latest/receipt");
    if (shown || !receipt.rev) return;
    shown = { rev: receipt.rev, ms: null, changed: true, receipt };
    drawReceipt();
  } catch {
    // No change yet, or not ours to see: the card says what it is for.
  }
}

export function clearReceipt() {
  turn += 1;
  shown = null;
  told = { receipt: null, at: 0 };
  drawReceipt();
}
