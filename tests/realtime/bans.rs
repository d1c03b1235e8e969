//! Clients that misbehave are refused streams for a while, and those beside them are not (S3-79, S3-118).

use std::time::Duration;

use livegrant::settings::Settings;
use livegrant::sql_all;
use serde_json::{Value, json};

use crate::support::{Account, Setup, Tab, TestServer, both_databases, ok, refused};

const OFFICE: &str = "203.0.113.7";

/// The test's client is a proxy, so that it may speak for any address; few points are a ban.
fn strict(settings: &mut Settings) {
    settings.server.trusted_proxies = vec![[127, 0, 0, 1].into()];
    settings.realtime.abuse_limit = 30;
    settings.realtime.ban_seconds = 60;
}

async fn open(server: &TestServer, account: &Account, from: &str) -> Result<Tab, (u16, Value)> {
    let bearer = format!("Bearer {}", account.access);
    server.try_socket("", &[("authorization", &bearer), ("x-forwarded-for", from)]).await
}

async fn welcome(server: &TestServer, account: &Account, from: &str) -> Tab {
    open(server, account, from).await.unwrap_or_else(|(_, problem)| panic!("{from}: {problem}"))
}

async fn is_banned(server: &TestServer, account: &Account, from: &str) {
    refused(open(server, account, from).await.map(|_| "opened").expect_err("no socket"), 429, "banned");
}

async fn misbehave(server: &TestServer, account: &Account, times: usize) {
    for _ in 0..times {
        let mut tab = welcome(server, account, OFFICE).await;
        tab.send(json!({ "type": "nonsense" })).await;
        assert_eq!(tab.end().await.1, 4500);
    }
}

both_databases! {
    async fn a_bad_client_is_refused_and_its_neighbour_is_not(database: TestDatabase) {
        Setup::on(&database).with(strict).run(async |server: TestServer| {
            let (bad, good) = (server.account("bad", &[]).await, server.account("good", &[]).await);
            let admin = server.account("admin", &["session:view", "session:kick"]).await;
            let viewer = server.account("viewer", &["session:view"]).await;
            misbehave(&server, &bad, 3).await;
            is_banned(&server, &bad, OFFICE).await;
            drop(welcome(&server, &good, OFFICE).await);
            drop(welcome(&server, &bad, "198.51.100.1").await);

            let seen = ok(viewer.get("/api/v1/bans").await);
            assert_eq!(seen["count"], 1);
            let ban = &seen["results"][0];
            assert_eq!((&ban["address"], &ban["account_id"]), (&json!(OFFICE), &json!(bad.id)));
            assert_eq!((&ban["username"], &ban["offence"]), (&json!("bad"), &json!("protocol")));
            assert!(ban["until"].is_string());
            refused(good.get("/api/v1/bans").await, 403, "NoPermissionError");
            refused(viewer.delete(&format!("/api/v1/bans/{OFFICE}")).await, 403, "NoPermissionError");
            refused(admin.delete("/api/v1/bans/198.51.100.1").await, 404, "not_found");
            refused(admin.delete("/api/v1/bans/nobody").await, 400, "invalid");

            assert_eq!(admin.delete(&format!("/api/v1/bans/{OFFICE}")).await.0, 204);
            drop(welcome(&server, &bad, OFFICE).await);
            assert_eq!(ok(viewer.get("/api/v1/bans").await)["count"], 0);
            let mut conn = server.core.db.read().await.unwrap();
            let audited = sql_all!(
                &mut conn,
                (i64, String, String),
                "SELECT actor_id, resource_id, result FROM sys_audit_log WHERE action = 'ban_lift'"
            );
            assert_eq!(audited.unwrap(), [(admin.id, OFFICE.to_owned(), "allowed".to_owned())]);
        })
        .await;
    }

    async fn whoever_guesses_tokens_loses_the_address_for_a_while(database: TestDatabase) {
        Setup::on(&database).with(strict).run(async |server: TestServer| {
            let alice = server.account("alice", &[]).await;
            for _ in 0..30 {
                let guess = [("authorization", "Bearer x.y.z"), ("x-forwarded-for", "2001:db8:0:1::5")];
                let answer = server.try_socket("", &guess).await.map(|_| "opened");
                refused(answer.expect_err("no socket"), 401, "token_invalid");
            }
            is_banned(&server, &alice, "2001:db8:0:1::9").await;
            let from = ("x-forwarded-for", "2001:db8:0:1::9");
            let events = alice.request(reqwest::Method::GET, "/api/v1/events").header(from.0, from.1);
            let answer = events.send().await.unwrap();
            assert_eq!(answer.headers()["retry-after"], "60");
            refused(crate::support::read(answer).await, 429, "banned");
            let poll = alice.request(reqwest::Method::GET, "/api/v1/poll").header(from.0, from.1);
            refused(crate::support::answer(poll).await, 429, "banned");
            // REST goes on: only streams are refused.
            ok(alice.get("/api/accounts/users/me/").await);
            drop(welcome(&server, &alice, "2001:db8:0:2::9").await);
            server.advance(Duration::from_mins(1)).await;
            drop(welcome(&server, &alice, "2001:db8:0:1::9").await);
        })
        .await;
    }

    /// Tokens and sessions that were ours and are over come by the hundred when an office wakes up.
    async fn what_is_merely_over_bans_nobody(database: TestDatabase) {
        Setup::on(&database).with(strict).run(async |server: TestServer| {
            let (alice, bob) = (server.account("alice", &[]).await, server.account("bob", &[]).await);
            ok(bob.post("/api/auth/logout/", json!({})).await);
            for _ in 0..40 {
                let answer = open(&server, &bob, OFFICE).await.map(|_| "opened");
                refused(answer.expect_err("no socket"), 401, "session_revoked");
            }
            drop(welcome(&server, &alice, OFFICE).await);
        })
        .await;
    }

    async fn nobody_is_banned_by_way_of_loopback(database: TestDatabase) {
        let off = |settings: &mut Settings| settings.realtime.abuse_limit = 5;
        Setup::on(&database).with(off).run(async |server: TestServer| {
            let alice = server.account("alice", &[]).await;
            for _ in 0..20 {
                let answer = server.try_socket("", &[]).await.map(|_| "opened");
                refused(answer.expect_err("no socket"), 401, "token_missing");
            }
            drop(server.tab(&alice).await);
        })
        .await;
    }
}
