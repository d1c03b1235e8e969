//! The store functions of connection records: the same expectations on both databases.

use livegrant::db::Conn;
use livegrant::policy::HolderId;
use livegrant::realtime::store as realtime_store;
use livegrant::realtime::store::records::LeftOver;
use livegrant::realtime::watch::Event;
use livegrant::{sql_all, sql_exec, sql_one};
use livegrant_actors::{AccountId, CloseReason, ConnectionId, NodeId, Rev, SessionId, TabInfo};

use crate::house::{COMPANY, House, commit, insert_position, insert_staff, place};
use crate::support::both_databases;

const HERE: NodeId = NodeId(5);
const OTHER: NodeId = NodeId(6);

type Row = (i64, String, i64, Option<i64>, i64, String, String, Option<String>, Option<i64>);

fn event(connection: &str, closed: Option<(i64, CloseReason)>) -> Event {
    let tab = TabInfo {
        connection_id: ConnectionId::from(connection.to_owned()),
        sid: SessionId::from("sid".to_owned()),
        transport: livegrant_actors::Transport::Sse,
        ip: [192, 0, 2, 1].into(),
        browser: "quote ' \" \\ 好 🚀".into(),
        connected_at: 10,
        last_heartbeat: 11,
        rev: Rev(5),
        acked: closed.map(|_| Rev(4)),
    };
    Event { account: AccountId(7), tab, closed }
}

async fn rows(conn: &mut Conn) -> Vec<Row> {
    sql_all!(
        conn,
        Row,
        "SELECT user_id, session_id, connect_time, disconnect_time, status, sid, transport, close_reason, ack_version
           FROM sys_websocket_session ORDER BY session_id"
    )
    .unwrap()
}

fn row(connection: &str, end: Option<(i64, &str, Option<i64>)>) -> Row {
    let (at, reason, ack) = match end {
        Some((at, reason, ack)) => (Some(at), Some(reason.to_owned()), ack),
        None => (None, None, None),
    };
    (
        7,
        connection.to_owned(),
        10,
        at,
        i64::from(end.is_none()),
        "sid".to_owned(),
        "sse".to_owned(),
        reason,
        ack,
    )
}

both_databases! {
    async fn a_record_opens_once_and_ends_once_in_any_order(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let slow = |at| Some((at, CloseReason::Slow));
        assert_eq!(realtime_store::records::record(conn, HERE, &event("a", None)).await.unwrap(), 1);
        assert_eq!(realtime_store::records::record(conn, HERE, &event("a", None)).await.unwrap(), 0, "told twice");
        assert_eq!(realtime_store::records::record(conn, HERE, &event("b", slow(20))).await.unwrap(), 1, "never told open");
        assert_eq!(realtime_store::records::record(conn, HERE, &event("b", None)).await.unwrap(), 0, "it does not open again");
        assert_eq!(rows(conn).await, [row("a", None), row("b", Some((20, "slow", Some(4))))]);
        assert_eq!(realtime_store::records::record(conn, HERE, &event("a", slow(30))).await.unwrap(), 1);
        assert_eq!(realtime_store::records::record(conn, HERE, &event("a", slow(40))).await.unwrap(), 0, "ended is ended");
        assert_eq!(rows(conn).await[0], row("a", Some((30, "slow", Some(4)))));
        let (client,) = sql_one!(
            conn,
            (sqlx::types::Json<serde_json::Value>,),
            "SELECT client_info FROM sys_websocket_session WHERE session_id = 'a'"
        )
        .unwrap();
        assert_eq!(client.0, serde_json::json!({ "ip": "192.0.2.1", "browser": "quote ' \" \\ 好 🚀" }));
        commit(work).await;
    }

    async fn what_is_open_is_listed_and_ended_when_nobody_saw_its_end(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        for connection in ["a", "b", "c"] {
            realtime_store::records::record(conn, HERE, &event(connection, None)).await.unwrap();
        }
        assert_eq!(realtime_store::records::record_lost(conn, "b", 50).await.unwrap(), 1);
        assert_eq!(realtime_store::records::record_lost(conn, "b", 60).await.unwrap(), 0);
        assert_eq!(realtime_store::records::record_lost(conn, "never", 60).await.unwrap(), 0);
        let mut open = realtime_store::records::recorded_open(conn, HERE).await.unwrap();
        open.sort();
        assert_eq!(open, ["a", "c"]);
        assert_eq!(realtime_store::records::close_left_over(conn, OTHER, i64::MAX, 70, LeftOver::Restart).await.unwrap(), 2);
        let restarted = |connection| row(connection, Some((70, "restart", None)));
        assert_eq!(rows(conn).await, [restarted("a"), row("b", Some((50, "lost", None))), restarted("c")]);
        commit(work).await;
    }

    async fn only_the_records_of_nodes_that_are_gone_are_ended(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let [dead, silent] = [NodeId(7), NodeId(8)];
        for (node, connection) in [(HERE, "here"), (OTHER, "other"), (dead, "dead"), (silent, "silent")] {
            realtime_store::records::record(conn, node, &event(connection, None)).await.unwrap();
        }
        sql_exec!(
            conn,
            "INSERT INTO sys_websocket_session (user_id, session_id, connect_time, sid, transport)
             VALUES (7, 'old', 10, 'sid', 'sse')"
        )
        .unwrap();
        for (node, seen_at) in [(HERE, 100), (OTHER, 100), (silent, 50)] {
            sql_exec!(
                conn,
                "INSERT INTO sys_node (node_id, name, version, address, started_at, seen_at, lease_until, applied_rev, state)
                 VALUES ($1, '', '', '', 1, $2, 1, 1, 'up')",
                node.0,
                seen_at
            )
            .unwrap();
        }
        let lost = |at| Some((at, "node_lost", None));
        let ended = realtime_store::records::close_left_over(conn, HERE, 50, 70, LeftOver::NodeLost).await;
        assert_eq!(ended.unwrap(), 2);
        let expected = [row("dead", lost(70)), row("here", None), row("old", None), row("other", None), row("silent", lost(70))];
        assert_eq!(rows(conn).await, expected);
        assert_eq!(realtime_store::records::recorded_open(conn, HERE).await.unwrap(), ["here"]);

        // The silent one was not dead: it finds out, and its connection is open again until it has ended it itself.
        assert!(realtime_store::records::was_thought_dead(conn, silent).await.unwrap());
        assert!(!realtime_store::records::was_thought_dead(conn, HERE).await.unwrap());
        assert_eq!(realtime_store::records::record(conn, silent, &event("silent", None)).await.unwrap(), 1);
        assert_eq!(rows(conn).await[4], row("silent", None));
        assert!(!realtime_store::records::was_thought_dead(conn, silent).await.unwrap());
        let slow = event("dead", Some((80, CloseReason::Slow)));
        assert_eq!(realtime_store::records::record(conn, dead, &slow).await.unwrap(), 1);
        assert_eq!(realtime_store::records::record(conn, dead, &event("dead", None)).await.unwrap(), 0);
        assert_eq!(rows(conn).await[0], row("dead", Some((80, "slow", Some(4)))));

        // Old records have no node: they end when nobody else is left.
        let ended = realtime_store::records::close_left_over(conn, HERE, 100, 90, LeftOver::Restart).await;
        assert_eq!(ended.unwrap(), 3);
        let open = rows(conn).await.into_iter().filter(|row| row.4 == 1).map(|row| row.1).collect::<Vec<_>>();
        assert_eq!(open, ["here"]);
        commit(work).await;
    }

    async fn whom_a_change_concerns_is_named_by_its_holders(database: TestDatabase) {
        let house = House::build(&database).await;
        let (otto, emma, gone) =
            (house.account("otto").await, house.account("emma").await, house.account("gone").await);
        let role = house.role("desk", &[]).await;
        house.give(otto, role, None).await;
        house.give(emma, role, Some(50)).await;
        house.give(gone, role, Some(5)).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let position = insert_position(conn, "clerk").await;
        let staff = insert_staff(conn, "1", emma).await;
        place(conn, staff, position).await;
        let named = async |conn: &mut Conn, holder, now| {
            let rows = realtime_store::receipts::holders(conn, holder, now).await.unwrap();
            rows.into_iter().map(|row| (row.account, row.username)).collect::<Vec<_>>()
        };
        let both = [(emma, "emma".to_owned()), (otto, "otto".to_owned())];
        assert_eq!(named(conn, HolderId::Role(role), 10).await, both, "by name, without who no longer holds it");
        assert_eq!(named(conn, HolderId::Role(role), 50).await, both[1..]);
        assert_eq!(named(conn, HolderId::Position(position), 10).await, both[..1]);
        let person = realtime_store::receipts::person(conn, emma).await.unwrap().unwrap();
        assert_eq!((person.username.as_str(), person.company), ("emma", COMPANY));
        assert_eq!(realtime_store::receipts::person(conn, AccountId(-1)).await.unwrap(), None);
        let named = realtime_store::people::named(conn, &[AccountId(-1), emma]).await.unwrap();
        assert_eq!(named.len(), 1, "who is not there is left out");
        assert_eq!((named[0].account, named[0].username.as_str(), named[0].company), (emma, "emma", COMPANY));
        assert_eq!(realtime_store::people::named(conn, &[]).await.unwrap(), []);
    }
}
