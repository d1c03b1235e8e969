// The parts of the page, and which of them the own permissions open. A part that closes while it is looked at gives way to the first.

import { $, h, keyed } from "./dom.js";
import { t } from "./i18n.js";
import { unseen } from "./inbox.js";
import { allows } from "./store.js";

const PARTS = [
  { id: "inbox", badge: unseen },
  { id: "leave" },
  { id: "mine" },
  { id: "roles", needs: "role:view" },
  { id: "online", needs: "session:view" },
  { id: "accounts", needs: "account:view" },
  { id: "changes", needs: "audit:view" },
];

let active = null;
let onShow = () => {};

const open = () => PARTS.filter(({ needs }) => !needs || allows(needs));

/** The part that is looked at. */
export const activePart = () => active;

/** True if there is more to see than the own permissions. */
export const administers = () => open().some(({ needs }) => needs);

export function show(id) {
  active = id;
  history.replaceState(null, "", id === "mine" ? location.pathname : `#${id}`);
  drawTabs();
  onShow(id);
}

function make({ id }) {
  return h("button", {
    class: "tab", type: "button", role: "tab", id: `tab-${id}`, "aria-controls": `view-${id}`, onclick: () => show(id),
  });
}

function update(node, { id, badge }) {
  const n = badge?.() ?? 0;
  node.replaceChildren(t(`tab.${id}`), ...(n ? [h("span", { class: "badge", "aria-label": t("inbox.unseen", { n }) }, n > 99 ? "99+" : String(n))] : []));
  node.setAttribute("aria-selected", String(id === active));
  node.tabIndex = id === active ? 0 : -1;
}

/** Draws the tabs that are open now, and leaves the one that was looked at if it no longer is. */
export function drawTabs() {
  if (active === null) return;
  const parts = open();
  if (!parts.some(({ id }) => id === active)) return show("mine");
  $("tabs").hidden = parts.length < 2;
  keyed($("tabs"), parts, ({ id }) => id, make, update);
  for (const { id } of PARTS) $(`view-${id}`).hidden = id !== active;
}

/** Chooses where to begin: where the address says, else at the roles for whoever may see them. */
export function beginTabs() {
  const ids = open().map(({ id }) => id);
  const wanted = location.hash.slice(1);
  show(ids.includes(wanted) ? wanted : ids.includes("roles") ? "roles" : "mine");
}

export function endTabs() {
  active = null;
  history.replaceState(null, "", location.pathname);
}

export function startTabs(listener) {
  onShow = listener;
  $("tabs").addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const parts = open();
    const at = (parts.findIndex(({ id }) => id === active) + by + parts.length) % parts.length;
    show(parts[at].id);
    $(`tab-${active}`).focus();
  });
}
