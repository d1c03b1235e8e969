//! The store functions of the clean-up, and a whole clean-up: what is over goes, what is still needed stays, on both
//! databases.

use livegrant::clock::Clock;
use livegrant::db::{Conn, Fence};
use livegrant::upkeep::purge::{Purged, purge};
use livegrant::upkeep::store as upkeep_store;
use livegrant::{sql_exec, sql_one};
use livegrant_actors::Rev;

use crate::house::{House, commit, engine, insert_account, insert_session};
use crate::support::{TestDatabase, both_databases};

const DAY: i64 = 24 * 3600 * 1000;

async fn connection(conn: &mut Conn, id: &str, sid: &str, end: Option<i64>) {
    let sql = sql_exec!(
        conn,
        "INSERT INTO sys_websocket_session (user_id, session_id, connect_time, sid, status, disconnect_time)
         VALUES (1, $1, 1, $2, $3, $4)",
        id,
        sid,
        i64::from(end.is_none()),
        end
    );
    assert_eq!(sql.unwrap(), 1);
}

async fn session(
    conn: &mut Conn,
    account: livegrant_actors::AccountId,
    state: &str,
    expires_at: i64,
) -> String {
    let sid = insert_session(conn, account).await;
    let sql = sql_exec!(
        conn,
        "UPDATE sys_session SET state = $2, expires_at = $3 WHERE sid = $1",
        sid.as_str(),
        state,
        expires_at
    );
    assert_eq!(sql.unwrap(), 1);
    sid.to_string()
}

async fn key(conn: &mut Conn, key: &str, status: Option<i64>, at: i64) {
    let sql = sql_exec!(
        conn,
        "INSERT INTO sys_idempotency (account_id, key, request, status, created_at) VALUES (1, $1, '', $2, $3)",
        key,
        status,
        at
    );
    assert_eq!(sql.unwrap(), 1);
}

async fn audit(conn: &mut Conn, action: &str, at: i64) {
    let sql = sql_exec!(
        conn,
        "INSERT INTO sys_audit_log (at, actor_id, company_id, action, resource, resource_id, permission_code, result, ip,
            request_id) VALUES ($1, 1, 1, $2, '', '', '', '', '', '')",
        at,
        action
    );
    assert_eq!(sql.unwrap(), 1);
}

async fn log(conn: &mut Conn, rev: i64, at: i64) {
    let sql = sql_exec!(
        conn,
        "INSERT INTO policy_log (rev, at, operator_id, operator_name, company_id, request_id, reason, changes, scopes)
         VALUES ($1, $2, 0, '', 0, '', '', '[]', '[]')",
        rev,
        at
    );
    assert_eq!(sql.unwrap(), 1);
}

async fn change(conn: &mut Conn, rev: i64, at: i64) {
    let sql = sql_exec!(
        conn,
        "INSERT INTO sys_permission_change_log (change_type, operator_id, change_detail, create_time, company_id, rev,
            request_id) VALUES ('USER_ROLE', 1, '{}', $2, 1, $1, '')",
        rev,
        at
    );
    assert_eq!(sql.unwrap(), 1);
}

async fn texts(conn: &mut Conn, sql: &str) -> Vec<String> {
    let query = sqlx::AssertSqlSafe(sql);
    match conn.raw() {
        livegrant::db::Raw::Sqlite(conn) => sqlx::query_scalar(query).fetch_all(conn).await.unwrap(),
        livegrant::db::Raw::Pg(conn) => sqlx::query_scalar(query).fetch_all(conn).await.unwrap(),
    }
}

both_databases! {
    async fn ended_connections_go_oldest_first_and_open_ones_stay(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        for (id, end) in [("open", None), ("c", Some(30)), ("a", Some(10)), ("b", Some(20))] {
            connection(conn, id, "", end).await;
        }
        assert_eq!(upkeep_store::purge_connections(conn, i64::MIN, 10).await.unwrap(), 0);
        assert_eq!(upkeep_store::purge_connections(conn, 30, 1).await.unwrap(), 1);
        let left = "SELECT session_id FROM sys_websocket_session ORDER BY session_id";
        assert_eq!(texts(conn, left).await, ["b", "c", "open"]);
        assert_eq!(upkeep_store::purge_connections(conn, 30, 10).await.unwrap(), 1);
        assert_eq!(texts(conn, left).await, ["c", "open"]);
        commit(work).await;
    }

    async fn sessions_go_after_their_time_and_not_while_a_tab_is_open(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        let account = insert_account(conn, "alice").await;
        let gone = [session(conn, account, "active", 99).await, session(conn, account, "ended", 98).await];
        let tab = session(conn, account, "ended", 97).await;
        let mut stay = vec![tab.clone(), session(conn, account, "ended", 100).await];
        stay.push(session(conn, account, "active", 101).await);
        connection(conn, "open", &tab, None).await;
        connection(conn, "closed", &gone[0], Some(5)).await;
        stay.sort();
        let left = "SELECT sid FROM sys_session ORDER BY sid";
        assert_eq!(upkeep_store::purge_sessions(conn, i64::MIN, 10).await.unwrap(), 0);
        assert_eq!(upkeep_store::purge_sessions(conn, 100, 1).await.unwrap(), 1);
        assert_eq!(upkeep_store::purge_sessions(conn, 100, 10).await.unwrap(), 1);
        assert_eq!(texts(conn, left).await, stay);
        commit(work).await;
    }

    async fn tickets_and_keys_go_when_they_are_over(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        for (hash, at) in [("a", 10), ("b", 20), ("c", 21)] {
            let sql = sql_exec!(
                conn,
                "INSERT INTO sys_stream_ticket (ticket_hash, sid, account_id, expires_at) VALUES ($1, 's', 1, $2)",
                hash,
                at
            );
            sql.unwrap();
        }
        assert_eq!(upkeep_store::purge_tickets(conn, 20, 1).await.unwrap(), 1);
        assert_eq!(upkeep_store::purge_tickets(conn, 20, 10).await.unwrap(), 1);
        assert_eq!(texts(conn, "SELECT ticket_hash FROM sys_stream_ticket").await, ["c"]);
        for (name, status, at) in
            [("old", Some(200), 9), ("kept", Some(200), 10), ("dead", None, 49), ("running", None, 50)]
        {
            key(conn, name, status, at).await;
        }
        assert_eq!(upkeep_store::purge_keys(conn, 10, 50, 10).await.unwrap(), 2);
        assert_eq!(texts(conn, "SELECT key FROM sys_idempotency ORDER BY key").await, ["kept", "running"]);
        commit(work).await;
    }

    async fn logs_lose_their_oldest_rows(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let conn = work.conn();
        for (action, at) in [("a", 10), ("b", 20), ("c", 30)] {
            audit(conn, action, at).await;
        }
        assert_eq!(upkeep_store::purge_audit(conn, i64::MIN, 10).await.unwrap(), 0);
        assert_eq!(upkeep_store::purge_audit(conn, 30, 1).await.unwrap(), 1);
        assert_eq!(upkeep_store::purge_audit(conn, 30, 10).await.unwrap(), 1);
        assert_eq!(texts(conn, "SELECT action FROM sys_audit_log").await, ["c"]);
        let first = livegrant::policy::store::first_kept(conn).await.unwrap();
        assert_eq!(first, None, "the first data is no change");
        for rev in 1..=5 {
            log(conn, rev, rev * 10).await;
        }
        change(conn, 2, 20).await;
        change(conn, 4, 40).await;
        assert_eq!(upkeep_store::purge_policy_log(conn, Rev(9), i64::MIN, 10).await.unwrap(), 0);
        assert_eq!(upkeep_store::purge_policy_log(conn, Rev(3), 99, 10).await.unwrap(), 2, "2 is referred to");
        assert_eq!(upkeep_store::purge_changes(conn, 40, 10).await.unwrap(), 1);
        assert_eq!(upkeep_store::purge_policy_log(conn, Rev(9), 40, 10).await.unwrap(), 1);
        let revs = texts(conn, "SELECT CAST(rev AS TEXT) FROM policy_log ORDER BY rev").await;
        assert_eq!(revs, ["4", "5"]);
        commit(work).await;
    }

    /// S3-91.
    async fn a_clean_up_takes_what_is_over_in_batches_and_leaves_the_rest(database: TestDatabase) {
        clean_up(&database).await;
    }
}

async fn clean_up(database: &TestDatabase) {
    let mut settings = database.settings();
    settings.retention.changes_days = 30;
    settings.retention.policy_log_days = 30;
    let now = 1_000 * DAY;
    let house = House::with(settings, Clock::manual(now)).await;
    let mut work = house.work().await;
    let conn = work.conn();
    for n in 0..2_500 {
        audit(conn, "old", now - 366 * DAY + n).await;
    }
    audit(conn, "new", now - 364 * DAY).await;
    connection(conn, "old", "", Some(now - 91 * DAY)).await;
    connection(conn, "new", "", Some(now - 89 * DAY)).await;
    let account = insert_account(conn, "alice").await;
    session(conn, account, "ended", now - 31 * DAY).await;
    let kept = session(conn, account, "ended", now - 29 * DAY).await;
    key(conn, "old", Some(200), now - DAY - 1).await;
    key(conn, "running", None, now - 59_000).await;
    change(conn, 1, now - 31 * DAY).await;
    change(conn, 2, now - 29 * DAY).await;
    // Old enough, but the newest of the log always stay.
    log(conn, 1, now - 31 * DAY).await;
    let sql = sql_exec!(
        conn,
        "INSERT INTO policy_epoch (scope, epoch) VALUES ('session:long-gone', 1) ON CONFLICT (scope) DO NOTHING"
    );
    assert_eq!(sql.unwrap(), 1);
    let (epochs,) = sql_one!(conn, (i64,), "SELECT count(*) FROM policy_epoch").unwrap();
    commit(work).await;

    let core = house.core(engine(), Fence::On).await;
    let expected =
        Purged { connections: 1, sessions: 1, tickets: 0, keys: 1, audit: 2_500, changes: 1, policy_log: 0 };
    assert_eq!(purge(&core).await.unwrap(), expected);
    assert_eq!(purge(&core).await.unwrap(), Purged::default(), "nothing is left to do");
    let mut conn = house.read().await;
    assert_eq!(texts(&mut conn, "SELECT action FROM sys_audit_log").await, ["new"]);
    assert_eq!(texts(&mut conn, "SELECT session_id FROM sys_websocket_session").await, ["new"]);
    assert_eq!(texts(&mut conn, "SELECT sid FROM sys_session").await, [kept]);
    assert_eq!(texts(&mut conn, "SELECT key FROM sys_idempotency").await, ["running"]);
    let (still,) = sql_one!(&mut conn, (i64,), "SELECT count(*) FROM policy_epoch").unwrap();
    assert_eq!(still, epochs, "epochs are never deleted");
}
