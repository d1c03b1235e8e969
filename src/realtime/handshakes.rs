//! How many handshakes an address may try in a minute (S3-77). Counted before anything is looked up.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Addresses counted at most; past it the oldest minute is forgotten and, if that does not help, newcomers wait.
const ADDRESSES: usize = 50_000;
const MINUTE_MS: i64 = 60_000;

/// See the head of this file.
#[derive(Debug)]
pub struct Handshakes {
    per_minute: u32,
    counts: Mutex<HashMap<String, (i64, u32)>>,
}

impl Handshakes {
    /// Takes the limit.
    pub fn new(per_minute: u32) -> Self {
        Self { per_minute, counts: Mutex::new(HashMap::new()) }
    }

    /// Counts a try and answers whether it is within the limit.
    pub fn allows(&self, network: &str, now: i64) -> bool {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= ADDRESSES && !counts.contains_key(network) {
            counts.retain(|_, (since, _)| now - *since < MINUTE_MS);
            if counts.len() >= ADDRESSES {
                return false;
            }
        }
        let (since, tries) = counts.entry(network.to_owned()).or_insert((now, 0));
        if now - *since >= MINUTE_MS {
            (*since, *tries) = (now, 0);
        }
        *tries = tries.saturating_add(1);
        *tries <= self.per_minute
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_holds_for_a_minute_and_an_address() {
        let handshakes = Handshakes::new(2);
        let (a, b) = ("1.1.1.1", "2.2.2.2");
        assert!(handshakes.allows(a, 0) && handshakes.allows(a, 1));
        assert!(!handshakes.allows(a, 2));
        assert!(handshakes.allows(b, 2));
        assert!(handshakes.allows(a, 60_000));
    }
}
