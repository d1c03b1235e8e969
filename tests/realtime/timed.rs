//! Grants for a time: enforced at their instant whether or not anything wakes up, and told when it does.

use std::time::Duration;

use livegrant::clock::iso;
use livegrant::hr::position_notices::TellPositions;
use livegrant::policy::timed;
use livegrant::settings::Settings;
use serde_json::{Value, json};

use crate::frames::{Copy, codes, data};
use crate::support::{Account, Setup, TestServer, both_databases, ok, refused};

const MINUTE: Duration = Duration::from_mins(1);

/// Nothing looks for ended grants by itself.
fn asleep(settings: &mut Settings) {
    settings.policy.timed_grant_poll_ms = 3_600_000;
}

/// Gives `desk` from and until so many minutes from now.
async fn give(server: &TestServer, to: &Account, role: i64, from: Option<i64>, until: Option<i64>) {
    let at = |minutes: i64| iso(server.clock.now_ms() + minutes * 60_000);
    let body = json!({ "valid_from": from.map(at), "valid_to": until.map(at) });
    let path = format!("/api/v1/accounts/{}/roles/{role}", to.id);
    assert_eq!(ok(server.platform().await.post(&path, body).await)["changed"], true);
}

both_databases! {
    async fn a_grant_ends_at_its_instant_although_nothing_wakes_up(database: TestDatabase) {
        Setup::on(&database).with(asleep).run(async |server| {
            let alice = server.account("alice", &[]).await;
            let desk = server.role("desk", &["role:view"]).await;
            give(&server, &alice, desk, None, Some(5)).await;
            let mut tab = server.socket(&alice).await;
            let mut copy = Copy::of(&tab.frame().await);
            server.advance((5 * MINUTE).checked_sub(Duration::from_millis(1)).unwrap()).await;
            ok(alice.get("/api/v1/roles").await);
            server.advance(Duration::from_millis(1)).await;
            refused(alice.get("/api/v1/roles").await, 403, "NoPermissionError");

            // The tab hears of it from the sweeper, with nobody's name on it.
            timed::turn(&server.core.db, &TellPositions).await.unwrap();
            let roles = tab.frame().await;
            assert_eq!(codes(&data(&roles, "ROLE_CHANGE", &alice, None)["removedRoles"]), ["desk"]);
            let frame = tab.frame().await;
            let update = data(&frame, "PERMISSION_UPDATE", &alice, None);
            assert_eq!((&update["updateType"], &update["removed"]), (&json!("REMOVE"), &json!(["role:view"])));
            copy.follow(&frame);
            copy.agrees(&alice).await;
            let next = timed::turn(&server.core.db, &TellPositions).await.unwrap();
            assert_eq!(next, None, "nothing is left to end");
            let mark = server.mark().await;
            assert_eq!(tab.until(&mark).await, Vec::<Value>::new());
        })
        .await;
    }

    async fn the_sweeper_starts_and_ends_grants_by_itself(database: TestDatabase) {
        Setup::on(&database).run(async |server| {
            let alice = server.account("alice", &[]).await;
            let desk = server.role("desk", &["role:view"]).await;
            give(&server, &alice, desk, Some(2), Some(4)).await;
            let mut tab = server.socket(&alice).await;
            let mut copy = Copy::of(&tab.frame().await);
            refused(alice.get("/api/v1/roles").await, 403, "NoPermissionError");
            server.advance(2 * MINUTE).await;
            for (kind, status) in [("ADD", 200), ("REMOVE", 403)] {
                let roles = tab.frame().await;
                assert_eq!(data(&roles, "ROLE_CHANGE", &alice, None)["updateType"], kind);
                let frame = tab.frame().await;
                assert_eq!(data(&frame, "PERMISSION_UPDATE", &alice, None)["updateType"], kind);
                assert_eq!(alice.get("/api/v1/roles").await.0, status);
                copy.follow(&frame);
                copy.agrees(&alice).await;
                server.advance(2 * MINUTE).await;
            }
        })
        .await;
    }

    async fn what_another_grant_still_gives_stays(database: TestDatabase) {
        Setup::on(&database).run(async |server| {
            let alice = server.account("alice", &["role:view"]).await;
            let desk = server.role("desk", &["role:view"]).await;
            give(&server, &alice, desk, None, Some(1)).await;
            let mut tab = server.socket(&alice).await;
            let mut copy = Copy::of(&tab.frame().await);
            server.advance(MINUTE).await;
            ok(alice.get("/api/v1/roles").await);
            let roles = tab.frame().await;
            assert_eq!(codes(&data(&roles, "ROLE_CHANGE", &alice, None)["removedRoles"]), ["desk"]);
            let frame = tab.frame().await;
            assert_eq!(frame["data"]["removed"], json!([]));
            copy.follow(&frame);
            copy.agrees(&alice).await;
            ok(alice.get("/api/v1/roles").await);
        })
        .await;
    }

    async fn a_period_must_lie_ahead_and_be_a_period(database: TestDatabase) {
        Setup::on(&database).run(async |server| {
            let alice = server.account("alice", &[]).await;
            let desk = server.role("desk", &["role:view"]).await;
            let path = format!("/api/v1/accounts/{}/roles/{desk}", alice.id);
            let at = |minutes: i64| iso(server.clock.now_ms() + minutes * 60_000);
            let before = server.rows().await;
            for (from, to, field) in [
                (None, Some(at(-1)), "valid_to"),
                (None, Some(at(0)), "valid_to"),
                (Some(at(5)), Some(at(5)), "valid_to"),
                (None, Some("tomorrow".to_owned()), "valid_to"),
                (Some("2026-11-21".to_owned()), None, "valid_from"),
            ] {
                let body = json!({ "valid_from": from, "valid_to": to });
                let problem = refused(server.platform().await.post(&path, body).await, 400, "invalid");
                assert!(problem["errors"][field].is_array(), "{problem}");
            }
            assert_eq!(before, server.rows().await);
        })
        .await;
    }
}
