// Leave and the inbox as people use them: alice asks in one language, her manager decides in the other, each with two tabs
// that hang on different lines, and nobody ever reloads. Each step needs the one before it, so they are one test with steps.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Server } from "./server.mjs";
import { call, connected, openBrowser, openTab, picture, signIn } from "./support.mjs";

const WITHIN = { timeout: 10_000 };
const PLAIN = "看牙医";
/** Quotes, markup, a letter of four bytes, Chinese: they travel unchanged. */
const REASON = 'See the "dentist" <b>🦷</b> 看牙医';
const COMMENT = "人手不足，换一天吧";

let browser;
let server;

before(async () => {
  server = await Server.start({ DEMO__EXPOSE_ACCOUNTS: true });
  process.env.LIVEGRANT_URL = server.url;
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Working days from two days ahead on, as the company's calendar has them: Monday to Friday. */
function workdays(n) {
  const days = [];
  for (let ahead = 2; days.length < n; ahead += 1) {
    const day = new Date(Date.now() + ahead * 86_400_000);
    if (day.getUTCDay() % 6) days.push(day.toISOString().slice(0, 10));
  }
  return days;
}

/** A person with two tabs in one language; the second one hangs on the given line. */
async function person(username, locale, line) {
  const context = await browser.newContext({ locale, viewport: { width: 1360, height: 900 } });
  const tabs = [await openTab(context)];
  await signIn(tabs[0].page, username);
  tabs.push(await openTab(context));
  await connected(tabs[1].page);
  await tabs[1].page.selectOption("#line", line);
  await tabs[1].page.waitForSelector(`#link[data-state="connected"][data-line="${line}"]`, WITHIN);
  // A tab in the back draws once a second, and each click waits for it: most of what is done is done in the first.
  await tabs[0].page.bringToFront();
  return { context, tabs, pages: tabs.map(({ page }) => page) };
}

/** Waits until the tab is called so, for a reader of the screen too: its name says the badge. */
const named = (page, name) => page.getByRole("tab", { name, exact: true }).waitFor(WITHIN);
const allNamed = (pages, name) => Promise.all(pages.map((page) => named(page, name)));

async function askFor(page, day, reason, more = async () => {}) {
  await page.click("#tab-leave");
  await page.waitForSelector("#leave-type option", { state: "attached", ...WITHIN });
  await page.selectOption("#leave-type", "annual");
  await page.fill("#leave-from", day);
  await page.fill("#leave-reason", reason);
  await more();
  await page.click("#leave-send");
}

const status = (page, day, name) => page.locator("#leave-mine tr", { hasText: day }).locator(`[data-status="${name}"]`).waitFor(WITHIN);
const notices = (page) => page.locator("#inbox article");
const balance = (page) => page.locator('.balance[data-type="annual"]').innerText();

test("asking, deciding and reading reach every tab of both sides at once, in both languages", async (t) => {
  const [first, second, third, fourth] = workdays(4);
  const thisYear = (day) => day.startsWith(String(new Date().getUTCFullYear()));
  const alice = await person("alice", "en-US", "poll");
  const manager = await person("manager", "zh-CN", "sse");
  const [desk, deskToo] = alice.pages;
  const [office, officeToo] = manager.pages;

  // S1-31, S1-33, FN3, FN4, FW33.
  await t.test("a request is on the manager's badges in both tabs, and in the list that he looks at", async () => {
    await askFor(desk, first, PLAIN);
    await status(desk, first, "running");
    assert.equal(await desk.inputValue("#leave-reason"), "", "the form is empty again");
    await allNamed(manager.pages, "收件箱, 1 条新通知");
    await allNamed(manager.pages, "请假, 1 项待处理");
    assert.match(await office.locator("#tabs-live").textContent(), /收件箱：1 条新通知。 请假：1 项待您处理。/, "it is said, too");
    if (thisYear(first)) assert.match(await balance(desk), /Annual\s+4\s+of 5 d · 1 d asked for/);
  });

  // FN1, FN5.
  await t.test("who opens the inbox has seen it, in every tab; the task still waits", async () => {
    await office.click("#tab-inbox");
    await notices(office).first().waitFor(WITHIN);
    await notices(office).first().getByText(PLAIN).waitFor(WITHIN);
    await allNamed(manager.pages, "收件箱");
    await allNamed(manager.pages, "请假, 1 项待处理");
    await officeToo.click("#tab-leave");
    await officeToo.locator("#leave-tasks article", { hasText: PLAIN }).waitFor(WITHIN);
  });

  // S1-28, FW35.
  await t.test("a rejection asks for its reason, and everybody reads it without a reload", async () => {
    await notices(office).first().getByRole("button", { name: /^拒绝/ }).click();
    await office.waitForSelector("#ask[open]", WITHIN);
    await office.keyboard.press("Enter");
    assert.ok(await office.locator("#ask").evaluate((dialog) => dialog.open), "without a reason there is no rejection");
    await office.getByLabel("理由").fill(COMMENT);
    await office.keyboard.press("Enter");
    await notices(office).first().getByText("马经理 已拒绝").waitFor(WITHIN);
    assert.equal(await notices(office).getByRole("button", { name: /^(同意|拒绝)/ }).count(), 0, "its buttons are gone");
    await officeToo.locator("#leave-tasks article").first().waitFor({ state: "detached", ...WITHIN });
    await allNamed(manager.pages, "请假");
    await status(desk, first, "rejected");
    await allNamed(alice.pages, "Inbox, 1 new");
    await desk.getByRole("button", { name: /^Course/ }).first().click();
    await desk.locator(".course q", { hasText: COMMENT }).waitFor(WITHIN);
    await picture(desk, "leave");
    await deskToo.click("#tab-inbox");
    await notices(deskToo).first().locator("q", { hasText: COMMENT }).waitFor(WITHIN);
    await allNamed(alice.pages, "Inbox");
    if (thisYear(first)) assert.match(await balance(desk), /Annual\s+5\s+of 5 d$/);
  });

  // FW32.
  await t.test("who presses a button that another tab was quicker with is told who did it, and loses the button", async () => {
    await askFor(desk, second, PLAIN);
    const approve = (page) => notices(page).first().getByRole("button", { name: /^同意/ });
    await officeToo.click("#tab-inbox");
    await Promise.all([approve(office).waitFor(WITHIN), approve(officeToo).waitFor(WITHIN)]);
    await picture(office, "inbox-zh");
    // This tab is kept from hearing that the task is gone: its list of tasks is not answered.
    let release;
    const held = new Promise((resolve) => { release = resolve; });
    await officeToo.route("**/api/v1/workflows/tasks?*", async (route) => {
      await held;
      await route.continue();
    });
    await approve(office).focus();
    await office.keyboard.press("Enter");
    await notices(office).first().getByText("马经理 已同意").waitFor(WITHIN);
    assert.equal(await office.evaluate(() => document.activeElement.id), "inbox", "no other button has the focus now");
    await approve(officeToo).click();
    await officeToo.locator("#inbox-error", { hasText: "马经理 已先处理" }).waitFor(WITHIN);
    release();
    await notices(officeToo).first().getByText("马经理 已同意").waitFor(WITHIN);
    assert.equal(await approve(officeToo).count(), 0);
    await status(desk, second, "approved");
    await allNamed(alice.pages.slice(0, 1), "Inbox");
  });

  // S1-31.
  await t.test("half a day, and what the server refuses is said in its words, once", async () => {
    await askFor(desk, third, REASON, () => desk.selectOption("#leave-part", "pm"));
    await status(desk, third, "running");
    assert.match(await desk.locator("#leave-mine tr", { hasText: third }).innerText(), /afternoon[^]*0\.5 d/);
    await askFor(desk, third, REASON);
    await desk.waitForSelector("#leave-error:not([hidden])", WITHIN);
    assert.equal((await desk.locator("#leave-error").innerText()).match(/is in the way/g)?.length, 1);
    assert.equal(await desk.inputValue("#leave-reason"), REASON, "what was written is still there");
  });

  // FW33.
  await t.test("a request that is withdrawn asks nobody any more", async () => {
    await office.click("#tab-leave");
    await office.locator("#leave-tasks article", { hasText: REASON }).waitFor(WITHIN);
    await desk.locator("#leave-mine tr", { hasText: third }).getByRole("button", { name: /^Withdraw/ }).click();
    await status(desk, third, "withdrawn");
    await office.locator("#leave-tasks article").first().waitFor({ state: "detached", ...WITHIN });
    await allNamed(manager.pages, "请假");
    await officeToo.locator("#inbox .verdict", { hasText: "已无需处理" }).waitFor(WITHIN);
  });

  // S0-34, FN16.
  await t.test("a broadcast counts in every tab of everybody", async () => {
    await Promise.all([desk, deskToo, office, officeToo].map((page) => page.click("#tab-mine")));
    const { page: admin, troubles } = await openTab(await browser.newContext({ locale: "en-US" }));
    await signIn(admin, "admin");
    const counted = async (page) => (await call(page, "/api/v1/notifications/counts")).body.unseen;
    const [told, toldToo] = [await counted(desk), await counted(office)];
    // FN10: alice wants no such notices to pop up; it holds in all of her tabs.
    const choice = '[data-choice="system_notification toast"]';
    await deskToo.click("#tab-inbox");
    await deskToo.click("#preferences-box summary");
    await deskToo.click(choice);
    await deskToo.click("#tab-mine");
    await Promise.all(alice.pages.map((page) => page.waitForSelector(`${choice}[aria-checked="false"]`, { state: "attached", ...WITHIN })));
    await admin.click("#tab-inbox");
    await admin.click("#telling-box summary");
    await admin.fill("#telling-title", "停机维护");
    await admin.fill("#telling-content", "今晚 22:00\n请保存工作");
    await admin.selectOption("#telling-severity", "warning");
    await admin.click("#telling-send");
    await admin.getByText("Tell 6 people?").waitFor(WITHIN);
    await admin.click("#ask-yes");
    await admin.locator(".trail", { hasText: "Sent to 5 tabs" }).waitFor(WITHIN);
    await Promise.all(manager.pages.map((page) => page.locator(".toast", { hasText: "停机维护" }).waitFor(WITHIN)));
    await allNamed(alice.pages, `Inbox, ${told + 1} new`);
    await allNamed(manager.pages, `收件箱, ${toldToo + 1} 条新通知`);
    await desk.click("#tab-inbox");
    await notices(desk).first().getByText("warning").waitFor(WITHIN);
    for (const page of alice.pages) assert.equal(await page.locator(".toast", { hasText: "停机维护" }).count(), 0);
    assert.equal(await desk.isVisible("#telling-box"), false, "who may not tell everybody sees no form for it");
    assert.deepEqual(troubles, []);
    await allNamed(alice.pages, "Inbox");
  });

  // FN1, FN7, FN8, FN13: each mark in one tab, looked at in the other.
  await t.test("read, archived, put off, deleted: the other tab shows each at once, with the same counts", async () => {
    await deskToo.click("#tab-inbox");
    const top = () => notices(desk).first();
    const total = await notices(desk).count();
    await Promise.all(alice.pages.map((page) => page.waitForFunction((n) => document.querySelectorAll("#inbox article").length === n, total, WITHIN)));
    const both = async (look) => Promise.all(alice.pages.map((page) => page.waitForFunction(look.fn, look.arg, WITHIN)));
    const lies = (n, unread) => both({
      fn: ([items, words]) => document.querySelectorAll("#inbox article").length === items
        && document.querySelector("#inbox-filters [data-focus='filter unread']").textContent === words,
      arg: [n, `Unread ${unread}`],
    });
    const unread = (await call(desk, "/api/v1/notifications/counts")).body.unread;
    await lies(total, unread);
    await top().getByRole("button", { name: /^Mark read/ }).click();
    await lies(total, unread - 1);
    await top().getByRole("button", { name: /^Mark unread/ }).click();
    await lies(total, unread);
    await top().getByRole("button", { name: /^Archive/ }).click();
    await lies(total - 1, unread - 1);
    await desk.getByRole("button", { name: "Archived", exact: true }).click();
    await top().getByRole("button", { name: /^Put back/ }).click();
    await desk.getByText("Nothing here.").waitFor(WITHIN);
    await desk.getByRole("button", { name: "All", exact: true }).click();
    await lies(total, unread);
    await top().getByRole("combobox", { name: /^Later/ }).selectOption("tomorrow");
    await lies(total - 1, unread - 1);
    await desk.getByRole("button", { name: "Put off", exact: true }).click();
    await top().getByText("until").waitFor(WITHIN);
    await top().getByRole("button", { name: /^Put back/ }).click();
    await desk.getByText("Nothing here.").waitFor(WITHIN);
    await desk.getByRole("button", { name: "All", exact: true }).click();
    await lies(total, unread);
    await top().getByRole("button", { name: /^Delete/ }).click();
    await desk.keyboard.press("Escape");
    await lies(total, unread);
    await top().getByRole("button", { name: /^Delete/ }).click();
    await desk.click("#ask-yes");
    await lies(total - 1, unread - 1);
    await desk.fill("#inbox-search", "已拒绝");
    await desk.waitForFunction(() => document.querySelectorAll("#inbox article").length === 1, null, WITHIN);
    await desk.fill("#inbox-search", "");
    await desk.getByRole("button", { name: "Mark all read" }).click();
    await lies(total - 1, 0);
    const { body } = await call(desk, "/api/v1/notifications/counts");
    assert.deepEqual([body.unseen, body.unread], [0, 0]);
  });

  await t.test("the other language has all of it, and a phone too", async () => {
    await office.click("#language");
    await office.click("#tab-inbox");
    await office.getByText("approved by 马经理").first().waitFor(WITHIN);
    await askFor(desk, fourth, REASON);
    await notices(office).first().getByRole("button", { name: /^Approve/ }).waitFor(WITHIN);
    await office.click("#language");
    await notices(office).first().getByRole("button", { name: /^同意/ }).waitFor(WITHIN);
    await desk.click("#language");
    await status(desk, fourth, "running");
    assert.equal(await desk.locator("#leave-type option").first().innerText(), "年假");
    for (const [page, tab] of [[office, "inbox"], [office, "leave"], [desk, "leave"]]) {
      await page.setViewportSize({ width: 390, height: 844 });
      await page.click(`#tab-${tab}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(wide, 0, `${tab}: nothing runs out of the page sideways`);
    }
  });

  await t.test("every control has a name, and nothing was refused by the policy, asked from outside, or printed as an error", async () => {
    for (const page of [...alice.pages, ...manager.pages]) {
      const nameless = await page.evaluate(() => [...document.querySelectorAll("#desk :is(button, input, select):not([hidden])")]
        .filter((node) => !node.getAttribute("aria-label") && !node.labels?.length && !node.textContent.trim())
        .map((node) => node.outerHTML));
      assert.deepEqual(nameless, []);
    }
    assert.deepEqual([...alice.tabs, ...manager.tabs].flatMap(({ troubles }) => troubles), []);
  });
});

// S0-27, S0-28: each kind of notice looks like itself where it pops up and in the list, with title, content and time.
test("a change of position, an approval and a message look different", async () => {
  const context = await browser.newContext({ locale: "en-US" });
  const { page, troubles } = await openTab(context);
  await signIn(page, "auditor");
  const { guid } = (await call(page, "/api/accounts/users/me/")).body;
  const admin = await server.signIn("admin");
  const told = [
    ["position-change", "position", "info", { title: "岗位变动", content: "前台 → 经理", oldPosition: "前台", newPosition: "经理" }],
    ["approval", "approval", "warning", { title: "审批", content: "已通过", approvalId: "AP1", approvalState: "已通过" }],
    ["message", "message", "message", { title: "消息", content: "你好 🎉" }],
  ];
  for (const [path, kind, toast, words] of told) {
    assert.equal((await admin("POST", `/api/v1/notifications/${path}`, { staffGuid: guid, ...words })).status, 200);
    const shown = page.locator(`.toast.${toast}`);
    await shown.waitFor(WITHIN);
    assert.deepEqual((await shown.innerText()).split("\n").filter(Boolean), [words.title, words.content]);
    await page.click("#tab-inbox");
    const item = page.locator("#inbox article", { has: page.locator(`.kind[data-kind="${kind}"]`) });
    await item.waitFor(WITHIN);
    for (const text of [words.title, words.content]) assert.ok((await item.innerText()).includes(text));
    assert.ok(Date.now() - Date.parse(await item.locator("time").getAttribute("datetime")) < 60_000);
    await shown.getByRole("button").click();
    await shown.waitFor({ state: "detached", ...WITHIN });
  }
  assert.deepEqual(troubles, []);
  await context.close();
});

// FN1: an inbox is one account's.
test("another account's inbox is its own, and signing out takes it off the page", async () => {
  const context = await browser.newContext({ locale: "en-US" });
  const { page, troubles } = await openTab(context);
  await signIn(page, "bob");
  await page.click("#tab-leave");
  await page.getByText("You have asked for nothing yet.").waitFor(WITHIN);
  await page.getByText("Nothing waits for you.").waitFor(WITHIN);
  await page.click("#tab-inbox");
  await notices(page).getByText("停机维护").waitFor(WITHIN);
  assert.equal(await notices(page).count(), 1, "the broadcast and nothing of alice's");
  await page.click("#sign-out");
  await page.waitForSelector("#username", WITHIN);
  assert.equal(await page.locator("#inbox article").count(), 0);
  assert.deepEqual(troubles, []);
  await context.close();
});
