// What every part of the page shares: who is signed in, what this tab may do, and the names met so far.
// Tokens are not here nor anywhere else in the page: they live in HttpOnly cookies.

import { unknown } from "./permissions.js";

export const store = {
  /** The account that is signed in, or null. */
  account: null,
  permissions: unknown(),
  /** Names for ids, filled by whichever list was loaded, so that the change log can say whom an entry concerns. */
  names: { roles: new Map(), accounts: new Map() },
};

/** Whether to show something at all. The server decides about the call itself. */
export const allows = (code) => store.permissions.codes.has(code) || store.permissions.codes.has("system:admin");

/** Forgets everything about the person who was signed in. */
export function forget() {
  store.account = null;
  store.permissions = unknown();
  store.names = { roles: new Map(), accounts: new Map() };
}
