//! Failed sign-ins, counted per account and per address in one step, with a lock that doubles while tries go on.
//! An account's lock counts per (account, address) pair as well as overall, so that a stranger cannot lock a user out
//! from elsewhere for ever: the overall limit is ten times higher. In memory: it counts what reaches this node.

use crate::refusal::Refusal;
use crate::settings;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Keys kept at most; past it the ones that are over are dropped, then everything new is counted as locked for a moment.
const CAPACITY: usize = 100_000;
/// A stranger's failures count against an account only past this multiple of the limit.
const OVERALL: u32 = 10;
/// The lock doubles at most this often (60 s → 64 min with the default).
const DOUBLINGS: u32 = 6;

#[derive(Debug, Clone, Copy)]
struct Count {
    failures: u32,
    since: i64,
    locks: u32,
    locked_until: i64,
}

/// See the head of this file.
#[derive(Debug)]
pub struct Throttle {
    counts: Mutex<HashMap<String, Count>>,
    account_limit: u32,
    address_limit: u32,
    window_ms: i64,
    lock_ms: i64,
}

impl Throttle {
    /// Takes limits, window and lock from the settings.
    pub fn new(settings: &settings::Auth) -> Self {
        Self {
            counts: Mutex::new(HashMap::new()),
            account_limit: settings.throttle_account_attempts,
            address_limit: settings.throttle_address_attempts,
            window_ms: settings.throttle_window_seconds as i64 * 1000,
            lock_ms: settings.throttle_lock_seconds as i64 * 1000,
        }
    }

    fn keys(&self, username: &str, ip: &str) -> [(String, u32); 3] {
        let name = crate::policy::short_hash(&username.to_lowercase());
        let ip = crate::web::request::network_of(ip);
        [
            (format!("pair {name} {ip}"), self.account_limit),
            (format!("name {name}"), self.account_limit.saturating_mul(OVERALL)),
            (format!("from {ip}"), self.address_limit),
        ]
    }

    /// Counts a try as failed before the password is looked at, so that parallel tries cannot slip through; a success
    /// takes it back.
    ///
    /// # Errors
    /// [`Refusal::Throttled`] while one of the keys is locked.
    pub fn begin(&self, username: &str, ip: &str, now: i64) -> Result<(), Refusal> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= CAPACITY {
            counts.retain(|_, count| now < count.locked_until || now - count.since < self.window_ms);
            if counts.len() >= CAPACITY {
                return Err(Refusal::Throttled { retry_after_seconds: 1 });
            }
        }
        let keys = self.keys(username, ip);
        let locked = keys.iter().filter_map(|(key, _)| counts.get(key)).map(|count| count.locked_until).max();
        if let Some(until) = locked.filter(|until| now < *until) {
            return Err(Refusal::Throttled { retry_after_seconds: ((until - now + 999) / 1000) as u64 });
        }
        for (key, limit) in keys {
            let fresh = Count { failures: 0, since: now, locks: 0, locked_until: 0 };
            let count = counts.entry(key).or_insert(fresh);
            if now - count.since >= self.window_ms {
                *count = Count { locks: count.locks.saturating_sub(1), ..fresh };
            }
            count.failures += 1;
            if count.locked_until <= now {
                count.locked_until = 0;
            }
            if count.failures >= limit {
                count.locked_until = now + (self.lock_ms << count.locks.min(DOUBLINGS));
                count.locks += 1;
                count.failures = 0;
            }
        }
        Ok(())
    }

    /// Takes back the count of a try that succeeded, and forgives the pair.
    pub fn succeeded(&self, username: &str, ip: &str) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let [(pair, _), name, from] = self.keys(username, ip);
        counts.remove(&pair);
        for (key, limit) in [name, from] {
            let Some(count) = counts.get_mut(&key) else { continue };
            if count.locked_until > 0 {
                // This very try counted towards the lock: without it there would be none yet.
                *count = Count {
                    failures: limit - 1,
                    locks: count.locks.saturating_sub(1),
                    locked_until: 0,
                    ..*count
                };
            } else {
                count.failures = count.failures.saturating_sub(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle() -> Throttle {
        let settings =
            settings::Auth { throttle_account_attempts: 3, throttle_lock_seconds: 60, ..Default::default() };
        Throttle::new(&settings)
    }

    fn wait(result: Result<(), Refusal>) -> u64 {
        match result {
            Err(Refusal::Throttled { retry_after_seconds }) => retry_after_seconds,
            other => panic!("not throttled: {other:?}"),
        }
    }

    #[test]
    fn the_third_failure_locks_the_pair_and_the_lock_doubles() {
        let throttle = throttle();
        for _ in 0..3 {
            throttle.begin("alice", "1.1.1.1", 0).expect("free");
        }
        assert_eq!(wait(throttle.begin("ALICE", "1.1.1.1", 1_000)), 59);
        for _ in 0..3 {
            throttle.begin("alice", "1.1.1.1", 60_000).expect("free again");
        }
        assert_eq!(wait(throttle.begin("alice", "1.1.1.1", 60_000)), 120);
    }

    #[test]
    fn a_stranger_elsewhere_does_not_lock_the_owner_out() {
        let throttle = throttle();
        for _ in 0..3 {
            throttle.begin("alice", "6.6.6.6", 0).expect("free");
        }
        throttle.begin("alice", "1.1.1.1", 0).expect("the owner is free");
    }

    #[test]
    fn people_who_sign_in_at_once_behind_one_address_do_not_lock_it() {
        let settings = settings::Auth { throttle_address_attempts: 3, ..Default::default() };
        let throttle = Throttle::new(&settings);
        for name in ["a", "b", "c"] {
            throttle.begin(name, "1.1.1.1", 0).expect("free");
        }
        for name in ["a", "b", "c"] {
            throttle.succeeded(name, "1.1.1.1");
        }
        throttle.begin("d", "1.1.1.1", 1).expect("still free");
    }

    #[test]
    fn one_ipv6_network_counts_as_one_address() {
        let settings = settings::Auth { throttle_address_attempts: 2, ..Default::default() };
        let throttle = Throttle::new(&settings);
        throttle.begin("a", "2001:db8::1", 0).expect("free");
        throttle.begin("b", "2001:db8::2", 0).expect("free");
        assert_eq!(wait(throttle.begin("c", "2001:db8::3", 0)), 60);
    }

    #[test]
    fn success_forgives_the_pair() {
        let throttle = throttle();
        for _ in 0..10 {
            throttle.begin("alice", "1.1.1.1", 0).expect("free");
            throttle.succeeded("alice", "1.1.1.1");
        }
    }
}
