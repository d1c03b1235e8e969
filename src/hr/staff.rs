//! Staff: list, one, new, a person's history. One's own record can be read without a permission; others as far as the data
//! scope reaches.

use super::model::{NewStaff, PositionChange, Staff, StaffId, StaffOut};
use super::organizations;
use super::resolve::parse_guid;
use super::store::staff::{self as store, StaffColumns, of_company};
use super::store::staff_positions::{HISTORY, held_by, held_by_each, history as store_history};
use crate::access::scope::{self, Columns, within};
use crate::auth::accounts;
use crate::core::Core;
use crate::db::Conn;
use crate::db::listing::{Conditions, Wanted};
use crate::db::paging::Page;
use crate::policy::{DataScope, PolicyChange, Principal};
use crate::refusal::Refusal;
use crate::text::check_name;
use crate::text::check_text;
use livegrant_actors::AccountId;

pub(super) const MISSING: Refusal = Refusal::NotFound { what: "staff" };

/// The staff of the caller's company that a scope reaches.
pub(super) fn reached(by: &Principal, scope: &DataScope) -> Conditions {
    let columns = Columns { organization: "s.org_id", account: Some("s.account_id") };
    of_company(by.company()).and(within(scope, columns, by.account()))
}

/// What a caller wants who only looks for a text.
pub fn searched(search: Option<&str>, page: Page) -> Result<Wanted, Refusal> {
    store::STAFF.searched(search, page)
}

/// Reads a list's query.
pub fn wanted(query: &str) -> Result<Wanted, Refusal> {
    store::STAFF.read(query, &["below", "position"])
}

/// Which of the staff are asked for, beyond the fields of a record.
#[derive(Debug, Clone, Default)]
pub struct Among {
    /// Those who belong to this organisation or to one below it.
    pub below: Option<String>,
    /// Those who are in this position.
    pub position: Option<String>,
}

/// Lists the staff that the caller reaches with their positions.
pub async fn list(
    core: &Core,
    by: &Principal,
    among: &Among,
    wanted: &Wanted,
) -> Result<(i64, Vec<StaffOut>), Refusal> {
    let scope = scope::require(core, by, "staff:view")?;
    let mut conn = core.db.read().await?;
    let mut own = reached(by, &scope);
    if let Some(text) = &among.below {
        let guid = parse_guid("below", text)?;
        let everything = DataScope::everything();
        let organization = organizations::found(&mut conn, by, &everything, &guid).await?;
        own = store::at_or_below(own, &organization.path);
    }
    if let Some(text) = &among.position {
        own = store::in_position(own, &parse_guid("position", text)?);
    }
    let (count, rows) = store::staff(&mut conn, own, wanted).await?;
    let people: Vec<StaffId> = rows.iter().map(|staff| StaffId(staff.id)).collect();
    let held = held_by_each(&mut conn, &people).await?;
    let people = rows.into_iter().map(|staff| {
        let own = held.iter().filter(|row| row.staff_id == staff.id).cloned();
        StaffOut { positions: own.map(Into::into).collect(), staff }
    });
    Ok((count, people.collect()))
}

/// Reads one staff record.
pub async fn get(core: &Core, by: &Principal, guid: &str) -> Result<StaffOut, Refusal> {
    let mut conn = core.db.read().await?;
    let staff = visible(core, &mut conn, by, guid).await?;
    with_positions(&mut conn, staff).await
}

/// Finds a staff record that the caller may read: his own without a permission, others within his reach.
pub(super) async fn visible(
    core: &Core,
    conn: &mut Conn,
    by: &Principal,
    guid: &str,
) -> Result<Staff, Refusal> {
    let guid = parse_guid("guid", guid)?;
    let found = store::staff_of_guid(conn, of_company(by.company()), &guid).await?;
    if let Some(own) = found.as_ref().filter(|staff| staff.account_id == Some(by.account().0)) {
        return Ok(own.clone());
    }
    let scope = scope::require(core, by, "staff:view")?;
    store::staff_of_guid(conn, reached(by, &scope), &guid).await?.ok_or(MISSING)
}

/// Reads a page of a person's history.
pub async fn history(
    core: &Core,
    by: &Principal,
    guid: &str,
    query: &str,
) -> Result<(i64, Vec<PositionChange>, Page), Refusal> {
    let wanted = HISTORY.read(query, &[])?;
    let mut conn = core.db.read().await?;
    let staff = visible(core, &mut conn, by, guid).await?;
    let (count, lines) = store_history(&mut conn, StaffId(staff.id), &wanted).await?;
    Ok((count, lines, wanted.page))
}

pub(super) async fn with_positions(conn: &mut Conn, staff: Staff) -> Result<StaffOut, Refusal> {
    let held = held_by(conn, StaffId(staff.id)).await?;
    Ok(StaffOut { positions: held.into_iter().map(Into::into).collect(), staff })
}

/// Creates a staff record within the caller's reach, linked to a login if one is named. The person is in no position; what
/// reaches the own organisation of that login reaches this one from now on.
pub async fn create(core: &Core, by: &Principal, new: &NewStaff) -> Result<StaffOut, Refusal> {
    let scope = scope::require(core, by, "staff:create")?;
    check(Some(&new.staff_no), Some(&new.name), Some(&new.mobile), Some(&new.email))?;
    let hired_at = day("hired_at", new.hired_at.as_deref())?;
    let account = login(core, by, new.account_id, new.username.as_deref()).await?;
    let mut work = core.db.begin(&by.author()).await?;
    let (now, guid) = (work.now(), crate::clock::guid());
    if let Some(account) = account {
        is_free(work.conn(), by, account, None).await?;
    }
    let organization = new.organization_guid.as_deref();
    let place = organizations::place(work.conn(), by, &scope, "organization_guid", organization).await?;
    let columns = StaffColumns {
        staff_no: &new.staff_no,
        name: &new.name,
        mobile: &new.mobile,
        email: &new.email,
        status: "active",
        org_id: place.map(|found| found.id),
        account,
        hired_at,
    };
    store::insert_staff(work.conn(), by.company(), &guid, &columns, now)
        .await
        .map_err(Refusal::on_duplicate("staff_no"))?;
    if let Some(account) = account.filter(|_| columns.org_id.is_some()) {
        work.change(PolicyChange::AccountEdited { account });
    }
    let made = store::staff_of_guid(work.conn(), of_company(by.company()), &guid).await?.ok_or(MISSING)?;
    work.audit_diff("staff_created", "staff", &guid, "staff:create", None::<&()>, Some(&made)).await?;
    let committed = work.commit(&by.stamp()).await?;
    core.settle(committed).await;
    Ok(StaffOut { staff: made, positions: Vec::new() })
}

/// Reads a day, ISO 8601.
pub(super) fn day(field: &str, text: Option<&str>) -> Result<Option<i64>, Refusal> {
    let Some(text) = text else { return Ok(None) };
    let refused = || Refusal::invalid(field, "invalid", "not an ISO 8601 time with an offset");
    crate::clock::parse_iso(text).map(Some).ok_or_else(refused)
}

/// Checks the fields that are there.
pub(super) fn check(
    staff_no: Option<&str>,
    name: Option<&str>,
    mobile: Option<&str>,
    email: Option<&str>,
) -> Result<(), Refusal> {
    staff_no.map_or(Ok(()), check_staff_no)?;
    name.map_or(Ok(()), |name| check_name("name", name))?;
    mobile.map_or(Ok(()), |mobile| check_text("mobile", mobile))?;
    email.map_or(Ok(()), |email| check_text("email", email))
}

fn check_staff_no(staff_no: &str) -> Result<(), Refusal> {
    crate::text::check_code(staff_no)
        .map_err(|refusal| Refusal::invalid("staff_no", "invalid", refusal.to_string()))
}

/// Finds the login that a body names by id or by name, inside the caller's company.
pub(super) async fn login(
    core: &Core,
    by: &Principal,
    id: Option<i64>,
    username: Option<&str>,
) -> Result<Option<AccountId>, Refusal> {
    let (field, found) = match (id, username) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            return Err(Refusal::invalid(
                "username",
                "invalid",
                "name the login by account_id or by username",
            ));
        }
        (Some(id), None) => ("account_id", accounts::in_company(core, by, AccountId(id)).await),
        (None, Some(name)) => ("username", accounts::named(core, by, name).await),
    };
    match found {
        Ok(account) if account.company_id == by.company().0 => Ok(Some(AccountId(account.user_id))),
        Ok(_) | Err(Refusal::NotFound { .. }) => {
            Err(Refusal::invalid(field, "unknown_account", "there is no such account"))
        }
        Err(other) => Err(other),
    }
}

/// Goes on when no other staff record is linked to the login.
pub(super) async fn is_free(
    conn: &mut Conn,
    by: &Principal,
    account: AccountId,
    own: Option<StaffId>,
) -> Result<(), Refusal> {
    let linked = store::staff_of_account(conn, by.company(), account).await?;
    if linked.is_none() || linked == own {
        return Ok(());
    }
    Err(Refusal::Conflict {
        code: "already_exists",
        field: Some("account_id".to_owned()),
        detail: "another staff record is linked to this account".to_owned(),
    })
}
