// Does everything work at all: tabs open, hear a notice and a role's change, and know in the end what REST says.
//   k6 run -e BASE=http://127.0.0.1:8080 -e ACCOUNTS=accounts.jsonl loadtest/k6/scenarios/smoke.js
//
// TABS, SECONDS_OPEN.
import { check, sleep } from 'k6';
import { setTimeout } from 'k6/timers';
import { Counter } from 'k6/metrics';
import { account } from '../lib/accounts.js';
import { broadcast, changeRole, permissionsOf } from '../lib/administrator.js';
import { open, scenario } from '../lib/scenario.js';
import { number } from '../lib/settings.js';

const TABS = number('TABS', 20);
const SECONDS = number('SECONDS_OPEN', 8);
const PERMISSION = 'staff:view';
const notices = new Counter('livegrant_notices');
const changes = new Counter('livegrant_changes');

export const options = scenario({
  tabs: TABS,
  start: 2,
  thresholds: {
    livegrant_notices: [`count==${TABS}`],
    livegrant_changes: [`count==${TABS * 2}`],
  },
});

export function tab() {
  const tab = open((_, message) => {
    if (message.type === 'SYSTEM_NOTICE' && message.data.title === 'smoke') notices.add(1);
    if (message.type === 'PERMISSION_UPDATE' && message.data.reason === 'load test') changes.add(1);
  });
  setTimeout(() => {
    const told = tab.state === null ? [] : tab.state.permissions;
    const real = permissionsOf(account(__VU - 1)).sort().join();
    check(told, { 'the tab knows what REST says': (t) => t.join() === real });
    tab.close();
  }, SECONDS * 1000);
}

export function administrator() {
  broadcast('smoke');
  changeRole('remove', PERMISSION);
  // Past the merging window, or the two would be no news.
  sleep(2);
  changeRole('add', PERMISSION);
}
