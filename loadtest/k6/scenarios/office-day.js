// A day at the office, everybody's socket open: people sign in, look into their inboxes, ask for leave; their line managers
// hear of it, approve it, and the applicant's tab is told; he marks the notice read. How long from the decision until the
// applicant's tab knows?
//
// TABS people (one in ten leads the others), REQUESTS of leave of each, EVERY_MS between two of them, LIMIT_MS for the
// slowest but one of a hundred. Needs accounts of `livegrant loadtest prepare --office`.
import http from 'k6/http';
import { check } from 'k6';
import { setTimeout } from 'k6/timers';
import { Counter, Trend } from 'k6/metrics';
import { account } from '../lib/accounts.js';
import { openAs, savedAt, mark } from '../lib/scenario.js';
import { base, number } from '../lib/settings.js';

const TABS = number('TABS', 50);
const REQUESTS = number('REQUESTS', 3);
const EVERY = number('EVERY_MS', 4000);
const LIMIT = number('LIMIT_MS', 2000);
const DAY = 24 * 3600 * 1000;
// A Monday that is always to come.
const MONDAY = Date.UTC(2150, 5, 1);
// Time for the last decision after the last request.
const REST = 15000;

const decided = new Trend('livegrant_decided', true);
const asked = new Counter('livegrant_asked');
const given = new Counter('livegrant_given');
const told = new Counter('livegrant_told');

const people = Math.max(TABS - Math.ceil(TABS / 10), 0);

export const options = {
  scenarios: {
    people: { executor: 'per-vu-iterations', iterations: 1, maxDuration: '2h', vus: TABS, exec: 'person' },
  },
  thresholds: {
    checks: ['rate==1'],
    http_req_failed: ['rate==0'],
    http_req_duration: [`p(95)<${LIMIT}`],
    livegrant_lost: ['count==0'],
    livegrant_broken: ['count==0'],
    livegrant_asked: [`count==${people * REQUESTS}`],
    livegrant_given: [`count==${people * REQUESTS}`],
    livegrant_told: [`count==${people * REQUESTS}`],
    livegrant_decided: [`p(99)<${LIMIT}`],
  },
};

function day(request) {
  return new Date(MONDAY + request * 7 * DAY).toISOString().slice(0, 10);
}

export function person() {
  const who = account(__VU - 1);
  const at = base(__VU - 1);
  const headers = { 'Content-Type': 'application/json' };
  const send = (method, path, body, what, expected = 200) => {
    const answer = http.request(method, at + path, body === null ? null : JSON.stringify(body), { headers, tags: { name: what } });
    if (!check(answer, { [what]: (a) => a.status === expected })) console.error(what, answer.status, answer.body);
    return answer.status === expected ? answer.json() : {};
  };
  const signedIn = send('POST', '/api/auth/refresh/', { refresh: who.refresh }, 'signed in');
  const token = signedIn.access;
  headers.Authorization = `Bearer ${token}`;

  const look = () => {
    send('GET', '/api/v1/notifications?limit=20', null, 'the inbox is read');
    send('GET', '/api/v1/notifications/counts', null, 'the counts are read');
  };
  const hear = (tab, message) => {
    if (message.type === 'PERMISSION_UPDATE' && !tab.listens) {
      tab.listens = true;
      tab.say({ type: 'subscribe', topics: ['notifications', 'approvals'] });
    }
    if (message.type !== 'APPROVAL_NOTICE') return;
    const notice = message.data;
    if (who.head && notice.taskId) {
      send('POST', `/api/v1/workflows/tasks/${notice.taskId}/approve`, { comment: mark() }, 'leave is given');
      given.add(1);
    } else if (notice.approvalState === '已通过') {
      const saved = savedAt(notice.comment);
      if (saved !== null) decided.add(Date.now() - saved);
      told.add(1);
      send('POST', `/api/v1/notifications/${notice.id}/read`, {}, 'the notice is marked read');
    }
  };
  const tab = openAs({ ...who, token }, hear);
  look();
  if (!who.head) {
    for (let request = 0; request < REQUESTS; request += 1) {
      setTimeout(() => {
        const leave = { leave_type: 'personal', start_at: day(request), end_at: day(request), reason: '家里有事', submit: true };
        send('POST', '/api/v1/leaves', leave, 'leave is asked for', 201);
        asked.add(1);
        look();
      }, 3000 + request * EVERY + (__VU % 10) * (EVERY / 10));
    }
  }
  setTimeout(() => tab.close(), 3000 + REQUESTS * EVERY + REST);
}
