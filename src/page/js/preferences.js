// What reaches this account how: whether a kind of notice counts in the inbox, and whether it pops up here. The server
// keeps the choices; that a muted kind does not count is its doing, that it does not pop up is this page's.

import { $, h, redraw, showError } from "./dom.js";
import { get, put } from "./api.js";
import { language, t } from "./i18n.js";

/** Those that this version sends through. */
const CHANNELS = ["in_app", "toast"];

let choices = [];
let asked = 0;

const find = (type, channel) => choices.find((one) => one.type === type && one.channel === channel);

/** Whether a kind of notice pops up; one that nothing is known of does. */
export const popsUp = (type) => find(type, "toast")?.enabled ?? true;

async function choose(one) {
  showError($("preferences-error"), null);
  asked += 1;
  try {
    choices = await put("/api/v1/notifications/preferences", { preferences: [{ type: one.type, channel: one.channel, enabled: !one.enabled }] });
  } catch (problem) {
    showError($("preferences-error"), problem.text);
  }
  drawPreferences();
}

function cell(one) {
  const fixed = one.mandatory || one.locked;
  return h("td", {}, h("button", {
    class: "switch", type: "button", role: "switch", "aria-checked": String(one.enabled), disabled: fixed,
    title: one.locked ? t("preferences.locked") : one.mandatory ? t("preferences.mandatory") : null,
    "aria-label": `${t(`notice.${one.type}`)}: ${t(`preferences.${one.channel}`)}`,
    "data-focus": `${one.type} ${one.channel}`, "data-choice": `${one.type} ${one.channel}`, onclick: () => choose(one),
  }, h("span", { class: "track", "aria-hidden": "true" })));
}

export function drawPreferences() {
  redraw($("preferences"), [language(), choices], () => [
    h("thead", {}, h("tr", {}, h("td", {}), CHANNELS.map((channel) => h("th", { scope: "col" }, t(`preferences.${channel}`))))),
    h("tbody", {}, [...new Set(choices.map(({ type }) => type))].map((type) =>
      h("tr", {}, h("th", { scope: "row" }, t(`notice.${type}`)), CHANNELS.map((channel) => cell(find(type, channel)))))),
  ]);
}

/** Reads what holds: at sign-in, and when another tab or the company has chosen. */
export async function loadPreferences() {
  asked += 1;
  const mine = asked;
  try {
    const body = await get("/api/v1/notifications/preferences");
    if (mine !== asked) return;
    choices = body;
    drawPreferences();
  } catch {
    // Everything pops up until it is known.
  }
}

export function clearPreferences() {
  asked += 1;
  choices = [];
  $("preferences-box").open = false;
  showError($("preferences-error"), null);
  drawPreferences();
}
