//! Receipts fill: sent, acknowledged, the slowest.

use std::time::Duration;

use livegrant_actors::{AccountId, AccountReceipt, Rev};

use crate::support::{World, accounts, until};

fn line(account: i64, sent: u32, acked: u32, slowest: Option<i64>) -> AccountReceipt {
    AccountReceipt {
        account: AccountId(account),
        tabs_sent: sent,
        tabs_acked: acked,
        tabs_gone: 0,
        slowest_ms: slowest,
    }
}

#[actix_rt::test]
async fn a_receipt_fills_with_the_tabs_acks() {
    let world = World::new();
    world.policy.set(7, 1, &["a"], &[]);
    let login = world.login(7, "s1");
    let mut tabs = [world.open(&login).await, world.open(&login).await];
    world.policy.set(7, 5, &["b"], &[]);
    world.refresh(5, accounts(&[7, 8])).await;
    for tab in &mut tabs {
        tab.message().await;
    }
    let receipt = world.engine.latest_receipt().unwrap();
    assert_eq!((receipt.rev, receipt.applied_at), (Rev(5), Some(world.now())));
    assert_eq!(receipt.accounts, [line(7, 2, 0, None)]);
    tabs[0].say(r#"{"type":"ack","permissionVersion":4}"#).await;
    tabs[0].hears_nothing().await;
    assert_eq!(world.engine.receipt(Rev(5)).unwrap().accounts, [line(7, 2, 0, None)], "an old ack");
    for (index, tab) in tabs.iter_mut().enumerate() {
        world.pass(Duration::from_millis(30));
        for _ in 0..2 {
            tab.say(r#"{"type":"ack","permissionVersion":5}"#).await;
        }
        tab.hears_nothing().await;
        assert_eq!(
            world.engine.receipt(Rev(5)).unwrap().accounts,
            [line(7, 2, index as u32 + 1, Some(30 * (index as i64 + 1)))],
            "a tab counts once"
        );
    }
}

#[actix_rt::test]
async fn changes_told_together_are_acknowledged_together() {
    let world = World::new();
    world.policy.set(7, 1, &["a"], &[]);
    let mut tab = world.open(&world.login(7, "s1")).await;
    // Both are in memory before the first is told: one frame carries both.
    world.policy.set(7, 3, &["b"], &[]);
    world.refresh(2, accounts(&[7])).await;
    world.refresh(3, accounts(&[7])).await;
    assert_eq!(tab.message().await["data"]["rev"], 3);
    tab.say(r#"{"type":"ack","permissionVersion":3}"#).await;
    tab.hears_nothing().await;
    for rev in [2, 3] {
        until("it is acknowledged", || {
            world.engine.receipt(Rev(rev)).unwrap().accounts == [line(7, 1, 1, Some(0))]
        })
        .await;
    }
}
