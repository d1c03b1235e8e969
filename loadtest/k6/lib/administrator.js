// What the administrator does over REST, each with its check; with several addresses each time at the next one.
import http from 'k6/http';
import { check } from 'k6';
import { prepared } from './accounts.js';
import { base } from './settings.js';

const options = {
  headers: {
    Authorization: `Bearer ${prepared.administrator.token}`,
    'Content-Type': 'application/json',
  },
};
let turn = 0;

function post(path, body, what) {
  const answer = http.post(base(turn) + path, JSON.stringify(body), options);
  turn += 1;
  check(answer, { [`${what} is saved`]: (a) => a.status === 200 });
  return answer.status === 200 ? answer.json() : {};
}

/** Takes a permission from the role that every account holds, or gives it back. */
export function changeRole(way, permission, reason = 'load test') {
  const path = `/api/v1/roles/${prepared.role.id}/permissions/${way}`;
  return post(path, { permissions: [permission], reason }, 'the role');
}

/** Tells everyone something; the title comes back in the frame. */
export function broadcast(title) {
  const body = { title, content: 'Livegrant restarts at 22:00.', category: 'load', severity: 'info' };
  return post('/api/v1/notifications/broadcast', body, 'the notice');
}

/** The account's own permissions as REST says. */
export function permissionsOf(account) {
  const answer = http.get(`${base(turn)}/api/accounts/users/me/`, {
    headers: { Authorization: `Bearer ${account.token}` },
  });
  turn += 1;
  check(answer, { 'the account is read': (a) => a.status === 200 });
  return answer.status === 200 ? answer.json('permissions') : [];
}
