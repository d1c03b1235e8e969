// The latest entries of the change log, each with the way to its receipt.

import { $, h, redraw, showError, showReading } from "./dom.js";
import { get } from "./api.js";
import { has, language, moment, t } from "./i18n.js";
import { showReceipt } from "./receipt.js";
import { store } from "./store.js";

let changes = [];

const COLUMNS = ["rev", "time", "type", "target", "by", "detail"];

function target(change) {
  const { target_user_id: user, target_role_id: role, target_position_id: position } = change;
  if (user) return t("target.account", { name: store.names.accounts.get(user) ?? `#${user}` });
  if (role) return t("target.role", { name: store.names.roles.get(role) ?? `#${role}` });
  if (position) return t("target.position", { name: `#${position}` });
  return "–";
}

/** What was added and removed if the entry says so, else the entry as it is. */
function detail(change) {
  let body = change.change_detail;
  if (typeof body === "string") {
    try {
      body = JSON.parse(body);
    } catch {
      return body;
    }
  }
  if (!body) return "";
  const lists = [...(body.added ?? []).map((code) => `+ ${code}`), ...(body.removed ?? []).map((code) => `− ${code}`)];
  return lists.length ? lists.join("  ") : JSON.stringify(body);
}

function row(change) {
  const type = `change.${change.change_type}`;
  const text = detail(change);
  return h("tr", {},
    h("td", { class: "num" }, String(change.rev)),
    h("td", { class: "num" }, moment(change.create_time)),
    h("td", {}, has(type) ? t(type) : change.change_type),
    h("td", {}, target(change)),
    h("td", {}, change.operator_name ?? (change.operator_id ? `#${change.operator_id}` : "–")),
    h("td", { class: "detail", title: text }, h("code", {}, text)),
    h("td", {}, h("button", {
      class: "small", type: "button", "data-focus": `receipt ${change.rev}`, onclick: () => showReceipt(change.rev),
    }, t("changes.receipt"))));
}

export function drawChanges() {
  redraw($("changes-head"), language(), () => [h("tr", {}, COLUMNS.map((name) => h("th", { scope: "col" }, t(`changes.${name}`))), h("th", {}))]);
  redraw($("changes"), [language(), changes, [...store.names.roles], [...store.names.accounts]],
    () => (changes.length ? changes.map(row) : [h("tr", {}, h("td", { colspan: COLUMNS.length + 1, class: "hint" }, t("changes.none")))]));
}

export async function refreshChanges() {
  try {
    changes = ((await get("/api/v1/permission-changes?page_size=30")).results ?? []).sort((a, b) => b.rev - a.rev || b.id - a.id);
    showReading($("changes-error"));
    drawChanges();
  } catch (problem) {
    showReading($("changes-error"), problem.text);
  }
}

export function clearChanges() {
  changes = [];
  showError($("changes-error"), null);
  drawChanges();
}
