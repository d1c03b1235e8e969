// Broadcasts to every tab: each must come to each, once, and soon.
import { sleep } from 'k6';
import { setTimeout } from 'k6/timers';
import { Counter, Trend } from 'k6/metrics';
import { account, number } from '../lib/accounts.js';
import { broadcast } from '../lib/administrator.js';
import { Tab } from '../lib/tab.js';

const TABS = number('TABS', 500);
const NOTICES = number('NOTICES', 20);
const START = number('START', 12);
const EVERY = number('EVERY_MS', 500);
const LIMIT = number('LIMIT_MS', 1000);
const delivery = new Trend('livegrant_delivery', true);
const notices = new Counter('livegrant_notices');
const doubled = new Counter('livegrant_doubled');

export const options = {
  scenarios: {
    tabs: { executor: 'per-vu-iterations', exec: 'tab', vus: TABS, iterations: 1, maxDuration: '10m' },
    administrator: {
      executor: 'per-vu-iterations', exec: 'administrator', vus: 1, iterations: 1, startTime: `${START}s`,
      maxDuration: '10m',
    },
  },
  thresholds: {
    checks: ['rate==1'],
    livegrant_lost: ['count==0'],
    livegrant_broken: ['count==0'],
    livegrant_doubled: ['count==0'],
    livegrant_notices: [`count==${TABS * NOTICES}`],
    livegrant_delivery: [`p(99)<${LIMIT}`],
  },
};

export function tab() {
  const heard = new Set();
  const tab = new Tab(account(__VU - 1), (_, message) => {
    const sent = message.type === 'SYSTEM_NOTICE' && /^fanout (\d+)$/.exec(message.data.title);
    if (!sent) return;
    if (heard.has(sent[1])) doubled.add(1);
    heard.add(sent[1]);
    delivery.add(Date.now() - Number(sent[1]));
    notices.add(1);
  });
  setTimeout(() => tab.close(), START * 1000 + NOTICES * EVERY + 6000);
}

export function administrator() {
  for (let notice = 0; notice < NOTICES; notice += 1) {
    broadcast(`fanout ${Date.now()}`);
    sleep(EVERY / 1000);
  }
}
