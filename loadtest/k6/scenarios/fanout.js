// Broadcasts to every tab: each must come to each, once, and soon.
//
// TABS, NOTICES, EVERY_MS between two, START seconds until the first, LIMIT_MS for the slowest but one of a hundred.
import { sleep } from 'k6';
import { Counter, Trend } from 'k6/metrics';
import { broadcast } from '../lib/administrator.js';
import { mark, openFor, savedAt, scenario } from '../lib/scenario.js';
import { number } from '../lib/settings.js';

const TABS = number('TABS', 500);
const NOTICES = number('NOTICES', 20);
const START = number('START', 12);
const EVERY = number('EVERY_MS', 500);
const LIMIT = number('LIMIT_MS', 1000);
const delivery = new Trend('livegrant_delivery', true);
const notices = new Counter('livegrant_notices');
const doubled = new Counter('livegrant_doubled');

export const options = scenario({
  tabs: TABS,
  start: START,
  thresholds: {
    livegrant_doubled: ['count==0'],
    livegrant_notices: [`count==${TABS * NOTICES}`],
    livegrant_delivery: [`p(99)<${LIMIT}`],
  },
});

export function tab() {
  const heard = new Set();
  openFor(START + (NOTICES * EVERY) / 1000 + 6, (_, message) => {
    const saved = message.type === 'SYSTEM_NOTICE' ? savedAt(message.data.title) : null;
    if (saved === null) return;
    if (heard.has(saved)) doubled.add(1);
    heard.add(saved);
    delivery.add(Date.now() - saved);
    notices.add(1);
  });
}

export function administrator() {
  for (let notice = 0; notice < NOTICES; notice += 1) {
    broadcast(mark());
    sleep(EVERY / 1000);
  }
}
