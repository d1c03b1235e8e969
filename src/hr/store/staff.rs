//! The SQL of staff records.

use crate::db::paging::Page;
use crate::db::{Conn, DbError};
use crate::hr::model::{Staff, StaffId};
use crate::{sql_all, sql_exec, sql_one, sql_opt};
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

/// Lists the staff of a company.
pub async fn staff(
    conn: &mut Conn,
    company: CompanyId,
    search: Option<&str>,
    page: Page,
) -> Result<(i64, Vec<Staff>), DbError> {
    let like = search.map(crate::db::paging::like);
    let (count,) = sql_one!(
        conn,
        (i64,),
        "SELECT count(*) FROM hr_staff WHERE company_id = $1
            AND (CAST($2 AS TEXT) IS NULL OR lower(staff_no) LIKE $2 ESCAPE '!' OR lower(name) LIKE $2 ESCAPE '!')",
        company.0,
        like.as_deref()
    )?;
    let rows = sql_all!(
        conn,
        Staff,
        "SELECT s.id, s.guid, s.staff_no, s.name, s.mobile, s.email, s.status, o.guid AS organization_guid, s.account_id,
                u.username, s.version
           FROM hr_staff s LEFT JOIN hr_organization o ON o.id = s.org_id
           LEFT JOIN sys_login_user u ON u.user_id = s.account_id
          WHERE s.company_id = $1
            AND (CAST($2 AS TEXT) IS NULL OR lower(s.staff_no) LIKE $2 ESCAPE '!' OR lower(s.name) LIKE $2 ESCAPE '!')
          ORDER BY s.id LIMIT $3 OFFSET $4",
        company.0,
        like.as_deref(),
        page.limit(),
        page.offset()
    )?;
    Ok((count, rows))
}

/// Finds a staff record of a company.
pub async fn staff_of_guid(
    conn: &mut Conn,
    company: CompanyId,
    guid: &str,
) -> Result<Option<Staff>, DbError> {
    sql_opt!(
        conn,
        Staff,
        "SELECT s.id, s.guid, s.staff_no, s.name, s.mobile, s.email, s.status, o.guid AS organization_guid, s.account_id,
                u.username, s.version
           FROM hr_staff s LEFT JOIN hr_organization o ON o.id = s.org_id
           LEFT JOIN sys_login_user u ON u.user_id = s.account_id
          WHERE s.company_id = $1 AND s.guid = $2",
        company.0,
        guid
    )
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
        "INSERT INTO hr_staff (guid, company_id, staff_no, name, mobile, email, status, org_id, account_id, created_at,
            updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) RETURNING id",
        guid,
        company.0,
        new.staff_no,
        new.name,
        new.mobile,
        new.email,
        new.status,
        new.org_id,
        new.account.map(|account| account.0),
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
                account_id = $8, version = version + 1, updated_at = $9
          WHERE id = $1",
        id.0,
        new.staff_no,
        new.name,
        new.mobile,
        new.email,
        new.status,
        new.org_id,
        new.account.map(|account| account.0),
        now
    )
}

/// Marks a person as left.
pub async fn mark_left(conn: &mut Conn, id: StaffId, now: i64) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE hr_staff SET status = 'left', version = version + 1, updated_at = $2 WHERE id = $1",
        id.0,
        now
    )
}
