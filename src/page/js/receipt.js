// Who received a change: accepted, enforced, delivered tab by tab. Asks for the receipt of a rev until it is complete.

import { $, h, icon } from "./dom.js";
import { get } from "./api.js";
import { t } from "./i18n.js";

/** Growing pauses (ms): most receipts are complete at the first look; the sum, 20 s, outlasts a slow phone. */
const PAUSES = [80, 150, 300, 600, 1_200, 2_500, 5_000, 10_000];

let shown = null;
let turn = 0;

const between = (from, to) => Math.max(0, new Date(to) - new Date(from));
const complete = (receipt) => Boolean(receipt.enforced_at) && receipt.tabs_acked >= receipt.tabs_sent;

function step(state, words, more) {
  return h("li", { class: state }, h("i", { class: "mark" }, state === "done" && icon("check")), h("div", {}, h("span", {}, words), more));
}

function delivered({ receipt, waiting }) {
  if (!receipt) return step("wait", t("receipt.wait"));
  const { tabs_sent: sent, tabs_acked: acked, slowest_ms: slowest } = receipt;
  if (sent === 0) return waiting ? step("wait", t("receipt.wait")) : step("done", t("receipt.tabs.none"));
  const meter = h("progress", { max: sent, value: acked });
  if (acked < sent) return step("wait", t("receipt.tabs.wait", { acked, sent }), meter);
  return step("done", t("receipt.tabs", { acked, sent, ms: slowest ?? 0 }), meter);
}

function account(row) {
  return h("li", {},
    h("b", {}, row.username),
    h("span", { class: row.tabs_acked >= row.tabs_sent ? "full" : "part" }, `${row.tabs_acked}/${row.tabs_sent}`),
    h("small", {}, row.tabs_acked > 0 ? t("receipt.ms", { ms: row.slowest_ms ?? 0 }) : ""));
}

export function drawReceipt() {
  const body = $("receipt-body");
  $("receipt").dataset.empty = String(!shown);
  if (!shown) return body.replaceChildren(h("p", { class: "hint" }, t("receipt.none")));
  const { rev, ms, receipt, changed } = shown;
  if (!changed) return body.replaceChildren(h("p", { class: "hint" }, t("receipt.nothing")));
  const enforced = receipt?.enforced_at
    ? step("done", receipt.accepted_at ? t("receipt.enforced.in", { ms: between(receipt.accepted_at, receipt.enforced_at) }) : t("receipt.enforced"))
    : step("wait", t("receipt.enforced.wait"));
  const accounts = receipt?.accounts ?? [];
  return body.replaceChildren(
    h("ol", { class: "trail", "data-rev": rev, "data-complete": receipt && complete(receipt) && "" },
      step("done", ms === null ? t("receipt.accepted", { rev }) : t("receipt.accepted.in", { rev, ms })),
      enforced,
      delivered(shown)),
    ...(accounts.length ? [h("ul", { class: "receivers" }, accounts.map(account))] : []));
}

async function follow(mine) {
  let wholeBefore = false;
  for (const pause of PAUSES) {
    await new Promise((wake) => setTimeout(wake, pause));
    if (mine !== turn) return;
    try {
      const receipt = await get(`/api/v1/changes/${shown.rev}/receipt`);
      if (mine !== turn) return;
      shown.receipt = receipt;
    } catch (problem) {
      if (mine !== turn || problem.status === 403 || problem.status === 401) return;
    }
    // Twice whole: the first look may have come before the frames went out.
    const whole = shown.receipt ? complete(shown.receipt) : false;
    shown.waiting = !(whole && wholeBefore);
    drawReceipt();
    if (!shown.waiting) return;
    wholeBefore = whole;
  }
  shown.waiting = false;
  drawReceipt();
}

/** Shows the receipt of `rev`. `ms` is how long the change took to be accepted, seen from here; null if it was not ours. */
export function showReceipt(rev, ms = null, changed = true) {
  turn += 1;
  shown = { rev, ms, changed, receipt: null, waiting: true };
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
    shown = { rev: receipt.rev, ms: null, changed: true, receipt, waiting: false };
    drawReceipt();
  } catch {
    // No change yet, or not ours to see: the card says what it is for.
  }
}

export function clearReceipt() {
  turn += 1;
  shown = null;
  drawReceipt();
}
