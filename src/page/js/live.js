// This tab's line to the server: opens one, keeps it, comes back with backoff when it may, and goes down from WebSocket to
// event stream to long poll where a line cannot be opened although the server answers (S3-127).
// States: disconnected, connecting, connected, reconnecting, error (S3-53). It hands frames on and understands only the
// first of each line, CONNECTED: a line over which that does not come is none, whatever the browser believes.

import { LINES } from "./lines.js";
import { afterClose, backoff } from "./permissions.js";

const ORDER = Object.keys(LINES);
/** A proxy that holds a stream back lets the head through and nothing else. */
const OPEN_WITHIN = 10_000;
/** A connection that held this long was a good one: the next loss starts with the shortest wait. */
const STABLE_AFTER = 10_000;
/** The least wait after "rate limited". */
const LIMITED_WAIT = 5_000;
/** Lines of one kind that do not open before the next kind is tried: the first may have met a restart. */
const TRIES = 2;
/** After this long on a lesser line the best one is tried again. */
const BETTER_AFTER = 600_000;

export class Live {
  #handlers;
  #line = null;
  #state = "disconnected";
  #attempt = 0;
  #topics = [];
  #choice = "auto";
  /** Place in ORDER, and lines of that kind that did not open. */
  #level = 0;
  #missed = 0;
  #fresh = false;
  #opened = false;
  #timers = {};

  /**
   * `handlers`: onState(state, {wait, code}), onFrame(frame), onRaw(direction, text), onEnded(code), check(how), position(),
   * and the calls get(path, signal) and post(path, body).
   */
  constructor(handlers) {
    this.#handlers = handlers;
  }

  get state() {
    return this.#state;
  }

  /** Which kind of line is held or tried: `websocket`, `sse` or `poll`. */
  get transport() {
    return this.#choice === "auto" ? ORDER[this.#level] : this.#choice;
  }

  open() {
    this.close();
    this.#attempt = 0;
    this.#level = 0;
    this.#missed = 0;
    this.#connect("connecting");
  }

  /** Leaves for good, until `open`. */
  close() {
    this.#drop();
    this.#become("disconnected");
  }

  /** Holds on to one kind of line, or with `auto` to the best that opens. */
  choose(choice) {
    this.#choice = ORDER.includes(choice) ? choice : "auto";
    if (this.#state !== "disconnected") this.open();
  }

  /** Listens to these topics from now on: says so on the line, or where nothing can be said opens another. */
  listen(topics) {
    const before = this.#topics;
    this.#topics = topics;
    if (String(topics) === String(before) || !this.#line || this.#state === "disconnected") return;
    if (this.#state !== "connected" || !this.#line.send) return this.#connect("reconnecting");
    const more = topics.filter((topic) => !before.includes(topic));
    const less = before.filter((topic) => !topics.includes(topic));
    if (more.length) this.#line.send({ type: "subscribe", topics: more });
    if (less.length) this.#line.send({ type: "unsubscribe", topics: less });
  }

  /** Cuts a wait short: the network came back, or the tab was looked at. */
  hurry() {
    if (this.#state === "reconnecting" && this.#timers.retry) this.#connect("reconnecting");
    else if (this.#state === "connected") this.#line?.probe();
  }

  /** Says that a revision was applied. */
  ack(rev) {
    this.#line?.ack(rev);
  }

  /** Gets the whole state again. */
  snapshot() {
    if (this.#state !== "connected") return;
    if (this.#line.send) return this.#line.send({ type: "snapshot" });
    // A line that nothing can be said on begins anew, without a place to go on from.
    this.#fresh = true;
    this.#connect("reconnecting");
  }

  #become(state, detail = {}) {
    this.#state = state;
    this.#handlers.onState(state, detail);
  }

  #later(name, wait, work) {
    clearTimeout(this.#timers[name]);
    this.#timers[name] = setTimeout(() => {
      delete this.#timers[name];
      work();
    }, wait);
  }

  #connect(state) {
    this.#drop();
    this.#opened = false;
    this.#become(state);
    const position = this.#fresh ? null : this.#handlers.position();
    this.#fresh = false;
    this.#later("open", OPEN_WITHIN, () => this.#closed(1006));
    this.#line = new LINES[this.transport]({ topics: this.#topics, position }, {
      raw: (direction, text) => this.#handlers.onRaw(direction, text),
      message: (frame) => this.#receive(frame),
      closed: (code) => this.#closed(code),
      get: this.#handlers.get,
      post: this.#handlers.post,
    });
  }

  #receive(frame) {
    if (!this.#opened && frame.type === "CONNECTED") {
      this.#opened = true;
      this.#missed = 0;
      clearTimeout(this.#timers.open);
      this.#later("stable", STABLE_AFTER, () => { this.#attempt = 0; });
      if (this.#choice === "auto" && this.#level > 0) {
        this.#later("better", BETTER_AFTER, () => {
          this.#level = 0;
          this.#connect("reconnecting");
        });
      }
      this.#become("connected");
    }
    this.#handlers.onFrame(frame);
  }

  #closed(code) {
    const opened = this.#opened;
    this.#drop();
    const next = afterClose(code);
    if (next === "signed-out") return this.#handlers.onEnded("other");
    if (next === "stop") return this.#become("error", { code });
    if (!opened) this.#missed += 1;
    let wait = backoff(this.#attempt);
    if (code === 4029) wait = Math.max(wait, LIMITED_WAIT);
    this.#attempt += 1;
    // The browser hides why a line did not open, so an ordinary call asks whether the session still stands.
    const how = next === "refresh" ? "refresh" : opened ? null : "ask";
    this.#become("reconnecting", { wait });
    this.#later("retry", wait, () => this.#again(how));
  }

  async #again(how) {
    const before = this.#attempt;
    const standing = how ? await this.#handlers.check(how) : "ok";
    if (standing === "ended" || this.#state !== "reconnecting" || this.#attempt !== before || this.#line) return;
    // Only where the server answers an ordinary call is the line itself to blame.
    if (standing === "ok" && this.#missed >= TRIES && this.#level < ORDER.length - 1) {
      this.#level += 1;
      this.#missed = 0;
    }
    this.#connect("reconnecting");
  }

  #drop() {
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
    this.#timers = {};
    this.#line?.close();
    this.#line = null;
  }
}
