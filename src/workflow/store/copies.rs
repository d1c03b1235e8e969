//! The SQL of who is informed of what.

use crate::db::{Conn, DbError};
use crate::{sql_all, sql_exec, sql_opt};
use livegrant_actors::AccountId;

/// Informs somebody of an instance. 0: he is already (FW16).
pub async fn add(
    conn: &mut Conn,
    instance: i64,
    account: AccountId,
    node: &str,
    now: i64,
) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "INSERT INTO wf_copy (instance_id, account_id, node_code, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (instance_id, account_id) DO NOTHING",
        instance,
        account.0,
        node,
        now
    )
}

/// Lists who is informed of an instance.
pub async fn of_instance(conn: &mut Conn, instance: i64) -> Result<Vec<AccountId>, DbError> {
    let rows = sql_all!(
        conn,
        (i64,),
        "SELECT account_id FROM wf_copy WHERE instance_id = $1 ORDER BY account_id",
        instance
    )?;
    Ok(rows.into_iter().map(|row| AccountId(row.0)).collect())
}

/// Answers whether somebody is informed of an instance.
pub async fn has(conn: &mut Conn, instance: i64, account: AccountId) -> Result<bool, DbError> {
    let row = sql_opt!(
        conn,
        (i64,),
        "SELECT account_id FROM wf_copy WHERE instance_id = $1 AND account_id = $2",
        instance,
        account.0
    )?;
    Ok(row.is_some())
}
