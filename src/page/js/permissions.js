// What this tab knows of its own permissions, as pure functions of (state, frame).
// A state is named by {epoch, rev} (I9): a diff is applied only to the state that it was made from, a REPLACE to any.
// It touches no page and no socket.

/** As many message ids as are remembered to recognise a frame that came twice; a resend never reaches further back. */
const REMEMBERED = 256;

export const unknown = () => ({ codes: new Set(), roles: [], positions: [], epoch: null, rev: 0, hash: null });

/** The state that `GET /api/accounts/users/me/` describes. Its epoch is learned from the first frame. */
export function fromAccount(account) {
  return {
    codes: new Set(account.permissions ?? []),
    roles: account.roles ?? [],
    positions: account.positions ?? [],
    epoch: null,
    rev: account.permission_version ?? 0,
    hash: null,
  };
}

const without = (from, what) => [...from].filter((code) => !what.has(code));

/**
 * Applies the data of a PERMISSION_UPDATE.
 * Answers `{outcome, state, added, removed}`; outcome `gap` means that a snapshot is needed and nothing was changed.
 */
export function applyUpdate(state, data) {
  const next = new Set(data.permissions ?? []);
  if (data.updateType !== "REPLACE") {
    if (data.prevRev !== state.rev || (state.epoch !== null && data.epoch !== state.epoch)) {
      return { outcome: "gap", state, added: [], removed: [] };
    }
    const derived = new Set(state.codes);
    for (const code of data.added ?? []) derived.add(code);
    for (const code of data.removed ?? []) derived.delete(code);
    // The frame also carries the whole set: a diff that leads elsewhere was made from another state.
    if (derived.size !== next.size || without(next, derived).length > 0) {
      return { outcome: "gap", state, added: [], removed: [] };
    }
  }
  return {
    outcome: "applied",
    state: {
      codes: next,
      roles: data.roles ?? state.roles,
      positions: data.positions ?? state.positions,
      epoch: data.epoch ?? state.epoch,
      rev: data.rev,
      hash: data.hash ?? null,
    },
    added: without(next, state.codes),
    removed: without(state.codes, next),
  };
}

/**
 * Where a stream can go on that has brought `state`, broadcasts up to `inboxSeq` and the own inbox up to `inboxRev` (null:
 * it was not told); null before the first frame.
 */
export const position = (state, inboxSeq, inboxRev = null) => {
  if (!state.epoch || !state.hash) return null;
  const inbox = inboxRev === null ? inboxSeq : `${inboxSeq}.${inboxRev}`;
  return `${state.epoch}:${state.rev}:${state.hash}:${inbox}`;
};

/** Says of each message id whether it is new, and forgets the oldest beyond a bound. */
export class Seen {
  #ids = new Set();

  isNew(id) {
    if (!id) return true;
    if (this.#ids.has(id)) return false;
    this.#ids.add(id);
    if (this.#ids.size > REMEMBERED) this.#ids.delete(this.#ids.values().next().value);
    return true;
  }
}

/** What a close code asks of the tab: `refresh`, `reconnect`, `signed-out` or `stop`. 4500–4999 never reconnect. */
export function afterClose(code) {
  if (code === 4001) return "refresh";
  if (code === 4501) return "signed-out";
  return code >= 4500 && code <= 4999 ? "stop" : "reconnect";
}

/** Milliseconds until try number `attempt` (from 0): doubling from half a second to a cap of 20 s, of which half is jitter. */
export function backoff(attempt, random = Math.random()) {
  const ceiling = Math.min(20_000, 500 * 2 ** Math.min(attempt, 10));
  return Math.round(ceiling / 2 + (ceiling / 2) * random);
}
