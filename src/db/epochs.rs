//! The epochs of a SQLite file that this process remembers, so that the fence (I3) asks the file only what it does not know.
//!
//! Invariants: what is remembered is what is committed. It is touched only by a unit of work, which has the file's one
//! writing connection inside `BEGIN IMMEDIATE`, in a process that has the file's lock: nobody else raises an epoch
//! meanwhile. An epoch that is raised is forgotten before the file is written and not learnt again in that transaction, so
//! whatever becomes of it (committed, rolled back, failed in the middle, its task gone) the next one asks the file.
//! It does not help on PostgreSQL, where other nodes raise epochs, nor for a database that is not locked for the process.

use crate::policy::Scope;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Epochs that are remembered at most, about 150 bytes each. Epochs of ended sessions stay in the file for ever, but nobody
/// asks for them; 16,384 are some thousands of people who write. When it is full, all is forgotten.
const REMEMBERED: usize = 16_384;

/// See the head of this file.
#[derive(Debug, Default)]
pub(super) struct Epochs(Mutex<HashMap<Scope, i64>>);

impl Epochs {
    /// Answers what is known not to have changed and what is not known: `None` when some epoch is known to be another.
    pub fn unknown<'s>(&self, seen: &'s [(Scope, i64)]) -> Option<Vec<&'s (Scope, i64)>> {
        let known = self.known();
        let mut unknown = Vec::new();
        for wanted in seen {
            match known.get(&wanted.0) {
                Some(epoch) if *epoch != wanted.1 => return None,
                Some(_) => {}
                None => unknown.push(wanted),
            }
        }
        Some(unknown)
    }

    /// Remembers epochs that were read in the transaction that asks.
    pub fn learn(&self, read: impl ExactSizeIterator<Item = (Scope, i64)>) {
        let mut known = self.known();
        if known.len() + read.len() > REMEMBERED {
            known.clear();
        }
        known.extend(read);
    }

    /// Forgets epochs that are about to be raised.
    pub fn forget(&self, scopes: &[Scope]) {
        let mut known = self.known();
        for scope in scopes {
            known.remove(scope);
        }
    }

    // Poisoned: a reader panicked between two whole states.
    fn known(&self) -> MutexGuard<'_, HashMap<Scope, i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use livegrant_actors::AccountId;

    fn scope(id: i64) -> Scope {
        Scope::Account(AccountId(id))
    }

    #[test]
    fn only_what_was_learnt_and_not_forgotten_is_known() {
        let epochs = Epochs::default();
        let seen = [(scope(1), 5), (scope(2), 0)];
        assert_eq!(epochs.unknown(&seen).unwrap().len(), 2);
        epochs.learn([(scope(1), 5), (scope(2), 0)].into_iter());
        assert_eq!(epochs.unknown(&seen), Some(vec![]));
        assert_eq!(epochs.unknown(&[(scope(1), 4)]), None, "an older stamp");
        assert_eq!(epochs.unknown(&[(scope(1), 6)]), None, "and one that cannot be");
        epochs.forget(&[scope(1)]);
        assert_eq!(epochs.unknown(&seen), Some(vec![&seen[0]]));
    }

    #[test]
    fn it_never_grows_past_its_bound() {
        let epochs = Epochs::default();
        for id in 0..2 * REMEMBERED as i64 {
            epochs.learn([(scope(id), 1)].into_iter());
            assert!(epochs.known().len() <= REMEMBERED);
        }
        assert_eq!(epochs.unknown(&[(scope(2 * REMEMBERED as i64 - 1), 1)]), Some(vec![]));
    }
}
