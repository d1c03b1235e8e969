// Every tab drops its connection in the same moment and comes back in the same moment, again and again; meanwhile the
// role changes. After each wave every tab must be back, in the state that it missed.
//
// TABS, WAVES, EVERY seconds from one to the next, START seconds until the first, LIMIT_MS for opening.
import { sleep } from 'k6';
import { setTimeout } from 'k6/timers';
import { Counter } from 'k6/metrics';
import { changeRole } from '../lib/administrator.js';
import { open, scenario } from '../lib/scenario.js';
import { number } from '../lib/settings.js';

const TABS = number('TABS', 300);
const WAVES = number('WAVES', 3);
const START = number('START', 10);
const EVERY = number('EVERY', 8);
const LIMIT = number('LIMIT_MS', 5000);
const PERMISSION = 'staff:view';
const converged = new Counter('livegrant_converged');

export const options = scenario({
  tabs: TABS,
  start: START + EVERY / 2,
  thresholds: {
    livegrant_converged: [`count==${TABS * WAVES}`],
    livegrant_opening: [`p(99)<${LIMIT}`],
  },
});

// Waves are counted from the test's start, not the tab's: all tabs go at the same moment.
export function setup() {
  return { start: Date.now() };
}

export function tab({ start }) {
  const quiet = () => {};
  let tab = open(quiet);
  for (let wave = 0; wave < WAVES; wave += 1) {
    const at = start + (START + wave * EVERY) * 1000;
    setTimeout(() => {
      tab.close();
      tab = open(quiet);
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
