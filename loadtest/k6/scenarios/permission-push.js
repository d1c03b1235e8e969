// A role that everybody holds loses a permission and gets it back, again and again: how long from Save until a tab has
// the new state. Clocks: the time before Save is taken on this machine and travels in the reason.
import { sleep } from 'k6';
import { setTimeout } from 'k6/timers';
import { Counter, Trend } from 'k6/metrics';
import http from 'k6/http';
import { check } from 'k6';
import { BASE, account, number, prepared } from '../lib/accounts.js';
import { Tab } from '../lib/tab.js';

const TABS = number('TABS', 300);
const CHANGES = number('CHANGES', 10);
const START = number('START', 10);
const LIMIT = number('LIMIT_MS', 1000);
const PERMISSION = 'staff:view';
const delivery = new Trend('livegrant_delivery', true);
const changes = new Counter('livegrant_changes');

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
    livegrant_changes: [`count==${TABS * CHANGES}`],
    livegrant_delivery: [`p(99)<${LIMIT}`],
  },
};

export function tab() {
  const tab = new Tab(account(__VU - 1), (_, message) => {
    if (message.type !== 'PERMISSION_UPDATE') return;
    const saved = /^saved at (\d+)$/.exec(message.data.reason);
    if (saved) {
      delivery.add(Date.now() - Number(saved[1]));
      changes.add(1);
    }
  });
  setTimeout(() => tab.close(), (START + CHANGES * 1.5 + 5) * 1000);
}

export function administrator() {
  const headers = {
    Authorization: `Bearer ${prepared.administrator.token}`,
    'Content-Type': 'application/json',
  };
  for (let change = 0; change < CHANGES; change += 1) {
    const way = change % 2 === 0 ? 'remove' : 'add';
    const body = { permissions: [PERMISSION], reason: `saved at ${Date.now()}` };
    const url = `${BASE}/api/v1/roles/${prepared.role.id}/permissions/${way}`;
    check(http.post(url, JSON.stringify(body), { headers }), { 'the role is saved': (a) => a.status === 200 });
    // Past the merging window, or two changes would be told as one.
    sleep(1.5);
  }
}
