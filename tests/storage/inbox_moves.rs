//! The use cases of the inbox on both databases, at random and in races. One judge: what an inbox says of itself (counters
//! and marks) equals what its list holds, counted row by row (FN3, FN5); and what the lists hold equals a plain model.

use livegrant::db::Fence;
use livegrant::inbox::lists::Filter;
use livegrant::inbox::marks::{self, Which};
use livegrant::inbox::model::Move;
use livegrant::inbox::store::lists::{FeedFilter, FeedRow, NEWEST, page};
use livegrant::inbox::{due, feed};
use livegrant_actors::CompanyId;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::house::{COMPANY, House, Person, engine, on_threads};
use crate::store_inbox::{broadcast, told};
use crate::support::{Dice, TestDatabase, both_databases};
use livegrant::clock::Clock;

/// Every row of every place.
async fn rows(house: &House, who: &Person) -> Vec<FeedRow> {
    let mut conn = house.read().await;
    let mut rows = Vec::new();
    for place in 0..3 {
        let filter = FeedFilter { place, ..FeedFilter::of(who.account, COMPANY) };
        rows.extend(page(&mut conn, &filter, NEWEST, 1_000, 0).await.unwrap());
    }
    rows
}

/// Compares what the inbox says of itself with a count of its rows.
async fn judge(house: &House, who: &Person, when: &str) -> i64 {
    let standing = feed::standing(&mut house.read().await, who.account, COMPANY).await.unwrap();
    let rows = rows(house, who).await;
    let here = rows.iter().filter(|row| row.archived_at.is_none() && row.snoozed_until.is_none());
    let unread = here.clone().filter(|row| row.read_at.is_none()).count() as i64;
    let unseen = here.filter(|row| row.read_at.is_none() && row.seen_at.is_none()).count() as i64;
    assert_eq!((standing.unseen, standing.unread), (unseen, unread), "{when}");
    standing.state_rev
}

const MOVES: [Move; 8] = [
    Move::Seen,
    Move::Read,
    Move::Unread,
    Move::Archive,
    Move::Unarchive,
    Move::Snooze(0),
    Move::Unsnooze,
    Move::Delete,
];

/// The model: where each notice of one account lies: place, seen, read.
type Model = BTreeMap<i64, (u8, bool, bool)>;

fn moved(what: Move, (place, seen, read): (u8, bool, bool)) -> Option<(u8, bool, bool)> {
    Some(match (what, place) {
        (_, 3) | (Move::Snooze(_), 1) => return None,
        (Move::Seen, _) => (place, true, read),
        (Move::Read, _) => (place, true, true),
        (Move::Unread, _) => (place, true, false),
        (Move::Archive, _) => (1, seen, read),
        (Move::Unarchive, 1) | (Move::Unsnooze, 0 | 1) => {
            (if what == Move::Unarchive { 0 } else { place }, seen, read)
        }
        (Move::Unarchive, _) => (place, seen, read),
        (Move::Snooze(_), _) => (2, true, read),
        (Move::Unsnooze, _) => (0, false, false),
        (Move::Delete, _) => (3, seen, read),
    })
}

fn shown(rows: &[FeedRow]) -> Model {
    let place = |row: &FeedRow| match (row.archived_at, row.snoozed_until) {
        (Some(_), _) => 1,
        (_, Some(_)) => 2,
        _ => 0,
    };
    rows.iter().map(|row| (row.id, (place(row), row.seen_at.is_some(), row.read_at.is_some()))).collect()
}

async fn random_walk(database: TestDatabase, seed: u64) {
    let clock = Clock::manual(1_750_000_000_000);
    let house = House::with(database.settings(), clock.clone()).await;
    let core = house.core(engine(), Fence::On).await;
    let ann = house.person("ann", &[]).await;
    let bob = house.person("bob", &[]).await;
    let mut dice = Dice::of(seed);
    let mut model = Model::new();
    let mut last_rev = 0;
    for step in 0..60 {
        clock.advance(Duration::from_millis(10));
        let when = format!("seed {seed}, step {step}");
        let by = ann.calls(&core, "walk").await;
        match dice.below(10) {
            0 | 1 => drop(told(&house, &[ann.account, bob.account], "t", None).await),
            2 => drop(told(&house, &[ann.account], "m", Some(&format!("k{}", dice.below(2)))).await),
            3 => drop(broadcast(&house, "b", CompanyId([0, 1][dice.below(2)]), ("all", 0)).await),
            4 => {
                // Everything, by filter: the model follows by what is listed.
                let what = dice.pick(&[Move::Seen, Move::Read]);
                marks::many(&core, &by, &Which::Found(Filter::default()), what).await.unwrap();
                for state in model.values_mut().filter(|state| state.0 == 0) {
                    *state = moved(what, *state).unwrap();
                }
            }
            5 => {
                let what = dice.pick(&[Move::Archive, Move::Unread, Move::Snooze(clock.now_ms() + 25)]);
                let filter = Filter { is_read: Some(true), ..Filter::default() };
                marks::many(&core, &by, &Which::Found(filter), what).await.unwrap();
                for state in model.values_mut().filter(|state| state.0 == 0 && state.2) {
                    *state = moved(what, *state).unwrap();
                }
            }
            6 => {
                let what = dice.pick(&MOVES);
                let what = if let Move::Snooze(_) = what { Move::Snooze(clock.now_ms() + 25) } else { what };
                let all: Vec<i64> = model.keys().copied().collect();
                let ids: Vec<i64> = (0..3).filter(|_| !all.is_empty()).map(|_| dice.pick(&all)).collect();
                marks::many(&core, &by, &Which::Ids(ids.clone()), what).await.unwrap();
                for id in ids.into_iter().collect::<std::collections::BTreeSet<_>>() {
                    let state = model.get_mut(&id).unwrap();
                    *state = moved(what, *state).unwrap_or(*state);
                }
            }
            7 => {
                due::look(&core).await.unwrap();
                let there = shown(&rows(&house, &ann).await);
                for (id, state) in &mut model {
                    if state.0 == 2 && there.get(id).is_some_and(|now| now.0 == 0) {
                        *state = (0, false, false);
                    }
                }
            }
            _ => {
                let Some(id) =
                    (!model.is_empty()).then(|| dice.pick(&model.keys().copied().collect::<Vec<_>>()))
                else {
                    continue;
                };
                let what = dice.pick(&MOVES);
                let what = if let Move::Snooze(_) = what { Move::Snooze(clock.now_ms() + 25) } else { what };
                let done = marks::one(&core, &by, id, what).await;
                let next = moved(what, model[&id]);
                assert_eq!(done.is_ok(), next.is_some(), "{when}: {what:?} {:?} {done:?}", model[&id]);
                if let Some(next) = next {
                    model.insert(id, next);
                }
            }
        }
        // What came is taken over from the list; everything else must be as the model says.
        let there = shown(&rows(&house, &ann).await);
        for (id, state) in &there {
            let known = model.entry(*id).or_insert(*state);
            if known.0 == 0 && state.0 == 0 && !state.1 && !state.2 && dice_merged(&house, *id, &ann).await {
                *known = *state;
            }
        }
        let expected: Model =
            model.iter().filter(|(_, state)| state.0 != 3).map(|(id, s)| (*id, *s)).collect();
        assert_eq!(there, expected, "{when}");
        let rev = judge(&house, &ann, &when).await;
        assert!(rev >= last_rev, "{when}: {rev} after {last_rev}");
        last_rev = rev;
        judge(&house, &bob, &when).await;
    }
}

/// A merged notice comes again as unseen; the model learns that from its count.
async fn dice_merged(house: &House, id: i64, who: &Person) -> bool {
    rows(house, who).await.iter().any(|row| row.id == id && row.count > 1)
}

both_databases! {
    async fn whatever_is_done_counts_equal_a_count_of_the_rows(database: TestDatabase) {
        random_walk(database, 7).await;
    }

    async fn in_another_order_too(database: TestDatabase) {
        random_walk(database, 20_261_122).await;
    }

    async fn marks_and_arrivals_that_race(database: TestDatabase) {
        let house = House::build(&database).await;
        let core = house.core(engine(), Fence::On).await;
        let ann = house.person("ann", &[]).await;
        for turn in 0..3 {
            told(&house, &[ann.account], &format!("seed {turn}"), None).await;
        }
        let (house2, ann2) = (house.clone(), ann.clone());
        on_threads(async move {
            let mut tasks = Vec::new();
            for worker in 0..6_usize {
                let (core, house, ann) = (core.clone(), house2.clone(), ann2.clone());
                tasks.push(tokio::spawn(async move {
                    for turn in 0..12 {
                        let by = ann.calls(&core, "race").await;
                        let everything = Which::Found(Filter::default());
                        match worker {
                            0 | 1 => drop(told(&house, &[ann.account], &format!("{worker} {turn}"), None).await),
                            2 => drop(told(&house, &[ann.account], "again", Some("key")).await),
                            3 => {
                                // Two marks at once, and a bulk against arrivals: either order is right.
                                let done = core.write(by, move |core, by| {
                                    let everything = everything.clone();
                                    async move { marks::many(&core, &by, &everything, Move::Read).await }
                                });
                                done.await.expect("a mark is done");
                            }
                            4 => drop(broadcast(&house, "b", CompanyId(0), ("all", 0)).await),
                            _ => {
                                let first = rows(&house, &ann).await.first().map(|row| row.id);
                                let what = MOVES[turn % 3];
                                if let Some(id) = first {
                                    let done = core.write(by, move |core, by| async move {
                                        marks::one(&core, &by, id, what).await
                                    });
                                    done.await.expect("a mark is done");
                                }
                            }
                        }
                    }
                }));
            }
            for task in tasks {
                task.await.expect("a worker ends");
            }
        })
        .await;
        judge(&house, &ann, "after the race").await;
        let standing = feed::standing(&mut house.read().await, ann.account, COMPANY).await.unwrap();
        let came = feed::came_after(&mut house.read().await, ann.account, 0, 1_000).await.unwrap();
        let mut revs: Vec<i64> = came.iter().map(|came| came.rev).collect();
        revs.dedup();
        assert_eq!(revs.len(), came.len(), "each came at a revision of its own");
        assert!(revs.iter().all(|rev| *rev <= standing.rev));
    }
}
