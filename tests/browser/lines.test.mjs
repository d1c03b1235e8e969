// The page over each of its lines: chosen by the reader, or left to the page where a line cannot be opened (S3-127).

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Server, until } from "./server.mjs";
import { connected, held, openBrowser, openTab, signIn } from "./support.mjs";

const ROLE = "desk";
const CODE = "position:view";
const WITHIN = { timeout: 10_000 };
/** Longer than the longest wait of a reconnecting tab. */
const LONG_ENOUGH = 60_000;

let browser;
let server;
let admin;
let role;

before(async () => {
  server = await Server.start({
    DEMO__EXPOSE_ACCOUNTS: true,
    REALTIME__MERGE_WINDOW_MS: 0,
    // The first warning comes 15 s after a sign-in.
    AUTH__ACCESS_TTL_SECONDS: 75,
    REALTIME__EXPIRY_WARNING_SECONDS: 60,
  });
  process.env.LIVEGRANT_URL = server.url;
  browser = await openBrowser();
  admin = await server.signIn("admin");
  role = (await admin("GET", "/api/v1/roles?page_size=100")).body.results.find(({ code }) => code === ROLE).id;
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const people = () => browser.newContext({ locale: "en-US", viewport: { width: 1360, height: 860 } });
const over = (page, line) => page.waitForSelector(`#link[data-state="connected"][data-line="${line}"]`, WITHIN);

async function turn(way) {
  // The administrator's own token ends within a minute too.
  admin = await server.signIn("admin");
  const { body } = await admin("POST", `/api/v1/roles/${role}/permissions/${way}`, { permissions: [CODE] });
  assert.equal(body.changed, true, way);
  return body.rev;
}

const transports = async () =>
  ((await admin("GET", "/api/v1/online-users")).body.results.find(({ username }) => username === "alice")?.tabs ?? []).map(({ transport }) => transport);

test("a permission comes and goes over every line, and is acknowledged", async (t) => {
  const context = await people();
  const { page, troubles } = await openTab(context);
  await signIn(page, "alice");
  for (const line of ["websocket", "sse", "poll"]) {
    await t.test(line, async () => {
      await page.selectOption("#line", line);
      await over(page, line);
      await until("the server knows", async () => (await transports()).includes(line));
      for (const [way, state] of [["remove", "detached"], ["add", "attached"]]) {
        const rev = await turn(way);
        await held(page, CODE).waitFor({ state, ...WITHIN });
        await until("it is acknowledged", async () => (await admin("GET", `/api/v1/changes/${rev}/receipt`)).body.state === "delivered");
      }
    });
  }
  await t.test("the choice is remembered", async () => {
    await page.reload();
    await over(page, "poll");
    assert.equal(await page.inputValue("#line"), "poll");
  });
  assert.deepEqual(troubles, []);
  await context.close();
});

test("where no socket can be opened the page goes down to a stream, and then to polls", async () => {
  const context = await people();
  const { page } = await openTab(context);
  await page.routeWebSocket(/ws\/permission/, (socket) => socket.close({ code: 1011 }));
  await page.fill("#username", "alice");
  await page.fill("#password", "livegrant-demo");
  await page.click("#signin-go");
  await over(page, "sse");
  await page.route(/api\/v1\/events/, (route) => route.abort());
  await page.reload();
  await over(page, "poll");
  await turn("remove");
  await held(page, CODE).waitFor({ state: "detached", ...WITHIN });
  await turn("add");
  await held(page, CODE).waitFor(WITHIN);
  await context.close();
});

// S3-131.
test("a page that is refused for good says so, and a click brings it up to date", async () => {
  const context = await people();
  const { page } = await openTab(context);
  let refuses = true;
  await page.routeWebSocket(/ws\/permission/, (socket) => (refuses ? socket.close({ code: 4500 }) : socket.connectToServer()));
  await page.fill("#username", "alice");
  await page.fill("#password", "livegrant-demo");
  await page.click("#signin-go");
  await page.waitForSelector('#link[data-state="error"]', WITHIN);
  assert.equal(await page.locator("#link-text").innerText(), "Closed: protocol error");
  await turn("remove");
  await page.clock.runFor(LONG_ENOUGH);
  assert.equal(await held(page, CODE).count(), 1, "nothing comes, and the page does not try by itself");
  refuses = false;
  await page.click("#link-retry");
  await over(page, "websocket");
  await held(page, CODE).waitFor({ state: "detached", ...WITHIN });
  await turn("add");
  await held(page, CODE).waitFor(WITHIN);
  await context.close();
});

for (const line of ["sse", "poll"]) {
  test(`a kick over ${line} says why, and the page does not come back`, async () => {
    const context = await people();
    const { page, troubles } = await openTab(context);
    await signIn(page, "bob");
    await page.selectOption("#line", line);
    await over(page, line);
    admin = await server.signIn("admin");
    const bob = (await admin("GET", "/api/v1/online-users")).body.results.find(({ username }) => username === "bob");
    await admin("DELETE", `/api/v1/sessions/${bob.tabs[0].sid}?reason=${encodeURIComponent("The shift is over")}`);
    await page.waitForSelector("#ended:not([hidden])", WITHIN);
    assert.match(await page.locator("#ended").innerText(), /An administrator ended your session\.\s+The shift is over/);
    const asked = [];
    page.on("request", (request) => asked.push(request.url()));
    await page.clock.runFor(LONG_ENOUGH);
    assert.deepEqual(asked.filter((url) => /events|poll|ws/.test(url)), []);
    assert.deepEqual(troubles, []);
    await context.close();
  });
}

test("a token that ends soon is refreshed once for all tabs, before it ends", async () => {
  const context = await people();
  const refreshes = [];
  context.on("response", (response) => {
    if (response.url().endsWith("/api/auth/refresh/")) refreshes.push(response.status());
  });
  const { page: first } = await openTab(context);
  await signIn(first, "manager");
  const { page: second } = await openTab(context);
  await connected(second);
  const warned = (page) => page.locator(".frame-type", { hasText: "TOKEN_EXPIRING" }).first().waitFor({ timeout: 40_000 });
  await Promise.race([warned(first), warned(second)]);
  await until("it is refreshed", () => refreshes.length > 0);
  assert.deepEqual(refreshes, [200]);
  for (const page of [first, second]) assert.equal(await page.locator("#link").getAttribute("data-state"), "connected");
  await context.close();
});
