// Who may do everything is listed, and giving that right is asked about (S1-47).

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser, openTab, signIn } from "./support.mjs";

let browser;

before(async () => {
  browser = await openBrowser();
});

after(() => browser?.close());

test("the list of administrators, and the question before it grows", async () => {
  const { page, troubles } = await openTab(await browser.newContext({ locale: "en-US" }));
  await signIn(page, "admin");
  await page.click("#tab-accounts");
  const listed = page.locator("#administrators li");
  await listed.first().waitFor();
  const before_ = await listed.allInnerTexts();
  assert.ok(before_.length >= 1, "the administrator is listed");
  const bob = page.locator('[data-account="bob"] .adder');
  const role = await bob.locator("option", { hasText: "系统管理员" }).getAttribute("value");

  await bob.selectOption(role);
  await page.click("#ask .ghost");
  assert.deepEqual(await listed.allInnerTexts(), before_, "no means no");

  await bob.selectOption(role);
  await page.click("#ask-yes");
  await page.locator('#administrators [data-account="bob"]').waitFor();
  await page.locator('.account[data-account="bob"] .chip', { hasText: "系统管理员" }).getByRole("button").click();
  await page.locator('#administrators [data-account="bob"]').waitFor({ state: "detached" });
  assert.deepEqual(await listed.allInnerTexts(), before_);
  assert.deepEqual(troubles, []);
});
