// Roles and a switch for each permission. A switch moves at once and moves back if the server refuses.

import { $, h, keyed, showError, showReading } from "./dom.js";
import { all, post } from "./api.js";
import { ask } from "./ask.js";
import { byArea, learn } from "./codes.js";
import { area, count, permission, t } from "./i18n.js";
import { withReceipt } from "./receipt.js";
import { allows, store } from "./store.js";
import { toast } from "./toast.js";

let roles = [];
let catalogue = new Map();
let chosen = null;
let revealed = null;
/** Switches whose change is on its way: `roleId code` -> wanted. */
const pending = new Map();

const role = () => roles.find(({ id }) => id === chosen);
const mayChange = () => allows("permission:assign");
const key = (code) => `${chosen} ${code}`;

/** The roles as last read; also fills the names that the change log uses. */
export async function loadRoles() {
  roles = await all("/api/v1/roles");
  for (const { id, name } of roles) store.names.roles.set(id, name);
  return roles;
}

async function loadCatalogue() {
  if (catalogue.size > 0 || !allows("permission:view")) return;
  const permissions = (await all("/api/v1/permissions")).filter(({ status }) => status !== 0);
  learn(permissions);
  catalogue = new Map(permissions.map((one) => [one.code, one]));
}

export async function refreshRoles() {
  try {
    await Promise.all([loadRoles(), loadCatalogue()]);
    if (!role()) chosen = (roles.find(({ kind }) => kind === "custom") ?? roles[0])?.id ?? null;
    drawRoles();
    reveal();
    showReading($("roles-error"));
  } catch (problem) {
    showReading($("roles-error"), problem.text);
  }
}

/** Where the list runs sideways, brings the chosen role into sight without moving the page. */
function reveal() {
  const list = $("role-list");
  const item = list.querySelector("[aria-selected=true]");
  if (!item || list.scrollWidth <= list.clientWidth || revealed === chosen) return;
  revealed = chosen;
  list.scrollLeft = item.offsetLeft - list.offsetLeft - 20;
}

/** Takes the role that the server answered with, unless a later one is known. */
function learnRole(next) {
  if (!next) return;
  roles = roles.map((one) => (one.id === next.id && (next.version ?? 0) >= (one.version ?? 0) ? { ...one, ...next } : one));
}

async function turn(code) {
  const current = role();
  if (!current || pending.has(key(code))) return;
  const wanted = !current.permissions.includes(code);
  const body = { permissions: [code] };
  if (code === "system:admin") {
    const answer = await ask({
      title: t("ask.critical.title"),
      text: t("ask.critical.text", { permission: permission(code), role: current.name }),
      yes: t("ask.critical.yes"),
    });
    if (!answer) return;
    body.confirm = true;
  }
  const mine = `${current.id} ${code}`;
  pending.set(mine, wanted);
  showError($("role-error"), null);
  drawRoles();
  try {
    const path = `/api/v1/roles/${current.id}/permissions/${wanted ? "add" : "remove"}`;
    learnRole((await withReceipt(() => post(path, body))).role);
  } catch (problem) {
    const text = `${permission(code)}: ${problem.text}`;
    if (chosen === current.id) showError($("role-error"), text);
    // Further down the list the line above it is out of sight.
    if (chosen !== current.id || $("role-error").getBoundingClientRect().top < 60) toast("error", text);
  } finally {
    pending.delete(mine);
    drawRoles();
  }
}

function choose(id) {
  chosen = id;
  showError($("role-error"), null);
  drawRoles();
  reveal();
}

function makeRole({ id }) {
  return h("button", { class: "role-item", type: "button", role: "option", onclick: () => choose(id) }, h("b", {}), h("small", {}));
}

function updateRole(node, one) {
  node.setAttribute("aria-selected", String(one.id === chosen));
  node.tabIndex = one.id === chosen ? 0 : -1;
  node.querySelector("b").textContent = one.name;
  node.querySelector("small").textContent = count("roles.holders", one.holders ?? 0);
}

function makeSwitch(code) {
  return h("li", { class: "switch-row" },
    h("button", { class: "switch", type: "button", role: "switch", "data-code": code, onclick: () => turn(code) },
      h("span", { class: "switch-words" }, h("span", { class: "perm-name" }), h("code", {}, code)),
      h("i", { class: "track", "aria-hidden": "true" })));
}

function updateSwitch(node, code) {
  const wanted = pending.get(key(code));
  const button = node.firstElementChild;
  button.setAttribute("aria-checked", String(wanted ?? role().permissions.includes(code)));
  button.setAttribute("aria-busy", String(wanted !== undefined));
  button.disabled = !mayChange();
  const name = button.querySelector(".perm-name");
  name.textContent = permission(code);
  if (catalogue.get(code)?.critical) name.append(" ", h("em", {}, t("roles.critical")));
}

export function drawRoles() {
  keyed($("role-list"), roles, ({ id }) => id, makeRole, updateRole);
  const current = role();
  $("role").hidden = !current;
  if (!current) return;
  $("role-name").textContent = current.name;
  const meta = [current.code, count("roles.permissions", current.permissions.length), count("roles.holders", current.holders ?? 0)];
  $("role-sub").textContent = mayChange() ? meta.join(" · ") : t("roles.readonly");
  const words = $("role-filter").value.trim().toLowerCase();
  const matches = (code) => !words || code.includes(words) || permission(code).toLowerCase().includes(words);
  const codes = new Set([...catalogue.keys(), ...roles.flatMap(({ permissions }) => permissions)].filter(matches));
  keyed($("switches"), byArea(codes), ([name]) => name,
    () => h("section", { class: "switch-area" }, h("h3", {}), h("ul", {})),
    (node, [name, members]) => {
      node.querySelector("h3").textContent = area(name);
      keyed(node.querySelector("ul"), members, (code) => code, makeSwitch, updateSwitch);
    });
  if (codes.size === 0) $("switches").append(h("p", { class: "hint", "data-key": "nothing" }, t("roles.nothing")));
}

export function clearRoles() {
  roles = [];
  catalogue = new Map();
  chosen = null;
  pending.clear();
  $("role-filter").value = "";
  for (const id of ["role-error", "roles-error"]) showError($(id), null);
  drawRoles();
}

export function startRoles() {
  $("role-filter").addEventListener("input", drawRoles);
  $("role-list").addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (!by || roles.length === 0) return;
    event.preventDefault();
    const at = (roles.findIndex(({ id }) => id === chosen) + by + roles.length) % roles.length;
    choose(roles[at].id);
    $("role-list").querySelector("[aria-selected=true]").focus();
  });
}
