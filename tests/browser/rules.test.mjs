// The page's rules without a browser: which frames are applied, when a tab reconnects, and that both languages are whole.

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Seen, afterClose, applyUpdate, backoff, fromAccount, position } from "../../src/page/js/permissions.js";
import { Live } from "../../src/page/js/live.js";
import { WORDS } from "../../src/page/js/words.js";

const at = (rev, permissions) => ({ ...fromAccount({ permissions, permission_version: rev }), epoch: "e1" });
const diff = (over) => ({ updateType: "REMOVE", epoch: "e1", prevRev: 7, rev: 8, permissions: ["a:x"], added: [], removed: ["b:y"], ...over });

// S3-98.
test("a diff is applied to the state that it was made from", () => {
  const { outcome, state, added, removed } = applyUpdate(at(7, ["a:x", "b:y"]), diff());
  assert.deepEqual([outcome, state.rev, [...state.codes], added, removed], ["applied", 8, ["a:x"], [], ["b:y"]]);
});

test("a diff from another revision, another epoch or another set asks for a snapshot and changes nothing", () => {
  const state = at(7, ["a:x", "b:y"]);
  for (const over of [{ prevRev: 6 }, { epoch: "e2" }, { permissions: ["a:x", "c:z"] }]) {
    const answer = applyUpdate(state, diff(over));
    assert.deepEqual([answer.outcome, answer.state], ["gap", state]);
  }
});

test("a snapshot replaces any state and says what changed by it", () => {
  const answer = applyUpdate(at(3, ["a:x", "b:y"]), { updateType: "REPLACE", epoch: "e2", rev: 90, prevRev: null, permissions: ["b:y", "c:z"] });
  assert.deepEqual([answer.outcome, answer.added, answer.removed, answer.state.epoch], ["applied", ["c:z"], ["a:x"], "e2"]);
});

test("a place to go on from has a name only once a frame has brought one", () => {
  const told = applyUpdate(at(3, []), { updateType: "REPLACE", epoch: "e", rev: 9, prevRev: null, permissions: [], hash: "h" }).state;
  assert.deepEqual([position(at(3, []), 0), position(told, 4)], [null, "e:9:h:4"]);
});

// S3-116.
test("a message that comes twice is new once", () => {
  const seen = new Seen();
  assert.deepEqual([seen.isNew("m1"), seen.isNew("m1"), seen.isNew("m2")], [true, false, true]);
});

test("close codes say what to do by their range", () => {
  assert.deepEqual([1006, 1012, 4008, 4013, 4029].map(afterClose), Array(5).fill("reconnect"));
  assert.deepEqual([4001, 4500, 4501, 4509, 4999].map(afterClose), ["refresh", "stop", "signed-out", "stop", "stop"]);
});

test("waits double up to a cap, and half of each is chance", () => {
  assert.deepEqual([0, 1, 2].map((n) => backoff(n, 1)), [500, 1_000, 2_000]);
  assert.deepEqual([backoff(0, 0), backoff(50, 0), backoff(50, 1)], [250, 10_000, 20_000]);
});

test("both languages have the same words with the same places to fill", () => {
  const places = (text) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
  assert.deepEqual(Object.keys(WORDS.zh), Object.keys(WORDS.en));
  for (const [key, text] of Object.entries(WORDS.en)) assert.deepEqual(places(WORDS.zh[key]), places(text), key);
});

/** A socket that a test opens and closes by hand. */
class FakeSocket {
  static OPEN = 1;
  static all = [];
  readyState = 0;
  sent = [];

  constructor(url, protocols) {
    Object.assign(this, { url, protocols });
    FakeSocket.all.push(this);
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.readyState = 3;
  }

  open() {
    this.readyState = 1;
    this.onopen();
    this.onmessage({ data: JSON.stringify({ type: "CONNECTED", data: { connectionId: "c" } }) });
  }
}

/** An event stream likewise. */
class FakeSource extends EventTarget {
  static all = [];
  closed = false;

  constructor(url) {
    super();
    this.url = url;
    FakeSource.all.push(this);
  }

  close() {
    this.closed = true;
  }

  tell(name, data) {
    this.dispatchEvent(Object.assign(new Event(name), { data: JSON.stringify(data) }));
  }

  open() {
    this.tell("connected", { type: "CONNECTED", messageId: "m", connectionId: "c" });
  }
}

async function withLive(work) {
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  // Calls over HTTP, each answered by hand.
  const calls = [];
  const fetch = (path, init) => new Promise((resolve, reject) => {
    init.signal?.addEventListener("abort", () => reject(new Error("aborted")));
    calls.push({ path, body: init.body && JSON.parse(init.body), answer: (body) => resolve(new Response(JSON.stringify(body))), fail: reject });
  });
  Object.assign(globalThis, { WebSocket: FakeSocket, EventSource: FakeSource, location: { protocol: "http:", host: "h" } });
  FakeSocket.all = [];
  FakeSource.all = [];
  const log = { states: [], ended: [], checks: [], frames: [], standing: "ok", position: null };
  const live = new Live({
    onState: (state) => log.states.push(state),
    onRaw() {},
    onFrame: (frame) => log.frames.push(frame),
    onEnded: (code) => log.ended.push(code),
    check: async (how) => (log.checks.push(how), log.standing),
    position: () => log.position,
    get: async (path, signal) => (await fetch(path, { signal })).json(),
    post: async (path, body) => (await fetch(path, { body: JSON.stringify(body) })).json(),
  });
  live.open();
  const pass = async (ms) => {
    mock.timers.tick(ms);
    for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
  };
  try {
    await work({ live, log, pass, calls, socket: () => FakeSocket.all.at(-1), source: () => FakeSource.all.at(-1) });
  } finally {
    live.close();
    mock.timers.reset();
  }
}

// S3-13.
test("a lost connection comes back, after 4001 with fresh tokens", () => withLive(async ({ log, pass, socket }) => {
  assert.deepEqual([socket().url, socket().protocols], ["ws://h/ws/permission", ["wsp.v1"]]);
  socket().open();
  socket().onclose({ code: 4013 });
  await pass(600);
  assert.deepEqual([FakeSocket.all.length, log.checks], [2, []]);
  socket().open();
  socket().onclose({ code: 4001 });
  await pass(1_100);
  assert.deepEqual([FakeSocket.all.length, log.checks], [3, ["refresh"]]);
  assert.deepEqual(log.states.slice(0, 4), ["disconnected", "connecting", "connected", "reconnecting"]);
}));

test("a refused handshake asks whether the session still stands", () => withLive(async ({ log, pass, socket }) => {
  socket().onclose({ code: 1006 });
  await pass(600);
  assert.deepEqual([FakeSocket.all.length, log.checks], [2, ["ask"]]);
}));

test("terminal codes never reconnect", () => withLive(async ({ live, log, pass, socket }) => {
  socket().open();
  socket().onclose({ code: 4509 });
  await pass(60_000);
  assert.deepEqual([FakeSocket.all.length, live.state], [1, "error"]);
  live.open();
  socket().open();
  socket().onclose({ code: 4501 });
  await pass(60_000);
  assert.deepEqual([FakeSocket.all.length, log.ended], [2, ["other"]]);
}));

test("a line that does not answer a ping is given up", () => withLive(async ({ live, pass, socket }) => {
  socket().open();
  await pass(20_000);
  assert.deepEqual(socket().sent, [{ type: "ping" }]);
  await pass(10_000);
  assert.equal(live.state, "reconnecting");
}));

test("a line comes back where it was, with its topics", () => withLive(async ({ live, log, pass, socket }) => {
  live.listen(["notifications", "receipts"]);
  log.position = "e:7:abc:3";
  socket().open();
  socket().onclose({ code: 1012 });
  await pass(600);
  const { searchParams } = new URL(socket().url);
  assert.deepEqual(Object.fromEntries(searchParams), { topics: "notifications,receipts", resume: "e:7:abc:3" });
}));

test("topics that come and go are said on the line, and where nothing can be said another is opened", () => withLive(async ({ live, socket, source }) => {
  live.listen(["notifications"]);
  socket().open();
  live.listen(["notifications", "leave:g"]);
  live.listen(["leave:g"]);
  live.listen(["leave:g"]);
  assert.deepEqual(socket().sent, [{ type: "subscribe", topics: ["leave:g"] }, { type: "unsubscribe", topics: ["notifications"] }]);
  live.choose("sse");
  source().open();
  live.listen(["notifications", "leave:g"]);
  const { searchParams } = new URL(source().url, "http://h");
  assert.equal(searchParams.get("topics"), "notifications,leave:g");
}));

test("where no socket opens it is a stream, where no stream brings anything it is polls", () => withLive(async ({ live, log, pass, calls, socket, source }) => {
  for (let tries = 0; tries < 2; tries += 1) {
    socket().onclose({ code: 1006 });
    await pass(1_100);
  }
  assert.deepEqual([live.transport, FakeSocket.all.length, FakeSource.all.length], ["sse", 2, 1]);
  source().onerror();
  await pass(2_100);
  // The second stream opens, and a proxy keeps what comes over it.
  await pass(10_000);
  await pass(4_100);
  assert.deepEqual([live.transport, calls.at(-1).path], ["poll", "/api/v1/poll"]);
  calls.at(-1).answer({ connectionId: "c", cursor: 1, messages: [{ type: "CONNECTED", data: {} }, { type: "SYSTEM_NOTICE", data: {} }] });
  await pass(0);
  assert.deepEqual([live.state, log.frames.map(({ type }) => type)], ["connected", ["CONNECTED", "SYSTEM_NOTICE"]]);
  live.ack(7);
  assert.equal(calls.at(-1).path, "/api/v1/poll?connection=c&cursor=1");
  calls.at(-1).answer({ connectionId: "c", cursor: 2, messages: [] });
  await pass(0);
  assert.equal(calls.at(-1).path, "/api/v1/poll?connection=c&cursor=2&ack=7");
  // After a while the best one is tried again.
  await pass(600_000);
  assert.deepEqual([live.transport, FakeSocket.all.length], ["websocket", 3]);
}));

test("a server that does not answer at all is no reason for another line", () => withLive(async ({ live, log, pass, socket }) => {
  log.standing = "later";
  for (let tries = 0; tries < 5; tries += 1) {
    socket().onclose({ code: 1006 });
    await pass(20_000);
  }
  assert.deepEqual([live.transport, FakeSource.all.length], ["websocket", 0]);
}));

test("a chosen line is held on to", () => withLive(async ({ live, pass, calls, source }) => {
  live.choose("sse");
  for (let tries = 0; tries < 4; tries += 1) {
    source().onerror();
    await pass(20_000);
  }
  assert.deepEqual([live.transport, calls.length], ["sse", 0]);
  live.choose("poll");
  assert.deepEqual([live.transport, calls.length, source().closed], ["poll", 1, true]);
}));

test("a stream's events look like a socket's frames, are acknowledged, and its last one decides", () => withLive(async ({ live, log, pass, calls, source }) => {
  live.choose("sse");
  source().open();
  source().tell("permission_update", { type: "PERMISSION_UPDATE", userId: 1, messageId: "n", rev: 3, added: ["a"] });
  assert.deepEqual([log.frames[1].messageId, log.frames[1].data], ["n", { rev: 3, added: ["a"] }]);
  live.ack(3);
  assert.deepEqual([calls[0].path, calls[0].body], ["/api/v1/events/ack", { connectionId: "c", permissionVersion: 3 }]);
  source().tell("close", { code: 4501, reason: "session_ended" });
  await pass(60_000);
  assert.deepEqual([log.ended, FakeSource.all.length, source().closed], [["other"], 1, true], "the browser does not come back either");
}));

test("a poll's last answer decides", () => withLive(async ({ live, log, pass, calls }) => {
  live.choose("poll");
  calls[0].answer({ connectionId: "c", cursor: 1, messages: [{ type: "CONNECTED", data: {} }] });
  await pass(0);
  calls[1].answer({ connectionId: "c", cursor: 2, messages: [{ type: "FORCE_LOGOUT", data: {} }], closed: { code: 4501 } });
  await pass(60_000);
  assert.deepEqual([log.frames.at(-1).type, log.ended, calls.length], ["FORCE_LOGOUT", ["other"], 2]);
}));

test("what cannot ask for a snapshot begins anew, without a place", () => withLive(async ({ live, log, pass, source }) => {
  log.position = "e:7:abc:3";
  live.choose("sse");
  assert.match(source().url, /resume=/);
  source().open();
  live.snapshot();
  await pass(0);
  assert.deepEqual([FakeSource.all.length, source().url], [2, "/api/v1/events"]);
}));
