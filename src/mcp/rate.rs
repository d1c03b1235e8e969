//! How often an account calls (FM12): so many calls a minute and node, in windows of a minute that begin with a call.
//! Bounded: whoever calls within a minute after so many others is not counted.

use crate::refusal::Refusal;
use livegrant_actors::AccountId;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

const MINUTE_MS: i64 = 60_000;
/// Accounts counted at once: more models than a node of this size has callers.
const ACCOUNTS: usize = 10_000;

/// See the head of this file.
#[derive(Debug)]
pub struct Rate {
    most: u32,
    windows: Mutex<HashMap<AccountId, (i64, u32)>>,
}

impl Rate {
    /// Lets so many through a minute.
    pub fn new(most: u32) -> Self {
        Self { most, windows: Mutex::default() }
    }

    /// Counts a call.
    ///
    /// # Errors
    /// [`Refusal::Throttled`] with the seconds until the window is over.
    pub fn count(&self, account: AccountId, now: i64) -> Result<(), Refusal> {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= ACCOUNTS && !windows.contains_key(&account) {
            windows.retain(|_, (since, _)| now - *since < MINUTE_MS);
            if windows.len() >= ACCOUNTS {
                return Ok(());
            }
        }
        let (since, calls) = windows.entry(account).or_insert((now, 0));
        if now - *since >= MINUTE_MS {
            (*since, *calls) = (now, 0);
        }
        if *calls >= self.most {
            let left = MINUTE_MS - (now - *since);
            return Err(Refusal::Throttled { retry_after_seconds: (left as u64).div_ceil(1000) });
        }
        *calls += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_waits_for_the_next_minute_and_nobody_else_does() {
        let rate = Rate::new(3);
        for _ in 0..3 {
            rate.count(AccountId(1), 1_000).expect("below the limit");
        }
        let refusal = rate.count(AccountId(1), 31_500).expect_err("past the limit");
        assert!(matches!(refusal, Refusal::Throttled { retry_after_seconds: 30 }), "{refusal:?}");
        rate.count(AccountId(2), 31_500).expect("somebody else");
        rate.count(AccountId(1), 61_000).expect("the next minute");
    }
}
