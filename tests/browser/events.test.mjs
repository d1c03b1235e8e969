// Server-sent events as a browser's own `EventSource` meets them (S0-11 to S0-22): who gets a stream, what arrives under
// which name, what becomes of it when the server restarts, when two of them overlap, and when a session ends.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Server, until } from "./server.mjs";
import { openBrowser } from "./support.mjs";

/** The events of the table; each arrives by exactly this name. */
const NAMES = [
  "permission_update", "role_change", "force_logout", "system_notification", "position_change", "approval_notice",
  "message_notification", "notification", "notification_state", "approval_task", "connected", "checkpoint", "resync", "token_expiring", "subscribed", "receipt", "presence_admin", "close",
];
/** What S0's sample waits before it connects by hand (5,000 ms there), and a browser by itself. */
const RETRY = 300;

let browser;
let server;
let admin;
let dev;

before(async () => {
  server = await Server.start({
    REALTIME__EVENT_RETRY_MS: RETRY,
    REALTIME__MERGE_WINDOW_MS: 0,
    // So that what tells only where a stream stands comes soon too.
    REALTIME__CHECKPOINT_SECONDS: 1,
    REALTIME__EXPIRY_WARNING_SECONDS: 3600,
    AUTH__ACCESS_TTL_SECONDS: 900,
  });
  browser = await openBrowser();
  admin = await server.signIn("admin");
  const role = (await admin("POST", "/api/v1/roles", { code: "debug", name: "调试" })).body;
  assert.ok(role?.id, "a role for the debugger");
  dev = role.id;
  assert.equal((await admin("POST", `/api/v1/roles/${dev}/permissions/add`, { permissions: ["debug:use", "session:view"] })).status, 200);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Opens a page of the server's site and signs in with cookies, as the page itself would. Nothing else runs on it. */
async function person(username) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const answers = [];
  page.on("response", (response) => {
    if (response.url().includes("/api/v1/events")) answers.push(response.status());
  });
  await page.goto(server.url);
  const account = await page.evaluate(async (name) => {
    const body = JSON.stringify({ username: name, password: "livegrant-demo", cookie: true });
    await fetch("/api/auth/login/", { method: "POST", headers: { "content-type": "application/json" }, body });
    return (await fetch("/api/accounts/users/me/")).json();
  }, username);
  assert.equal(account.username, username);
  return { context, page, account, answers };
}

/** Opens an `EventSource` in the page under a name; what it meets is kept in `window[name].met`. */
const listen = (page, name, query) => page.evaluate(({ as, search, names }) => {
  const source = new EventSource(`/api/v1/events${search}`);
  const met = [];
  source.onopen = () => met.push({ name: "open" });
  source.onerror = () => met.push({ name: "error", state: source.readyState });
  source.onmessage = (event) => met.push({ name: "message", data: event.data });
  for (const one of names) {
    source.addEventListener(one, (event) => met.push({ name: one, data: JSON.parse(event.data), id: event.lastEventId }));
  }
  window[as] = { source, met };
}, { as: name, search: query, names: NAMES });

const met = (page, name) => page.evaluate((as) => window[as].met, name);
const ofName = async (page, as, name) => (await met(page, as)).filter((one) => one.name === name);
const meets = (page, as, name, from = 0) => until(`${as} meets ${name}`, async () => (await ofName(page, as, name))[from]);

async function tabsOf(username) {
  const { body } = await admin("GET", "/api/v1/online-users");
  return body.results.find((one) => one.username === username)?.tabs ?? [];
}

const echo = (page, words) => page.evaluate(async (body) => {
  const answer = await fetch("/api/v1/debug/echo", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  return { status: answer.status, body: await answer.json() };
}, words);

const give = async (account, role) => assert.equal((await admin("POST", `/api/v1/accounts/${account.id}/roles/${role}`, {})).status, 200);

test("another person's guid and a malformed one are refused with a problem, and a browser gives up", async () => {
  const { page, account, context } = await person("bob");
  const other = (await (await server.signIn("manager"))("GET", "/api/accounts/users/me/")).body;
  for (const [guid, status] of [[other.guid, 403], ["not-a-guid", 400], [account.guid.slice(1), 400]]) {
    const answer = await page.evaluate(async (one) => {
      const response = await fetch(`/api/v1/events?userGuid=${one}`, { headers: { accept: "text/event-stream" } });
      return { status: response.status, type: response.headers.get("content-type"), body: await response.json() };
    }, guid);
    assert.deepEqual([answer.status, answer.type, answer.body.status], [status, "application/problem+json", status]);
    await listen(page, "refused", `?userGuid=${guid}`);
    assert.deepEqual(await meets(page, "refused", "error"), { name: "error", state: 2 }, "closed for good");
    assert.equal((await ofName(page, "refused", "open")).length, 0);
  }
  assert.deepEqual(await tabsOf("bob"), []);
  await context.close();
});

// S0-7.
test("each event arrives by its name, with JSON, its words at the top and Chinese unchanged", async (t) => {
  const { page, account, context } = await person("alice");
  await give(account, dev);
  await listen(page, "stream", `?userGuid=${account.guid}&topics=receipts,admin:presence`);

  await t.test("open comes before the first event", async () => {
    await meets(page, "stream", "permission_update");
    const names = (await met(page, "stream")).map(({ name }) => name);
    assert.deepEqual(names.slice(0, 3), ["open", "connected", "permission_update"]);
    const { data } = await meets(page, "stream", "connected");
    assert.deepEqual([data.type, data.userGuid, data.resume, data.topics], ["CONNECTED", account.guid, "snapshot", ["receipts", "admin:presence"]]);
  });

  await t.test("what no change makes yet, by an echo", async () => {
    const words = {
      position_change: { title: "岗位变动", content: "您已晋升：前台 → 经理 🎉", oldPosition: "前台", newPosition: "经理", changeType: "晋升" },
      approval_notice: { title: "请假申请已审批", content: "同意", approvalId: "AP2025091210001", approvalState: "已通过", approver: "王经理" },
      message_notification: { title: "Nachricht", content: "two\nlines" },
      system_notification: { title: "维护", content: "今晚 22:00", category: "维护", severity: "信息" },
    };
    for (const [name, said] of Object.entries(words)) {
      const { status, body } = await echo(page, { type: name, ...said });
      assert.equal(status, 200);
      const { data } = await meets(page, "stream", name);
      assert.equal(data.messageId, body.messageId);
      for (const [field, value] of Object.entries(said)) assert.equal(data[field], value, `${name}.${field}`);
    }
  });

  await t.test("what changes make: permissions, roles, a broadcast, a token's end, a topic less", async () => {
    const updates = (await ofName(page, "stream", "permission_update")).length;
    await admin("POST", `/api/v1/roles/${dev}/permissions/add`, { permissions: ["leave:view"] });
    const { data, id } = await meets(page, "stream", "permission_update", updates);
    assert.deepEqual([data.added, data.updateType], [["leave:view"], "ADD"]);
    const at = `${data.epoch}:${data.rev}:${data.hash}:0`;
    assert.match(id.slice(at.length), /^(\.\d+)?:[0-9a-f]{8}$/, "the inbox's place, and a part that names the stream");
    assert.equal(id.slice(0, at.length), at, "the position is the event's id");
    await admin("DELETE", `/api/v1/accounts/${account.id}/roles/${dev}`);
    const { data: role } = await meets(page, "stream", "role_change");
    assert.deepEqual(role.removedRoles.map(({ code }) => code), ["debug"]);
    const notice = { title: "通知", content: "全体", category: "维护", severity: "警告" };
    await admin("POST", "/api/v1/notifications/broadcast", notice);
    const { data: told } = await meets(page, "stream", "system_notification", 1);
    assert.deepEqual([told.title, told.severity], [notice.title, notice.severity]);
    const { data: place } = await meets(page, "stream", "checkpoint");
    assert.equal(place.type, "CHECKPOINT");
    const { data: token } = await meets(page, "stream", "token_expiring");
    assert.ok(token.expiresAt > Date.now());
    const { data: topics } = await meets(page, "stream", "subscribed");
    assert.deepEqual([topics.topics, topics.refused], [["receipts"], ["admin:presence"]], "a right that is gone is a topic less");
  });

  await t.test("nothing arrived without a name", async () => {
    assert.deepEqual(await ofName(page, "stream", "message"), []);
    assert.deepEqual(await ofName(page, "stream", "error"), []);
  });
  await context.close();
});

test("whoever makes a change sees its receipt fill on his stream", async () => {
  const { page, account, context } = await person("admin");
  await listen(page, "stream", `?userGuid=${account.guid}&topics=receipts`);
  await meets(page, "stream", "connected");
  const { rev } = await page.evaluate(async (role) => {
    const body = JSON.stringify({ permissions: ["leave:approve"] });
    const answer = await fetch(`/api/v1/roles/${role}/permissions/add`, { method: "POST", headers: { "content-type": "application/json" }, body });
    return answer.json();
  }, dev);
  const receipt = await until("the receipt is complete", async () =>
    (await ofName(page, "stream", "receipt")).find(({ data }) => data.rev === rev && data.complete));
  assert.deepEqual([receipt.data.state, receipt.data.type], ["delivered", "RECEIPT"]);
  await context.close();
});

test("after the server was killed and started again the stream goes on where it was, and nothing comes twice", async () => {
  const { page, account, context } = await person("bob");
  await listen(page, "stream", `?userGuid=${account.guid}`);
  await meets(page, "stream", "permission_update");
  await server.kill();
  await meets(page, "stream", "error");
  await server.serve();
  const { data } = await meets(page, "stream", "connected", 1);
  assert.equal(data.resume, "current");
  const notice = { title: "回来了", content: "c", category: "x", severity: "info" };
  admin = await server.signIn("admin");
  await admin("POST", "/api/v1/notifications/broadcast", notice);
  await meets(page, "stream", "system_notification");
  const all = (await met(page, "stream")).filter(({ name }) => ["permission_update", "system_notification"].includes(name));
  assert.deepEqual(all.map(({ name }) => name), ["permission_update", "system_notification"], "the state was told once, the notice once");
  await context.close();
});

test("S0's sample beside the browser's own reconnect: the page shows each message once, and no connection is left", async () => {
  const { page, account, context } = await person("alice");
  await give(account, dev);
  // The sample of the first document: on an error it connects again by hand, whatever the browser does.
  await page.evaluate(({ guid, wait }) => {
    const shown = new Map();
    const raw = [];
    const sources = [];
    const connect = () => {
      const source = new EventSource(`/api/v1/events?userGuid=${guid}`);
      sources.push(source);
      source.addEventListener("message_notification", (event) => {
        const { messageId, title } = JSON.parse(event.data);
        raw.push(title);
        shown.set(messageId, title);
      });
      let again = false;
      source.onerror = () => {
        if (again) return;
        again = true;
        setTimeout(connect, wait);
      };
    };
    connect();
    window.sample = { shown, raw, sources };
  }, { guid: account.guid, wait: RETRY });
  await until("it is online", async () => (await tabsOf("alice")).length === 1);
  await server.kill();
  await server.serve();
  admin = await server.signIn("admin");
  await until("both are back", async () => (await tabsOf("alice")).length === 2);
  for (const title of ["一", "二"]) assert.equal((await echo(page, { type: "message_notification", title, content: "c" })).status, 200);
  await until("both streams had both", () => page.evaluate(() => window.sample.raw.length === 4));
  assert.deepEqual(await page.evaluate(() => [...window.sample.shown.values()]), ["一", "二"]);
  assert.equal((await tabsOf("alice")).length, 2, "two streams and no more");
  await page.evaluate(() => window.sample.sources.forEach((source) => source.close()));
  await until("nothing is left", async () => (await tabsOf("alice")).length === 0);
  await context.close();
});

test("a kick is the last event, and the browser stays away", async () => {
  const { page, account, context, answers } = await person("bob");
  await listen(page, "stream", `?userGuid=${account.guid}`);
  await meets(page, "stream", "permission_update");
  const sid = (await tabsOf("bob"))[0].sid;
  await admin("DELETE", `/api/v1/sessions/${sid}?reason=${encodeURIComponent("下班了")}`);
  const { data } = await meets(page, "stream", "force_logout");
  assert.deepEqual([data.code, data.reason], ["session_kicked", "下班了"]);
  const { data: end } = await meets(page, "stream", "close");
  assert.deepEqual([end.code, end.reconnect], [4501, false]);
  await until("the browser has tried once more and given up", async () =>
    (await ofName(page, "stream", "error")).some(({ state }) => state === 2));
  assert.deepEqual(answers, [200, 204], "a closed source never comes again by itself");
  await context.close();
});

test("closing the page frees the connection", async () => {
  const { page, account, context } = await person("bob");
  await listen(page, "stream", `?userGuid=${account.guid}`);
  await until("it is online", async () => (await tabsOf("bob")).some(({ transport }) => transport === "sse"));
  await page.close();
  await until("it is gone", async () => (await tabsOf("bob")).length === 0);
  await context.close();
});
