//! What a session actor does when nothing happened: act on the sweep's verdicts, repair, keep its index.
//!
//! Repair is the net under lost doorbells and passed time limits (I6, I9); it has no receipt.

use std::sync::Arc;

use super::actor::SessionActor;
use super::deliver::Occasion;
use super::sweep::{Verdict, judge};
use super::tab::Stage;
use crate::protocol::frame::Frame;
use crate::protocol::ids::Holder;

impl SessionActor {
    pub(super) fn sweep(&mut self) {
        let desk = &self.desk;
        let now = desk.now();
        for tab in &mut self.tabs {
            match judge(&tab.facts(), now, &desk.shard.config) {
                Verdict::Keep if tab.is_open() => desk.ask_again(tab),
                Verdict::Keep => {}
                Verdict::Ping => {
                    tab.last_ping = now;
                    if let Some(ping) = Frame::ping(tab.link.transport()) {
                        tab.outbox.push(ping, desk.bounds());
                    }
                }
                Verdict::Warn => desk.warn(tab),
                Verdict::Place => desk.tell_checkpoint(tab),
                // Only what two sweeps in a row find: a change that is just under way tells it with its author.
                Verdict::End if !tab.untold => tab.untold = true,
                Verdict::End => {
                    let (code, reason) = tab.subject.ending();
                    desk.end(tab, code, &reason, None);
                }
                Verdict::Close(reason) => desk.close(tab, reason, reason.text()),
                Verdict::Cut => tab.stage = Stage::Gone,
            }
        }
        self.repair();
    }

    /// Heals what no change told (a time limit passed, a doorbell was lost). Only what two sweeps
    /// in a row find: a change that is just under way tells it better, with its reason.
    fn repair(&mut self) {
        // What waits to be told together is not lost.
        let differs = self.merged.is_none()
            && self.open_tabs().any(|tab| !tab.state.says_the_same(&tab.subject.state()));
        if differs && self.suspect {
            let reason = Arc::clone(&self.desk.shard.repair_reason);
            self.refresh(&Occasion { reason: &reason, operator: None, changes: &[], always: false });
            self.recheck_topics();
        }
        self.settle();
        self.suspect = differs && !self.suspect;
    }

    /// Keeps the registry's indexes of this account.
    pub(super) fn settle(&mut self) {
        self.settle_holders();
        self.settle_topics();
    }

    /// Keeps the registry's index of what this account is found by.
    fn settle_holders(&mut self) {
        let mut now: Vec<Holder> = Vec::new();
        let mut last: Option<&Arc<[Holder]>> = None;
        for tab in self.tabs.iter().filter(|tab| tab.is_open()) {
            if last.is_none_or(|last| !Arc::ptr_eq(last, &tab.holders)) {
                now.extend_from_slice(&tab.holders);
                last = Some(&tab.holders);
            }
        }
        now.sort_unstable();
        now.dedup();
        if now != self.holders {
            let mut directory = self.desk.shard.directory.borrow_mut();
            directory.find_by(self.desk.account, &self.holders, &now);
            self.holders = now;
        }
    }
}
