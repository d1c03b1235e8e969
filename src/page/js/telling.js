// Telling everybody something, for who may: first it is asked whom it would reach, then it is sent, and the receipt fills.

import { $, showError } from "./dom.js";
import { post } from "./api.js";
import { ask } from "./ask.js";
import { count, t } from "./i18n.js";
import { withReceipt } from "./receipt.js";
import { allows } from "./store.js";

/** Shows the form to who may. */
export function drawTelling() {
  $("telling-box").hidden = !allows("notification:broadcast");
}

export function clearTelling() {
  $("telling").reset();
  $("telling-box").open = false;
  showError($("telling-error"), null);
}

async function send() {
  const notice = {
    title: $("telling-title").value.trim(), content: $("telling-content").value.trim(),
    category: t("telling.category"), severity: $("telling-severity").value,
  };
  const { recipients } = await post("/api/v1/notifications/broadcast", { ...notice, dry_run: true });
  if (!await ask({ title: count("telling.sure", recipients), text: notice.title, yes: t("telling.yes") })) return;
  await withReceipt(() => post("/api/v1/notifications/broadcast", notice));
  clearTelling();
}

export function startTelling() {
  $("telling").addEventListener("submit", async (event) => {
    event.preventDefault();
    showError($("telling-error"), null);
    $("telling-send").disabled = true;
    try {
      await send();
    } catch (problem) {
      showError($("telling-error"), problem.text);
    }
    $("telling-send").disabled = false;
  });
}
