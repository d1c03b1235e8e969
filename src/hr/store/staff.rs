//! The SQL of staff records.

use crate::db::listing::{Conditions, Filter, Kind, List, Wanted};
use crate::db::{Conn, DbError};
use crate::hr::model::{Staff, StaffId};
use crate::{sql_exec, sql_one, sql_opt};
use livegrant_actors::{AccountId, CompanyId};

/// Finds the staff record of a guid, with its account.
pub async fn person_of_staff_guid(
    conn: &mut Conn,
    company: CompanyId,
    guid: &str,
) -> Result<Option<(StaffId, Option<AccountId>)>, DbError> {
    let row = sql_opt!(
        conn,
        (i64, Option<i64>),
        "SELECT id, account_id FROM hr_staff WHERE guid = $1 AND company_id = $2",
        guid,
        company.0
    )?;
    Ok(row.map(|(staff, account)| (StaffId(staff), account.map(AccountId))))
}

/// Finds the account of a guid, with its staff record.
pub async fn person_of_account_guid(
    conn: &mut Conn,
    company: CompanyId,
    guid: &str,
) -> Result<Option<(AccountId, Option<StaffId>)>, DbError> {
    let row = sql_opt!(
        conn,
        (i64, Option<i64>),
        "SELECT u.user_id, s.id
           FROM sys_login_user u LEFT JOIN hr_staff s ON s.account_id = u.user_id AND s.company_id = u.company_id
          WHERE u.guid = $1 AND u.company_id = $2",
        guid,
        company.0
    )?;
    Ok(row.map(|(account, staff)| (AccountId(account), staff.map(StaffId))))
}

/// Finds an account by its login name.
pub async fn person_of_username(
    conn: &mut Conn,
    company: CompanyId,
    username: &str,
) -> Result<Option<AccountId>, DbError> {
    let row = sql_opt!(
        conn,
        (i64,),
        "SELECT user_id FROM sys_login_user WHERE company_id = $1 AND username = $2",
        company.0,
        username
    )?;
    Ok(row.map(|row| AccountId(row.0)))
}

/// Finds a staff record by its personnel number.
pub async fn staff_of_number(
    conn: &mut Conn,
    company: CompanyId,
    staff_no: &str,
) -> Result<Option<StaffId>, DbError> {
    let row = sql_opt!(
        conn,
        (i64,),
        "SELECT id FROM hr_staff WHERE company_id = $1 AND staff_no = $2",
        company.0,
        staff_no
    )?;
    Ok(row.map(|row| StaffId(row.0)))
}

/// The list of staff.
pub const STAFF: List = List {
    columns:
        "s.id, s.guid, s.staff_no, s.name, s.mobile, s.email, s.status, o.guid AS organization_guid, s.org_id,
        s.account_id, u.username, s.hired_at, s.left_at, s.version",
    from: "hr_staff s LEFT JOIN hr_organization o ON o.id = s.org_id
        LEFT JOIN sys_login_user u ON u.user_id = s.account_id",
    search: &["s.staff_no", "s.name", "s.mobile", "s.email", "coalesce(u.username, '')"],
    filters: &[
        Filter::new("guid", "s.guid", Kind::Guid),
        Filter::new("staff_no", "s.staff_no", Kind::Text),
        Filter::new("name", "s.name", Kind::Text),
        Filter::new("status", "s.status", Kind::Text),
        Filter::new("organization_guid", "o.guid", Kind::Guid),
        Filter::new("account_id", "s.account_id", Kind::Number),
        Filter::new("username", "u.username", Kind::Text),
        Filter::new("hired_at", "s.hired_at", Kind::Instant),
        Filter::new("left_at", "s.left_at", Kind::Instant),
    ],
    orders: &[
        ("id", "s.id"),
        ("staff_no", "s.staff_no"),
        ("name", "s.name"),
        ("status", "s.status"),
        ("hired_at", "s.hired_at"),
        ("left_at", "s.left_at"),
        ("created_at", "s.created_at"),
        ("updated_at", "s.updated_at"),
    ],
    order: "s.id",
    unique: "s.id",
};

/// Staff of a company.
pub fn of_company(company: CompanyId) -> Conditions {
    Conditions::new("s.company_id = ?", [company.0.into()])
}

/// Adds that they belong to an organisation or to one below it.
pub fn at_or_below(own: Conditions, path: &str) -> Conditions {
    own.and(Conditions::new("o.path LIKE ?", [format!("{path}%").into()]))
}

/// Adds that they are in a position.
pub fn in_position(own: Conditions, guid: &str) -> Conditions {
    let held = "s.id IN (SELECT held.staff_id FROM hr_r_staff_position held JOIN hr_position p ON p.id = held.position_id
                          WHERE p.guid = ?)";
    own.and(Conditions::new(held, [guid.into()]))
}

/// Lists staff.
pub async fn staff(conn: &mut Conn, own: Conditions, wanted: &Wanted) -> Result<(i64, Vec<Staff>), DbError> {
    STAFF.page(conn, own, wanted).await
}

/// Finds a staff record.
pub async fn staff_of_guid(
    conn: &mut Conn,
    mut own: Conditions,
    guid: &str,
) -> Result<Option<Staff>, DbError> {
    own.push("s.guid = ?", [guid.into()]);
    STAFF.one(conn, own).await
}

/// Locks a staff record until the end of the transaction, so that what hangs on it (login, status, positions) changes
/// one thing after the other. 0 rows: there is none.
pub async fn lock_staff(conn: &mut Conn, company: CompanyId, guid: &str, now: i64) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE hr_staff SET updated_at = $3 WHERE company_id = $1 AND guid = $2",
        company.0,
        guid,
        now
    )
}

/// Finds the staff record that an account is linked to.
pub async fn staff_of_account(
    conn: &mut Conn,
    company: CompanyId,
    account: AccountId,
) -> Result<Option<StaffId>, DbError> {
    let row = sql_opt!(
        conn,
        (i64,),
        "SELECT id FROM hr_staff WHERE company_id = $1 AND account_id = $2",
        company.0,
        account.0
    )?;
    Ok(row.map(|row| StaffId(row.0)))
}

/// What a staff record holds besides its keys.
#[derive(Debug, Clone)]
pub struct StaffColumns<'a> {
    /// Unique in its company.
    pub staff_no: &'a str,
    /// The person's name.
    pub name: &'a str,
    /// Telephone number.
    pub mobile: &'a str,
    /// Address for mail.
    pub email: &'a str,
    /// `active`, `on_leave` or `left`.
    pub status: &'a str,
    /// The organisation's row.
    pub org_id: Option<i64>,
    /// The login.
    pub account: Option<AccountId>,
    /// First day, UTC milliseconds.
    pub hired_at: Option<i64>,
}

/// Inserts a staff record.
pub async fn insert_staff(
    conn: &mut Conn,
    company: CompanyId,
    guid: &str,
    new: &StaffColumns<'_>,
    now: i64,
) -> Result<StaffId, DbError> {
    let (id,) = sql_one!(
        conn,
        (i64,),
        "INSERT INTO hr_staff (guid, company_id, staff_no, name, mobile, email, status, org_id, account_id, hired_at,
            created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11) RETURNING id",
        guid,
        company.0,
        new.staff_no,
        new.name,
        new.mobile,
        new.email,
        new.status,
        new.org_id,
        new.account.map(|account| account.0),
        new.hired_at,
        now
    )?;
    Ok(StaffId(id))
}

/// Changes a staff record and raises its version.
pub async fn update_staff(
    conn: &mut Conn,
    id: StaffId,
    new: &StaffColumns<'_>,
    now: i64,
) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE hr_staff SET staff_no = $2, name = $3, mobile = $4, email = $5, status = $6, org_id = $7,
                account_id = $8, hired_at = $9, left_at = CASE WHEN $6 = 'left' THEN coalesce(left_at, $10) END,
                version = version + 1, updated_at = $10
          WHERE id = $1",
        id.0,
        new.staff_no,
        new.name,
        new.mobile,
        new.email,
        new.status,
        new.org_id,
        new.account.map(|account| account.0),
        new.hired_at,
        now
    )
}

/// Marks a person as left.
pub async fn mark_left(conn: &mut Conn, id: StaffId, now: i64) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE hr_staff SET status = 'left', left_at = $2, version = version + 1, updated_at = $2 WHERE id = $1",
        id.0,
        now
    )
}
