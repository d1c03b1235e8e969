//! Tells administrators who comes and goes (E35): `PRESENCE_ADMIN` on the topic `admin:presence`, at most once a second a
//! company, with lists that are bounded. Nothing is collected and nothing computed while nobody listens: every tab that
//! may hear the topic counts as a listener until it is closed or loses the permission.
//! The roster follows the engine's events; when some were lost it is compared with the engine.

use super::nodes::news::{self, News};
use super::nodes::{node_of, questions};
use super::people;
use super::store::people::Person;
use super::topics::PRESENCE;
use super::watch::{Event, Feed, Source, queue};
use crate::core::Core;
use livegrant_actors::{
    AccountId, Audience, CompanyId, ConnectionId, Holder, MessageType, Publication, TabInfo, Transport,
};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Time between two messages of one company.
const EVERY: Duration = Duration::from_secs(1);
/// Names in each list of one message; the rest is counted.
const NAMED: usize = 50;
/// Events that wait: what a reconnect storm brings in a second. Past it the roster is compared.
const EVENTS_WAITING: usize = 4_096;

/// Lists of other nodes that wait. 32: each node sends one a second.
const LISTS_WAITING: usize = 32;
/// Events in one piece of news to other nodes: some 300 KB.
const MOVES_AT_ONCE: usize = 2_000;
/// Turns for which a node tells others who comes and goes after one of them said that somebody listens there. 5: some of
/// what it says may be lost.
const WANTED_TURNS: usize = 5;

/// Counts who listens, and takes events while anybody does, here or on another node.
#[derive(Debug)]
pub struct Listeners {
    now: AtomicUsize,
    ever: AtomicU64,
    wanted: AtomicUsize,
    events: Feed<Event>,
    elsewhere: Feed<Vec<Moved>>,
}

/// What the listeners are told from.
#[derive(Debug)]
pub struct Sources {
    here: Source<Event>,
    elsewhere: Source<Vec<Moved>>,
}

/// A tab that came or went on another node.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moved {
    /// It came.
    Joined(CompanyId, TabLine),
    /// It went; its connection.
    Left(String),
}

impl Listeners {
    /// Answers whether anybody listens, anywhere.
    pub fn is_any(&self) -> bool {
        self.is_any_here() || self.wanted.load(Ordering::Acquire) > 0
    }

    fn is_any_here(&self) -> bool {
        self.now.load(Ordering::Acquire) > 0
    }

    /// Notes that somebody listens on another node.
    pub fn wanted_elsewhere(&self) {
        self.wanted.store(WANTED_TURNS, Ordering::Release);
    }

    /// Takes what another node said.
    pub fn feed_from_elsewhere(&self, moved: Vec<Moved>) {
        if self.is_any_here() {
            self.elsewhere.put(moved);
        }
    }

    /// Has everything compared: something may have been lost.
    pub fn compare(&self) {
        self.elsewhere.miss();
    }

    /// Puts an event into the queue.
    pub fn feed(&self, event: Event) {
        self.events.put(event);
    }
}

/// Makes the counter and the queue.
pub fn listeners() -> (Arc<Listeners>, Sources) {
    let (events, here) = queue("presence", EVENTS_WAITING);
    let (elsewhere, theirs) = queue("presence_elsewhere", LISTS_WAITING);
    let (now, ever, wanted) = Default::default();
    (Arc::new(Listeners { now, ever, wanted, events, elsewhere }), Sources { here, elsewhere: theirs })
}

/// One tab's part of the count; gives it back when it is dropped.
#[derive(Debug)]
pub struct Ear {
    listeners: Arc<Listeners>,
    listens: AtomicBool,
}

impl Ear {
    /// Makes an ear that does not listen yet.
    pub fn new(listeners: Arc<Listeners>) -> Self {
        Self { listeners, listens: AtomicBool::new(false) }
    }

    /// Notes that its tab may hear the topic, or may not any more.
    pub fn note(&self, may_hear: bool) {
        if self.listens.swap(may_hear, Ordering::AcqRel) == may_hear {
            return;
        }
        if may_hear {
            self.listeners.now.fetch_add(1, Ordering::AcqRel);
            self.listeners.ever.fetch_add(1, Ordering::AcqRel);
        } else {
            self.listeners.now.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.note(false);
    }
}

/// A tab in a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TabLine {
    account_id: AccountId,
    username: Arc<str>,
    connection_id: String,
    transport: Transport,
}

/// `data` of `PRESENCE_ADMIN`.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Presence {
    connections: usize,
    accounts: usize,
    joined: Vec<TabLine>,
    left: Vec<TabLine>,
    /// How many more came and went than are named.
    joined_more: usize,
    left_more: usize,
}

/// A company's open tabs, and what changed since it was last told.
#[derive(Debug, Default)]
struct Company {
    tabs: HashMap<AccountId, usize>,
    connections: usize,
    joined: HashSet<String>,
    left: Vec<TabLine>,
    told: bool,
}

/// Every open tab, while somebody listens.
#[derive(Debug, Default)]
struct Roster {
    tabs: HashMap<String, (CompanyId, TabLine)>,
    companies: HashMap<CompanyId, Company>,
}

impl Roster {
    fn follow(&mut self, moved: impl IntoIterator<Item = Moved>) {
        for moved in moved {
            match moved {
                Moved::Joined(company, line) => self.join(company, line),
                Moved::Left(connection) => self.leave(&connection),
            }
        }
    }

    fn join(&mut self, company: CompanyId, line: TabLine) {
        let id = line.connection_id.clone();
        if self.tabs.contains_key(&id) {
            return;
        }
        let of = self.companies.entry(company).or_default();
        *of.tabs.entry(line.account_id).or_default() += 1;
        of.connections += 1;
        of.joined.insert(id.clone());
        of.told = false;
        self.tabs.insert(id, (company, line));
    }

    fn leave(&mut self, connection: &str) {
        let Some((company, line)) = self.tabs.remove(connection) else { return };
        let Some(of) = self.companies.get_mut(&company) else { return };
        if let Some(tabs) = of.tabs.get_mut(&line.account_id) {
            *tabs -= 1;
            if *tabs == 0 {
                of.tabs.remove(&line.account_id);
            }
        }
        of.connections -= 1;
        of.told = false;
        // Who came and went since the last message is nobody's news.
        if !of.joined.remove(connection) {
            of.left.push(line);
        }
    }

    /// Forgets what is new: who listens from now on is told the numbers.
    fn settle(&mut self) {
        for of in self.companies.values_mut() {
            (of.joined, of.left, of.told) = (HashSet::new(), Vec::new(), false);
        }
    }

    /// Takes out what is to be told.
    fn news(&mut self) -> Vec<(CompanyId, Presence)> {
        let mut news = Vec::new();
        for (company, of) in self.companies.iter_mut().filter(|(_, of)| !of.told) {
            of.told = true;
            let (joined, mut left) = (std::mem::take(&mut of.joined), std::mem::take(&mut of.left));
            let joined_more = joined.len().saturating_sub(NAMED);
            let left_more = left.len().saturating_sub(NAMED);
            left.truncate(NAMED);
            let named = joined.iter().take(NAMED).filter_map(|id| self.tabs.get(id));
            let joined = named.map(|(_, line)| line.clone()).collect();
            let (connections, accounts) = (of.connections, of.tabs.len());
            news.push((*company, Presence { connections, accounts, joined, left, joined_more, left_more }));
        }
        self.companies.retain(|_, of| of.connections > 0);
        news
    }
}

/// Tells presence for as long as the process lives.
pub async fn run(core: Core, listeners: Arc<Listeners>, mut sources: Sources) {
    let mut roster: Option<Roster> = None;
    let (mut seen, mut greet) = (0, false);
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let missed = sources.here.take_missed() | sources.elsewhere.take_missed();
        let moved = moved_here(&core, &mut sources).await;
        let wanted = listeners.wanted.load(Ordering::Acquire);
        if wanted > 0 {
            // Somebody may say so again meanwhile: then it counts from there.
            let _ =
                listeners.wanted.compare_exchange(wanted, wanted - 1, Ordering::AcqRel, Ordering::Acquire);
            for part in moved.chunks(MOVES_AT_ONCE) {
                news::say(&core, &News::Presence(part.to_vec())).await;
            }
        }
        // Whoever listens may not be allowed to any more, and this node would not know (I7).
        if !listeners.is_any_here() || !core.policy.has_lease() {
            roster = None;
            while sources.elsewhere.events.try_recv().is_ok() {}
            continue;
        }
        news::say(&core, &News::PresenceWanted).await;
        let is_new = roster.is_none();
        let known = roster.get_or_insert_default();
        known.follow(moved);
        while let Ok(theirs) = sources.elsewhere.events.try_recv() {
            known.follow(theirs);
        }
        if missed || is_new {
            compare(&core, known).await;
        }
        if is_new {
            known.settle();
        }
        // Who came to listen is told the numbers at the next turn: by then its topic is known to the engine.
        let ever = listeners.ever.load(Ordering::Acquire);
        if greet {
            known.companies.values_mut().for_each(|of| of.told = false);
        }
        greet = ever != std::mem::replace(&mut seen, ever);
        for (company, presence) in known.news() {
            tell(&core, company, &presence).await;
        }
    }
}

/// Takes what has happened here; at most what a full queue holds, or a storm would keep this turn for itself.
async fn moved_here(core: &Core, sources: &mut Sources) -> Vec<Moved> {
    let mut moved = Vec::new();
    for _ in 0..EVENTS_WAITING {
        let Ok(event) = sources.here.events.try_recv() else { break };
        if event.closed.is_some() {
            moved.push(Moved::Left(event.tab.connection_id.to_string()));
        } else {
            moved.extend(joined(core, event.account, &event.tab).await);
        }
    }
    moved
}

/// Names a tab; `None` when its account is not known.
async fn joined(core: &Core, account: AccountId, tab: &TabInfo) -> Option<Moved> {
    let mut people = named(core, [account]).await;
    people.remove(&account).map(|person| came(&person, tab))
}

async fn named(core: &Core, accounts: impl IntoIterator<Item = AccountId>) -> HashMap<AccountId, Person> {
    people::of(core, accounts).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "who comes and goes is not told whole");
        HashMap::new()
    })
}

fn came(person: &Person, tab: &TabInfo) -> Moved {
    let line = TabLine {
        account_id: person.account,
        username: person.username.as_str().into(),
        connection_id: tab.connection_id.to_string(),
        transport: tab.transport,
    };
    Moved::Joined(person.company, line)
}

/// Makes the roster what the engines of all nodes say; the tabs of one that says nothing stay as they were.
async fn compare(core: &Core, roster: &mut Roster) {
    let (online, silent) = questions::online(core).await;
    let people = named(core, online.iter().map(|online| online.account)).await;
    let mut open = HashSet::new();
    for account in online {
        for tab in account.tabs {
            open.insert(tab.connection_id.to_string());
            if let Some(person) = people.get(&account.account)
                && !roster.tabs.contains_key(tab.connection_id.as_str())
            {
                roster.follow([came(person, &tab)]);
            }
        }
    }
    let is_silent = |id: &str| node_of(&ConnectionId::from(id)).is_some_and(|node| silent.contains(&node));
    let gone: Vec<String> =
        roster.tabs.keys().filter(|id| !open.contains(*id) && !is_silent(id)).cloned().collect();
    for connection in gone {
        roster.leave(&connection);
    }
}

async fn tell(core: &Core, company: CompanyId, presence: &Presence) {
    let data = match serde_json::value::to_raw_value(presence) {
        Ok(data) => Arc::from(data),
        Err(error) => return tracing::error!(%error, "presence cannot be written"),
    };
    let publication = Publication {
        kind: MessageType::PresenceAdmin,
        topic: Some(PRESENCE.into()),
        audience: Audience::Holder(Holder::Company(company)),
        data,
        operator: None,
        message_id: None,
    };
    // Every node tells its own listeners, from what all have said.
    if let Err(error) = core.engine.publish_here(publication).await {
        tracing::error!(%error, "presence not told");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPANY: CompanyId = CompanyId(1);

    fn line(account: i64, connection: &str) -> TabLine {
        TabLine {
            account_id: AccountId(account),
            username: "alice".into(),
            connection_id: connection.to_owned(),
            transport: Transport::Sse,
        }
    }

    fn told(roster: &mut Roster) -> Option<(usize, usize, usize, usize)> {
        let (company, news) = roster.news().pop()?;
        assert_eq!(company, COMPANY);
        Some((news.connections, news.accounts, news.joined.len(), news.left.len()))
    }

    #[test]
    fn who_came_and_went_is_told_once_and_who_did_both_not_at_all() {
        let mut roster = Roster::default();
        for (account, connection) in [(1, "a"), (1, "b"), (2, "c"), (2, "c")] {
            roster.join(COMPANY, line(account, connection));
        }
        assert_eq!(told(&mut roster), Some((3, 2, 3, 0)));
        assert_eq!(told(&mut roster), None);
        roster.join(COMPANY, line(3, "d"));
        roster.leave("d");
        roster.leave("c");
        roster.leave("never");
        assert_eq!(told(&mut roster), Some((2, 1, 0, 1)));
        roster.leave("a");
        roster.leave("b");
        assert_eq!(told(&mut roster), Some((0, 0, 0, 2)));
        assert!(roster.tabs.is_empty() && roster.companies.is_empty());
    }

    #[test]
    fn lists_are_bounded_and_the_rest_is_counted() {
        let mut roster = Roster::default();
        for n in 0..NAMED + 7 {
            roster.join(COMPANY, line(1, &n.to_string()));
        }
        let (_, news) = roster.news().remove(0);
        assert_eq!((news.joined.len(), news.joined_more, news.connections), (NAMED, 7, NAMED + 7));
    }

    #[test]
    fn an_ear_counts_once_and_not_after_its_tab_is_gone() {
        let (listeners, _source) = listeners();
        let ear = Ear::new(Arc::clone(&listeners));
        assert!(!listeners.is_any());
        ear.note(true);
        ear.note(true);
        assert!(listeners.is_any());
        let other = Ear::new(Arc::clone(&listeners));
        other.note(true);
        ear.note(false);
        assert!(listeners.is_any());
        drop((ear, other));
        assert!(!listeners.is_any());
        assert_eq!(listeners.ever.load(Ordering::Acquire), 2);
    }
}
