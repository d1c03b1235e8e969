//! What the tables hold, as one text: two equal texts mean that nothing was changed in between.
//!
//! Left out is what changes by itself or on purpose when nothing is changed: the audit log (it notes refusals), the
//! stored permission versions, keys of repeated requests, tickets.

use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection};

use super::TestServer;

const TABLES: [&str; 16] = [
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

const COLUMNS_LEFT_OUT: [&str; 2] = ["permission_version", "permission_hash"];

impl TestServer {
    /// Reads every table.
    pub async fn rows(&self) -> String {
        if self.database.starts_with("sqlite") {
            let mut conn = SqliteConnection::connect(&self.database).await.expect("the file opens");
            let mut text = String::new();
            for table in TABLES {
                let names = sqlx::query("SELECT name FROM pragma_table_info($1)").bind(table);
                let names: Vec<String> =
                    names.fetch_all(&mut conn).await.unwrap().iter().map(|row| row.get(0)).collect();
                let sql = select(table, names, |columns| format!("json_array({columns})"));
                text +=
                    &lines(table, sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut conn).await.unwrap());
            }
            conn.close().await.expect("the file closes");
            return text;
        }
        let mut conn = PgConnection::connect(&self.database).await.expect("the database answers");
        let mut text = String::new();
        for table in TABLES {
            let names = sqlx::query(
                "SELECT column_name::text FROM information_schema.columns
                  WHERE table_name = $1 ORDER BY ordinal_position",
            );
            let names: Vec<String> =
                names.bind(table).fetch_all(&mut conn).await.unwrap().iter().map(|row| row.get(0)).collect();
            let sql = select(table, names, |columns| format!("json_build_array({columns})::text"));
            text += &lines(table, sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut conn).await.unwrap());
        }
        conn.close().await.expect("a connection closes");
        text
    }
}

fn select(table: &str, names: Vec<String>, row: impl Fn(&str) -> String) -> String {
    assert!(!names.is_empty(), "there is no table {table}");
    let kept: Vec<String> =
        names.into_iter().filter(|name| !COLUMNS_LEFT_OUT.contains(&name.as_str())).collect();
    format!("SELECT {} AS line FROM {table} ORDER BY line", row(&kept.join(", ")))
}

fn lines(table: &str, rows: Vec<String>) -> String {
    rows.into_iter().map(|row| format!("{table} {row}\n")).collect()
}
