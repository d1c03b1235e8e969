//! A change reaches the tabs: compared, told, remembered for its receipt.
//!
//! Each tab's state is compared with the one that this tab was told last, so `prevRev` is always
//! what the tab has or will have (I9). Messages are made once for all tabs that go the same way.
//! Nothing is written here; the flush comes at the end of the actor's turn.

use std::sync::Arc;

use super::actor::SessionActor;
use super::desk::{Desk, Letter};
use super::tab::Unacked;
use crate::change::{Change, Effect, RepushKind};
use crate::protocol::envelope::{EndCode, MessageType, NoticeView, Operator};
use crate::protocol::frame::raw;
use crate::protocol::ids::{ApplicationId, CompanyId, Rev, SessionId};
use crate::protocol::permission::State;

/// Why states are compared.
pub(super) struct Occasion<'a> {
    pub reason: &'a Arc<str>,
    pub operator: Option<&'a Operator>,
    pub change: Option<Rev>,
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
                self.refresh(&Occasion {
                    reason: &change.reason,
                    operator: change.operator.as_ref(),
                    change: Some(change.rev),
                    always: *always,
                });
                self.suspect = false;
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

    /// Tells each open tab how its state differs from the one it was told last.
    pub(super) fn refresh(&mut self, occasion: &Occasion<'_>) {
        let desk = &self.desk;
        let kept = desk.shard.config.unacked_kept;
        let mut views: Vec<((ApplicationId, CompanyId), Arc<State>)> = Vec::new();
        let mut told: Vec<Told> = Vec::new();
        let (mut sent, mut already_acked) = (0, 0);
        for tab in self.tabs.iter_mut().filter(|tab| tab.is_open()) {
            let view = tab.subject.view();
            let known = views.iter().find(|(other, _)| *other == view).map(|(_, state)| Arc::clone(state));
            let after = known.unwrap_or_else(|| {
                let state = tab.subject.state();
                views.push((view, Arc::clone(&state)));
                state
            });
            tab.holders = Arc::clone(&after.holders);
            if !occasion.always && tab.state.says_the_same(&after) {
                // An earlier turn may have told a state that already held this change.
                if let Some(rev) = occasion.change.filter(|rev| tab.state.rev >= *rev) {
                    sent += 1;
                    if tab.acked.is_some_and(|acked| acked >= tab.state.rev) {
                        already_acked += 1;
                    } else {
                        tab.remember(Unacked { change: rev, by: Some(tab.state.rev) }, kept);
                    }
                }
                continue;
            }
            let letters = letters(desk, &mut told, &tab.state, &after, occasion);
            for letter in letters {
                desk.tell(tab, letter, Some(after.rev));
            }
            if let Some(rev) = occasion.change {
                sent += 1;
                tab.remember(Unacked { change: rev, by: Some(after.rev) }, kept);
            }
            tab.state = after;
        }
        if let Some(rev) = occasion.change {
            desk.shard.receipts.sent(rev, desk.account, sent);
            for _ in 0..already_acked {
                desk.shard.receipts.acked(rev, desk.account, desk.now());
            }
        }
        self.settle_holders();
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
            tab.remember(Unacked { change: change.rev, by: None }, desk.shard.config.unacked_kept);
            sent += 1;
        }
        desk.shard.receipts.sent(change.rev, desk.account, sent);
        self.settle_holders();
    }

    fn notify(&mut self, change: &Change, notice: &NoticeView) {
        let desk = &self.desk;
        let letter = desk.letter(MessageType::SystemNotice, &raw(notice), change.operator.as_ref());
        let mut sent = 0;
        for tab in self.tabs.iter_mut().filter(|tab| tab.is_open()) {
            desk.tell(tab, &letter, Some(change.rev));
            sent += 1;
        }
        desk.shard.receipts.sent(change.rev, desk.account, sent);
    }

    /// Tells every open tab again what holds now.
    fn repush(&mut self, change: &Change, kind: RepushKind) {
        if kind == RepushKind::PermissionUpdate {
            self.refresh(&Occasion {
                reason: &change.reason,
                operator: change.operator.as_ref(),
                change: Some(change.rev),
                always: true,
            });
            return;
        }
        let desk = &self.desk;
        let mut sent = 0;
        for tab in self.tabs.iter_mut().filter(|tab| tab.is_open()) {
            let parts = desk.shard.bodies.borrow_mut().roles(&tab.state, &change.reason);
            for (kind, body) in parts.iter() {
                let letter = desk.letter(*kind, body, change.operator.as_ref());
                desk.tell(tab, &letter, Some(tab.state.rev));
            }
            tab.remember(
                Unacked { change: change.rev, by: Some(tab.state.rev) },
                desk.shard.config.unacked_kept,
            );
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
    let found = told
        .iter()
        .position(|told| same(&told.after, after) && (occasion.always || same(&told.before, before)));
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
