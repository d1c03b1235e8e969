// Short messages in the corner. They are read out (aria-live) and go away by themselves unless looked at.

import { $, h, icon } from "./dom.js";
import { t } from "./i18n.js";

const SHOWN_FOR = 5_000;
/** More than this many at once would cover the page; the oldest leaves. */
const AT_MOST = 4;

/** Shows a message; `kind` is granted, revoked, info, warning, message or error. */
export function toast(kind, text, more = "") {
  const box = $("toasts");
  const node = h("div", { class: `toast ${kind}` },
    h("i", { class: "dot" }),
    h("div", {}, h("span", {}, text), more && h("small", {}, more)),
    h("button", { class: "close", type: "button", "aria-label": t("toast.dismiss"), onclick: () => node.remove() }, icon("cross")));
  box.append(node);
  while (box.children.length > AT_MOST) box.firstElementChild.remove();
  const leave = () => {
    if (node.matches(":hover, :focus-within")) return setTimeout(leave, 1_000);
    node.classList.add("leaving");
    return setTimeout(() => node.remove(), 300);
  };
  setTimeout(leave, SHOWN_FOR);
}
