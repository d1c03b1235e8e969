//! What `sys_websocket_session` says of the connections that were (S3-33, S3-89).

use livegrant::{sql_all, sql_exec};
use serde_json::{Value, json};

use livegrant::realtime::recorder::{self, Note};
use livegrant::realtime::watch::{self, Event};
use livegrant_actors::{AccountId, ConnectionId};
use std::sync::Arc;

use crate::support::{Setup, TestServer, both_databases, served};

/// Transport, status and reason of an account's records, oldest first.
async fn records(server: &TestServer, account: i64) -> Vec<(String, i64, Option<String>, Option<i64>)> {
    let mut conn = server.core.db.read().await.unwrap();
    sql_all!(
        &mut conn,
        (String, i64, Option<String>, Option<i64>),
        "SELECT transport, status, close_reason, ack_version FROM sys_websocket_session WHERE user_id = $1 ORDER BY id",
        account
    )
    .unwrap()
}

fn record(
    transport: &str,
    end: Option<&str>,
    ack: Option<i64>,
) -> (String, i64, Option<String>, Option<i64>) {
    (transport.to_owned(), i64::from(end.is_none()), end.map(str::to_owned), ack)
}

/// Waits until a tab that the client has left is gone for the server too.
async fn alone(server: &TestServer) {
    while server.core.engine.stats().tabs > 0 {
        tokio::task::yield_now().await;
    }
}

served! {
    async fn a_connection_is_recorded_with_its_end(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        let mut tab = server.socket(&alice).await;
        let rev = tab.next_of("PERMISSION_UPDATE").await["data"]["permissionVersion"].clone();
        server.recorded().await;
        assert_eq!(records(&server, alice.id).await, [record("websocket", None, None)]);
        tab.ack(&rev).await;
        tab.send(json!({ "type": "nonsense" })).await;
        let (_, code, _) = tab.end().await;
        assert_eq!(code, 4500);
        server.recorded().await;
        assert_eq!(records(&server, alice.id).await, [record("websocket", Some("protocol"), rev.as_i64())]);
    }

    /// However short: the engine tells of it, nobody has to look at the right moment.
    async fn a_connection_that_came_and_went_is_one_record(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        for _ in 0..20 {
            drop(server.tab(&alice).await);
        }
        alone(&server).await;
        server.recorded().await;
        let records = records(&server, alice.id).await;
        assert_eq!(records.len(), 20);
        assert!(records.iter().all(|record| record.1 == 0 && record.2.is_some()), "{records:?}");
    }

    async fn every_transport_is_recorded(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        let poll = crate::support::ok(alice.get("/api/v1/poll?wait=0").await);
        assert!(poll["connectionId"].is_string(), "{poll}");
        let events = alice.request(reqwest::Method::GET, "/api/v1/events").send().await.unwrap();
        assert_eq!(events.status(), 200);
        server.recorded().await;
        let mut open = records(&server, alice.id).await;
        open.sort();
        assert_eq!(open, [record("poll", None, None), record("sse", None, None)]);
    }
}

both_databases! {
    /// What is open when the process is told to stop is recorded as ended before the database is closed.
    async fn a_stopping_server_writes_the_last_records(database: TestDatabase) {
        Setup::on(&database).run(async |server: TestServer| {
            let alice = server.account("alice", &[]).await;
            let tab = server.tab(&alice).await;
            let (end, ()) = tokio::join!(tab.end(), server.stop());
            assert_eq!((end.0, end.1), (Vec::<Value>::new(), 1012));
        })
        .await;
        Setup::on(&database).run(async |server: TestServer| {
            let alice = crate::support::ok(server.login("alice", crate::support::PASSWORD).await);
            let id = alice["user"]["id"].as_i64().unwrap();
            assert_eq!(records(&server, id).await, [record("websocket", Some("restart"), None)]);
        })
        .await;
    }

    /// While nobody gets a connection to the database, tabs come and go; all of it is written afterwards.
    async fn nothing_is_lost_while_the_database_is_away(database: TestDatabase) {
        let quick = |settings: &mut livegrant::settings::Settings| settings.database.acquire_timeout_seconds = 1;
        Setup::on(&database).with(quick).run(async |server: TestServer| {
            let alice = server.account("alice", &[]).await;
            drop(server.tab(&alice).await);
            let staying = server.tab(&alice).await;
            let mut held = Vec::new();
            let author = livegrant::db::Author::system("tests");
            while let Ok(work) = server.core.db.begin(&author).await {
                held.push(work);
            }
            for _ in 0..10 {
                // Who is known in memory needs no database to come in.
                drop(server.tab(&alice).await);
            }
            while server.core.engine.stats().tabs > 1 {
                tokio::task::yield_now().await;
            }
            // Longer than the recorder collects and waits for its first try.
            for _ in 0..4 {
                assert!(server.core.db.begin(&author).await.is_err());
            }
            drop(held);
            server.recorded().await;
            let records = records(&server, alice.id).await;
            assert_eq!(records.len(), 12, "{records:?}");
            assert_eq!(records.iter().filter(|record| record.1 == 1).count(), 1);
            drop(staying);
        })
        .await;
    }

    /// A queue that was too short: the open records become the open tabs.
    async fn what_did_not_fit_is_compared_with_the_engine(database: TestDatabase) {
        Setup::on(&database).run(async |server: TestServer| {
            let alice = server.account("alice", &[]).await;
            let tab = server.tab(&alice).await;
            server.recorded().await;
            let (feed, source) = watch::queue("test", 2);
            let feed = Arc::new(feed);
            let recording = tokio::spawn(recorder::run(server.core.clone(), source));
            recorder::flush(&feed).await;
            let mut work = server.core.db.begin(&livegrant::db::Author::system("tests")).await.unwrap();
            sql_exec!(work.conn(), "DELETE FROM sys_websocket_session").unwrap();
            work.commit(livegrant::db::SystemTask::Upkeep).await.unwrap();

            let mut ghost = server.core.engine.online().await.remove(0).tabs.remove(0);
            for number in 0..3 {
                ghost.connection_id = ConnectionId::from(format!("ghost {number}"));
                let event = Event { account: AccountId(alice.id), tab: ghost.clone(), closed: None };
                feed.put(Note::Event(Box::new(event)));
            }
            recorder::flush(&feed).await;
            let mut records = records(&server, alice.id).await;
            records.sort();
            let lost = record("websocket", Some("lost"), None);
            assert_eq!(records, [lost.clone(), lost, record("websocket", None, None)]);
            recording.abort();
            drop(tab);
        })
        .await;
    }

    /// A record that a crash left open is ended at the next start, and nothing is recorded before.
    async fn a_record_that_a_crash_left_open_is_ended(database: TestDatabase) {
        Setup::on(&database).run(async |server: TestServer| {
            let mut work = server.core.db.begin(&livegrant::db::Author::system("tests")).await.unwrap();
            let left = sql_exec!(
                work.conn(),
                "INSERT INTO sys_websocket_session (user_id, session_id, connect_time) VALUES (1, 'left', 1)"
            );
            assert_eq!(left.unwrap(), 1);
            work.commit(livegrant::db::SystemTask::Upkeep).await.unwrap();
        })
        .await;
        Setup::on(&database).run(async |server: TestServer| {
            server.recorded().await;
            // The run before may have taken it for one of a node that is gone, the moment it was written.
            let ended = ["restart", "node_lost"].map(|reason| [record("ws", Some(reason), None)]);
            let found = records(&server, 1).await;
            assert!(ended.iter().any(|ended| found == ended), "{found:?}");
        })
        .await;
    }
}
