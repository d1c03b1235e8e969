// The nodes of the cluster above the list of who is online: how far each one is, and how well they hear each other.
// On one node there is nothing to show.

import { $, h, redraw } from "./dom.js";
import { get } from "./api.js";
import { language, t } from "./i18n.js";

let seen = { nodes: [], bus: { state: "alone" } };

const isCluster = () => seen.nodes.length > 1 || seen.bus.state !== "alone";

function node(one) {
  const state = one.state === "up" ? "good" : "warn";
  return h("li", { class: "node", "data-node": one.name, "data-state": state, title: `${one.address} · ${one.version}` },
    h("b", {}, one.name), one.is_this && h("em", {}, t("nodes.this")),
    h("span", {}, t(`nodes.${one.state}`)),
    h("span", { class: "tab-rev" }, t("rev", { rev: one.applied_rev })));
}

function bus({ state, trouble, lag_ms: lag }) {
  const text = state === "ok" && lag !== null ? t("nodes.bus.lag", { lag }) : t(`nodes.bus.${state}`);
  return h("li", { class: "node", "data-bus": state, "data-state": state === "degraded" ? "bad" : "good", title: trouble ?? "" },
    h("b", {}, t("nodes.bus")), h("span", {}, text));
}

export function drawNodes() {
  const { nodes, bus: carries } = seen;
  const lines = nodes.map(({ name, state, applied_rev: rev, is_this: mine }) => [name, state, rev, mine]);
  redraw($("nodes"), [language(), lines, carries.state, carries.trouble, carries.lag_ms],
    () => (isCluster() ? [...nodes.map(node), bus(carries)] : []));
}

export async function refreshNodes() {
  seen = await get("/api/v1/nodes");
  drawNodes();
}

/** Answers whether it is worth saying on which node something hangs. */
export const hasSeveral = () => seen.nodes.length > 1;
