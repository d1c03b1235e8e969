// The page's rules without a browser: which frames are applied, when a tab reconnects, and that both languages are whole.

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Seen, afterClose, applyUpdate, backoff, fromAccount } from "../../src/page/js/permissions.js";
import { Live } from "../../src/page/js/live.js";
import { WORDS } from "../../src/page/js/words.js";

const at = (rev, permissions) => ({ ...fromAccount({ permissions, permission_version: rev }), epoch: "e1" });
const diff = (over) => ({ updateType: "REMOVE", epoch: "e1", prevRev: 7, rev: 8, permissions: ["a:x"], added: [], removed: ["b:y"], ...over });

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

  constructor() {
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
  }
}

async function withLive(work) {
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  Object.assign(globalThis, { WebSocket: FakeSocket, location: { protocol: "http:", host: "h" } });
  FakeSocket.all = [];
  const log = { states: [], ended: [], checks: [] };
  const live = new Live({
    onState: (state) => log.states.push(state),
    onRaw() {},
    onFrame() {},
    onEnded: (code) => log.ended.push(code),
    check: async (how) => (log.checks.push(how), "ok"),
  });
  live.open();
  const pass = async (ms) => {
    mock.timers.tick(ms);
    await new Promise(setImmediate);
  };
  try {
    await work({ live, log, pass, socket: () => FakeSocket.all.at(-1) });
  } finally {
    live.close();
    mock.timers.reset();
  }
}

test("a lost connection comes back, after 4001 with fresh tokens", () => withLive(async ({ log, pass, socket }) => {
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
