//! The SQL of preferences: what an account chose, and what its company chose for all (`account_id` 0).

use crate::db::{Conn, DbError};
use crate::{sql_all, sql_exec};
use livegrant_actors::{AccountId, CompanyId};

/// What is stored of one kind and channel.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the fields are the columns of the same name")]
pub struct PreferenceRow {
    pub account_id: i64,
    #[sqlx(rename = "type")]
    pub kind: String,
    pub channel: String,
    pub enabled: bool,
    pub locked: bool,
}

/// Lists what an account and its company chose.
pub async fn preferences(
    conn: &mut Conn,
    account: AccountId,
    company: CompanyId,
) -> Result<Vec<PreferenceRow>, DbError> {
    sql_all!(
        conn,
        PreferenceRow,
        "SELECT account_id, type, channel, enabled, locked FROM sys_notification_preference
          WHERE company_id = $2 AND account_id IN (0, $1) ORDER BY account_id, type, channel",
        account.0,
        company.0
    )
}

/// Stores one choice.
pub async fn prefer(
    conn: &mut Conn,
    company: CompanyId,
    row: &PreferenceRow,
    now: i64,
) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "INSERT INTO sys_notification_preference AS p (account_id, company_id, type, channel, enabled, locked, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (account_id, company_id, type, channel) DO UPDATE
            SET enabled = excluded.enabled, locked = excluded.locked, updated_at = excluded.updated_at
          WHERE p.enabled <> excluded.enabled OR p.locked <> excluded.locked",
        row.account_id,
        company.0,
        &row.kind,
        &row.channel,
        row.enabled,
        row.locked,
        now
    )
}
