// Every tab drops its connection in the same moment and comes back in the same moment, again and again; meanwhile the
// role changes. After each wave every tab must be back, in the state that it missed.
import { sleep } from 'k6';
import { setTimeout } from 'k6/timers';
import { Counter } from 'k6/metrics';
import { account, number } from '../lib/accounts.js';
import { changeRole } from '../lib/administrator.js';
import { Tab } from '../lib/tab.js';

const TABS = number('TABS', 300);
const WAVES = number('WAVES', 3);
const START = number('START', 10);
const EVERY = number('EVERY', 8);
const LIMIT = number('LIMIT_MS', 5000);
const PERMISSION = 'staff:view';
const converged = new Counter('livegrant_converged');

export const options = {
  scenarios: {
    tabs: { executor: 'per-vu-iterations', exec: 'tab', vus: TABS, iterations: 1, maxDuration: '10m' },
    administrator: {
      executor: 'per-vu-iterations', exec: 'administrator', vus: 1, iterations: 1,
      startTime: `${START + EVERY / 2}s`, maxDuration: '10m',
    },
  },
  thresholds: {
    checks: ['rate==1'],
    livegrant_lost: ['count==0'],
    livegrant_broken: ['count==0'],
    livegrant_converged: [`count==${TABS * WAVES}`],
    livegrant_opening: [`p(99)<${LIMIT}`],
  },
};

// Waves are counted from the test's start, not the tab's: all tabs go at the same moment.
export function setup() {
  return { start: Date.now() };
}

export function tab({ start }) {
  const own = account(__VU - 1);
  const quiet = () => {};
  let tab = new Tab(own, quiet);
  for (let wave = 0; wave < WAVES; wave += 1) {
    const at = start + (START + wave * EVERY) * 1000;
    setTimeout(() => {
      tab.close();
      tab = new Tab(own, quiet);
    }, at - Date.now());
    // The administrator has changed the role in the middle of the wave; odd waves end with the permission.
    setTimeout(() => {
      const held = tab.state !== null && tab.state.permissions.includes(PERMISSION);
      if (tab.state !== null && held === (wave % 2 === 1)) converged.add(1);
    }, at + EVERY * 900 - Date.now());
  }
  setTimeout(() => tab.close(), start + (START + WAVES * EVERY) * 1000 - Date.now());
}

export function administrator() {
  for (let wave = 0; wave < WAVES; wave += 1) {
    changeRole(wave % 2 === 0 ? 'remove' : 'add', PERMISSION);
    sleep(EVERY);
  }
}
