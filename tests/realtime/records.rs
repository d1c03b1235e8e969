//! What `sys_websocket_session` says of the connections that were (S3-33, S3-89).

use livegrant::{sql_all, sql_exec};
use serde_json::{Value, json};

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
            assert_eq!(records(&server, 1).await, [record("ws", Some("restart"), None)]);
        })
        .await;
    }
}
