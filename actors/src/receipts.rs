//! Who was told of a change, and who said that it applied it.
//!
//! A bounded table over the last revisions: past the bounds the oldest receipt goes. It is
//! shared by all shards behind one short lock. It stores nothing and knows no names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::config::EngineConfig;
use crate::counters::Counters;
use crate::protocol::ids::{AccountId, Rev};

/// What became of one change on this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The change.
    pub rev: Rev,
    /// When it was committed, UTC ms.
    pub accepted_at: i64,
    /// When every shard had it, UTC ms; `None` until then.
    pub applied_at: Option<i64>,
    /// Whether every account that it may concern has looked at it.
    pub settled: bool,
    /// Accounts that will be told together with later changes, within the merging window.
    pub waiting: u32,
    /// The accounts of which a tab was told.
    pub accounts: Vec<AccountReceipt>,
}

/// What became of one change at one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountReceipt {
    /// The account.
    pub account: AccountId,
    /// Tabs that were told.
    pub tabs_sent: u32,
    /// Tabs that said they applied it (for an ended session: that answered the close).
    pub tabs_acked: u32,
    /// Tabs that left without saying so.
    pub tabs_gone: u32,
    /// From commit to the last answer, ms; `None` before the first.
    pub slowest_ms: Option<i64>,
}

#[derive(Default)]
struct Open {
    accepted_at: i64,
    applied_at: Option<i64>,
    under_way: u32,
    waiting: u32,
    accounts: BTreeMap<AccountId, AccountReceipt>,
}

#[derive(Default)]
struct Table {
    open: BTreeMap<Rev, Open>,
    lines: usize,
    /// Receipts that have filled since somebody asked.
    changed: BTreeSet<Rev>,
}

/// A change on its way to accounts; it ends when the last of them has looked at it, or is gone.
pub(crate) struct Way {
    receipts: Arc<Receipts>,
    rev: Rev,
}

impl Drop for Way {
    fn drop(&mut self) {
        self.receipts.change(self.rev, |open| open.under_way = open.under_way.saturating_sub(1));
    }
}

pub(crate) struct Receipts {
    table: Mutex<Table>,
    revs_kept: usize,
    lines_kept: usize,
    counters: Arc<Counters>,
}

impl Receipts {
    pub fn new(config: &EngineConfig, counters: Arc<Counters>) -> Self {
        Self {
            counters,
            table: Mutex::default(),
            revs_kept: config.receipts_kept.max(1),
            lines_kept: config.receipt_accounts_kept.max(1),
        }
    }

    /// Starts a receipt; a change told twice keeps its first.
    pub fn open(&self, rev: Rev, accepted_at: i64) {
        let mut table = self.lock();
        table.open.entry(rev).or_insert_with(|| Open { accepted_at, ..Open::default() });
        while table.open.len() > self.revs_kept {
            table.forget_oldest();
        }
    }

    /// Sends a change on its way.
    pub fn set_out(self: &Arc<Self>, rev: Rev) -> Arc<Way> {
        self.change(rev, |open| open.under_way += 1);
        Arc::new(Way { receipts: Arc::clone(self), rev })
    }

    /// Notes that every shard has the change.
    pub fn applied(&self, rev: Rev, at: i64) {
        self.change(rev, |open| {
            open.applied_at.get_or_insert(at);
        });
    }

    /// Notes an account that is told later, together with more.
    pub fn waits(&self, rev: Rev) {
        self.change(rev, |open| open.waiting += 1);
    }

    /// Notes that it was told.
    pub fn waited(&self, rev: Rev) {
        self.change(rev, |open| open.waiting = open.waiting.saturating_sub(1));
    }

    /// Notes one tab that was told and will not answer any more.
    pub fn gone(&self, rev: Rev, account: AccountId) {
        self.change(rev, |open| {
            if let Some(line) = open.accounts.get_mut(&account) {
                line.tabs_gone += 1;
            }
        });
    }

    /// Gives the receipts that have filled since the last call.
    pub fn take_changed(&self) -> Vec<Rev> {
        std::mem::take(&mut self.lock().changed).into_iter().collect()
    }

    fn change(&self, rev: Rev, change: impl FnOnce(&mut Open)) {
        let mut table = self.lock();
        if let Some(open) = table.open.get_mut(&rev) {
            change(open);
            table.changed.insert(rev);
        }
    }

    /// Notes tabs that were told.
    pub fn sent(&self, rev: Rev, account: AccountId, tabs: u32) {
        if tabs == 0 {
            return;
        }
        let mut table = self.lock();
        let Some(open) = table.open.get_mut(&rev) else { return };
        let before = open.accounts.len();
        let line = open.accounts.entry(account).or_insert(AccountReceipt {
            account,
            tabs_sent: 0,
            tabs_acked: 0,
            tabs_gone: 0,
            slowest_ms: None,
        });
        line.tabs_sent += tabs;
        let grown = open.accounts.len() - before;
        table.lines += grown;
        table.changed.insert(rev);
        while table.lines > self.lines_kept && table.open.len() > 1 {
            table.forget_oldest();
        }
    }

    /// Notes one tab that answered, and how long that took after the commit.
    pub fn acked(&self, rev: Rev, account: AccountId, at: i64) {
        let mut table = self.lock();
        let Some(open) = table.open.get_mut(&rev) else { return };
        let took = (at - open.accepted_at).max(0);
        if let Some(line) = open.accounts.get_mut(&account) {
            line.tabs_acked += 1;
            line.slowest_ms = Some(line.slowest_ms.map_or(took, |slowest| slowest.max(took)));
            table.changed.insert(rev);
            drop(table);
            self.counters.delivered(took);
        }
    }

    pub fn get(&self, rev: Rev) -> Option<Receipt> {
        self.lock().open.get(&rev).map(|open| receipt(rev, open))
    }

    pub fn latest(&self) -> Option<Receipt> {
        self.lock().open.last_key_value().map(|(rev, open)| receipt(*rev, open))
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn forget_oldest(&mut self) {
        if let Some((rev, open)) = self.open.pop_first() {
            self.lines -= open.accounts.len();
            self.changed.remove(&rev);
        }
    }
}

fn receipt(rev: Rev, open: &Open) -> Receipt {
    Receipt {
        rev,
        accepted_at: open.accepted_at,
        applied_at: open.applied_at,
        settled: open.applied_at.is_some() && open.under_way == 0,
        waiting: open.waiting,
        accounts: open.accounts.values().cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipts(revs: usize, lines: usize) -> Receipts {
        let config =
            EngineConfig { receipts_kept: revs, receipt_accounts_kept: lines, ..EngineConfig::default() };
        Receipts::new(&config, Arc::default())
    }

    #[test]
    fn a_receipt_fills_and_keeps_the_slowest() {
        let receipts = receipts(4, 100);
        receipts.open(Rev(1), 1_000);
        receipts.sent(Rev(1), AccountId(7), 2);
        receipts.acked(Rev(1), AccountId(7), 1_040);
        receipts.acked(Rev(1), AccountId(7), 1_010);
        receipts.applied(Rev(1), 1_005);
        let receipt = receipts.latest().unwrap();
        assert_eq!(receipt.applied_at, Some(1_005));
        let line = AccountReceipt {
            account: AccountId(7),
            tabs_sent: 2,
            tabs_acked: 2,
            tabs_gone: 0,
            slowest_ms: Some(40),
        };
        assert_eq!(receipt.accounts, [line]);
        assert_eq!(receipts.take_changed(), [Rev(1)]);
        assert_eq!(receipts.take_changed(), []);
    }

    #[test]
    fn an_account_that_is_told_later_waits_until_then() {
        let receipts = receipts(4, 100);
        receipts.open(Rev(1), 1_000);
        receipts.waits(Rev(1));
        assert_eq!(receipts.get(Rev(1)).unwrap().waiting, 1);
        receipts.waited(Rev(1));
        assert_eq!(receipts.get(Rev(1)).unwrap().waiting, 0);
    }

    #[test]
    fn a_receipt_is_settled_when_the_last_account_has_looked() {
        let receipts = Arc::new(receipts(4, 100));
        receipts.open(Rev(1), 1_000);
        let way = receipts.set_out(Rev(1));
        let last = Arc::clone(&way);
        receipts.applied(Rev(1), 1_005);
        drop(way);
        assert!(!receipts.get(Rev(1)).unwrap().settled);
        receipts.take_changed();
        drop(last);
        assert!(receipts.get(Rev(1)).unwrap().settled);
        assert_eq!(receipts.take_changed(), [Rev(1)], "whoever shows it learns of it");
    }

    #[test]
    fn old_revisions_go_first_by_count_and_by_lines() {
        let receipts = receipts(2, 3);
        for rev in 1..=3 {
            receipts.open(Rev(rev), 0);
        }
        assert_eq!(receipts.get(Rev(1)), None);
        for account in 0..3 {
            receipts.sent(Rev(2), AccountId(account), 1);
        }
        receipts.sent(Rev(3), AccountId(9), 1);
        assert_eq!(receipts.get(Rev(2)), None, "its three lines made room");
        assert!(receipts.get(Rev(3)).is_some());
    }
}
