//! Staff: list, one, new. One's own record can be read without a permission.

use super::model::{NewStaff, Staff, StaffId, StaffOut};
use super::organizations;
use super::resolve::parse_guid;
use super::store::staff::{self as store, StaffColumns};
use super::store::staff_positions::{held_by, held_on_page};
use crate::auth::accounts;
use crate::core::Core;
use crate::db::Conn;
use crate::db::paging::Page;
use crate::policy::Principal;
use crate::refusal::Refusal;
use crate::text::check_name;
use crate::text::check_text;
use livegrant_actors::AccountId;

pub(super) const MISSING: Refusal = Refusal::NotFound { what: "staff" };

/// Lists the staff of the caller's company with their positions.
pub async fn list(
    core: &Core,
    by: &Principal,
    search: Option<&str>,
    page: Page,
) -> Result<(i64, Vec<StaffOut>), Refusal> {
    by.require("staff:view")?;
    let mut conn = core.db.read().await?;
    let (count, rows) = store::staff(&mut conn, by.company(), search, page).await?;
    let held = held_on_page(&mut conn, by.company(), search, page).await?;
    let people = rows.into_iter().map(|staff| {
        let own = held.iter().filter(|row| row.staff_id == staff.id).cloned();
        StaffOut { positions: own.map(Into::into).collect(), staff }
    });
    Ok((count, people.collect()))
}

/// Reads one staff record.
pub async fn get(core: &Core, by: &Principal, guid: &str) -> Result<StaffOut, Refusal> {
    let guid = parse_guid("guid", guid)?;
    let mut conn = core.db.read().await?;
    let found = store::staff_of_guid(&mut conn, by.company(), &guid).await?;
    let own = |staff: &Staff| staff.account_id == Some(by.account().0);
    if !found.as_ref().is_some_and(own) {
        by.require("staff:view")?;
    }
    with_positions(&mut conn, found.ok_or(MISSING)?).await
}

pub(super) async fn with_positions(conn: &mut Conn, staff: Staff) -> Result<StaffOut, Refusal> {
    let held = held_by(conn, StaffId(staff.id)).await?;
    Ok(StaffOut { positions: held.into_iter().map(Into::into).collect(), staff })
}

/// Creates a staff record, linked to a login if one is named. It is in no position, so nobody gains anything by it.
pub async fn create(core: &Core, by: &Principal, new: &NewStaff) -> Result<StaffOut, Refusal> {
    by.require("staff:create")?;
    check(Some(&new.staff_no), Some(&new.name), Some(&new.mobile), Some(&new.email))?;
    let account = login(core, by, new.account_id, new.username.as_deref()).await?;
    let mut work = core.db.begin(&by.author()).await?;
    let (now, guid) = (work.now(), crate::clock::guid());
    if let Some(account) = account {
        is_free(work.conn(), by, account, None).await?;
    }
    let columns = StaffColumns {
        staff_no: &new.staff_no,
        name: &new.name,
        mobile: &new.mobile,
        email: &new.email,
        status: "active",
        org_id: organizations::named(work.conn(), by, new.organization_guid.as_deref()).await?,
        account,
    };
    store::insert_staff(work.conn(), by.company(), &guid, &columns, now)
        .await
        .map_err(Refusal::on_duplicate("staff_no"))?;
    work.audit("staff_created", "staff", &guid, "staff:create").await?;
    let made = store::staff_of_guid(work.conn(), by.company(), &guid).await?.ok_or(MISSING)?;
    work.commit(&by.stamp()).await?;
    Ok(StaffOut { staff: made, positions: Vec::new() })
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
