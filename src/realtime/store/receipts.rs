//! The SQL of receipts: whom a change concerns, by name. One statement, however many hold a role or a position. Only
//! people of the company that the role or position belongs to are named.

use crate::db::{Conn, DbError};
use crate::policy::HolderId;
use crate::{sql_all, sql_opt};
use livegrant_actors::{AccountId, CompanyId};

/// Account, login name, company.
type Columns = (i64, String, i64);

/// People looked at for one receipt. 50,000 rows of some 60 bytes are 3 MB for a moment.
const HOLDERS_MAX: i64 = 50_000;

/// Somebody whom a change concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concerned {
    /// The account.
    pub account: AccountId,
    /// Its login name.
    pub username: String,
    /// Its company.
    pub company: CompanyId,
}

fn concerned((account, username, company): Columns) -> Concerned {
    Concerned { account: AccountId(account), username, company: CompanyId(company) }
}

/// Lists who holds a role or a position at `now`, by login name; at most 50,000.
pub async fn holders(conn: &mut Conn, holder: HolderId, now: i64) -> Result<Vec<Concerned>, DbError> {
    let rows = match holder {
        HolderId::Role(role) => sql_all!(
            conn,
            Columns,
            "SELECT person.user_id, person.username, person.company_id
               FROM sys_user_role held
               JOIN sys_role role ON role.id = held.role_id
               JOIN sys_login_user person ON person.user_id = held.account_id AND person.company_id = role.company_id
              WHERE held.role_id = $1 AND held.started AND (held.valid_to IS NULL OR held.valid_to > $2)
                AND person.status = 1
              ORDER BY person.username LIMIT $3",
            role.0,
            now,
            HOLDERS_MAX
        )?,
        HolderId::Position(position) => sql_all!(
            conn,
            Columns,
            "SELECT DISTINCT person.user_id, person.username, person.company_id
               FROM hr_r_staff_position held
               JOIN hr_position position ON position.id = held.position_id
               JOIN hr_staff staff ON staff.id = held.staff_id AND staff.status = 'active'
               JOIN sys_login_user person
                 ON person.user_id = staff.account_id AND person.company_id = position.company_id
              WHERE held.position_id = $1 AND held.started AND (held.valid_to IS NULL OR held.valid_to > $2)
                AND person.status = 1
              ORDER BY person.username LIMIT $3",
            position.0,
            now,
            HOLDERS_MAX
        )?,
    };
    Ok(rows.into_iter().map(concerned).collect())
}

/// Reads one account's name and company.
pub async fn person(conn: &mut Conn, account: AccountId) -> Result<Option<Concerned>, DbError> {
    let row = sql_opt!(
        conn,
        Columns,
        "SELECT user_id, username, company_id FROM sys_login_user WHERE user_id = $1",
        account.0
    )?;
    Ok(row.map(concerned))
}
