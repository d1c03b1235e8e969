//! What time does: a snooze ends, a notice is over, old ones go.

use std::time::Duration;

use livegrant::inbox::retention;
use serde_json::json;

use super::{LIST, counts, shout, tell, titles};
use crate::support::{PATIENCE, Setup, TestDatabase, TestServer, both_databases, ok};

const DAY: Duration = Duration::from_hours(24);

fn setup(database: &TestDatabase) -> Setup {
    Setup::on(database).with(|settings| {
        settings.inbox.look_ms = 20;
    })
}

/// Waits until an account's counts are these.
async fn until(server: &TestServer, by: &crate::support::Account, expected: (i64, i64)) {
    let come = async {
        while counts(by).await != expected {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, come).await.unwrap_or_else(|_| panic!("never {expected:?}"));
    assert!(server.core.policy.has_lease());
}

both_databases! {
    // FN13
    async fn a_snooze_ends_and_the_notice_is_new(database: TestDatabase) {
        setup(&database).run(async |server| {
            let sender = server.account("sender", &["notification:send"]).await;
            let alice = server.account("alice", &[]).await;
            let id = tell(&sender, &alice, "later").await;
            ok(alice.post(&format!("{LIST}/{id}/read"), json!({})).await);
            ok(alice.post(&format!("{LIST}/{id}/snooze"), json!({ "preset": "hour" })).await);
            assert_eq!((counts(&alice).await, titles(&alice, LIST).await.as_str()), ((0, 0), ""));
            server.advance(Duration::from_secs(3_601)).await;
            let alice = server.signed_in("alice").await;
            until(&server, &alice, (1, 1)).await;
            assert_eq!(titles(&alice, LIST).await, "later");
        }).await;
    }

    // FN17
    async fn a_notice_that_is_over_leaves_lists_and_counts(database: TestDatabase) {
        setup(&database).run(async |server| {
            let sender = server.account("sender", &["notification:broadcast"]).await;
            let (alice, bob) = (server.account("alice", &[]).await, server.account("bob", &[]).await);
            let until_when = livegrant::clock::iso(server.clock.now_ms() + 60_000);
            let body = json!({ "title": "soon over", "content": "c", "category": "x", "severity": "info", "expires_at": until_when });
            let id = ok(sender.post("/api/v1/notifications/broadcast", body).await)["id"].clone();
            ok(alice.post(&format!("{LIST}/{id}/seen"), json!({})).await);
            assert_eq!((counts(&alice).await, counts(&bob).await), ((0, 1), (1, 1)));
            let before = ok(bob.get(&format!("{LIST}/counts")).await)["state_rev"].as_i64();
            server.advance(Duration::from_secs(61)).await;
            until(&server, &alice, (0, 0)).await;
            until(&server, &bob, (0, 0)).await;
            assert_eq!((titles(&alice, LIST).await, titles(&bob, LIST).await), (String::new(), String::new()));
            assert!(ok(bob.get(&format!("{LIST}/counts")).await)["state_rev"].as_i64() > before, "the counts' revision grew");
        }).await;
    }

    // FN17: who marks a broadcast in the moment in which it ends makes his row of what was still there.
    async fn what_is_marked_while_it_ends_goes_too(database: TestDatabase) {
        setup(&database).run(async |server| {
            let sender = server.account("sender", &["notification:broadcast"]).await;
            let (alice, bob) = (server.account("alice", &[]).await, server.account("bob", &[]).await);
            let id = shout(&sender, "over").await;
            ok(alice.post(&format!("{LIST}/{id}/seen"), json!({})).await);
            ok(bob.post(&format!("{LIST}/{id}/archive"), json!({})).await);
            assert_eq!(counts(&alice).await, (0, 1));
            let mut work = server.core.db.begin(&livegrant::db::Author::system("tests")).await.unwrap();
            let now = work.now();
            livegrant::sql_exec!(work.conn(), "UPDATE sys_notification SET over_at = $2, expires_at = $2 WHERE id = $1", id, now)
                .unwrap();
            work.commit(livegrant::db::SystemTask::Upkeep).await.unwrap();
            until(&server, &alice, (0, 0)).await;
            assert_eq!(titles(&alice, LIST).await, "");
            assert_eq!(titles(&bob, &format!("{LIST}?archived=true")).await, "over", "who put it away keeps it");
        }).await;
    }

    // FN13, FN17: who puts something off wants it later, however old it is by then.
    async fn what_was_put_off_comes_back_after_the_retention(database: TestDatabase) {
        setup(&database).run(async |server| {
            let sender = server.account("sender", &["notification:send", "notification:broadcast"]).await;
            let alice = server.account("alice", &[]).await;
            let later = livegrant::clock::iso(server.clock.now_ms() + 200 * 24 * 3_600_000);
            for id in [tell(&sender, &alice, "told").await, shout(&sender, "all").await] {
                ok(alice.post(&format!("{LIST}/{id}/snooze"), json!({ "until": later })).await);
            }
            assert_eq!(counts(&alice).await, (0, 0));
            server.advance(DAY * 181).await;
            retention::purge(&server.core).await.unwrap();
            server.advance(DAY * 20).await;
            let alice = server.signed_in("alice").await;
            until(&server, &alice, (2, 2)).await;
            let mut there: Vec<_> = titles(&alice, LIST).await.split(' ').map(str::to_owned).collect();
            there.sort_unstable();
            assert_eq!(there, ["all", "told"]);
        }).await;
    }

    // FN17
    async fn old_notices_go_and_what_was_put_away_stays(database: TestDatabase) {
        let setup = setup(&database).with(|settings| settings.inbox.max_per_account = 100);
        setup.run(async |server| {
            let sender = server.account("sender", &["notification:send", "notification:broadcast"]).await;
            let alice = server.account("alice", &[]).await;
            let kept = tell(&sender, &alice, "kept").await;
            tell(&sender, &alice, "old").await;
            let told = shout(&sender, "old broadcast").await;
            let kept_too = shout(&sender, "kept broadcast").await;
            for id in [kept, kept_too] {
                ok(alice.post(&format!("{LIST}/{id}/archive"), json!({})).await);
            }
            ok(alice.post(&format!("{LIST}/{told}/seen"), json!({})).await);
            retention::purge(&server.core).await.unwrap();
            assert_eq!(counts(&alice).await, (1, 2), "not yet");
            server.advance(DAY * 181).await;
            let (alice, sender) = (server.signed_in("alice").await, server.signed_in("sender").await);
            tell(&sender, &alice, "new").await;
            retention::purge(&server.core).await.unwrap();
            assert_eq!((counts(&alice).await, titles(&alice, LIST).await.as_str()), ((1, 1), "new"));
            assert_eq!(titles(&alice, &format!("{LIST}?archived=true")).await, "kept broadcast kept");
            for turn in 0..105 {
                tell(&sender, &alice, &format!("n{turn}")).await;
            }
            retention::purge(&server.core).await.unwrap();
            let count = ok(alice.get("/api/workflow/notifications/").await)["count"].as_i64().unwrap();
            assert_eq!((count, counts(&alice).await), (98, (98, 98)), "the bound holds, and the archive is the last to go");
        }).await;
    }
}
