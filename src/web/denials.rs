//! How many refused uses of a permission are written down a minute and an account (S1-46): a client that asks in a loop must
//! not fill the disk. What is beyond is counted, and one line says how many it were.

use crate::db::Author;
use livegrant_actors::AccountId;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

const MINUTE_MS: i64 = 60_000;
/// Lines of one account in a minute: whoever tries doors by hand leaves every one of them in the log.
const LINES: u32 = 30;
/// Accounts counted at most; who is refused beyond them within a minute is written down each time.
const ACCOUNTS: usize = 10_000;

#[derive(Debug)]
struct Minute {
    since: i64,
    refused: u32,
    author: Author,
}

/// See the head of this file.
#[derive(Debug, Default)]
pub struct Denials {
    minutes: Mutex<HashMap<AccountId, Minute>>,
}

impl Denials {
    /// Counts a refusal and answers whether it is to be written down by itself.
    pub fn is_noted(&self, author: &Author, now: i64) -> bool {
        let mut minutes = self.lock();
        if minutes.len() >= ACCOUNTS && !minutes.contains_key(&author.account) {
            return true;
        }
        let minute = minutes.entry(author.account).or_insert_with(|| Minute {
            since: now,
            refused: 0,
            author: author.clone(),
        });
        // A minute that is over is taken out by `finished`; until then it goes on.
        minute.refused = minute.refused.saturating_add(1);
        minute.refused <= LINES
    }

    /// Takes out the minutes that are over, with how many refusals of each were not written down.
    pub fn finished(&self, now: i64) -> Vec<(Author, u32)> {
        let mut minutes = self.lock();
        let over: Vec<AccountId> = minutes
            .iter()
            .filter(|(_, minute)| now - minute.since >= MINUTE_MS)
            .map(|(account, _)| *account)
            .collect();
        let over = over.into_iter().filter_map(|account| minutes.remove(&account));
        over.filter(|minute| minute.refused > LINES)
            .map(|minute| (minute.author, minute.refused - LINES))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AccountId, Minute>> {
        self.minutes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn author(account: i64) -> Author {
        Author { account: AccountId(account), ..Author::system("test") }
    }

    #[test]
    fn a_flood_is_a_few_lines_and_a_number() {
        let denials = Denials::default();
        let noted = (0..1_000).filter(|_| denials.is_noted(&author(1), 0)).count();
        assert_eq!(noted, 30);
        assert!(denials.is_noted(&author(2), 0), "somebody else");
        assert!(denials.finished(59_999).is_empty());
        let finished = denials.finished(60_000);
        assert_eq!((finished.len(), finished[0].0.account, finished[0].1), (1, AccountId(1), 970));
        assert!(denials.is_noted(&author(1), 60_001));
        assert!(denials.finished(i64::MAX).is_empty(), "told once");
    }
}
