// The page at `/`: signs in, opens a line to the server, applies its frames, and gives each part what it shows.
// The server decides everything; this file only wires the parts under js/ together.

import { $ } from "./js/dom.js";
import { get, post, refresh, refreshInTime, signOut, whenEnded } from "./js/api.js";
import { startAsk } from "./js/ask.js";
import { clearAccounts, drawAccounts, refreshAccounts, startAccounts } from "./js/accounts.js";
import { clearChanges, drawChanges, refreshChanges } from "./js/changes.js";
import { clearFrames, drawFrames, record, startFrames } from "./js/frames.js";
import { ago, has, language, onLanguage, permission, setLanguage, t, translate } from "./js/i18n.js";
import { clearInbox, drawInbox, forgetCounts, refreshCounts, refreshInbox, refreshInboxSoon, startInbox, takeCounts } from "./js/inbox.js";
import { clearLeave, drawLeave, leaveTopic, refreshLeave, refreshLeaveSoon, startLeave } from "./js/leave.js";
import { Live } from "./js/live.js";
import { clearMine, drawMine, showChange } from "./js/mine.js";
import { clearOnline, drawOnline, refreshOnline } from "./js/online.js";
import { Seen, applyUpdate, fromAccount, position } from "./js/permissions.js";
import { clearPreferences, drawPreferences, loadPreferences, popsUp } from "./js/preferences.js";
import { clearReceipt, drawReceipt, receiptTold, showLatestReceipt } from "./js/receipt.js";
import { clearRoles, drawRoles, refreshRoles, startRoles } from "./js/roles.js";
import { drawSignIn, showSignIn, startSignIn } from "./js/signin.js";
import { allows, forget, store } from "./js/store.js";
import { activePart, administers, beginTabs, drawTabs, endTabs, startTabs } from "./js/tabs.js";
import { clearTasks, loadTasks, startTasks, taskTold } from "./js/tasks.js";
import { clearTelling, drawTelling, startTelling } from "./js/telling.js";
import { toast } from "./js/toast.js";

/** Set while a session is thought to exist, so that a first visit does not ask the server in vain. Says nothing secret. */
const HINT = "livegrant.session";
/** Which kind of line the reader has chosen. */
const LINE = "livegrant.line";
/** A refresh by another tab this long ago answers the same warning. */
const REFRESHED_WITHIN = 5_000;
/** How long an ended session waits for the frame that says why. */
const REASON_WITHIN = 800;
/** An administrator's lists are read again this often while they are looked at. */
const LOOK_EVERY = 3_000;
/** Those that nothing tells about; accounts cost a call each and are read when opened and after a change. */
const ON_A_BEAT = ["roles", "online", "changes"];
/** After being hidden this long a tab asks for a snapshot, whatever its line thinks it delivered. */
const DOUBT_AFTER = 30_000;

const tabs = "BroadcastChannel" in window ? new BroadcastChannel("livegrant") : null;
/** How each part is read again. */
const looks = { inbox: refreshInbox, leave: refreshLeave, roles: refreshRoles, online: refreshOnline, accounts: refreshAccounts, changes: refreshChanges };

let link = { state: "disconnected", code: 0, until: 0 };
let seen = new Seen();
/** The last notice that this tab was told. */
let inboxSeq = 0;
let inboxRev = null;
let hiddenAt = 0;

function hint(on) {
  try {
    if (on) localStorage.setItem(HINT, "1");
    else localStorage.removeItem(HINT);
  } catch {
    // Without storage every visit begins at the form.
  }
}

function stored(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function drawLink() {
  const seconds = Math.ceil((link.until - Date.now()) / 1000);
  const special = `link.${link.code}`;
  const text = link.state === "reconnecting" && seconds > 0 ? t("link.wait", { n: seconds })
    : link.state === "error" && has(special) ? t(special) : t(`link.${link.state}`);
  if ($("link-text").textContent !== text) $("link-text").textContent = text;
  $("link").dataset.state = link.state;
  $("link").dataset.line = live.transport;
  const line = link.state === "connected" ? t(`line.${live.transport}`) : "";
  if ($("link-line").textContent !== line) $("link-line").textContent = line;
  $("link-retry").hidden = link.state !== "error" && !(link.state === "reconnecting" && seconds > 1);
}

function drawBar() {
  const inside = store.account !== null;
  $("live").hidden = !inside;
  $("who").hidden = !inside;
  $("who-name").textContent = inside ? store.account.display_name || store.account.username : "";
  $("rev").textContent = t("rev", { rev: store.permissions.rev });
  $("rev").title = t("rev.title");
  $("language").textContent = t("language.other");
  $("language").setAttribute("aria-label", t("language.label"));
  $("language").lang = language() === "zh" ? "en" : "zh-CN";
  drawLink();
}

function drawAll() {
  drawBar();
  drawSignIn();
  drawTabs();
  drawInbox();
  drawPreferences();
  drawTelling();
  drawLeave();
  drawMine();
  drawFrames();
  drawReceipt();
  drawRoles();
  drawOnline();
  drawAccounts();
  drawChanges();
}

function names(codes) {
  const shown = codes.slice(0, 3).map(permission).join(language() === "zh" ? "、" : ", ");
  return codes.length > 3 ? t("toast.more", { names: shown, n: codes.length - 3 }) : shown;
}

const handlers = {
  PERMISSION_UPDATE({ data, operator }) {
    const { outcome, state, added, removed } = applyUpdate(store.permissions, data);
    if (outcome === "gap") return live.snapshot();
    if (store.permissions.epoch !== null && state.epoch !== store.permissions.epoch) {
      forgetCounts();
      refreshCounts();
    }
    store.permissions = state;
    live.ack(state.rev);
    live.listen(topics());
    showChange(added, removed);
    drawBar();
    drawTabs();
    drawTelling();
    $("receipt").hidden = !administers();
    const by = [t("rev", { rev: state.rev }), operator?.name].filter(Boolean).join(" · ");
    if (removed.length) toast("revoked", t("toast.revoked", { names: names(removed) }), by);
    if (added.length) toast("granted", t("toast.granted", { names: names(added) }), by);
    if (added.length || removed.length) {
      drawRoles();
      drawOnline();
      drawAccounts();
    }
  },
  ROLE_CHANGE({ data }) {
    store.permissions = {
      ...store.permissions,
      roles: data.roles ?? store.permissions.roles,
      positions: data.positions ?? store.permissions.positions,
    };
    drawMine();
  },
  FORCE_LOGOUT({ data }) {
    leave({ code: data.code, reason: data.reason ?? "" });
  },
  SYSTEM_NOTICE: notice,
  POSITION_CHANGE: notice,
  APPROVAL_NOTICE: notice,
  MESSAGE_NOTIFICATION: notice,
  CONNECTED({ data }) {
    inboxSeq = data.inboxSeq ?? inboxSeq;
    inboxRev = data.inboxRev ?? inboxRev;
    // Tasks have no place to go on from: what happened while this tab was away is looked up.
    loadTasks().catch(() => {});
    lookAgain();
  },
  NOTIFICATION({ data }) {
    takeCounts(data);
  },
  NOTIFICATION_STATE({ data }) {
    inboxRev = data.inboxRev ?? inboxRev;
    takeCounts(data);
    lookAgain("inbox");
  },
  APPROVAL_TASK({ data }) {
    taskTold(data);
    lookAgain();
  },
  LEAVE_UPDATE() {
    lookAgain("leave");
  },
  PREFERENCE() {
    loadPreferences();
  },
  RESYNC() {
    refreshCounts();
    lookAgain();
  },
  CHECKPOINT({ data }) {
    // What this tab has is not what it was told last: something was lost on the way.
    if (data.hash !== store.permissions.hash || data.epoch !== store.permissions.epoch) live.snapshot();
  },
  TOKEN_EXPIRING() {
    // Every tab is warned; the first one refreshes for all, and one that fails is told so by its next call.
    refreshInTime(Date.now() - REFRESHED_WITHIN).catch(() => {});
  },
  RECEIPT({ data }) {
    receiptTold(data);
  },
};

/** What a kind of notice is called in lists and preferences, and what it looks like when it pops up; else as it is severe. */
const NOTICES = {
  SYSTEM_NOTICE: ["system_notification"], POSITION_CHANGE: ["position_change", "info"], APPROVAL_NOTICE: ["approval_notice", "warning"],
  MESSAGE_NOTIFICATION: ["message_notification", "message"],
};
/** As senders write it. */
const SEVERITIES = { warning: "warning", 警告: "warning", critical: "error", 严重: "error" };

function notice({ type, data }) {
  if (type === "SYSTEM_NOTICE") inboxSeq = Math.max(inboxSeq, data.seq ?? 0);
  const [event, looks] = NOTICES[type];
  const severity = SEVERITIES[data.severity] ?? "info";
  // What is critical cannot be switched off, here as in the counts.
  if (popsUp(event) || severity === "error") toast(looks ?? severity, data.title ?? "", data.content ?? "");
}

/** Reads the inbox or leave again that a frame says has changed, if it is looked at. */
function lookAgain(part = activePart()) {
  if (activePart() !== part || document.hidden) return;
  if (part === "inbox") refreshInboxSoon();
  if (part === "leave") refreshLeaveSoon();
}

/** Receipts are for those who make changes; the own leave has a name once it was looked at. */
const topics = () => ["notifications", "approvals", ...(administers() ? ["receipts"] : []), ...(leaveTopic() ? [leaveTopic()] : [])];

const live = new Live({
  onState(state, { wait = 0, code = 0 }) {
    link = { state, code, until: Date.now() + wait };
    drawLink();
  },
  onRaw: record,
  onFrame(frame) {
    // A notice, its item and the state after it are of one id.
    if (!seen.isNew(frame.messageId && `${frame.type} ${frame.messageId}`)) return;
    handlers[frame.type]?.(frame);
  },
  get,
  post,
  position: () => position(store.permissions, inboxSeq, inboxRev),
  onEnded: (code) => leave({ code, reason: "" }),
  async check(how) {
    try {
      const standing = how === "refresh" ? await refresh() : (await get("/api/v1/me/permissions"), "ok");
      if (standing === "ended") leave({ code: "expired", reason: "" });
      return standing;
    } catch {
      return store.account ? "later" : "ended";
    }
  },
});

/** Clears everything of the session and shows the form, with the reason if there is one. */
function leave(why) {
  if (store.account === null) return;
  live.close();
  forget();
  hint(false);
  endTabs();
  for (const clear of [clearInbox, clearTasks, clearPreferences, clearTelling, clearLeave, clearMine, clearFrames, clearReceipt, clearRoles, clearOnline, clearAccounts, clearChanges]) clear();
  $("toasts").replaceChildren();
  if ($("ask").open) $("ask").close("");
  $("desk").hidden = true;
  drawBar();
  showSignIn(why);
}

/** Reads who is signed in and shows their desk. */
async function enter() {
  const account = await get("/api/accounts/users/me/");
  store.account = account;
  store.permissions = fromAccount(account);
  seen = new Seen();
  inboxSeq = 0;
  inboxRev = null;
  hint(true);
  $("welcome").hidden = true;
  $("desk").hidden = false;
  clearMine();
  drawBar();
  beginTabs();
  $("receipt").hidden = !administers();
  drawReceipt();
  live.listen(topics());
  live.open();
  refreshCounts();
  loadTasks().catch(() => {});
  loadPreferences();
  drawTelling();
  if (allows("audit:view")) showLatestReceipt();
}

whenEnded((code) => {
  // The socket may be about to say why; its reason is better than "expired".
  const who = store.account;
  if (who) setTimeout(() => store.account === who && leave({ code, reason: "" }), REASON_WITHIN);
});

startSignIn(async () => {
  await enter();
  tabs?.postMessage("signed-in");
});

tabs?.addEventListener("message", async () => {
  // Another tab signed in: the cookies are now its account's, so this tab follows.
  live.close();
  if (store.account) forget();
  for (const clear of [clearInbox, clearTasks, clearPreferences, clearTelling, clearLeave, clearFrames, clearReceipt, clearRoles, clearOnline, clearAccounts, clearChanges]) clear();
  await enter().catch(() => showSignIn());
});

$("sign-out").addEventListener("click", async () => {
  await signOut().catch(() => {});
  leave(null);
});
$("language").addEventListener("click", () => setLanguage(language() === "zh" ? "en" : "zh"));
$("link-retry").addEventListener("click", () => (link.state === "error" ? live.open() : live.hurry()));
addEventListener("online", () => live.hurry());
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    hiddenAt = Date.now();
    return;
  }
  live.hurry();
  lookAgain();
  if (hiddenAt && Date.now() - hiddenAt > DOUBT_AFTER) live.snapshot();
});
setInterval(() => {
  drawLink();
  for (const node of document.querySelectorAll("[data-ago]")) node.textContent = ago(node.dataset.ago);
}, 1_000);
setInterval(() => {
  const part = activePart();
  if (ON_A_BEAT.includes(part) && !document.hidden) looks[part]();
}, LOOK_EVERY);

$("line").value = stored(LINE) ?? "auto";
live.choose($("line").value);
$("line").addEventListener("change", ({ target }) => {
  try {
    localStorage.setItem(LINE, target.value);
  } catch {
    // Without storage the choice holds until the page is left.
  }
  live.choose(target.value);
});
startTabs((part) => looks[part]?.());
startFrames();
startInbox(drawTabs);
startTasks(drawTabs);
startLeave(() => live.listen(topics()));
startRoles();
startAccounts();
startTelling();
startAsk();
onLanguage(drawAll);
translate();
drawBar();
if (stored(HINT) === "1") {
  enter().catch((problem) => {
    if (problem.status === 401) hint(false);
    showSignIn();
  });
} else showSignIn();
