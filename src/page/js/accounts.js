// Accounts with their roles as chips: take one away with its cross, add one from the list.

import { $, h, icon, redraw, showError, showReading } from "./dom.js";
import { del, get, post } from "./api.js";
import { ask } from "./ask.js";
import { language, permission, t } from "./i18n.js";
import { withReceipt } from "./receipt.js";
import { loadRoles } from "./roles.js";
import { allows, store } from "./store.js";

let accounts = [];
let roles = [];
/** Ways in which people have `system:admin`. */
let administrators = [];
/** account id -> its roles, `[{id, name}]`. */
const held = new Map();
let asked = 0;

function rolesOf(body) {
  const rows = Array.isArray(body) ? body : body.roles ?? body.results ?? [];
  return rows.map((one) => {
    const id = one.role_id ?? one.id;
    return { id, name: one.name ?? store.names.roles.get(id) ?? one.code ?? `#${id}` };
  });
}

const loadHeld = async (id) => held.set(id, rolesOf(await get(`/api/v1/accounts/${id}/roles`)));

async function change(id, work) {
  showError($("accounts-error"), null);
  try {
    await withReceipt(work);
    await loadHeld(id);
  } catch (problem) {
    showError($("accounts-error"), problem.text);
  }
  drawAccounts();
}

async function give(account, roleId) {
  const role = roles.find(({ id }) => String(id) === roleId);
  if (role?.permissions?.includes("system:admin")) {
    const text = t("ask.critical.text", { permission: permission("system:admin"), role: role.name });
    if (!(await ask({ title: t("ask.administrator", { name: account.username }), text, yes: t("accounts.add") }))) return drawAccounts();
  }
  await change(account.id, () => post(`/api/v1/accounts/${account.id}/roles/${roleId}`));
  await loadAdministrators();
}

async function take(account, roleId) {
  await change(account.id, () => del(`/api/v1/accounts/${account.id}/roles/${roleId}`));
  await loadAdministrators();
}

async function loadAdministrators() {
  if (!allows("permission:view")) return;
  try {
    administrators = (await get("/api/v1/access/review?permission=system:admin&page_size=1")).administrators;
  } catch (problem) {
    showError($("accounts-error"), problem.text);
  }
  drawAdministrators();
}

/** Who may do everything, and why: a list that should be short. */
function drawAdministrators() {
  $("administrators").hidden = administrators.length === 0;
  redraw($("administrators-list"), [language(), administrators], () => administrators.map((one) =>
    h("li", { class: "chip", "data-account": one.username }, one.display_name || one.username,
      h("small", {}, one.kind === "platform" ? t("administrators.platform") : one.name),
      !one.counts && h("em", {}, t("administrators.idle")))));
}

function chip(account, role) {
  return h("span", { class: "chip held" }, role.name, allows("role:grant") && h("button", {
    type: "button", "aria-label": t("accounts.take", { role: role.name, name: account.username }),
    "data-focus": `take ${account.id} ${role.id}`, onclick: () => take(account, role.id),
  }, icon("cross")));
}

function adder(account, mine) {
  const rest = roles.filter(({ id }) => !mine.some((role) => role.id === id));
  if (!allows("role:grant") || rest.length === 0) return null;
  const select = h("select", {
    class: "adder", "aria-label": t("accounts.add.label", { name: account.username }), "data-focus": `add ${account.id}`,
    onchange: () => select.value && give(account, select.value),
  }, h("option", { value: "" }, `+ ${t("accounts.add")}`), rest.map(({ id, name }) => h("option", { value: id }, name)));
  return select;
}

function row(account) {
  const mine = held.get(account.id) ?? [];
  return h("div", { class: "account", "data-account": account.username },
    h("div", { class: "avatar", "aria-hidden": "true" }, (account.display_name || account.username).slice(0, 1).toUpperCase()),
    h("div", { class: "person-words" },
      h("b", {}, account.display_name || account.username, account.status === 0 && h("em", {}, t("accounts.disabled"))),
      h("small", {}, [account.username, account.department].filter(Boolean).join(" · "))),
    h("div", { class: "chips" },
      mine.map((role) => chip(account, role)),
      mine.length === 0 && held.has(account.id) && h("span", { class: "hint" }, t("accounts.norole")),
      adder(account, mine)));
}

export function drawAccounts() {
  drawAdministrators();
  redraw($("accounts"), [language(), allows("role:grant"), accounts, roles.map(({ id, name }) => [id, name]), [...held]],
    () => (accounts.length ? accounts.map(row) : [h("p", { class: "hint" }, t("accounts.none"))]));
}

export async function refreshAccounts() {
  asked += 1;
  const mine = asked;
  try {
    const search = $("account-filter").value.trim();
    const body = await get(`/api/accounts/users/?page_size=20${search ? `&search=${encodeURIComponent(search)}` : ""}`);
    if (allows("role:view")) roles = await loadRoles();
    if (mine !== asked) return;
    accounts = body.results ?? [];
    for (const { id, username } of accounts) store.names.accounts.set(id, username);
    for (const { id } of accounts) await loadHeld(id);
    if (mine !== asked) return;
    await loadAdministrators();
    drawAccounts();
    showReading($("accounts-error"));
  } catch (problem) {
    if (mine === asked) showReading($("accounts-error"), problem.text);
  }
}

export function clearAccounts() {
  asked += 1;
  accounts = [];
  roles = [];
  administrators = [];
  held.clear();
  $("account-filter").value = "";
  showError($("accounts-error"), null);
  drawAccounts();
}

export function startAccounts() {
  let wait = null;
  $("account-filter").addEventListener("input", () => {
    clearTimeout(wait);
    wait = setTimeout(refreshAccounts, 250);
  });
}
