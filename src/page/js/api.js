// Calls to the REST interface: cookies carry the session, problem+json becomes a `Problem`, a 401 is refreshed once.
// Refreshing is serialised over all tabs with a Web Lock, because a refresh token works once.

import { has, t } from "./i18n.js";

const REFRESHED = "livegrant.refreshed";

let onEnded = () => {};

/** Sets what happens when the session turns out to be over. */
export function whenEnded(listener) {
  onEnded = listener;
}

export class Problem extends Error {
  constructor(status, body = {}, retryAfter = 0) {
    super(body.detail ?? body.title ?? "");
    this.status = status;
    this.code = body.code ?? "";
    this.retryAfter = retryAfter;
    this.errors = body.errors ?? {};
    this.body = body;
  }

  /** The server's own words if it gave any, else ours. */
  get text() {
    if (this.status === 0) return t("error.network");
    if (this.status === 429) return t("error.throttled", { n: this.retryAfter || 1 });
    // A single field's words are often the whole message already.
    const fields = Object.values(this.errors).flat().filter((words) => !this.message.includes(words));
    return [this.message, ...fields].filter(Boolean).join(" ") || t("error.unknown", { status: this.status });
  }
}

/** The words for a reason to have ended, by its code. */
export const endedText = (code) => t(has(`ended.${code}`) ? `ended.${code}` : "ended.other");

async function send(method, path, body, signal) {
  const init = { method, signal, credentials: "same-origin", cache: "no-store", headers: { Accept: "application/json" } };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers["Content-Type"] = "application/json";
  }
  try {
    return await fetch(path, init);
  } catch {
    throw new Problem(0);
  }
}

async function read(response) {
  const text = await response.text();
  let body = {};
  try {
    body = text ? JSON.parse(text) : {};
  } catch {
    // A proxy's error page is no JSON; the status says enough.
  }
  if (!response.ok) throw new Problem(response.status, body, Number(response.headers.get("Retry-After")) || 0);
  return body;
}

function lastRefresh() {
  try {
    return Number(localStorage.getItem(REFRESHED)) || 0;
  } catch {
    return 0;
  }
}

function noteRefresh() {
  try {
    localStorage.setItem(REFRESHED, String(Date.now()));
  } catch {
    // Without storage each tab refreshes by itself; the server's grace for two tabs covers that.
  }
}

/** One tab at a time. Outside a secure context there are no locks, and the server's grace has to do. */
const alone = (work) => (navigator.locks ? navigator.locks.request("livegrant.refresh", work) : work());

/**
 * Gets new cookies, unless another tab did so after `since`.
 * Answers `ok`, `ended` (the session is over) or `later` (the server could not tell).
 */
export function refresh(since = Date.now()) {
  return alone(() => refreshUnless(since));
}

/**
 * The same when there is time: a tab that finds another one at it leaves it to that one. All tabs are told at once that
 * the token ends, and what one has noted in the storage the others may see a little later.
 */
export function refreshInTime(since) {
  if (!navigator.locks) return refresh(since);
  return navigator.locks.request("livegrant.refresh", { ifAvailable: true }, (lock) =>
    lock ? refreshUnless(since) : "ok",
  );
}

async function refreshUnless(since) {
  if (lastRefresh() > since) return "ok";
  const response = await send("POST", "/api/auth/refresh/", {});
  if (response.ok) {
    noteRefresh();
    return "ok";
  }
  return [400, 401, 403].includes(response.status) ? "ended" : "later";
}

async function authorised(method, path, body, signal) {
  const since = Date.now();
  const first = await send(method, path, body, signal);
  if (first.status !== 401) return first;
  if ((await refresh(since)) !== "ended") {
    const second = await send(method, path, body, signal);
    if (second.status !== 401) return second;
  }
  onEnded("expired");
  return first;
}

const call = async (method, path, body, signal) => read(await authorised(method, path, body, signal));

export const get = (path, signal) => call("GET", path, undefined, signal);
export const post = (path, body = {}) => call("POST", path, body);
export const put = (path, body) => call("PUT", path, body);
export const del = (path) => call("DELETE", path);

/** The status alone, of a read that may be refused: what "try it" shows. */
export const statusOf = async (path) => (await authorised("GET", path)).status;

/** Every row of a list, page by page, up to a thousand: more would not be read on a page. */
export async function all(path) {
  const rows = [];
  for (let page = 1; page <= 10; page += 1) {
    const join = path.includes("?") ? "&" : "?";
    const body = await get(`${path}${join}page=${page}&page_size=100`);
    rows.push(...(body.results ?? []));
    if (!body.next) break;
  }
  return rows;
}

/** Signs in; tokens come back as HttpOnly cookies only. */
export const signIn = async (username, password) =>
  read(await send("POST", "/api/auth/login/", { username, password, cookie: true }));

export const signOut = async () => read(await send("POST", "/api/auth/logout/", {}));

/** The demo accounts, or none where the server was not seeded with them. */
export async function demoAccounts() {
  try {
    return (await read(await send("GET", "/api/v1/demo"))).accounts ?? [];
  } catch {
    return [];
  }
}
