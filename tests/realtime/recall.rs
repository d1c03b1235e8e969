//! Tabs that come back after a restart get the notices that they missed (I9).

use livegrant::sql_exec;
use serde_json::Value;

use crate::support::{Setup, Tab, TestServer, both_databases};

async fn open(server: &TestServer, bearer: &str, query: &str) -> (Tab, Value) {
    let headers = [("authorization", bearer), ("sec-websocket-protocol", "wsp.v1")];
    let mut tab = server.try_socket(query, &headers).await.expect("a socket");
    let connected = tab.next_of("CONNECTED").await;
    (tab, connected["data"].clone())
}

fn place(connected: &Value) -> String {
    let text = |name: &str| connected[name].as_str().expect("a text").to_owned();
    format!("?resume={}:{}:{}:{}", text("epoch"), connected["rev"], text("hash"), connected["inboxSeq"])
}

/// The titles of the notices up to a mark, and whether the tab was told to fetch what is missing.
async fn told(server: &TestServer, tab: &mut Tab) -> (Vec<String>, bool) {
    let mark = server.mark().await;
    let seen = tab.until(&mark).await;
    let notices = seen.iter().filter(|frame| frame["type"] == "SYSTEM_NOTICE");
    let titles = notices.map(|frame| frame["data"]["title"].as_str().unwrap().to_owned()).collect();
    (titles, seen.iter().any(|frame| frame["type"] == "RESYNC"))
}

both_databases! {
    async fn what_was_told_while_a_tab_was_away_is_told_after_a_restart(database: TestDatabase) {
        let mut kept = None;
        Setup::on(&database).run(async |server: TestServer| {
            let alice = server.account("alice", &[]).await;
            let bearer = format!("Bearer {}", alice.access);
            let (mut tab, _) = open(&server, &bearer, "").await;
            // Told, and not only committed: who comes now stands behind it.
            told(&server, &mut tab).await;
            let (mut tab, before) = open(&server, &bearer, "").await;
            let missed = [server.mark().await, server.mark().await];
            tab.until(&missed[1]).await;
            let (tab, after) = open(&server, &bearer, "").await;
            drop(tab);
            kept = Some((bearer, place(&before), missed, place(&after)));
        })
        .await;
        let (bearer, before, missed, after) = kept.unwrap();
        Setup::on(&database).run(async |server: TestServer| {
            let (mut tab, _) = open(&server, &bearer, &before).await;
            assert_eq!(told(&server, &mut tab).await, (missed.to_vec(), false), "both, once, in order");
            // Who missed nothing is told nothing, and nobody is told to fetch anything.
            let (mut current, connected) = open(&server, &bearer, "").await;
            let place = place(&connected);
            assert_eq!(told(&server, &mut current).await, (Vec::new(), false));
            let (mut again, _) = open(&server, &bearer, &place).await;
            let (titles, resync) = told(&server, &mut again).await;
            assert_eq!((titles.len(), resync), (1, false), "the mark of before");
            let (mut current, _) = open(&server, &bearer, &after).await;
            let (titles, resync) = told(&server, &mut current).await;
            assert_eq!((titles.len(), resync), (3, false), "the three marks of before, and not what it had seen");
        })
        .await;
    }

    /// What is older than a day is not told again; the tab learns that something is missing.
    async fn what_is_too_old_is_said_to_be_missing(database: TestDatabase) {
        let mut kept = None;
        Setup::on(&database).run(async |server: TestServer| {
            let alice = server.account("alice", &[]).await;
            let bearer = format!("Bearer {}", alice.access);
            let (mut tab, before) = open(&server, &bearer, "").await;
            // Told, and not only committed: who comes now stands behind it.
            told(&server, &mut tab).await;
            let (tab, after) = open(&server, &bearer, "").await;
            drop(tab);
            let mut work = server.core.db.begin(&livegrant::db::Author::system("tests")).await.unwrap();
            sql_exec!(work.conn(), "UPDATE policy_log SET at = at - 90000000").unwrap();
            work.commit(livegrant::db::SystemTask::Upkeep).await.unwrap();
            kept = Some((bearer, place(&before), place(&after)));
        })
        .await;
        let (bearer, before, after) = kept.unwrap();
        Setup::on(&database).run(async |server: TestServer| {
            let (mut tab, _) = open(&server, &bearer, &after).await;
            assert_eq!(told(&server, &mut tab).await, (Vec::new(), false), "it had seen it");
            let (mut tab, _) = open(&server, &bearer, &before).await;
            let (titles, resync) = told(&server, &mut tab).await;
            assert!(resync, "it had not");
            assert_eq!(titles.len(), 1, "the mark of before");
        })
        .await;
    }
}
