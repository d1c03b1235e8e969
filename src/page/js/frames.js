// The panel of raw frames: what went over this tab's line, both ways, newest first.

import { $, h, icon, keyed } from "./dom.js";
import { clock, t } from "./i18n.js";
import { toast } from "./toast.js";

/** The panel keeps this many; more is for a debugger, and memory stays bounded. */
const KEPT = 100;

let frames = [];
let held = [];
let paused = false;
let count = 0;

/** Frames that keep the line, or repeat what is shown elsewhere: they do not take the place of one with news. */
const QUIET = new Set(["ping", "pong", "CONNECTED", "CHECKPOINT", "SUBSCRIBED", "TOKEN_EXPIRING", "RECEIPT"]);

const quiet = (frame) => QUIET.has(frame.type);

/** One line about a frame: what the eye looks for when many go by. */
function gist({ body }) {
  // An event carries its data beside the envelope's own fields.
  const data = body?.data ?? body ?? {};
  const parts = [];
  if (data.updateType && data.updateType !== "REPLACE") {
    if (data.added?.length) parts.push(`+${data.added.length}`);
    if (data.removed?.length) parts.push(`−${data.removed.length}`);
  } else if (data.reason) parts.push(data.code ?? data.reason);
  const rev = data.rev ?? body?.permissionVersion;
  if (rev !== undefined) parts.push(`rev ${rev}`);
  return parts.join(" · ");
}

const TOKEN = /("(?:\\.|[^"\\])*")(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?/g;

/** Pretty JSON with its words marked for colour. */
function pretty(frame) {
  if (!frame.body) return [frame.text];
  // Lists and objects of plain values read better on one line, also when it wraps.
  const text = JSON.stringify(frame.body, null, 2)
    .replace(/([[{])\s+([^[\]{}]+?)\s+([\]}])/g, (_, from, inner, to) => `${from}${inner.replace(/\s*\n\s*/g, " ")}${to}`);
  const nodes = [];
  let at = 0;
  for (const match of text.matchAll(TOKEN)) {
    nodes.push(text.slice(at, match.index));
    const kind = match[2] ? "key" : match[1] ? "str" : "num";
    nodes.push(h("span", { class: kind }, match[1] ?? match[0]), match[2] ?? "");
    at = match.index + match[0].length;
  }
  nodes.push(text.slice(at));
  return nodes;
}

function row(frame) {
  const code = h("pre", {});
  const details = h("details", {},
    h("summary", {},
      h("span", { class: `way ${frame.way}`, title: t(`frames.${frame.way}`) }, icon(frame.way)),
      h("span", { class: "frame-type" }, frame.type),
      h("span", { class: "frame-gist" }, gist(frame)),
      h("time", {}, clock(frame.at))),
    code);
  details.addEventListener("toggle", () => {
    if (details.open && !code.hasChildNodes()) code.append(...pretty(frame));
  });
  return h("li", { class: quiet(frame) ? "quiet" : "" }, details);
}

function draw() {
  keyed($("frames"), frames, (frame) => frame.id, row);
  $("frames-empty").hidden = frames.length > 0;
  $("frames").hidden = frames.length === 0;
  $("frames-pause").textContent = paused ? t("frames.resume", { n: held.length }) : t("frames.pause");
  $("frames-pause").setAttribute("aria-pressed", String(paused));
}

/** Adds a frame that went `in` or `out`. */
export function record(way, text) {
  let body = null;
  try {
    body = JSON.parse(text);
  } catch {
    // Shown as it came.
  }
  count += 1;
  const frame = { id: count, way, text, body, type: body?.type ?? "?", at: Date.now() };
  if (paused) held = [frame, ...held].slice(0, KEPT);
  else frames = [frame, ...frames].slice(0, KEPT);
  draw();
  if (paused || way === "out" || quiet(frame)) return;
  // The newest frame with content stands open, so that one sees a frame without a click.
  for (const open of $("frames").querySelectorAll("details[data-auto]")) {
    open.open = false;
    delete open.dataset.auto;
  }
  const details = $("frames").querySelector("details");
  details.dataset.auto = "";
  details.open = true;
}

export function clearFrames() {
  frames = [];
  held = [];
  paused = false;
  draw();
}

export function startFrames() {
  $("frames-clear").addEventListener("click", () => {
    frames = [];
    held = [];
    draw();
  });
  $("frames-pause").addEventListener("click", () => {
    paused = !paused;
    if (!paused) {
      frames = [...held, ...frames].slice(0, KEPT);
      held = [];
    }
    draw();
  });
  $("frames-copy").addEventListener("click", async () => {
    const lines = frames.map(({ way, at, text, body }) => ({ way, at: new Date(at).toISOString(), frame: body ?? text }));
    try {
      await navigator.clipboard.writeText(JSON.stringify(lines, null, 2));
      toast("notice", t("toast.copied"));
    } catch (error) {
      toast("error", String(error.message ?? error));
    }
  });
  draw();
}

export { draw as drawFrames };
