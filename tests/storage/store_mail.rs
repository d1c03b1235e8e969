//! What delivery reads and notes of inboxes, and the messages of topics that were left: the same on both databases.

use livegrant::db::{Author, Conn, SystemTask, Work};
use livegrant::inbox::post::{self, Notice};
use livegrant::inbox::{feed, mailbox};
use livegrant::realtime::signal::signal;
use livegrant::realtime::store as realtime_store;
use livegrant::{sql_all, sql_exec};
use livegrant_actors::{AccountId, Audience, CompanyId, MessageType};
use serde_json::json;

use crate::house::{House, commit};
use crate::support::both_databases;

async fn send(house: &House, to: &[AccountId], title: &str) {
    let mut work = house.work().await;
    let notice = Notice::new(MessageType::MessageNotification, title, "内容 '\" 🎉", CompanyId(0))
        .with("from", "somebody");
    post::post(&mut work, to, notice);
    commit(work).await;
}

async fn delivered(conn: &mut Conn) -> Vec<(i64, i64)> {
    sql_all!(
        conn,
        (i64, i64),
        "SELECT account_id, rev FROM sys_notification_recipient WHERE delivered_at IS NOT NULL ORDER BY account_id, rev"
    )
    .unwrap()
}

async fn signalled(work: &mut Work, name: &str) {
    let audience = Audience::Accounts([AccountId(7)].into());
    signal(work, MessageType::OrgUpdate, Some("org:1"), audience, &json!({ "name": name })).await.unwrap();
}

both_databases! {
    async fn what_came_after_a_revision_is_listed_for_many(database: TestDatabase) {
        let house = House::build(&database).await;
        let (alice, bob) = (house.account("alice").await, house.account("bob").await);
        let carol = house.account("carol").await;
        send(&house, &[alice], "a1").await;
        send(&house, &[alice, bob], "ab").await;
        send(&house, &[alice], "a3").await;
        let mut conn = house.read().await;
        let asked = [(alice, 1), (bob, 0), (carol, 0)];
        let came = mailbox::came_after_each(&mut conn, &asked, 10).await.unwrap();
        let shown: Vec<_> = came.iter().map(|came| (came.account_id, came.rev, &*came.title)).collect();
        assert_eq!(shown, [(alice.0, 2, "ab"), (alice.0, 3, "a3"), (bob.0, 1, "ab")]);
        assert_eq!(came[0].message_id, came[2].message_id, "one notice");
        assert_eq!((&*came[0].content, &*came[0].kind), ("内容 '\" 🎉", "message_notification"));
        assert_eq!(came[0].payload.0["from"], "somebody");
        assert!(came.iter().all(|came| came.count == 1 && came.actions.is_empty()));
        let came = mailbox::came_after_each(&mut conn, &[(alice, 0), (bob, 1)], 2).await.unwrap();
        let shown: Vec<_> = came.iter().map(|came| (came.account_id, came.rev)).collect();
        assert_eq!(shown, [(alice.0, 2), (alice.0, 3)], "the newest of each");
        assert!(mailbox::came_after_each(&mut conn, &[], 2).await.unwrap().is_empty());
        let items = mailbox::items(&mut conn, &[(alice, 2), (bob, 2), (bob, 3)]).await.unwrap();
        let whose: Vec<_> = items.keys().copied().collect();
        assert_eq!(whose, [(alice, 2), (bob, 2)], "bob has no third");
        let item = serde_json::to_value(&items[&(bob, 2)]).unwrap();
        assert_eq!((&item["title"], &item["state"], &item["count"]), (&json!("ab"), &json!("unseen"), &json!(1)));
        let mut revisions = mailbox::revisions(&mut conn, &[carol, bob, alice]).await.unwrap();
        revisions.sort_unstable();
        assert_eq!(revisions, [(alice, 3), (bob, 1)]);
    }

    // FN6: what was dealt with on another device does not come back, and takes no place from what was not.
    async fn what_was_seen_put_away_or_put_off_is_not_told_again(database: TestDatabase) {
        let house = House::build(&database).await;
        let alice = house.account("alice").await;
        for title in ["one", "two", "away", "off", "gone", "seen", "seen too"] {
            send(&house, &[alice], title).await;
        }
        let mut work = house.work().await;
        for (column, rev) in [("archived_at", 3), ("snoozed_until", 4), ("deleted_at", 5), ("seen_at", 6), ("seen_at", 7)] {
            let set = |name: &str| i64::from(name == column);
            sql_exec!(
                work.conn(),
                "UPDATE sys_notification_recipient
                    SET archived_at = nullif($2, 0), snoozed_until = nullif($3, 0), deleted_at = nullif($4, 0),
                        seen_at = nullif($5, 0)
                  WHERE account_id = $1 AND rev = $6",
                alice.0,
                set("archived_at"),
                set("snoozed_until"),
                set("deleted_at"),
                set("seen_at"),
                rev
            )
            .unwrap();
        }
        commit(work).await;
        let mut conn = house.read().await;
        let came = mailbox::came_after_each(&mut conn, &[(alice, 0)], 2).await.unwrap();
        let shown: Vec<_> = came.iter().map(|came| (came.rev, &*came.title)).collect();
        assert_eq!(shown, [(1, "one"), (2, "two")]);
        let came = feed::came_after(&mut conn, alice, 0, 9).await.unwrap();
        let shown: Vec<_> = came.iter().map(|came| (came.rev, came.is_seen)).collect();
        assert_eq!(shown, [(1, false), (2, false), (6, true), (7, true)]);
    }

    async fn what_changed_is_found_by_its_time_and_never_more_than_asked(database: TestDatabase) {
        let house = House::build(&database).await;
        let (alice, bob) = (house.account("alice").await, house.account("bob").await);
        send(&house, &[alice, bob], "ab").await;
        let mut work = house.work().await;
        sql_exec!(work.conn(), "UPDATE sys_inbox SET changed_at = 100 WHERE account_id = $1", bob.0).unwrap();
        commit(work).await;
        let mut conn = house.read().await;
        assert_eq!(mailbox::changed_since(&mut conn, 101, 10).await.unwrap(), [(alice, 1)]);
        assert_eq!(mailbox::changed_since(&mut conn, 100, 10).await.unwrap(), [(alice, 1), (bob, 1)]);
        assert_eq!(mailbox::changed_since(&mut conn, 0, 1).await.unwrap(), [(alice, 1)], "the newest first");
    }

    async fn a_delivery_is_noted_once(database: TestDatabase) {
        let house = House::build(&database).await;
        let (alice, bob) = (house.account("alice").await, house.account("bob").await);
        send(&house, &[alice], "a1").await;
        send(&house, &[alice, bob], "ab").await;
        let mut work = house.work().await;
        let conn = work.conn();
        assert_eq!(mailbox::note_delivered(conn, &[(alice, 2), (bob, 9)], 50).await.unwrap(), 1);
        assert_eq!(mailbox::note_delivered(conn, &[(alice, 1), (alice, 2)], 60).await.unwrap(), 1);
        assert_eq!(delivered(conn).await, [(alice.0, 1), (alice.0, 2)]);
        let first = sql_all!(
            conn,
            (i64,),
            "SELECT delivered_at FROM sys_notification_recipient WHERE account_id = $1 ORDER BY rev",
            alice.0
        )
        .unwrap();
        assert_eq!(first, [(60,), (50,)], "the first time stays");
        commit(work).await;
    }

    async fn messages_that_were_left_are_listed_until_they_are_deleted(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.db.begin(&Author::system("tests")).await.unwrap();
        for name in ["研发部", "two", "three"] {
            signalled(&mut work, name).await;
        }
        work.commit(SystemTask::Upkeep).await.unwrap();
        let mut work = house.work().await;
        let now = work.now();
        let conn = work.conn();
        assert!(realtime_store::outbox::left_before(conn, now - 1_000_000, 10).await.unwrap().is_empty());
        let left = realtime_store::outbox::left_before(conn, now + 1, 2).await.unwrap();
        assert_eq!(left.len(), 2);
        assert_eq!((&*left[0].kind, left[0].topic.as_deref()), ("ORG_UPDATE", Some("org:1")));
        let data: serde_json::Value = serde_json::from_str(left[0].data.get()).unwrap();
        assert_eq!(data, json!({ "name": "研发部" }));
        assert!(matches!(&left[0].audience.0, Audience::Accounts(accounts) if **accounts == [AccountId(7)]));
        assert!(left[0].operator.is_none());
        realtime_store::outbox::delete(conn, &[left[0].id, left[1].id, 999]).await.unwrap();
        assert_eq!(realtime_store::outbox::left_before(conn, now + 1, 10).await.unwrap().len(), 1);
        assert_eq!(realtime_store::outbox::forget_before(conn, now + 1).await.unwrap(), 1);
        assert!(realtime_store::outbox::left_before(conn, now + 1, 10).await.unwrap().is_empty());
        commit(work).await;
    }
}
