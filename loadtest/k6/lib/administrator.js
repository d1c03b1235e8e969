// What the administrator does over REST, each with its check.
import http from 'k6/http';
import { check } from 'k6';
import { BASE, prepared } from './accounts.js';

const options = {
  headers: {
    Authorization: `Bearer ${prepared.administrator.token}`,
    'Content-Type': 'application/json',
  },
};

function saved(answer, what) {
  check(answer, { [`${what} is saved`]: (a) => a.status === 200 });
  return answer.status === 200 ? answer.json() : {};
}

/** Takes a permission from the role that every account holds, or gives it back. */
export function changeRole(way, permission) {
  const path = `/api/v1/roles/${prepared.role.id}/permissions/${way}`;
  const body = { permissions: [permission], reason: 'load test' };
  return saved(http.post(BASE + path, JSON.stringify(body), options), 'the role');
}

/** Tells everyone something; the title comes back in the frame. */
export function broadcast(title) {
  const body = { title, content: 'Livegrant restarts at 22:00.', category: 'load', severity: 'info' };
  return saved(http.post(`${BASE}/api/v1/notifications/broadcast`, JSON.stringify(body), options), 'the notice');
}

/** The account's own permissions as REST says. */
export function permissionsOf(account) {
  const answer = http.get(`${BASE}/api/accounts/users/me/`, {
    headers: { Authorization: `Bearer ${account.token}` },
  });
  check(answer, { 'the account is read': (a) => a.status === 200 });
  return answer.status === 200 ? answer.json('permissions') : [];
}
