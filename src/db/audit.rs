//! One line of the audit log (S1-46): what was done, on what, through which permission, with which result.
//! It says how a line is written, not when: a unit of work holds its newest line back until the commit.

use super::{Author, Conn, DbError};
use crate::sql_exec;

/// A line that is not written yet.
#[derive(Debug)]
pub(crate) struct Line {
    /// UTC milliseconds.
    pub at: i64,
    /// Action, resource, resource id, permission code, result, address, request id: as the table has them.
    pub texts: [String; 7],
}

impl Line {
    /// Makes a line; `what` is action, resource, resource id, permission code and result.
    pub fn new(at: i64, author: &Author, what: [&str; 5]) -> Self {
        let [action, resource, id, permission, result] = what.map(str::to_owned);
        let texts = [action, resource, id, permission, result, author.ip.clone(), author.request_id.clone()];
        Self { at, texts }
    }

    /// Writes the line.
    pub async fn write(&self, conn: &mut Conn, author: &Author) -> Result<(), DbError> {
        let [action, resource, id, permission, result, ip, request] = &self.texts;
        sql_exec!(
            conn,
            "INSERT INTO sys_audit_log (at, actor_id, company_id, action, resource, resource_id, permission_code, result,
                ip, request_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            self.at,
            author.account.0,
            author.company.0,
            action,
            resource,
            id,
            permission,
            result,
            ip,
            request
        )?;
        Ok(())
    }
}

/// Writes one line at once.
pub(crate) async fn write_audit(
    conn: &mut Conn,
    now: i64,
    author: &Author,
    what: [&str; 5],
) -> Result<(), DbError> {
    Line::new(now, author, what).write(conn, author).await
}
