//! Who received a change: sent when a tab was told, acknowledged when it said so (S3-113 … S3-115).

use std::time::Duration;

use serde_json::{Value, json};

use crate::frames::members;
use crate::support::{Account, Setup, Tab, TestServer, both_databases, ok, refused, served, served_once};

/// Acknowledges, and goes on when the server has taken it.
async fn ack(tab: &mut Tab, rev: &Value) {
    tab.ack(rev).await;
    tab.send(json!({ "type": "ping" })).await;
    tab.next_of("pong").await;
}

async fn receipt(server: &TestServer, rev: &Value) -> Value {
    ok(server.platform().await.get(&format!("/api/v1/changes/{rev}/receipt")).await)
}

served! {
    async fn sent_and_acknowledged_are_counted_by_account(server: TestServer) {
        let desk = server.role("desk", &["org:view"]).await;
        let mut tabs = Vec::new();
        for name in ["alice", "alice", "bob"] {
            let account = match name {
                "alice" if !tabs.is_empty() => server.signed_in("alice").await,
                _ => server.account(name, &[]).await,
            };
            if tabs.len() != 1 {
                server.give(&account, desk).await;
            }
            let tab = server.tab(&account).await;
            tabs.push((account, tab));
        }
        let offline = server.account("offline", &[]).await;
        server.give(&offline, desk).await;

        let rev = server.change_role(desk, "add", &["staff:view"]).await;
        let mut frames = Vec::new();
        for (_, tab) in &mut tabs {
            frames.push(tab.next_of("PERMISSION_UPDATE").await);
        }
        let told = receipt(&server, &rev).await;
        let expected = [
            "accepted_at", "accounts", "accounts_told", "change_type", "complete", "enforced_at", "nodes", "offline", "rev",
            "slowest", "slowest_ms", "state", "tabs_acked", "tabs_sent", "waiting",
        ];
        assert_eq!(members(&told), expected);
        assert_eq!((&told["rev"], &told["tabs_sent"], &told["tabs_acked"]), (&rev, &json!(3), &json!(0)));
        assert!(told["accepted_at"].is_string() && told["enforced_at"].is_string());
        assert_eq!((&told["slowest_ms"], &told["slowest"]), (&Value::Null, &Value::Null));
        assert_eq!((&told["state"], &told["complete"]), (&json!("enforced"), &json!(false)));
        assert_eq!(told["nodes"], json!([{ "node": told["nodes"][0]["node"], "state": "enforced", "enforced_at": told["enforced_at"] }]));
        assert_eq!(told["offline"], json!({ "count": 1, "names": ["offline"] }));

        ack(&mut tabs[0].1, &frames[0]["data"]["permissionVersion"]).await;
        let told = receipt(&server, &rev).await;
        assert_eq!((&told["tabs_sent"], &told["tabs_acked"]), (&json!(3), &json!(1)));
        assert!(told["slowest_ms"].is_i64());
        ack(&mut tabs[0].1, &frames[0]["data"]["permissionVersion"]).await;
        assert_eq!(receipt(&server, &rev).await["tabs_acked"], 1, "one tab counts once");
        ack(&mut tabs[1].1, &rev).await;
        ack(&mut tabs[2].1, &rev).await;
        let told = receipt(&server, &rev).await;
        let of = |name: &str| {
            let accounts = told["accounts"].as_array().unwrap();
            let row = accounts.iter().find(|row| row["username"] == name);
            row.map(|row| (row["tabs_sent"].as_i64().unwrap(), row["tabs_acked"].as_i64().unwrap()))
        };
        assert_eq!((of("alice"), of("bob"), of("offline")), (Some((2, 2)), Some((1, 1)), None));
        assert_eq!((&told["state"], &told["complete"]), (&json!("delivered"), &json!(true)));
        assert_eq!((&told["accounts_told"], &told["waiting"]), (&json!(2), &json!(0)));
        assert!(told["slowest"]["username"].is_string(), "{told}");
        let latest = ok(server.platform().await.get("/api/v1/changes/latest/receipt").await);
        assert_eq!(latest, told);
    }

    /// An acknowledgement of an older revision than the change's is none of it.
    async fn an_older_acknowledgement_does_not_count(server: TestServer) {
        let alice = server.account("alice", &["org:view"]).await;
        let mut tab = server.socket(&alice).await;
        let before = tab.frame().await["data"]["permissionVersion"].clone();
        let rev = server.change_role(alice.role, "add", &["staff:view"]).await;
        tab.next_of("PERMISSION_UPDATE").await;
        ack(&mut tab, &before).await;
        assert_eq!(receipt(&server, &rev).await["tabs_acked"], 0);
        ack(&mut tab, &rev).await;
        assert_eq!(receipt(&server, &rev).await["tabs_acked"], 1);
    }

    async fn receipts_are_for_their_author_and_auditors(server: TestServer) {
        let author = server.account("author", &["permission:assign", "org:view"]).await;
        let auditor = server.account("auditor", &["audit:view"]).await;
        let other = server.account("other", &["permission:assign"]).await;
        let desk = server.role("desk", &[]).await;
        let path = format!("/api/v1/roles/{desk}/permissions/add");
        let rev = ok(author.post(&path, json!({ "permissions": ["org:view"] })).await)["rev"].clone();
        let path = format!("/api/v1/changes/{rev}/receipt");
        ok(author.get(&path).await);
        ok(auditor.get(&path).await);
        refused(other.get(&path).await, 403, "NoPermissionError");
        refused(author.get("/api/v1/changes/latest/receipt").await, 403, "NoPermissionError");
        refused(auditor.get("/api/v1/changes/999999/receipt").await, 404, "not_found");
    }
}

/// Opens a tab that listens to receipts, and takes its first frame.
async fn listening(server: &TestServer, account: &Account) -> Tab {
    let bearer = format!("Bearer {}", account.access);
    let opened = server.try_socket("?topics=receipts", &[("authorization", &bearer)]).await;
    let mut tab = opened.expect("a tab");
    tab.next_of("PERMISSION_UPDATE").await;
    tab
}

/// Waits until a receipt that is told live says that nothing more is to come, and answers it with those before it.
async fn told_until_complete(tab: &mut Tab, rev: &Value) -> (Value, Vec<Value>) {
    let mut before = Vec::new();
    loop {
        let frame = tab.next_of("RECEIPT").await;
        assert_eq!(&frame["data"]["rev"], rev, "only of the change that was made: {frame}");
        if frame["data"]["complete"] == true {
            return (frame["data"].clone(), before);
        }
        before.push(frame["data"].clone());
    }
}

served! {
    /// The last state is told, whatever fell between two looks; it is what a read answers. Nobody else hears of it.
    async fn a_receipt_fills_live_for_its_author_and_for_nobody_else(server: TestServer) {
        let author = server.account("author", &["permission:assign", "staff:view"]).await;
        let stranger = server.account("stranger", &["permission:assign", "audit:view", "session:view"]).await;
        let alice = server.account("alice", &["org:view"]).await;
        let (mut first, mut second) = (server.tab(&alice).await, server.tab(&alice).await);
        let (mut watching, mut other) = (listening(&server, &author).await, listening(&server, &stranger).await);
        let mut deaf = server.tab(&author).await;
        let path = format!("/api/v1/roles/{}/permissions/add", alice.role);
        let rev = ok(author.post(&path, json!({ "permissions": ["staff:view"] })).await)["rev"].clone();
        let half = watching.next_of("RECEIPT").await["data"].clone();
        assert_eq!((&half["rev"], &half["complete"]), (&rev, &json!(false)), "two tabs have still to answer");
        for tab in [&mut first, &mut second] {
            tab.next_of("PERMISSION_UPDATE").await;
            ack(tab, &rev).await;
        }
        let (told, before) = told_until_complete(&mut watching, &rev).await;
        assert_eq!((&told["state"], &told["tabs_sent"], &told["tabs_acked"]), (&json!("delivered"), &json!(2), &json!(2)));
        assert!(before.iter().all(|step| step["state"] == "enforced"), "no step back: {before:?}");
        assert_eq!(ok(author.get(&format!("/api/v1/changes/{rev}/receipt")).await), told);
        let mark = server.mark().await;
        assert!(other.until(&mark).await.is_empty() && deaf.until(&mark).await.is_empty());
    }

    async fn those_without_a_tab_are_counted_and_named(server: TestServer) {
        let desk = server.role("desk", &["org:view"]).await;
        for name in ["zoe", "bob", "carl", "dora"] {
            let account = server.account(name, &[]).await;
            server.give(&account, desk).await;
            if name == "dora" {
                let path = format!("/api/accounts/users/{}/", account.id);
                ok(server.platform().await.patch(&path, json!({ "status": 0 })).await);
            }
        }
        let carl = server.signed_in("carl").await;
        let mut tab = server.tab(&carl).await;
        let rev = server.change_role(desk, "add", &["staff:view"]).await;
        tab.next_of("PERMISSION_UPDATE").await;
        let told = receipt(&server, &rev).await;
        assert_eq!(told["offline"], json!({ "count": 2, "names": ["bob", "zoe"] }), "neither who is here nor who may not be");
        // Who was not there stays so in the receipt, whoever comes later.
        server.tab(&server.signed_in("bob").await).await;
        assert_eq!(receipt(&server, &rev).await["offline"]["count"], 2);
    }

    async fn an_ended_session_has_a_receipt(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        let kicker = server.account("kicker", &["session:view", "session:kick"]).await;
        let (tab, mut watching) = (server.tab(&alice).await, listening(&server, &kicker).await);
        let rev = ok(kicker.delete(&format!("/api/v1/sessions/{}", alice.sid)).await)["rev"].clone();
        assert_eq!(tab.end().await.1, 4501);
        let (told, _) = told_until_complete(&mut watching, &rev).await;
        assert_eq!((&told["state"], &told["tabs_sent"], &told["tabs_acked"]), (&json!("delivered"), &json!(1), &json!(1)));
        assert_eq!(told["offline"]["count"], 0);
    }

    /// Tabs do not acknowledge notices, and the receipt does not pretend that they do.
    async fn a_notice_is_sent_and_never_called_delivered(server: TestServer) {
        let sender = server.account("sender", &["notification:broadcast"]).await;
        let mut watching = listening(&server, &sender).await;
        let notice = json!({ "title": "t", "content": "c", "category": "x", "severity": "info" });
        let rev = ok(sender.post("/api/v1/notifications/broadcast", notice).await)["rev"].clone();
        let (told, _) = told_until_complete(&mut watching, &rev).await;
        assert_eq!((&told["state"], &told["tabs_sent"]), (&json!("enforced"), &json!(1)));
        for unknown in ["tabs_acked", "slowest_ms", "slowest", "offline", "change_type"] {
            assert_eq!(told[unknown], Value::Null, "{unknown}");
        }
    }
}

both_databases! {
    /// What is told together waits first, and every one of the changes is acknowledged by the one frame.
    async fn merged_changes_wait_and_are_delivered_together(database: TestDatabase) {
        Setup::on(&database).with(|settings| settings.realtime.merge_window_ms = 1_000).run(async |server| {
            let alice = server.account("alice", &["org:view"]).await;
            let mut tab = server.tab(&alice).await;
            let first = server.change_role(alice.role, "add", &["staff:view"]).await;
            ack(&mut tab, &first).await;
            let second = server.change_role(alice.role, "add", &["staff:create"]).await;
            let third = server.change_role(alice.role, "add", &["staff:update"]).await;
            let settled = async {
                while receipt(&server, &third).await["waiting"] != 1 {}
            };
            tokio::time::timeout(crate::support::PATIENCE, settled).await.expect("the account waits");
            for rev in [&second, &third] {
                let told = receipt(&server, rev).await;
                assert_eq!((&told["state"], &told["tabs_sent"], &told["waiting"]), (&json!("enforced"), &json!(0), &json!(1)));
            }
            server.advance(Duration::from_secs(1)).await;
            let frame = tab.next_of("PERMISSION_UPDATE").await;
            assert_eq!(frame["data"]["added"], json!(["staff:create", "staff:update"]));
            ack(&mut tab, &third).await;
            for rev in [&first, &second, &third] {
                let told = receipt(&server, rev).await;
                let counts = (&told["tabs_sent"], &told["tabs_acked"], &told["waiting"]);
                assert_eq!((&told["state"], counts), (&json!("delivered"), (&json!(1), &json!(1), &json!(0))), "{told}");
            }
        })
        .await;
    }

    async fn another_companys_receipts_are_not_found(database: TestDatabase) {
        Setup::on(&database).with_company("elsewhere").run(async |server| {
            let elsewhere = server.company("elsewhere").await;
            let insider = server.account_in(elsewhere, "insider", &["permission:assign", "staff:view"]).await;
            let theirs = server.account_in(elsewhere, "theirs", &["audit:view"]).await;
            let ours = server.account("ours", &["audit:view"]).await;
            let mine = server.change_role(ours.role, "add", &["org:view"]).await;
            let path = format!("/api/v1/roles/{}/permissions/remove", insider.role);
            let rev = ok(insider.post(&path, json!({ "permissions": ["staff:view"] })).await)["rev"].clone();
            let path = format!("/api/v1/changes/{rev}/receipt");
            refused(ours.get(&path).await, 404, "not_found");
            assert_eq!(ok(theirs.get(&path).await)["rev"], rev);
            assert_eq!(ok(server.platform().await.get(&path).await)["rev"], rev);
            let latest = "/api/v1/changes/latest/receipt";
            assert_eq!((&ok(ours.get(latest).await)["rev"], &ok(theirs.get(latest).await)["rev"]), (&mine, &rev));
        })
        .await;
    }
}

served_once! {
    /// Ten thousand lines must not travel: a hundred do, and the totals are over all.
    async fn only_the_slowest_hundred_accounts_are_listed(server: TestServer) {
        let desk = server.role("desk", &["org:view"]).await;
        let mut tabs = Vec::new();
        for number in 0..103 {
            let account = server.account(&format!("holder{number:03}"), &[]).await;
            server.give(&account, desk).await;
            tabs.push(server.tab(&account).await);
        }
        let rev = server.change_role(desk, "add", &["staff:view"]).await;
        for (number, tab) in tabs.iter_mut().enumerate() {
            tab.next_of("PERMISSION_UPDATE").await;
            if number > 0 {
                server.clock.advance(Duration::from_millis(1));
                ack(tab, &rev).await;
            }
        }
        let told = receipt(&server, &rev).await;
        let totals = (&told["accounts_told"], &told["tabs_sent"], &told["tabs_acked"], &told["slowest_ms"]);
        assert_eq!(totals, (&json!(103), &json!(103), &json!(102), &json!(102)));
        assert_eq!(told["slowest"]["username"], "holder102");
        let names: Vec<_> = told["accounts"].as_array().unwrap().iter().map(|line| line["username"].as_str().unwrap()).collect();
        assert_eq!((names.len(), &names[..3]), (100, &["holder000", "holder102", "holder101"][..]), "who has not answered first");
    }
}
