// The parts of the page, and which of them the own permissions open. A part that closes while it is looked at gives way to the first.

import { $, h, keyed } from "./dom.js";
import { t } from "./i18n.js";
import { unseen } from "./inbox.js";
import { waiting } from "./tasks.js";
import { allows } from "./store.js";

const PARTS = [
  { id: "inbox", badge: unseen },
  { id: "leave", badge: waiting },
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

/** True if there is more to see than one's own. */
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
  const words = [t(`tab.${id}`), n && t(`badge.${id}`, { n })].filter(Boolean).join(", ");
  if (node.getAttribute("aria-label") !== words) {
    node.replaceChildren(t(`tab.${id}`), ...(n ? [h("span", { class: "badge", "aria-hidden": "true" }, n > 99 ? "99+" : String(n))] : []));
    node.setAttribute("aria-label", words);
  }
  node.setAttribute("aria-selected", String(id === active));
  node.tabIndex = id === active ? 0 : -1;
}

/** Draws the tabs that are open now, and leaves the one that was looked at if it no longer is. */
export function drawTabs() {
  if (active === null) return;
  const parts = open();
  if (!parts.some(({ id }) => id === active)) return show("mine");
  keyed($("tabs"), parts, ({ id }) => id, make, update);
  // A badge that changes is said, too: the tab itself may be far from where somebody is reading.
  const counts = parts.map(({ id, badge }) => badge?.() && t(`badge.said.${id}`, { n: badge() })).filter(Boolean).join(" ");
  if ($("tabs-live").textContent !== counts) $("tabs-live").textContent = counts;
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
