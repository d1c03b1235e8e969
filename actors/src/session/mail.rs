//! Mail reaches the tabs: each revision of the account's inbox once, in order (I10).
//!
//! A tab is either *placed* (it has everything up to a revision) or *asks*: it is new, came back, has seen a gap or did not
//! read. While it asks it is told nothing, and the answer from the database places it. An answer that is older than what
//! has gone by meanwhile places nobody: the tab asks again. So nothing depends on the order in which pushes arrive.
//!
//! A database may go back: a failover lost commits, a backup was restored. Then an answer is older than what was known when
//! it was asked for; it counts, and whoever stands beyond it asks.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::actor::SessionActor;
use super::desk::Desk;
use super::tab::Tab;
use crate::mail::{Answer, Content, InboxEvent, Parcel, Want, Wanted};
use crate::protocol::frame::Letter;
use crate::protocol::ids::CompanyId;

/// A tab whose question is not answered asks again after this time, ms. 5 s: a database under load, and not much longer
/// than a person looks at a wrong badge.
const ASK_AGAIN_MS: i64 = 5_000;
/// A question for which there was no room: the next sweep asks.
const AT_ONCE: i64 = 1;

/// Where a tab stands in its account's inbox.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MailPlace {
    /// It has everything up to here; negative: it has nothing.
    rev: i64,
    /// It came with nothing and is not placed yet.
    is_new: bool,
    /// Something came since it asked.
    is_late: bool,
    /// When it asked, UTC ms; 0: it is placed.
    asked_at: i64,
}

impl MailPlace {
    /// The place that a client says it has.
    pub fn claimed(rev: Option<i64>) -> Self {
        Self { rev: rev.unwrap_or(-1), is_new: rev.is_none(), is_late: false, asked_at: AT_ONCE }
    }

    pub fn rev(self) -> Option<i64> {
        (self.rev >= 0).then_some(self.rev)
    }

    fn is_asking(self) -> bool {
        self.asked_at != 0
    }

    /// A new tab has nothing to do with what came before it, but what comes from now on is for it.
    fn begins_before(&mut self, rev: i64) {
        if self.is_new {
            self.rev = if self.rev < 0 { rev - 1 } else { self.rev.min(rev - 1) };
        }
    }

    /// Whether this answer leaves out something that the tab does not have.
    fn misses_of(self, answer: &Answer) -> bool {
        self.rev >= 0 && self.rev < answer.has.unwrap_or(answer.rev)
    }

    /// Goes back to what was surely read.
    pub fn fall_back(&mut self, rev: i64) {
        self.rev = self.rev.min(rev);
        self.asked_at = AT_ONCE;
    }
}

impl Desk {
    /// Asks where the account's inbox stands and what the tab has missed.
    pub(super) fn ask(&self, tab: &mut Tab) {
        let wanted = Wanted::Place { connection: tab.id.clone(), has: tab.mail.rev() };
        let want = Want { account: self.account, company: tab.subject.view().1, wanted };
        tab.mail.is_late = false;
        tab.mail.asked_at = if self.shard.observer.wants(want) { self.now().max(AT_ONCE) } else { AT_ONCE };
    }

    /// Asks again what was not answered.
    pub(super) fn ask_again(&self, tab: &mut Tab) {
        if tab.mail.is_asking() && self.now() - tab.mail.asked_at >= ASK_AGAIN_MS && !tab.outbox.is_in_debt()
        {
            self.ask(tab);
        }
    }

    fn event(&self, event: &InboxEvent) -> Letter {
        let name = (Arc::clone(&event.message_id), 0);
        self.named_letter(event.kind, &event.data, event.operator.as_ref(), name)
    }
}

impl SessionActor {
    /// Takes a change of the inbox to the tabs that have all before it.
    pub(super) fn receive(&mut self, parcel: &Parcel) {
        let desk = &self.desk;
        self.newest_mail = self.newest_mail.max(parcel.rev);
        let content = parcel.content.as_ref();
        let letter = content.and_then(|content| content.event.as_ref()).map(|event| desk.event(event));
        let mut told: BTreeMap<CompanyId, u32> = BTreeMap::new();
        let open = |tab: &&mut Tab| tab.is_open() && tab.subject.is_active();
        for tab in self.tabs.iter_mut().filter(open) {
            if tab.mail.is_asking() {
                tab.mail.is_late = true;
                tab.mail.begins_before(parcel.rev);
                continue;
            }
            if tab.mail.rev >= parcel.rev {
                continue;
            }
            if content.is_none() || tab.mail.rev + 1 < parcel.rev {
                metrics::counter!("livegrant_mail_gaps_total").increment(1);
                desk.ask(tab);
                continue;
            }
            tab.mail.rev = parcel.rev;
            let takers = told.entry(tab.subject.view().1).or_default();
            if letter.as_ref().is_some_and(|letter| desk.tell_mail(tab, letter)) {
                *takers += 1;
            }
        }
        let Some(content) = content else { return };
        for (company, tabs) in told {
            self.want_counts(company, parcel.rev, content, tabs);
        }
    }

    fn want_counts(&mut self, company: CompanyId, rev: i64, content: &Arc<Content>, tabs: u32) {
        let desk = &self.desk;
        let wanted = Wanted::Counts { rev, content: Arc::clone(content), tabs };
        if desk.shard.observer.wants(Want { account: desk.account, company, wanted }) {
            return;
        }
        // No room: each asks for itself with the next sweep.
        for tab in self.tabs.iter_mut().filter(|tab| tab.is_open() && tab.subject.view().1 == company) {
            tab.mail.asked_at = AT_ONCE;
        }
    }

    /// Tells what the database has answered.
    pub(super) fn learn(&mut self, answer: &Answer) {
        let desk = &self.desk;
        let letters: Vec<Letter> =
            answer.state.iter().map(|(kind, data)| desk.letter(*kind, data, None)).collect();
        let newest = self.newest_mail;
        let mut went_back = false;
        for tab in self.tabs.iter_mut().filter(|tab| tab.is_open() && tab.subject.is_active()) {
            let meant = match &answer.to {
                Some(connection) => tab.mail.is_asking() && tab.id == *connection,
                None => {
                    !tab.mail.is_asking()
                        && tab.mail.rev >= answer.rev
                        && tab.subject.view().1 == answer.company
                }
            };
            if !meant {
                continue;
            }
            if answer.to.is_some() {
                if tab.outbox.is_in_debt() {
                    // It does not read; when it does, it asks.
                    tab.outbox.owe_mail(tab.mail.rev + 1);
                    continue;
                }
                if tab.mail.misses_of(answer) {
                    desk.ask(tab);
                    continue;
                }
                desk.place(tab, answer);
            }
            for letter in &letters {
                desk.tell_inbox(tab, letter);
            }
            if tab.mail.rev < newest && answer.to.is_some() {
                if tab.mail.is_late {
                    desk.ask(tab);
                } else {
                    went_back = true;
                }
            }
        }
        if went_back {
            self.newest_mail = answer.rev;
            self.look_again(|tab| tab.mail.rev > answer.rev);
        }
    }

    /// Lets tabs ask where the inbox stands, as if nothing were known of it.
    pub(super) fn look_again(&mut self, whose: impl Fn(&Tab) -> bool) {
        let desk = &self.desk;
        for tab in self.tabs.iter_mut().filter(|tab| tab.is_open() && !tab.mail.is_asking() && whose(tab)) {
            desk.ask(tab);
        }
    }
}

impl Desk {
    fn place(&self, tab: &mut Tab, answer: &Answer) {
        let had = tab.mail.rev;
        (tab.mail.asked_at, tab.mail.is_new) = (0, false);
        if let Some(forgotten) = answer.forgotten.filter(|forgotten| had >= 0 && had < *forgotten) {
            self.tell_resync_mail(tab, (had + 1, forgotten));
        }
        for (rev, event) in answer.missed.iter().filter(|(rev, _)| had >= 0 && *rev > had) {
            tab.mail.rev = tab.mail.rev.max(*rev);
            self.tell_mail(tab, &self.event(event));
        }
        tab.mail.rev = answer.rev;
    }
}
