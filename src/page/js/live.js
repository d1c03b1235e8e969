// The socket of this tab: opens `/ws/permission`, keeps it alive, and reconnects with backoff when it may.
// States: disconnected, connecting, connected, reconnecting, error. It hands frames on and understands only pongs and closes.

import { afterClose, backoff } from "./permissions.js";

/** Often enough to notice a dead line before a person does, rare enough to cost nothing. */
const PING_EVERY = 20_000;
/** A line that does not answer for this long is dead, whatever TCP believes. */
const PONG_WITHIN = 10_000;
/** A connection that held this long was a good one: the next loss starts with the shortest wait. */
const STABLE_AFTER = 10_000;
/** The least wait after "rate limited". */
const LIMITED_WAIT = 5_000;

export class Live {
  #handlers;
  #socket = null;
  #state = "disconnected";
  #attempt = 0;
  #retry = null;
  #ping = null;
  #pong = null;
  #stable = null;

  /** `handlers`: onState(state, {wait, code}), onFrame(frame), onRaw(direction, text), onEnded(code), check(how). */
  constructor(handlers) {
    this.#handlers = handlers;
  }

  get state() {
    return this.#state;
  }

  open() {
    this.close();
    this.#attempt = 0;
    this.#connect("connecting");
  }

  /** Leaves for good, until `open`. */
  close() {
    this.#drop();
    this.#become("disconnected");
  }

  /** Cuts a wait short: the network came back, or the tab was looked at. */
  hurry() {
    if (this.#state === "reconnecting" && this.#retry !== null) this.#connect("reconnecting");
    else if (this.#state === "connected") this.#sendPing();
  }

  send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    const text = JSON.stringify(message);
    this.#socket.send(text);
    this.#handlers.onRaw("out", text);
  }

  #become(state, detail = {}) {
    this.#state = state;
    this.#handlers.onState(state, detail);
  }

  #connect(state) {
    this.#drop();
    this.#become(state);
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws/permission`);
    let opened = false;
    this.#socket = socket;
    socket.onopen = () => {
      opened = true;
      this.#become("connected");
      this.#ping = setInterval(() => this.#sendPing(), PING_EVERY);
      this.#stable = setTimeout(() => { this.#attempt = 0; }, STABLE_AFTER);
    };
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = (event) => this.#closed(event, opened);
  }

  #receive(text) {
    clearTimeout(this.#pong);
    this.#pong = null;
    this.#handlers.onRaw("in", text);
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      return;
    }
    if (frame.type !== "pong") this.#handlers.onFrame(frame);
  }

  #sendPing() {
    this.send({ type: "ping" });
    this.#pong ??= setTimeout(() => this.#closed({ code: 1006 }, true), PONG_WITHIN);
  }

  #closed({ code }, opened) {
    this.#drop();
    const next = afterClose(code);
    if (next === "signed-out") return this.#handlers.onEnded("other");
    if (next === "stop") return this.#become("error", { code });
    let wait = backoff(this.#attempt);
    if (code === 4029) wait = Math.max(wait, LIMITED_WAIT);
    this.#attempt += 1;
    // The browser hides why a handshake failed, so an ordinary call asks whether the session still stands.
    const how = next === "refresh" ? "refresh" : opened ? null : "ask";
    this.#become("reconnecting", { wait });
    this.#retry = setTimeout(() => this.#again(how), wait);
  }

  async #again(how) {
    this.#retry = null;
    const before = this.#attempt;
    if (how && (await this.#handlers.check(how)) === "ended") return;
    if (this.#state === "reconnecting" && this.#attempt === before && this.#socket === null) this.#connect("reconnecting");
  }

  #drop() {
    clearTimeout(this.#retry);
    clearInterval(this.#ping);
    clearTimeout(this.#pong);
    clearTimeout(this.#stable);
    this.#retry = null;
    this.#pong = null;
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = null;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }
}
