//! The tables, columns and indexes that other systems were promised by name (S3-30 … S3-35, S3-99 … S3-102), on both
//! databases. Names and order of an index's columns count; what else is there does not.

use livegrant::db::{Conn, DbError};
use livegrant::{sql_all, sql_exec};

use crate::house::House;
use crate::support::both_databases;

const COLUMNS: [(&str, &[&str]); 4] = [
    (
        "sys_permission_change_log",
        &[
            "id",
            "change_type",
            "target_user_id",
            "target_role_id",
            "operator_id",
            "change_detail",
            "create_time",
        ],
    ),
    (
        "sys_websocket_session",
        &["id", "user_id", "session_id", "connect_time", "disconnect_time", "client_info", "status"],
    ),
    ("sys_login_user", &["user_id", "permission_version"]),
    ("sys_role_menu", &["role_id", "update_time"]),
];

const INDEXES: [(&str, &str, &[&str]); 7] = [
    ("sys_permission_change_log", "idx_user_time", &["target_user_id", "create_time"]),
    ("sys_permission_change_log", "idx_role_time", &["target_role_id", "create_time"]),
    (
        "sys_permission_change_log",
        "idx_permission_log_target",
        &["target_user_id", "target_role_id", "create_time"],
    ),
    ("sys_websocket_session", "idx_user_status", &["user_id", "status"]),
    ("sys_websocket_session", "idx_websocket_user_status", &["user_id", "status", "connect_time"]),
    ("sys_login_user", "idx_user_permission_version", &["user_id", "permission_version"]),
    ("sys_role_menu", "idx_role_permission_update", &["role_id", "update_time"]),
];

async fn columns_of(conn: &mut Conn, table: &str) -> Vec<String> {
    let rows = if conn.is_sqlite() {
        sql_all!(conn, (String,), "SELECT name FROM pragma_table_info($1) ORDER BY cid", table)
    } else {
        sql_all!(
            conn,
            (String,),
            "SELECT column_name::text FROM information_schema.columns WHERE table_name = $1 ORDER BY ordinal_position",
            table
        )
    };
    rows.unwrap().into_iter().map(|row| row.0).collect()
}

async fn columns_of_index(conn: &mut Conn, table: &str, index: &str) -> Vec<String> {
    let rows = if conn.is_sqlite() {
        sql_all!(
            conn,
            (String,),
            "SELECT part.name FROM pragma_index_list($1) AS list, pragma_index_info(list.name) AS part
              WHERE list.name = $2 ORDER BY part.seqno",
            table,
            index
        )
    } else {
        sql_all!(
            conn,
            (String,),
            "SELECT pg_get_indexdef(i.indexrelid, n, TRUE) FROM pg_index i, generate_series(1, i.indnkeyatts) AS n
              WHERE i.indrelid = to_regclass($1) AND i.indexrelid = to_regclass($2) ORDER BY n",
            table,
            index
        )
    };
    rows.unwrap().into_iter().map(|row| row.0).collect()
}

both_databases! {
    /// S3-10.
    async fn promised_columns_are_there(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut conn = house.read().await;
        for (table, columns) in COLUMNS {
            let present = columns_of(&mut conn, table).await;
            let missing: Vec<_> = columns.iter().filter(|column| !present.contains(&(**column).to_owned())).collect();
            assert!(missing.is_empty(), "{table} has no {missing:?}; it has {present:?}");
        }
        assert!(columns_of(&mut conn, "no_such_table").await.is_empty());
    }

    async fn promised_indexes_are_there(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut conn = house.read().await;
        for (table, index, columns) in INDEXES {
            assert_eq!(columns_of_index(&mut conn, table, index).await, columns, "{index} on {table}");
        }
        assert!(columns_of_index(&mut conn, "sys_role_menu", "idx_user_time").await.is_empty());
    }

    async fn a_connection_record_is_unique_and_connected_until_it_ends(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let insert = sql_exec!(
            work.conn(),
            "INSERT INTO sys_websocket_session (user_id, session_id, connect_time) VALUES (1, 's', 1)"
        );
        assert_eq!(insert.unwrap(), 1);
        let stored = sql_all!(work.conn(), (i64, Option<i64>), "SELECT status, disconnect_time FROM sys_websocket_session");
        assert_eq!(stored.unwrap(), [(1, None)]);
        let again = sql_exec!(
            work.conn(),
            "INSERT INTO sys_websocket_session (user_id, session_id, connect_time) VALUES (2, 's', 2)"
        );
        assert!(matches!(again, Err(DbError::Duplicate)), "{again:?}");
    }

    async fn a_change_without_an_operator_is_refused(database: TestDatabase) {
        let house = House::build(&database).await;
        let mut work = house.work().await;
        let nobody = sql_exec!(
            work.conn(),
            "INSERT INTO sys_permission_change_log (change_type, operator_id, change_detail, create_time, company_id, rev,
                request_id) VALUES ('USER_ROLE', NULL, '{}', 1, 1, 1, '')"
        );
        assert!(nobody.is_err());
    }
}
