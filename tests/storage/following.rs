//! The policy in memory follows the log: after any sequence of real changes, a table that has caught up says what a table
//! says that is loaded now. One follower has everything in memory from the start, the other forgets at once what nobody
//! uses; both are compared every few changes.

use livegrant::policy::PolicyTable;
use std::sync::Arc;

use crate::house::House;
use crate::portrait;
use crate::steps::{Dice, Stage};
use crate::support::both_databases;

const SEQUENCES: u64 = 8;
const STEPS: usize = 40;

both_databases! {
    /// S3-96.
    async fn a_table_that_follows_says_what_a_fresh_one_says(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut forgetful = house.clone();
        forgetful.settings.policy.account_cache = 1;
        for seed in 0..SEQUENCES {
            let mut dice = Dice::of(seed);
            let mut stage = Stage::build(&house, &format!("s{seed}")).await;
            let followers = [house.table().await, forgetful.table().await];
            let before = portrait::of(&followers[0], &stage.sessions).await;
            // What an open tab holds is not forgotten: the changes must reach what it holds.
            let held = stage.sessions[0].clone();
            let tab = followers[1].session(&held).await.unwrap().unwrap();
            let member = followers[1].member(tab.account).await.unwrap().unwrap();
            for step in 0..STEPS {
                stage.step(&house, &mut dice).await;
                if dice.below(4) == 0 || step + 1 == STEPS {
                    let fresh = house.table().await;
                    let expected = portrait::of(&fresh, &stage.sessions).await;
                    assert!(Arc::ptr_eq(&tab, &followers[1].session(&held).await.unwrap().unwrap()));
                    assert!(Arc::ptr_eq(&member, &followers[1].member(tab.account).await.unwrap().unwrap()));
                    for follower in &followers {
                        catch_up(follower, &fresh).await;
                        let what = format!("seed {seed}, after step {step}");
                        portrait::assert_same(&portrait::of(follower, &stage.sessions).await, &expected, &what);
                    }
                }
            }
            assert_ne!(before, portrait::of(&followers[0], &stage.sessions).await, "nothing changed: this proves nothing");
        }
    }
}

async fn catch_up(follower: &PolicyTable, fresh: &PolicyTable) {
    let from = follower.applied();
    let mut rows = Vec::new();
    follower.catch_up(|row| rows.push(row)).await.unwrap();
    assert_eq!(follower.applied(), fresh.applied());
    let revisions: Vec<i64> = rows.iter().map(|row| row.rev.0).collect();
    let expected: Vec<i64> = (from.0 + 1..=fresh.applied().0).collect();
    assert_eq!(revisions, expected, "every row is answered once, in order");
}
