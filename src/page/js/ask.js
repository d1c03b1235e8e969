// One question before something that cannot be taken back. Escape and Cancel both mean no.

import { $ } from "./dom.js";
import { t } from "./i18n.js";

/** Asks; answers null for no, or `{reason}`. `reason`: true asks for words, "required" insists on them. */
export function ask({ title, text, yes, reason = false }) {
  const dialog = $("ask");
  $("ask-title").textContent = title;
  $("ask-text").textContent = text;
  $("ask-yes").textContent = yes;
  $("ask-field").hidden = !reason;
  $("ask-reason").value = "";
  $("ask-reason").required = reason === "required";
  $("ask-reason").maxLength = reason === "required" ? 500 : 120;
  $("ask-label").textContent = t(reason === "required" ? "ask.reason.required" : "ask.reason");
  dialog.returnValue = "";
  dialog.showModal();
  ($("ask-field").hidden ? $("ask-yes") : $("ask-reason")).focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "yes" ? { reason: $("ask-reason").value.trim() } : null);
    }, { once: true });
  });
}

/** Enter in the reason means yes, where a form would press its first button: Cancel. */
export function startAsk() {
  $("ask-reason").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    if ($("ask-reason").reportValidity()) $("ask").close("yes");
  });
}
