//! Loading and applying at the same time: an account or a session that is read from the database while a change of it is
//! being applied never ends stale. Every round starts with an empty memory; for each account one task changes it, one
//! uses it for the first time and two follow the log, all on threads of their own.

use livegrant::auth::end_sessions;
use livegrant::auth::model::SessionFilter;
use livegrant::db::SystemTask;
use livegrant::policy::{EndCode, PolicyTable};
use livegrant_actors::SessionId;
use std::sync::Arc;

use crate::house::{House, Person, commit, on_threads};
use crate::portrait;
use crate::steps::Dice;
use crate::support::both_databases;

const ROUNDS: u64 = 60;
const PEOPLE: usize = 6;

both_databases! {
    async fn what_is_loaded_while_it_changes_is_never_stale(database: TestDatabase) {
        on_threads(async move {
            let mut settings = database.settings();
            settings.database.max_connections = 12;
            settings.database.read_connections = 8;
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
    let mut tasks = Vec::new();
    for person in people {
        tasks.push(tokio::spawn(change(house.clone(), person.clone(), dice.below(20))));
    }
    for _ in 0..2 {
        let table = Arc::clone(&table);
        tasks.push(tokio::spawn(async move {
            for _ in 0..PEOPLE * 2 {
                table.catch_up().await.unwrap();
                tokio::task::yield_now().await;
            }
        }));
    }
    let users: Vec<_> = people
        .iter()
        .map(|person| tokio::spawn(first_use(Arc::clone(&table), person.sid.clone(), dice.below(40))))
        .collect();
    let mut found_active = 0;
    for user in users {
        found_active += usize::from(user.await.unwrap());
    }
    for task in tasks {
        task.await.unwrap();
    }
    table.catch_up().await.unwrap();
    let fresh = house.table().await;
    for person in people {
        let entry = table.session(&person.sid).await.unwrap().expect("it was stored");
        assert!(!entry.is_active(), "round {round}: an ended session is active here");
    }
    let sids: Vec<_> = people.iter().map(|person| person.sid.clone()).collect();
    let (has, expected) = (portrait::of(&table, &sids).await, portrait::of(&fresh, &sids).await);
    portrait::assert_same(&has, &expected, &format!("round {round}"));
    found_active
}

/// Takes the person's role or gives it back, and ends the session, in two transactions.
async fn change(house: House, person: Person, pause: usize) {
    for _ in 0..pause {
        tokio::task::yield_now().await;
    }
    let mut work = house.work().await;
    let (account, role) = (person.account, person.role);
    crate::steps::give_or_take_role(&mut work, account, role, (None, None)).await;
    commit(work).await;
    let mut work = house.work().await;
    let filter = SessionFilter { sid: Some(person.sid), ..SessionFilter::default() };
    end_sessions::end(&mut work, &filter, EndCode::SessionKicked).await.unwrap();
    work.commit(SystemTask::SessionEnd).await.unwrap();
}

/// Uses the session and its account; answers whether the session was active then.
async fn first_use(table: Arc<PolicyTable>, sid: SessionId, pause: usize) -> bool {
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
