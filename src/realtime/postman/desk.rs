//! The desk: answers what tabs ask (what came after a revision, how the inbox stands) from the database, for many of them
//! with a handful of statements (design bar: none a tab).
//!
//! One task: answers of one account leave in the order in which they were read, so counts never go back. Changes come first;
//! tabs that have just opened are gathered, so that a storm of them costs as much as a few; counts after a broadcast, and of
//! people who came into the audience of one or left it, are told in the background, in parts. What the database does not give is asked again.

use super::delivered::Told;
use super::{Inside, Recount, words};
use crate::core::Core;
use crate::inbox::feed::{self, Standing};
use crate::inbox::lists::Item;
use crate::inbox::mailbox::{self, CameTo};
use crate::refusal::Refusal;
use livegrant_actors::{AccountId, Answer, Audience, CompanyId, ConnectionId, Content, Want, Wanted};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

/// Questions of one kind that are answered together.
const AT_ONCE: usize = 1_000;
/// Pause between two answers to tabs that have just opened; the first one is answered at once. 100 ms: a storm of any size
/// costs twenty statements a second.
const PLACES_EVERY: Duration = Duration::from_millis(100);
/// Accounts whose counts are told together after a broadcast.
const RECOUNTED_AT_ONCE: usize = 500;
/// Notices that a tab which comes back is told again; what is older is in the list.
const TOLD_AGAIN: i64 = 200;
/// A page that was away for longer starts anew anyway.
const TOLD_AGAIN_MS: i64 = 24 * 3600 * 1000;
/// Pause after the database has not answered.
const PAUSE: Duration = Duration::from_millis(250);

/// An account as the sessions of a company see it.
type View = (AccountId, CompanyId);

/// See the head of this file.
pub async fn run(core: Core, inside: Inside, told: mpsc::Sender<Told>) {
    let desk =
        Desk { core, inside, told, changes: Vec::new(), places: Vec::new(), recounts: VecDeque::new() };
    desk.run().await;
}

struct Desk {
    core: Core,
    inside: Inside,
    told: mpsc::Sender<Told>,
    changes: Vec<Changed>,
    places: Vec<Place>,
    recounts: VecDeque<View>,
}

/// A change that tabs were told of.
#[derive(Debug, Clone)]
struct Changed {
    view: View,
    rev: i64,
    content: Arc<Content>,
    tabs: u32,
}

/// A tab that wants to be placed.
#[derive(Debug, Clone)]
struct Place {
    view: View,
    connection: ConnectionId,
    has: Option<i64>,
}

impl Desk {
    async fn run(mut self) {
        let mut places_at = Instant::now();
        loop {
            while self.changes.len() < AT_ONCE
                && self.places.len() < AT_ONCE
                && let Ok(want) = self.inside.wants.try_recv()
            {
                self.take(want);
            }
            let due = !self.places.is_empty() && Instant::now() >= places_at;
            if due || !self.changes.is_empty() {
                self.answer().await;
                places_at = Instant::now() + PLACES_EVERY;
                continue;
            }
            if !self.recounts.is_empty() {
                self.recount().await;
                continue;
            }
            tokio::select! {
                want = self.inside.wants.recv() => match want {
                    Some(want) => self.take(want),
                    // The engine has gone: the process ends.
                    None => return std::future::pending().await,
                },
                Some(who) = self.inside.recounts.recv(), if self.places.is_empty() => {
                    self.gather(who).await;
                }
                () = sleep_until(places_at), if !self.places.is_empty() => {}
            }
        }
    }

    fn take(&mut self, want: Want) {
        let view = (want.account, want.company);
        match want.wanted {
            Wanted::Place { connection, has } => self.places.push(Place { view, connection, has }),
            Wanted::Counts { rev, content, tabs } => self.changes.push(Changed { view, rev, content, tabs }),
        }
    }

    /// Answers all that waits; keeps it if the database does not.
    async fn answer(&mut self) {
        match self.read().await {
            Ok(answers) => {
                self.note();
                self.changes.clear();
                self.places.clear();
                self.send(answers).await;
            }
            Err(error) => {
                tracing::warn!(%error, "inboxes not read; asked again");
                sleep(PAUSE).await;
            }
        }
    }

    async fn send(&self, answers: Vec<Answer>) {
        if let Err(error) = self.core.engine.answer(answers).await {
            tracing::error!(%error, "tabs not told how their inboxes stand");
        }
    }

    async fn read(&self) -> Result<Vec<Answer>, Refusal> {
        let mut conn = self.core.db.read().await?;
        let views: BTreeSet<View> = self.views().collect();
        let views: Vec<View> = views.into_iter().collect();
        let standings = feed::standings(&mut conn, &views).await?;
        let standings: BTreeMap<View, Standing> = views.into_iter().zip(standings).collect();
        let behind = self.behind(&standings);
        let came = if behind.is_empty() {
            Vec::new()
        } else {
            mailbox::came_after_each(&mut conn, &behind, TOLD_AGAIN + 1).await?
        };
        metrics::histogram!("livegrant_mail_answered_at_once")
            .record((self.changes.len() + self.places.len()) as f64);
        let items = self.arrived();
        let items =
            if items.is_empty() { BTreeMap::new() } else { mailbox::items(&mut conn, &items).await? };
        let mut answers = self.of_changes(&standings, &items);
        answers.extend(self.of_places(&standings, &came));
        Ok(answers)
    }

    fn views(&self) -> impl Iterator<Item = View> {
        let changes = self.changes.iter().map(|changed| changed.view);
        changes.chain(self.places.iter().map(|place| place.view))
    }

    /// Names the notices that came, and to whom.
    fn arrived(&self) -> Vec<(AccountId, i64)> {
        let arrived = self.changes.iter().filter(|changed| changed.content.event.is_some());
        arrived.map(|changed| (changed.view.0, changed.content.notification)).collect()
    }

    /// Names the accounts with a tab that has missed something, and what the tab that is furthest behind has.
    fn behind(&self, standings: &BTreeMap<View, Standing>) -> Vec<(AccountId, i64)> {
        let mut behind: BTreeMap<AccountId, i64> = BTreeMap::new();
        for place in &self.places {
            let Some((has, standing)) = place.has.zip(standings.get(&place.view)) else { continue };
            if has < standing.rev {
                let least = behind.entry(place.view.0).or_insert(has);
                *least = has.min(*least);
            }
        }
        behind.into_iter().collect()
    }

    /// How inboxes stand after changes, for the tabs that have taken these.
    fn of_changes(
        &self,
        standings: &BTreeMap<View, Standing>,
        items: &BTreeMap<(AccountId, i64), Item>,
    ) -> Vec<Answer> {
        let mut by_view: BTreeMap<View, Vec<&Changed>> = BTreeMap::new();
        for changed in &self.changes {
            by_view.entry(changed.view).or_default().push(changed);
        }
        let mut answers = Vec::new();
        for ((account, company), changes) in by_view {
            let Some(standing) = standings.get(&(account, company)) else { continue };
            for changed in changes {
                let content = &changed.content;
                let what = match &content.change {
                    Some(change) => Some(Arc::clone(change)),
                    None if content.notification != 0 => words::arrived(content.notification),
                    None => None,
                };
                let state = words::state(standing, changed.rev, what.as_deref());
                let item = items.get(&(account, content.notification)).filter(|_| content.event.is_some());
                let item = item.and_then(|item| words::item(standing, item));
                let state = item.into_iter().chain(state).collect();
                let (missed, rev) = (Arc::new([]), changed.rev);
                answers.push(Answer {
                    account,
                    company,
                    to: None,
                    has: None,
                    rev,
                    missed,
                    forgotten: None,
                    state,
                });
            }
        }
        answers
    }

    /// What each tab has missed, and how its inbox stands.
    fn of_places(&self, standings: &BTreeMap<View, Standing>, came: &[CameTo]) -> Vec<Answer> {
        let oldest = self.core.clock.now_ms() - TOLD_AGAIN_MS;
        let mut answers = Vec::with_capacity(self.places.len());
        for place in &self.places {
            let Some(standing) = standings.get(&place.view) else { continue };
            let (account, company) = place.view;
            let from = came.partition_point(|came| came.account_id < account.0);
            let of_account = came[from..].iter().take_while(|came| came.account_id == account.0);
            let of_account: Vec<&CameTo> = of_account.collect();
            let when: Vec<(i64, i64)> = of_account.iter().map(|came| (came.rev, came.at)).collect();
            // What came while this was read is told to a placed tab.
            let has = place.has.unwrap_or(standing.rev);
            let (which, forgotten) = told_again(&when, has, standing.rev, oldest);
            let missed = &of_account[which];
            for came in missed {
                self.note_one((account, came.rev));
            }
            answers.push(Answer {
                account,
                company,
                to: Some(place.connection.clone()),
                has: place.has,
                rev: standing.rev,
                missed: missed.iter().filter_map(|came| words::event(came)).collect(),
                forgotten,
                state: words::state(standing, standing.rev, None).into_iter().collect(),
            });
        }
        answers
    }

    /// Notes what has reached tabs, and how long it took.
    fn note(&self) {
        let now = self.core.clock.now_ms();
        for changed in self.changes.iter().filter(|changed| changed.tabs > 0) {
            metrics::counter!("livegrant_mail_delivered_total").increment(u64::from(changed.tabs));
            let took = (now - changed.content.accepted_at).max(0) as f64 / 1000.0;
            metrics::histogram!("livegrant_mail_delivered_seconds").record(took);
            self.note_one((changed.view.0, changed.rev));
        }
    }

    fn note_one(&self, told: Told) {
        if self.told.try_send(told).is_err() {
            metrics::counter!("livegrant_mail_notes_dropped_total").increment(1);
        }
    }

    /// Finds who is online of those whose counts are others now.
    async fn gather(&mut self, who: Recount) {
        let audience = match who {
            _ if self.inside.take_recount_all() => Audience::Everyone,
            Recount::Of(audience) => audience,
            Recount::Moved(audience) => {
                if !self.is_any_addressed().await {
                    return;
                }
                audience
            }
        };
        let views = self.core.engine.views(&audience).await;
        if matches!(audience, Audience::Everyone) {
            self.recounts.clear();
        }
        self.recounts.extend(views);
    }

    /// Answers whether there is a broadcast that people come to and leave. Asked in vain, it is as if there were one.
    async fn is_any_addressed(&self) -> bool {
        let asked = async {
            let mut conn = self.core.db.read().await?;
            Ok::<_, Refusal>(feed::is_any_addressed(&mut conn).await?)
        };
        asked.await.unwrap_or(true)
    }

    /// Tells a part of them how their inboxes stand.
    async fn recount(&mut self) {
        let part: Vec<View> = self.recounts.drain(..self.recounts.len().min(RECOUNTED_AT_ONCE)).collect();
        let read = async {
            let mut conn = self.core.db.read().await?;
            Ok::<_, Refusal>(feed::standings(&mut conn, &part).await?)
        };
        match read.await {
            Ok(standings) => {
                let answers = part.iter().zip(&standings).map(|((account, company), standing)| Answer {
                    account: *account,
                    company: *company,
                    to: None,
                    has: None,
                    rev: standing.rev,
                    missed: Arc::new([]),
                    forgotten: None,
                    state: words::state(standing, standing.rev, None).into_iter().collect(),
                });
                self.send(answers.collect()).await;
            }
            Err(error) => {
                tracing::warn!(%error, "counts of online accounts not read; asked again");
                self.recounts.extend(part);
                sleep(PAUSE).await;
            }
        }
    }
}

/// Says which of what came to an account (revision, when; the newest of it) a tab is told that has what came up to `has`; and
/// up to which revision it is not told but has to read the list: what is from before `oldest`, and whatever may have been cut
/// off because there is more than is asked for.
fn told_again(came: &[(i64, i64)], has: i64, up_to: i64, oldest: i64) -> (Range<usize>, Option<i64>) {
    let cut = came.first().filter(|_| came.len() as i64 > TOLD_AGAIN);
    let cut = cut.map(|(rev, _)| (*rev).min(up_to)).filter(|cut| *cut > has);
    let from = came.partition_point(|(rev, _)| *rev <= cut.unwrap_or(has));
    let to = came.partition_point(|(rev, _)| *rev <= up_to).max(from);
    let old = came[from..to].iter().take_while(|(_, at)| *at < oldest).count();
    let forgotten = came[from..from + old].last().map(|(rev, _)| *rev).or(cut);
    (from + old..to, forgotten)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn came(revs: std::ops::RangeInclusive<i64>) -> Vec<(i64, i64)> {
        revs.map(|rev| (rev, rev * 10)).collect()
    }

    #[test]
    fn what_a_tab_is_not_told_it_is_told_of() {
        assert_eq!(told_again(&came(5..=8), 5, 8, 0), (1..4, None));
        assert_eq!(told_again(&came(5..=8), 8, 8, 0), (4..4, None));
        assert_eq!(told_again(&came(5..=8), 0, 6, 0), (0..2, None), "what came since is not told twice");
        assert_eq!(told_again(&came(5..=8), 0, 8, 70), (2..4, Some(6)), "what is too old");
        let full = came(100..=100 + TOLD_AGAIN);
        assert_eq!(told_again(&full, 7, 900, 0), (1..full.len(), Some(100)), "there may be more before");
        assert_eq!(told_again(&full, 100, 900, 0), (1..full.len(), None), "but nothing that it lacks");
        assert_eq!(told_again(&full, 7, 50, 0), (0..0, Some(50)), "so much came since");
        assert_eq!(told_again(&full, 7, 900, 1_020), (2..full.len(), Some(101)));
        assert_eq!(told_again(&[], 7, 9, 0), (0..0, None));
    }
}
