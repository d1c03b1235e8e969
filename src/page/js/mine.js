// Own permissions as cards by area: what was granted comes in green, what was revoked is struck and leaves after a while.
// A revoked card keeps its "try it" button until it has left, so that one can see the server refuse.

import { $, h, keyed } from "./dom.js";
import { statusOf } from "./api.js";
import { TRY, byArea } from "./codes.js";
import { area, permission, t } from "./i18n.js";
import { store } from "./store.js";

const GRANTED_FOR = 3_000;
const REVOKED_FOR = 6_000;
const LEAVING_FOR = 350;

/** Codes in motion: code -> granted, revoked or leaving. */
const motion = new Map();
const tried = new Map();

function move(code, to, after, then) {
  const stamp = Symbol(code);
  motion.set(code, { to, stamp });
  setTimeout(() => {
    if (motion.get(code)?.stamp === stamp) then();
  }, after);
}

function leave(code) {
  // Someone is at its button: wait.
  if ($("areas").querySelector(`[data-code="${CSS.escape(code)}"]`)?.matches(":hover, :focus-within")) {
    return move(code, "revoked", 1_000, () => leave(code));
  }
  move(code, "leaving", LEAVING_FOR, () => {
    motion.delete(code);
    tried.delete(code);
    drawMine();
  });
  return drawMine();
}

/** Shows a change of the own permissions. */
export function showChange(added, removed) {
  for (const code of added) {
    tried.delete(code);
    move(code, "granted", GRANTED_FOR, () => {
      motion.delete(code);
      drawMine();
    });
  }
  for (const code of removed) {
    tried.delete(code);
    move(code, "revoked", REVOKED_FOR, () => leave(code));
  }
  drawMine();
}

async function tryIt(code) {
  tried.set(code, { busy: true });
  drawMine();
  try {
    tried.set(code, { status: await statusOf(TRY[code]) });
  } catch (problem) {
    tried.set(code, { text: problem.text });
  }
  drawMine();
}

function makeCard(code) {
  const card = h("li", { class: "perm", "data-code": code },
    h("div", { class: "perm-words" }, h("span", { class: "perm-name" }), h("code", {}, code)));
  if (TRY[code]) {
    card.append(h("div", { class: "perm-try" },
      h("span", { class: "answer", role: "status" }),
      h("button", { class: "small", type: "button", title: `GET ${TRY[code]}`, onclick: () => tryIt(code) })));
  }
  return card;
}

function updateCard(card, code) {
  card.className = `perm ${motion.get(code)?.to ?? ""}`;
  card.querySelector(".perm-name").textContent = permission(code);
  if (!TRY[code]) return;
  const result = tried.get(code) ?? {};
  const answer = card.querySelector(".answer");
  const allowed = result.status >= 200 && result.status < 300;
  answer.className = `answer ${result.status ? (allowed ? "yes" : "no") : ""}`;
  answer.textContent = result.status ? t(allowed ? "try.ok" : "try.no", { status: result.status }) : result.text ?? "";
  const button = card.querySelector("button");
  button.textContent = t("try");
  button.disabled = Boolean(result.busy);
}

function makeArea() {
  return h("section", { class: "card area" }, h("h3", {}, h("span", {}), h("small", {})), h("ul", {}));
}

function updateArea(node, [name, codes]) {
  node.querySelector("h3 span").textContent = area(name);
  node.querySelector("h3 small").textContent = codes.filter((code) => store.permissions.codes.has(code)).length;
  keyed(node.querySelector("ul"), codes, (code) => code, makeCard, updateCard);
}

export function drawMine() {
  const shown = new Set(store.permissions.codes);
  for (const [code, { to }] of motion) if (to !== "granted") shown.add(code);
  keyed($("areas"), byArea(shown), ([name]) => name, makeArea, updateArea);
  $("areas-empty").hidden = shown.size > 0;
  const holders = [
    ...store.permissions.roles.map((role) => ({ key: `r${role.id}`, kind: "mine.role", name: role.name ?? role.code })),
    ...store.permissions.positions.map((place) => ({ key: `p${place.guid}`, kind: "mine.position", name: place.name ?? place.code })),
  ];
  keyed($("holders"), holders, (holder) => holder.key, () => h("span", { class: "holder" }, h("small", {}), h("b", {})), (node, holder) => {
    node.querySelector("small").textContent = t(holder.kind);
    node.querySelector("b").textContent = holder.name;
  });
}

export function clearMine() {
  motion.clear();
  tried.clear();
  drawMine();
}
