//! Loading and applying at the same time: an account or a session that is read from the database while a change of it is
//! being applied never ends stale. Every round starts with an empty memory; for each account one task commits a change
//! and applies it while another one uses account and session for the first time, on threads of their own.

use livegrant::auth::end_sessions;
use livegrant::auth::model::SessionFilter;
use livegrant::db::SystemTask;
use livegrant::policy::{EndCode, PolicyTable};
use livegrant_actors::SessionId;
use std::sync::Arc;
use tokio::sync::Barrier;

use crate::house::{House, Person, on_threads};
use crate::portrait;
use crate::steps::Dice;
use crate::support::both_databases;

const ROUNDS: u64 = 60;
const PEOPLE: usize = 12;

both_databases! {
    async fn what_is_loaded_while_it_changes_is_never_stale(database: TestDatabase) {
        on_threads(async move {
            let mut settings = database.settings();
            settings.database.max_connections = 40;
            settings.database.read_connections = 16;
            let house = House::with(settings, livegrant::clock::Clock::system()).await;
            let mut people = Vec::new();
            for number in 0..PEOPLE {
                people.push(house.person(&format!("p{number}"), &["org:view"]).await);
            }
            let mut found_active = 0;
            for round in 0..ROUNDS {
                found_active += race(&house, &people, round).await;
                for person in &mut people {
                    person.sid = house.sign_in(person.account).await;
                }
            }
            assert!(found_active > 0, "no session was loaded before its end: this proves nothing");
        })
        .await;
    }
}

/// One round; answers how many sessions were in use here before they ended.
async fn race(house: &House, people: &[Person], round: u64) -> usize {
    let table = house.table().await;
    let mut dice = Dice::of(round);
    let mut changers = Vec::new();
    let mut users = Vec::new();
    for person in people {
        let start = Arc::new(Barrier::new(2));
        let change = change(house.clone(), Arc::clone(&table), person.clone(), Arc::clone(&start));
        changers.push(tokio::spawn(change));
        users.push(tokio::spawn(first_use(Arc::clone(&table), person.sid.clone(), start, dice.below(24))));
    }
    let mut found_active = 0;
    for user in users {
        found_active += usize::from(user.await.unwrap());
    }
    for changer in changers {
        changer.await.unwrap();
    }
    table.catch_up(drop).await.unwrap();
    for person in people {
        let entry = table.session(&person.sid).await.unwrap().expect("it was stored");
        assert!(!entry.is_active(), "round {round}: an ended session is active here");
    }
    let fresh = house.table().await;
    let sids: Vec<_> = people.iter().map(|person| person.sid.clone()).collect();
    let (has, expected) = (portrait::of(&table, &sids).await, portrait::of(&fresh, &sids).await);
    portrait::assert_same(&has, &expected, &format!("round {round}"));
    found_active
}

/// Takes the person's role or gives it back and ends the session; commits when the first use begins, and applies it.
async fn change(house: House, table: Arc<PolicyTable>, person: Person, start: Arc<Barrier>) {
    let mut work = house.work().await;
    let (account, role) = (person.account, person.role);
    crate::steps::give_or_take_role(&mut work, account, role, (None, None)).await;
    let filter = SessionFilter { sid: Some(person.sid), ..SessionFilter::default() };
    end_sessions::end(&mut work, &filter, EndCode::SessionKicked).await.unwrap();
    start.wait().await;
    work.commit(SystemTask::SessionEnd).await.unwrap();
    table.catch_up(drop).await.unwrap();
}

/// Uses the session and its account for the first time; answers whether the session was active then.
async fn first_use(table: Arc<PolicyTable>, sid: SessionId, start: Arc<Barrier>, pause: usize) -> bool {
    start.wait().await;
    for _ in 0..pause {
        tokio::task::yield_now().await;
    }
    let entry = table.session(&sid).await.unwrap().expect("it was stored");
    let active = entry.is_active();
    let member = table.member(entry.account).await.unwrap().expect("it was stored");
    table.snapshot(&member, &entry);
    table.published(&member, entry.view);
    active
}
