//! The SQL of service tokens.

use super::model::ApiClientRow;
use crate::db::paging::Page;
use crate::db::{Conn, DbError};
use crate::{sql_all, sql_exec, sql_one, sql_opt};
use livegrant_actors::{AccountId, CompanyId, SessionId};

/// A service token to be stored.
#[expect(missing_docs, reason = "the fields are the columns of the same name")]
#[derive(Debug)]
pub struct NewRow<'a> {
    pub guid: &'a str,
    pub company: CompanyId,
    pub name: &'a str,
    pub secret_hash: &'a str,
    pub account: AccountId,
    pub sid: &'a SessionId,
    pub scopes: &'a str,
    pub on_behalf: bool,
    pub expires_at: i64,
    pub now: i64,
    pub by: AccountId,
}

/// Inserts a service token.
pub async fn insert_client(conn: &mut Conn, new: &NewRow<'_>) -> Result<(), DbError> {
    sql_exec!(
        conn,
        "INSERT INTO sys_api_client (guid, company_id, name, secret_hash, account_id, sid, scopes, on_behalf, expires_at,
            created_at, created_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        new.guid,
        new.company.0,
        new.name,
        new.secret_hash,
        new.account.0,
        new.sid.as_str(),
        new.scopes,
        new.on_behalf,
        new.expires_at,
        new.now,
        new.by.0
    )?;
    Ok(())
}

/// Finds the service token in use that has this digest.
pub async fn client_of_secret(conn: &mut Conn, hash: &str) -> Result<Option<ApiClientRow>, DbError> {
    sql_opt!(
        conn,
        ApiClientRow,
        "SELECT c.guid, c.name, c.account_id, a.username, c.sid, c.scopes, c.on_behalf, c.status, c.expires_at, c.created_at
           FROM sys_api_client c JOIN sys_login_user a ON a.user_id = c.account_id
          WHERE c.secret_hash = $1 AND c.status = 1",
        hash
    )
}

/// Reads a service token of a company.
pub async fn client(
    conn: &mut Conn,
    company: CompanyId,
    guid: &str,
) -> Result<Option<ApiClientRow>, DbError> {
    sql_opt!(
        conn,
        ApiClientRow,
        "SELECT c.guid, c.name, c.account_id, a.username, c.sid, c.scopes, c.on_behalf, c.status, c.expires_at, c.created_at
           FROM sys_api_client c JOIN sys_login_user a ON a.user_id = c.account_id
          WHERE c.company_id = $1 AND c.guid = $2",
        company.0,
        guid
    )
}

/// Lists a company's service tokens, the newest first.
pub async fn clients(
    conn: &mut Conn,
    company: CompanyId,
    page: Page,
) -> Result<(i64, Vec<ApiClientRow>), DbError> {
    let (count,) =
        sql_one!(&mut *conn, (i64,), "SELECT COUNT(*) FROM sys_api_client WHERE company_id = $1", company.0)?;
    let rows = sql_all!(
        conn,
        ApiClientRow,
        "SELECT c.guid, c.name, c.account_id, a.username, c.sid, c.scopes, c.on_behalf, c.status, c.expires_at, c.created_at
           FROM sys_api_client c JOIN sys_login_user a ON a.user_id = c.account_id
          WHERE c.company_id = $1 ORDER BY c.id DESC LIMIT $2 OFFSET $3",
        company.0,
        page.limit(),
        page.offset()
    )?;
    Ok((count, rows))
}

/// Revokes a service token; 0 rows: it was so already.
pub async fn revoke_client(conn: &mut Conn, guid: &str, now: i64) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE sys_api_client SET status = 0, revoked_at = $2 WHERE guid = $1 AND status = 1",
        guid,
        now
    )
}
