//! A change reaches the tabs: compared, told, remembered for its receipt.
//!
//! The first change of a burst is told at once, the ones that follow within the window are told as one
//! (S3-92 to S3-95); a forced logout never waits.
//! Each tab's state is compared with the one that this tab was told last, so `prevRev` is always
//! what the tab has or will have (I9). Messages are made once for all tabs that go the same way.
//! Nothing is written here; the flush comes at the end of the actor's turn.

use std::sync::Arc;

use super::actor::SessionActor;
use super::desk::Desk;
use super::merge::Merged;
use super::tab::Unacked;
use crate::change::{Change, Effect, RepushKind};
use crate::protocol::envelope::{EndCode, NoticeView, Operator};
use crate::protocol::frame::Letter;
use crate::protocol::ids::{ApplicationId, CompanyId, Rev, SessionId};
use crate::protocol::permission::State;

/// Why states are compared.
pub(super) struct Occasion<'a> {
    pub reason: &'a Arc<str>,
    pub operator: Option<&'a Operator>,
    /// The changes that are told by it; none for a repair.
    pub changes: &'a [Rev],
    pub always: bool,
}

/// Messages made in one turn, for the tabs that go from one state to the same other.
struct Told {
    before: Arc<State>,
    after: Arc<State>,
    letters: Vec<Letter>,
}

impl SessionActor {
    pub(super) fn deliver(&mut self, change: &Change) {
        match &change.effect {
            Effect::Refresh { always } => {
                self.suspect = false;
                self.refresh_or_wait(change, *always);
                self.recheck_topics();
                self.settle();
            }
            Effect::EndSessions { sids, keep, code, reason } => {
                let meant = |sid: &SessionId| {
                    keep.as_ref() != Some(sid) && sids.as_ref().is_none_or(|sids| sids.contains(sid))
                };
                self.end_sessions(change, meant, *code, reason);
            }
            Effect::Notice(notice) => self.notify(change, notice),
            Effect::Repush(kind) => self.repush(change, *kind),
        }
    }

    fn refresh_or_wait(&mut self, change: &Change, always: bool) {
        let window = self.desk.shard.config.merge_window.as_millis() as i64;
        // A clock that is set back must not make the window an hour long.
        let now = self.desk.shard.time.steady_ms();
        let due = self.told_at.map_or(i64::MIN, |at| at + window);
        if self.merged.is_some() || now < due {
            // Found by what holds now: a change of a role that came with one that waits concerns this account too.
            for tab in self.tabs.iter_mut().filter(|tab| tab.is_open()) {
                tab.holders = Arc::clone(&tab.subject.state().holders);
            }
        }
        if let Some(merged) = &mut self.merged {
            self.desk.shard.receipts.waits(change.rev);
            if let Some(forgotten) = merged.add(change, always) {
                self.desk.shard.receipts.waited(forgotten);
            }
            metrics::counter!("livegrant_merged_total").increment(1);
        } else if now < due {
            self.merged = Some(Box::new(Merged::new(change, always)));
            self.desk.shard.receipts.waits(change.rev);
            self.desk.shard.due.borrow_mut().push(std::cmp::Reverse((due, self.desk.account)));
        } else {
            self.refresh(&Occasion {
                reason: &change.reason,
                operator: change.operator.as_ref(),
                changes: &[change.rev],
                always,
            });
        }
    }

    /// Tells what was waiting to be told together.
    pub(super) fn tell_merged(&mut self) {
        let Some(merged) = self.merged.take() else { return };
        self.refresh(&Occasion {
            reason: &merged.reason,
            operator: merged.operator.as_ref(),
            changes: &merged.changes,
            always: merged.always,
        });
        for rev in &merged.changes {
            self.desk.shard.receipts.waited(*rev);
        }
        self.settle();
    }

    /// Tells each open tab how its state differs from the one it was told last.
    pub(super) fn refresh(&mut self, occasion: &Occasion<'_>) {
        let desk = &self.desk;
        let mut views: Vec<((ApplicationId, CompanyId), Arc<State>)> = Vec::new();
        let mut told: Vec<Told> = Vec::new();
        let mut is_other_log = false;
        // An ended session is told its end, and nothing more (I12).
        for tab in self.tabs.iter_mut().filter(|tab| tab.is_open() && tab.subject.is_active()) {
            let view = tab.subject.view();
            let known = views.iter().find(|(other, _)| *other == view).map(|(_, state)| Arc::clone(state));
            let after = known.unwrap_or_else(|| {
                let state = tab.subject.state();
                views.push((view, Arc::clone(&state)));
                state
            });
            tab.holders = Arc::clone(&after.holders);
            is_other_log |= tab.state.epoch != after.epoch;
            if !occasion.always && tab.state.says_the_same(&after) {
                // An earlier turn may have told a state that already held this change.
                let known = tab.state.rev;
                let counted = tab.counted;
                for rev in occasion.changes.iter().filter(|rev| known >= **rev && counted < **rev) {
                    tab.counted = tab.counted.max(*rev);
                    desk.shard.receipts.sent(*rev, desk.account, 1);
                    if tab.acked.is_some_and(|acked| acked >= known) {
                        desk.shard.receipts.acked(*rev, desk.account, desk.now());
                    } else {
                        desk.remember(tab, Unacked { change: *rev, by: Some(known) });
                    }
                }
                continue;
            }
            let letters = letters(desk, &mut told, &tab.state, &after, occasion);
            let rev = after.rev;
            tab.state = after;
            for letter in letters {
                desk.tell(tab, letter, Some(rev));
            }
            // A row may hold several changes of one account: its tab counts once.
            let counted = tab.counted;
            for change in occasion.changes.iter().filter(|change| counted < **change) {
                desk.shard.receipts.sent(*change, desk.account, 1);
                desk.remember(tab, Unacked { change: *change, by: Some(rev) });
                tab.counted = tab.counted.max(*change);
            }
            self.told_at = Some(desk.shard.time.steady_ms());
        }
        // Inboxes went back with the log.
        if is_other_log {
            self.newest_mail = 0;
            self.look_again(|_| true);
        }
    }

    fn end_sessions(
        &mut self,
        change: &Change,
        meant: impl Fn(&SessionId) -> bool,
        code: EndCode,
        reason: &str,
    ) {
        let desk = &self.desk;
        let mut sent = 0;
        for tab in self.tabs.iter_mut().filter(|tab| tab.is_open() && meant(tab.subject.session())) {
            desk.end(tab, code, reason, change.operator.as_ref());
            desk.remember(tab, Unacked { change: change.rev, by: None });
            sent += 1;
        }
        desk.shard.receipts.sent(change.rev, desk.account, sent);
        self.settle();
    }

    fn notify(&mut self, change: &Change, notice: &NoticeView) {
        let desk = &self.desk;
        let letter = desk.notice(change.rev.0, notice, change.operator.as_ref());
        let mut sent = 0;
        for tab in self.tabs.iter_mut().filter(|tab| tab.is_open() && tab.subject.is_active()) {
            if tab.is_meant(&change.audience) {
                desk.tell_notice(tab, &letter);
                sent += 1;
            }
        }
        desk.shard.receipts.sent(change.rev, desk.account, sent);
    }

    /// Tells every open tab again what holds now.
    fn repush(&mut self, change: &Change, kind: RepushKind) {
        if kind == RepushKind::PermissionUpdate {
            self.refresh(&Occasion {
                reason: &change.reason,
                operator: change.operator.as_ref(),
                changes: &[change.rev],
                always: true,
            });
            return;
        }
        let desk = &self.desk;
        let mut sent = 0;
        for tab in self.tabs.iter_mut().filter(|tab| tab.is_open() && tab.subject.is_active()) {
            let parts = desk.shard.bodies.borrow_mut().roles(&tab.state, &change.reason);
            for (kind, body) in parts.iter() {
                let letter = desk.letter(*kind, body, change.operator.as_ref());
                desk.tell(tab, &letter, Some(tab.state.rev));
            }
            let by = Some(tab.state.rev);
            desk.remember(tab, Unacked { change: change.rev, by });
            sent += 1;
        }
        desk.shard.receipts.sent(change.rev, desk.account, sent);
    }
}

/// Finds or makes the messages that lead from one state to another.
fn letters<'a>(
    desk: &Desk,
    told: &'a mut Vec<Told>,
    before: &Arc<State>,
    after: &Arc<State>,
    occasion: &Occasion<'_>,
) -> &'a [Letter] {
    let same = |one: &State, other: &State| one.says_the_same(other) && one.rev == other.rev;
    let found = told.iter().position(|told| same(&told.after, after) && same(&told.before, before));
    let index = found.unwrap_or_else(|| {
        let mut bodies = desk.shard.bodies.borrow_mut();
        let parts = if occasion.always {
            bodies.everything(before, after, occasion.reason)
        } else {
            bodies.difference(before, after, occasion.reason)
        };
        let letters = parts.iter().map(|(kind, body)| desk.letter(*kind, body, occasion.operator)).collect();
        told.push(Told { before: Arc::clone(before), after: Arc::clone(after), letters });
        told.len() - 1
    });
    &told[index].letters
}
