//! What the tables hold, as one text: two equal texts mean that nothing was changed in between.
//!
//! Left out is what changes by itself or on purpose when nothing is changed: the audit log (it notes refusals), the
//! stored permission versions, keys of repeated requests, tickets, what waits to be told, when a tab took a notice.

use sqlx::{Connection, PgConnection, SqliteConnection};

use super::TestServer;

const TABLES: [&str; 40] = [
    "hr_leave_type",
    "hr_leave_balance",
    "hr_leave_balance_log",
    "hr_calendar_day",
    "hr_leave_block",
    "hr_leave",
    "hr_leave_share",
    "wf_definition",
    "wf_instance",
    "wf_node_run",
    "wf_task",
    "wf_copy",
    "wf_log",
    "wf_substitute",
    "wf_sequence",
    "wf_timer",
    "sys_inbox",
    "sys_notification",
    "sys_notification_recipient",
    "sys_notification_counter",
    "sys_notification_preference",
    "sys_api_client",
    "sys_data_scope_org",
    "hr_staff_position_log",
    "company",
    "t_application",
    "sys_login_user",
    "hr_organization",
    "hr_position",
    "hr_staff",
    "hr_r_staff_position",
    "sys_permission",
    "sys_role",
    "sys_role_menu",
    "sys_user_role",
    "hr_r_position_permission",
    "sys_session",
    "policy_epoch",
    "policy_log",
    "sys_permission_change_log",
];

const COLUMNS_LEFT_OUT: [&str; 3] = ["permission_version", "permission_hash", "delivered_at"];

/// A connection that is kept for reading, with a statement a table.
pub struct Reader {
    conn: Either,
    statements: Vec<(&'static str, String)>,
}

enum Either {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl TestServer {
    /// Reads every table.
    pub async fn rows(&self) -> String {
        let mut kept = self.reader.lock().await;
        if kept.is_none() {
            *kept = Some(Reader::on(&self.database).await);
        }
        let Reader { conn, statements } = kept.as_mut().expect("it was made above");
        let mut text = String::new();
        for (table, sql) in statements {
            let query = sqlx::AssertSqlSafe(sql.as_str());
            let rows: Vec<String> = match conn {
                Either::Sqlite(conn) => sqlx::query_scalar(query).fetch_all(conn).await.unwrap(),
                Either::Postgres(conn) => sqlx::query_scalar(query).fetch_all(conn).await.unwrap(),
            };
            text.extend(rows.into_iter().map(|row| format!("{table} {row}\n")));
        }
        text
    }
}

impl Reader {
    async fn on(url: &str) -> Self {
        let of_table = |table: &str, columns: &[(String, String)]| {
            columns.iter().filter(|(of, _)| of == table).map(|(_, name)| name.clone()).collect::<Vec<_>>()
        };
        if url.starts_with("sqlite") {
            let mut conn = SqliteConnection::connect(url).await.expect("the file opens");
            let columns =
                "SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c ORDER BY c.cid";
            let columns = sqlx::query_as(columns).fetch_all(&mut conn).await.unwrap();
            let row = |columns: &str| format!("json_array({columns})");
            let statements = TABLES.map(|table| (table, select(table, of_table(table, &columns), row)));
            return Self { conn: Either::Sqlite(conn), statements: statements.into() };
        }
        let mut conn = PgConnection::connect(url).await.expect("the database answers");
        let columns = "SELECT attrelid::regclass::text, attname::text FROM pg_attribute
                        WHERE attrelid = ANY($1::regclass[]) AND attnum > 0 AND NOT attisdropped ORDER BY attnum";
        let tables = TABLES.map(str::to_owned).to_vec();
        let columns = sqlx::query_as(columns).bind(tables).fetch_all(&mut conn).await.unwrap();
        let row = |columns: &str| format!("json_build_array({columns})::text");
        let statements = TABLES.map(|table| (table, select(table, of_table(table, &columns), row)));
        Self { conn: Either::Postgres(conn), statements: statements.into() }
    }
}

fn select(table: &str, names: Vec<String>, row: impl Fn(&str) -> String) -> String {
    assert!(!names.is_empty(), "there is no table {table}");
    let kept: Vec<String> =
        names.into_iter().filter(|name| !COLUMNS_LEFT_OUT.contains(&name.as_str())).collect();
    format!("SELECT {} AS line FROM {table} ORDER BY line", row(&kept.join(", ")))
}
