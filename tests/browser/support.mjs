// What the page's tests share: a browser, watched tabs, signing in, and pictures.

import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const PICTURES = fileURLToPath(new URL("../../docs/images/", import.meta.url));
const DEMO_PASSWORD = process.env.LIVEGRANT_DEMO_PASSWORD ?? "livegrant-demo";

/** The server under test: it runs already, with demo data. */
export function serverUrl() {
  const url = process.env.LIVEGRANT_URL;
  if (!url) throw new Error("LIVEGRANT_URL must name a running server with demo data, e.g. http://127.0.0.1:8080");
  return new URL("/", url).href;
}

/** The browser of the system. Its background traffic is off: a test machine may have no network at all. */
export const openBrowser = () => chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
  ],
});

/** Answers that the page asks for on purpose: the browser prints them as errors all the same. */
const EXPECTED = [
  { status: 401, path: /^\/api\// },
  { status: 403, path: /^\/api\/v1\/(organizations|positions|staff)$/ },
  { status: 409, path: /^\/api\/v1\/(leaves|workflows\/tasks\/[^/]+\/(approve|reject))$/ },
  { status: 404, path: /^\/api\/v1\/(demo|changes\/(latest|\d+)\/receipt)$/ },
];

function expected(text, url) {
  const status = Number(/status of (\d+)/.exec(text)?.[1]);
  const path = url ? new URL(url).pathname : "";
  return EXPECTED.some((one) => one.status === status && one.path.test(path));
}

/** Opens a tab in `context` that notes its troubles (console errors, page errors, CSP violations) and its sockets. */
export async function openTab(context) {
  const page = await context.newPage();
  const troubles = [];
  const sockets = [];
  page.on("console", (message) => {
    const url = message.location().url;
    if (message.type() === "error" && !expected(message.text(), url)) troubles.push(`console: ${message.text()} ${url}`);
    if (/content security policy/i.test(message.text())) troubles.push(`policy: ${message.text()}`);
  });
  page.on("pageerror", (error) => troubles.push(`page: ${error.stack ?? error.message}`));
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== new URL(serverUrl()).origin) troubles.push(`outside request: ${request.url()}`);
  });
  page.on("websocket", (socket) => sockets.push(socket.url()));
  // The page's timers run as ever, but a test can let a minute of them pass at once.
  await page.clock.install();
  await page.goto(serverUrl());
  return { page, troubles, sockets };
}

export const connected = (page) => page.waitForSelector('#link[data-state="connected"]');

/** Signs in through the form. */
export async function signIn(page, username) {
  await page.fill("#username", username);
  await page.fill("#password", DEMO_PASSWORD);
  await page.click("#signin-go");
  await connected(page);
}

/** A call as the page itself would make it: with its cookies, from its origin. */
export const call = (page, path) => page.evaluate(async (where) => {
  const response = await fetch(where, { cache: "no-store" });
  return { status: response.status, body: await response.json().catch(() => null) };
}, path);

/** The card of a permission that is held now; a revoked one may linger, struck through. */
export const held = (page, code) => page.locator(`.perm[data-code="${code}"]:not(.revoked):not(.leaving)`);

/** Runs in the page: ends what moves, and holds what comes or goes where one sees that it does. */
function still() {
  for (const motion of document.getAnimations()) {
    if (motion.animationName === "granted" || motion.animationName === "fade") motion.currentTime = 1_000;
    else if (motion.effect.getComputedTiming().endTime !== Infinity) motion.finish();
  }
}

/** Writes a picture for the documentation if `SCREENSHOTS=1`. */
export async function picture(page, name) {
  if (process.env.SCREENSHOTS !== "1") return;
  await mkdir(PICTURES, { recursive: true });
  await page.evaluate(still);
  await page.screenshot({ path: `${PICTURES}${name}.png` });
}
