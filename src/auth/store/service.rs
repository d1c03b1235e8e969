//! The SQL of a program's session: it has no refresh token, and no sign-in of its account makes way for it.

use crate::db::{Conn, DbError};
use crate::sql_exec;
use livegrant_actors::{AccountId, CompanyId, SessionId};

/// A program's session to be stored.
#[expect(missing_docs, reason = "the fields are the columns of the same name")]
#[derive(Debug)]
pub struct NewServiceSession<'a> {
    pub sid: &'a SessionId,
    pub account: AccountId,
    pub application: i64,
    pub company: CompanyId,
    /// The digest of a text that nobody has.
    pub refresh_hash: &'a str,
    pub device: &'a str,
    pub now: i64,
    pub expires_at: i64,
}

/// Inserts an active session of a program.
pub async fn insert_service_session(conn: &mut Conn, new: &NewServiceSession<'_>) -> Result<(), DbError> {
    sql_exec!(
        conn,
        "INSERT INTO sys_session (sid, account_id, application_id, company_id, refresh_hash, rotated_at, client, device,
            issued_at, last_seen_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, 'service', $7, $6, $6, $8)",
        new.sid.as_str(),
        new.account.0,
        new.application,
        new.company.0,
        new.refresh_hash,
        new.now,
        new.device,
        new.expires_at
    )?;
    Ok(())
}
