// What the scenarios are given from outside.
//
// BASE      the server's or the balancer's address
// BASES     several addresses, separated by commas: tabs and changes go to them in turn, so that a change is mostly saved
//           on another node than the one that a tab hangs on
// NODES     the nodes behind BASE, for their /metrics (soak)
// ACCOUNTS  the file that `livegrant loadtest prepare` wrote

/** A number from the environment. */
export function number(name, otherwise) {
  return Number(__ENV[name] || otherwise);
}

function addresses(text) {
  return text.split(',').map((address) => address.trim().replace(/\/$/, '')).filter((address) => address !== '');
}

const bases = addresses(__ENV.BASES || __ENV.BASE || 'http://127.0.0.1:8080');

/** The nodes themselves, if they are known. */
export const nodes = addresses(__ENV.NODES || __ENV.BASES || __ENV.BASE || 'http://127.0.0.1:8080');

/** The address for the tab, the change, the account of this number. */
export function base(number) {
  return bases[number % bases.length];
}
