// A role that everybody holds loses a permission and gets it back, again and again: how long from Save until a tab has
// the new state.
//
// TABS, CHANGES, START seconds until the first, LIMIT_MS for the slowest but one of a hundred.
import { sleep } from 'k6';
import { Counter, Trend } from 'k6/metrics';
import { changeRole } from '../lib/administrator.js';
import { mark, openFor, savedAt, scenario } from '../lib/scenario.js';
import { number } from '../lib/settings.js';

const TABS = number('TABS', 300);
const CHANGES = number('CHANGES', 10);
const START = number('START', 10);
const LIMIT = number('LIMIT_MS', 1000);
// Past the merging window, or two changes would be told as one.
const EVERY = 1.5;
const delivery = new Trend('livegrant_delivery', true);
const changes = new Counter('livegrant_changes');

export const options = scenario({
  tabs: TABS,
  start: START,
  thresholds: {
    livegrant_changes: [`count==${TABS * CHANGES}`],
    livegrant_delivery: [`p(99)<${LIMIT}`],
  },
});

export function tab() {
  openFor(START + CHANGES * EVERY + 5, (_, message) => {
    const saved = message.type === 'PERMISSION_UPDATE' ? savedAt(message.data.reason) : null;
    if (saved === null) return;
    delivery.add(Date.now() - saved);
    changes.add(1);
  });
}

export function administrator() {
  for (let change = 0; change < CHANGES; change += 1) {
    changeRole(change % 2 === 0 ? 'remove' : 'add', 'staff:view', mark());
    sleep(EVERY);
  }
}
