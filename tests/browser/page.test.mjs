// The page as people use it: two tabs of alice and one administrator, against a running server with demo data.
// Each step needs the one before it, so they are one test with steps. It leaves the roles as it found them (S2-58).

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { call, connected, held, openBrowser, openTab, picture, serverUrl, signIn } from "./support.mjs";

const ROLE = "desk";
/** Reads that a person can try; the role must give one of them, and none of the person's positions may. */
const READS = { "position:view": "/api/v1/positions", "staff:view": "/api/v1/staff", "org:view": "/api/v1/organizations" };
const WITHIN = { timeout: 5_000 };
/** Longer than the longest wait of a reconnecting tab. */
const LONG_ENOUGH = 60_000;

let browser;

before(async () => {
  serverUrl();
  browser = await openBrowser();
});

after(() => browser?.close());

/** A permission that alice has through the role alone. */
async function codeToTurn(admin, alice) {
  const roles = (await call(admin, "/api/v1/roles?page_size=100")).body.results;
  const role = roles.find(({ code }) => code === ROLE);
  assert.ok(role, `the demo data has a role ${ROLE}`);
  const me = (await call(alice, "/api/accounts/users/me/")).body;
  const places = await Promise.all(me.positions.map(({ guid }) => call(admin, `/api/v1/positions/${guid}/permissions`)));
  const elsewhere = JSON.stringify([
    places.map(({ body }) => body),
    roles.filter(({ id, code }) => code !== ROLE && me.roles.some((mine) => mine.id === id)).map(({ permissions }) => permissions),
  ]);
  const code = Object.keys(READS).find((one) => role.permissions.includes(one) && !elsewhere.includes(`"${one}"`));
  assert.ok(code, `alice has one of ${Object.keys(READS).join(", ")} through ${ROLE} alone`);
  return { code, role };
}

const turn = (admin, code) => admin.click(`.switch[data-code="${code}"]`);

/** Waits for the receipt of the change that was just made, and for alice's row in it. */
async function receiptFor(admin, before_) {
  await admin.waitForFunction((old) => {
    const trail = document.querySelector(".trail[data-complete]");
    return trail && trail.dataset.rev !== old;
  }, before_, WITHIN);
  return admin.locator(".receivers li", { hasText: "alice" }).innerText();
}

const shownRev = (admin) => admin.evaluate(() => document.querySelector(".trail")?.dataset.rev ?? null);

test("a saved change reaches both tabs of a person and is already enforced", async (t) => {
  const people = await browser.newContext({ locale: "en-US", viewport: { width: 1360, height: 860 } });
  const office = await browser.newContext({ locale: "en-US", viewport: { width: 1360, height: 860 } });
  const first = await openTab(people);
  const office1 = await openTab(office);
  const admin = office1.page;
  let second;
  let chosen;

  // S3-11.
  await t.test("signing in connects each tab, the second one without signing in again", async () => {
    await first.page.waitForSelector("#username");
    await first.page.waitForSelector("#demo:not([hidden])", WITHIN);
    await picture(first.page, "signin");
    await signIn(first.page, "alice");
    second = await openTab(people);
    await connected(second.page);
    await signIn(admin, "admin");
    await admin.waitForSelector("#role-list [role=option]");
    const parts = await first.page.locator("#tabs [role=tab]").allInnerTexts();
    assert.deepEqual(parts, ["Inbox", "Leave", "My permissions"], "alice sees nothing of the administration");
    assert.equal(await first.page.evaluate(() => document.cookie), "", "no token is readable");
  });

  // S3-1, S3-2, S3-5, S3-117, S3-140.
  await t.test("a permission that is switched off leaves both tabs, and the server refuses", async () => {
    chosen = await codeToTurn(admin, first.page);
    const { code, role } = chosen;
    for (const { page } of [first, second]) await held(page, code).waitFor(WITHIN);
    assert.equal((await call(first.page, READS[code])).status, 200);
    await held(first.page, code).getByRole("button").click();
    await first.page.waitForSelector(`.perm[data-code="${code}"] .answer.yes`, WITHIN);

    const rev = await shownRev(admin);
    await admin.click(`#role-list [role=option]:has-text("${role.name}")`);
    await turn(admin, code);
    for (const { page } of [first, second]) await held(page, code).waitFor({ state: "detached", ...WITHIN });
    assert.equal((await call(first.page, READS[code])).status, 403);
    await first.page.waitForSelector(".toast.revoked", WITHIN);
    await picture(first.page, "user");
    // The struck card still has its button, so that one can see the refusal.
    await second.page.click(`.perm[data-code="${code}"].revoked button`, WITHIN);
    await second.page.waitForSelector(`.perm[data-code="${code}"] .answer.no`, WITHIN);

    assert.match(await receiptFor(admin, rev), /2\/2/);
    assert.match(await admin.locator(".trail").innerText(), /rev \d+ accepted in \d+ ms/);
    assert.match(await admin.locator(".trail").innerText(), /2\/2 tabs, slowest \d+ ms\s+1 offline: bob/);
    assert.ok((await admin.locator(".frame-type").allInnerTexts()).includes("RECEIPT"), "the receipt was told, not asked for");
    await picture(admin, "admin");
  });

  await t.test("switched on again, it comes back to both tabs", async () => {
    const rev = await shownRev(admin);
    await turn(admin, chosen.code);
    for (const { page } of [first, second]) await held(page, chosen.code).waitFor(WITHIN);
    assert.equal((await call(first.page, READS[chosen.code])).status, 200);
    assert.match(await receiptFor(admin, rev), /2\/2/);
    await first.page.waitForSelector(".toast.granted", WITHIN);
    await first.page.emulateMedia({ colorScheme: "dark" });
    await picture(first.page, "user-dark");
    await first.page.emulateMedia({ colorScheme: "light" });
  });

  await t.test("an expired access token is refreshed once for both tabs", async () => {
    const refreshes = [];
    people.on("response", (response) => {
      if (response.url().endsWith("/api/auth/refresh/")) refreshes.push(response.status());
    });
    await people.clearCookies({ name: "livegrant_access" });
    for (const { page } of [first, second]) await page.waitForSelector(`.perm[data-code="${chosen.code}"]:not(.granted)`, WITHIN);
    await Promise.all([first, second].map(({ page }) => held(page, chosen.code).getByRole("button").click()));
    for (const { page } of [first, second]) await page.waitForSelector(`.perm[data-code="${chosen.code}"] .answer.yes`, WITHIN);
    assert.deepEqual(refreshes, [200]);
  });

  await t.test("the raw frames show what went over the socket, and can be held and cleared", async () => {
    const types = await first.page.locator(".frame-type").allInnerTexts();
    assert.ok(types.includes("PERMISSION_UPDATE") && types.includes("ack"), types.join());
    assert.match(await first.page.locator("#frames details[open] pre").first().innerText(), /"updateType": "ADD"/);
    await first.page.click("#frames-pause");
    assert.equal(await first.page.getAttribute("#frames-pause", "aria-pressed"), "true");
    await first.page.click("#frames-pause");
    await first.page.click("#frames-clear");
    assert.equal(await first.page.locator("#frames li").count(), 0);
  });

  await t.test("the language is switched and remembered", async () => {
    await admin.click("#language");
    await admin.waitForSelector("text=最近一次变更", WITHIN);
    assert.equal(await admin.getAttribute("html", "lang"), "zh-CN");
    await picture(admin, "admin-zh");
    await admin.reload();
    await connected(admin);
    assert.equal(await admin.locator("#sign-out").innerText(), "退出登录");
    await admin.click("#language");
    assert.equal(await admin.locator("#sign-out").innerText(), "Sign out");
  });

  await t.test("the parts of the page answer the keyboard", async () => {
    await admin.focus("#tab-roles");
    await admin.keyboard.press("ArrowRight");
    assert.equal(await admin.evaluate(() => document.activeElement.id), "tab-online");
    await admin.waitForSelector('.person[data-account="alice"]', WITHIN);
  });

  await t.test("a kick ends both tabs with its reason, and they do not come back", async () => {
    await picture(admin, "online");
    await admin.click('[data-kick="alice"]');
    await admin.fill("#ask-reason", "The shift is over");
    await admin.keyboard.press("Enter");
    for (const { page } of [first, second]) {
      await page.waitForSelector("#ended:not([hidden])", WITHIN);
      assert.match(await page.locator("#ended").innerText(), /An administrator ended your session\.\s+The shift is over/);
      assert.equal(await page.locator("#desk").isVisible(), false);
    }
    const sockets = [first.sockets.length, second.sockets.length];
    for (const { page } of [first, second]) await page.clock.runFor(LONG_ENOUGH);
    for (const { page } of [first, second]) assert.equal((await call(page, "/api/v1/me/permissions")).status, 401);
    assert.deepEqual([first.sockets.length, second.sockets.length], sockets, "no socket was opened again");
    await picture(first.page, "ended");
    await admin.locator('.person[data-account="alice"]').waitFor({ state: "detached", ...WITHIN });
  });

  await t.test("it fits a phone", async () => {
    await admin.click("#tab-mine");
    await admin.setViewportSize({ width: 390, height: 844 });
    const wide = await admin.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(wide, 0, "nothing runs out of the page sideways");
    await picture(admin, "phone");
  });

  await t.test("nothing was refused by the policy, asked from outside, or printed as an error", () => {
    assert.deepEqual([...first.troubles, ...second.troubles, ...office1.troubles], []);
  });
});
