// The file that `livegrant loadtest prepare` wrote: one JSON object a line, the first about the run itself.
// Shared by all virtual users, read once.
import { SharedArray } from 'k6/data';

const FILE = __ENV.ACCOUNTS || 'accounts.jsonl';

const lines = new SharedArray('accounts', () =>
  open(FILE).split('\n').filter((line) => line !== '').map((line) => JSON.parse(line)));

/** What was prepared: role, number of accounts, tabs of each, the administrator. */
export const prepared = lines[0];

/** How many accounts there are. */
export const accounts = lines.length - 1;

/** One account: id, guid, sid, token. */
export function account(number) {
  return lines[1 + (number % accounts)];
}
