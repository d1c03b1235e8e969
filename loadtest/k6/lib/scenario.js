// What every scenario is made of: tabs, one a virtual user, and an administrator who begins when they are open. The
// scenario exports `tab` and `administrator`.
import { setTimeout } from 'k6/timers';
import { account } from './accounts.js';
import { base } from './settings.js';
import { Tab } from './tab.js';

const LONGEST = '12h';

/** Options of a scenario: thresholds of its own beside those that always hold. */
export function scenario({ tabs, start, thresholds }) {
  const once = { executor: 'per-vu-iterations', iterations: 1, maxDuration: LONGEST };
  return {
    scenarios: {
      tabs: { ...once, exec: 'tab', vus: tabs },
      administrator: { ...once, exec: 'administrator', vus: 1, startTime: `${start}s` },
    },
    thresholds: {
      checks: ['rate==1'],
      livegrant_lost: ['count==0'],
      livegrant_broken: ['count==0'],
      ...thresholds,
    },
  };
}

/** Opens this virtual user's tab. `told(tab, message)` hears every message. */
export function open(told) {
  return new Tab(base(__VU - 1), account(__VU - 1), told);
}

/** Opens a tab of this virtual user for an account with a token of its own. */
export function openAs(who, told) {
  return new Tab(base(__VU - 1), who, told);
}

/** Opens this virtual user's tab for so many seconds. */
export function openFor(seconds, told) {
  const tab = open(told);
  setTimeout(() => tab.close(), seconds * 1000);
  return tab;
}

/** The time at which it was saved, out of the reason or the title that `mark` made; null in any other text. Both ends
 * are this machine's clock. */
export function savedAt(text) {
  const found = /^saved at (\d+)$/.exec(text);
  return found ? Number(found[1]) : null;
}

/** A reason or title from which a tab sees how long it was on its way. */
export function mark() {
  return `saved at ${Date.now()}`;
}
