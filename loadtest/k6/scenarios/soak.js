// For minutes or hours: tabs come and go, a role that everybody holds changes, notices go out. In the end every tab must
// be in the state that the role has, and no node may have grown since the middle (S3-129).
//
// TABS open at one time, MINUTES, CHURN_S seconds that a tab stays on average (half to one and a half), CHANGE_S seconds
// between two changes, START seconds until the first, LIMIT_MS for the slowest but one of a hundred, GROWTH that a node's
// memory may reach from the middle to the end, as a ratio.
import http from 'k6/http';
import { check, sleep } from 'k6';
import { setTimeout } from 'k6/timers';
import { Counter, Gauge, Trend } from 'k6/metrics';
import { broadcast, changeRole } from '../lib/administrator.js';
import { mark, open, savedAt, scenario } from '../lib/scenario.js';
import { nodes, number } from '../lib/settings.js';

const TABS = number('TABS', 300);
const MINUTES = number('MINUTES', 10);
const CHURN = number('CHURN_S', 60);
const EVERY = number('CHANGE_S', 2);
const START = number('START', 10);
const LIMIT = number('LIMIT_MS', 1000);
const GROWTH = number('GROWTH', 1.15);
const PERMISSION = 'staff:view';
// Time for what was saved last to arrive.
const SETTLE = 5;

const delivery = new Trend('livegrant_delivery', true);
const opened = new Counter('livegrant_opened');
const moved = new Counter('livegrant_moved');
const notices = new Counter('livegrant_notices');
const converged = new Counter('livegrant_converged');
const growth = new Trend('livegrant_memory_growth');
const MOMENTS = ['start', 'middle', 'end'];
const memory = nodes.map((_, node) =>
  MOMENTS.map((moment) => new Gauge(`livegrant_memory_node${node + 1}_${moment}_bytes`)));

export const options = scenario({
  tabs: TABS,
  start: START,
  thresholds: {
    livegrant_converged: [`count==${TABS}`],
    livegrant_delivery: [`p(99)<${LIMIT}`],
    livegrant_memory_growth: [`max<${GROWTH}`],
  },
});

// Every part counts from the same moment.
export function setup() {
  return { start: Date.now() };
}

function end({ start }) {
  return start + (START + MINUTES * 60) * 1000;
}

export function tab(test) {
  const last = end(test);
  let tab;
  const told = (_, message) => {
    const saved = message.type === 'PERMISSION_UPDATE' ? savedAt(message.data.reason) : null;
    if (saved !== null) delivery.add(Date.now() - saved);
    if (message.type === 'SYSTEM_NOTICE') notices.add(1);
  };
  const come = () => {
    tab = open(told);
    opened.add(1);
    // A node that stops tells its tabs to move: they come back, and that is no loss.
    tab.moves(() => {
      moved.add(1);
      setTimeout(come, Math.random() * 1000);
    });
    const stays = CHURN * (0.5 + Math.random()) * 1000;
    const mine = tab;
    // The last ones stay until all are counted.
    if (Date.now() + stays < last - SETTLE * 1000) {
      setTimeout(() => {
        if (mine !== tab || !mine.wanted) return;
        mine.close();
        come();
      }, stays);
    }
  };
  // Not all in one moment.
  setTimeout(come, Math.random() * (START / 2) * 1000);
  setTimeout(() => {
    if (tab.state !== null && tab.state.permissions.includes(PERMISSION)) converged.add(1);
    tab.close();
  }, last + SETTLE * 1000 - Date.now());
}

/** The resident memory of every node now. */
function look(moment) {
  return nodes.map((address, node) => {
    const answer = http.get(`${address}/metrics`);
    const found = /^process_resident_memory_bytes (\S+)$/m.exec(answer.body || '');
    check(found, { 'a node says how much memory it has': (f) => f !== null });
    const bytes = found ? Number(found[1]) : 0;
    memory[node][moment].add(bytes);
    return bytes;
  });
}

export function administrator(test) {
  const last = end(test);
  const middle = Date.now() + (last - Date.now()) / 2;
  look(0);
  let between = null;
  let turn = 0;
  // Each turn takes the permission and gives it back, so that the end is known.
  while (Date.now() < last - 2 * EVERY * 1000) {
    changeRole('remove', PERMISSION, mark());
    sleep(EVERY);
    changeRole('add', PERMISSION, mark());
    sleep(EVERY);
    if (turn % 5 === 0) broadcast('soak');
    turn += 1;
    if (between === null && Date.now() > middle) between = look(1);
  }
  sleep(Math.max(0, last - Date.now()) / 1000);
  const after = look(2);
  (between || after).forEach((bytes, node) => growth.add(bytes > 0 ? after[node] / bytes : 1));
}
