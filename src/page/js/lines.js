// The three ways to hang on the server: a WebSocket, an event stream, long polls. Each is a line with the same face: it is
// made with what to ask for and whom to tell, hands every message on in one form, and ends once, with a close code.
// A line never comes back by itself; `live.js` decides about that.

/** Often enough to notice a dead line before a person does, rare enough to cost nothing. */
const PING_EVERY = 20_000;
/** A line that does not answer for this long is dead, whatever TCP believes. */
const PONG_WITHIN = 10_000;
/** An event stream that says nothing for this long is dead: it is told where it stands more often than that. */
const SILENT_FOR = 150_000;
/** The connection broke without a word (RFC 6455 names it so). */
const BROKEN = 1006;

const EVENTS = [
  "permission_update", "role_change", "force_logout", "system_notification", "position_change", "approval_notice",
  "message_notification", "notification", "notification_state", "approval_task", "leave_update", "preference", "connected", "checkpoint", "resync", "token_expiring", "subscribed", "receipt", "presence_admin",
];

/** What a line is asked for, as a query. */
function query({ topics, position }) {
  const search = new URLSearchParams();
  if (topics.length) search.set("topics", topics.join(","));
  if (position) search.set("resume", position);
  const text = search.toString();
  return text ? `?${text}` : "";
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** `to`: message(frame), raw(direction, text), closed(code), and the calls get(path, signal) and post(path, body). */
export class SocketLine {
  #to;
  #socket;
  #ping = null;
  #pong = null;

  constructor(asked, to) {
    this.#to = to;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.#socket = new WebSocket(`${scheme}://${location.host}/ws/permission${query(asked)}`, ["wsp.v1"]);
    this.#socket.onopen = () => { this.#ping = setInterval(() => this.probe(), PING_EVERY); };
    this.#socket.onmessage = ({ data }) => this.#receive(data);
    this.#socket.onclose = ({ code }) => this.#end(code);
  }

  send(message) {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    const text = JSON.stringify(message);
    this.#socket.send(text);
    this.#to.raw("out", text);
  }

  ack(rev) {
    this.send({ type: "ack", permissionVersion: rev });
  }

  /** Asks whether the line is alive. */
  probe() {
    this.send({ type: "ping" });
    this.#pong ??= setTimeout(() => this.#end(BROKEN), PONG_WITHIN);
  }

  close() {
    clearInterval(this.#ping);
    clearTimeout(this.#pong);
    this.#socket.onopen = null;
    this.#socket.onmessage = null;
    this.#socket.onclose = null;
    this.#socket.close();
  }

  #receive(text) {
    clearTimeout(this.#pong);
    this.#pong = null;
    this.#to.raw("in", text);
    const frame = parse(text);
    if (frame && frame.type !== "pong") this.#to.message(frame);
  }

  #end(code) {
    this.close();
    this.#to.closed(code);
  }
}

/** An event carries its data beside the envelope's own fields; this puts it back where a WebSocket has it. */
export function unfold({ type, userId, userGuid, timestamp, messageId, operator, ...data }) {
  return { type, userId, userGuid, timestamp, messageId, operator, data };
}

export class EventsLine {
  #to;
  #source;
  #connection = null;
  #silence = null;
  #code = BROKEN;

  constructor(asked, to) {
    this.#to = to;
    this.#source = new EventSource(`/api/v1/events${query(asked)}`);
    for (const name of EVENTS) this.#source.addEventListener(name, ({ data }) => this.#receive(data));
    this.#source.addEventListener("close", ({ data }) => {
      this.#to.raw("in", data);
      this.#code = parse(data)?.code ?? BROKEN;
      this.#end();
    });
    // The browser would come again by itself; when and how is decided in one place for all lines.
    this.#source.onerror = () => this.#end();
  }

  async ack(rev) {
    const body = { connectionId: this.#connection, permissionVersion: rev };
    this.#to.raw("out", JSON.stringify({ type: "ack", ...body }));
    // The next one tells the same and more.
    await this.#to.post("/api/v1/events/ack", body).catch(() => {});
  }

  probe() {}

  close() {
    clearTimeout(this.#silence);
    this.#source.onerror = null;
    this.#source.close();
  }

  #receive(text) {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#end(), SILENT_FOR);
    this.#to.raw("in", text);
    const lifted = parse(text);
    if (!lifted || this.#source.onerror === null) return;
    if (lifted.type === "CONNECTED") this.#connection = lifted.connectionId;
    this.#to.message(unfold(lifted));
  }

  #end() {
    this.close();
    this.#to.closed(this.#code);
  }
}

export class PollLine {
  #to;
  #stopped = new AbortController();
  #acked = null;

  constructor(asked, to) {
    this.#to = to;
    this.#run(`/api/v1/poll${query(asked)}`);
  }

  /** Goes with the next poll, which is asked as soon as this answer is worked off. */
  ack(rev) {
    this.#acked = rev;
    this.#to.raw("out", JSON.stringify({ type: "ack", permissionVersion: rev }));
  }

  probe() {}

  close() {
    this.#stopped.abort();
  }

  async #run(path) {
    const { signal } = this.#stopped;
    let next = path;
    while (!signal.aborted) {
      let answer;
      try {
        answer = await this.#to.get(next, signal);
      } catch {
        return signal.aborted ? undefined : this.#end(BROKEN);
      }
      for (const frame of answer.messages) {
        if (signal.aborted) return undefined;
        this.#to.raw("in", JSON.stringify(frame));
        this.#to.message(frame);
      }
      if (answer.closed && !signal.aborted) return this.#end(answer.closed.code);
      next = `/api/v1/poll?connection=${encodeURIComponent(answer.connectionId)}&cursor=${answer.cursor}`;
      if (this.#acked !== null) next += `&ack=${this.#acked}`;
    }
    return undefined;
  }

  #end(code) {
    this.close();
    this.#to.closed(code);
  }
}

/** By name, from the best to the one that passes everywhere (S3-127). */
export const LINES = { websocket: SocketLine, sse: EventsLine, poll: PollLine };
