//! Organisations: list, one, new, changed, deleted. They carry no permission, so their changes take no revision.

use super::model::{NewOrganization, Organization, OrganizationPatch};
use super::resolve::{is_caller, parse_guid};
use super::store::organizations as store;
use crate::core::Core;
use crate::db::paging::Page;
use crate::db::{Conn, DbError};
use crate::policy::Principal;
use crate::refusal::Refusal;
use crate::text::{check_code, check_name};

const MISSING: Refusal = Refusal::NotFound { what: "organization" };

/// Lists the organisations of the caller's company.
pub async fn list(
    core: &Core,
    by: &Principal,
    search: Option<&str>,
    page: Page,
) -> Result<(i64, Vec<Organization>), Refusal> {
    by.require("org:view")?;
    Ok(store::organizations(&mut core.db.read().await?, by.company(), search, page).await?)
}

/// Reads one organisation.
pub async fn get(core: &Core, by: &Principal, guid: &str) -> Result<Organization, Refusal> {
    by.require("org:view")?;
    let guid = parse_guid("guid", guid)?;
    store::organization(&mut core.db.read().await?, by.company(), &guid).await?.ok_or(MISSING)
}

/// Creates an organisation.
pub async fn create(core: &Core, by: &Principal, new: &NewOrganization) -> Result<Organization, Refusal> {
    by.require("org:create")?;
    check_code(&new.code)?;
    check_name("name", &new.name)?;
    let mut work = core.db.begin(&by.author()).await?;
    let (now, guid) = (work.now(), crate::clock::guid());
    store::insert_organization(work.conn(), by.company(), &guid, &new.code, &new.name, now)
        .await
        .map_err(Refusal::on_duplicate("code"))?;
    work.audit("organization_created", "organization", &guid, "org:create").await?;
    let made = store::organization(work.conn(), by.company(), &guid).await?.ok_or(MISSING)?;
    work.commit(&by.stamp()).await?;
    Ok(made)
}

/// `UpdateOrganization` (S1-36): renames or re-codes an organisation.
pub async fn update(
    core: &Core,
    by: &Principal,
    guid: &str,
    patch: &OrganizationPatch,
) -> Result<Organization, Refusal> {
    by.require("org:update")?;
    is_caller(core, by, patch.operator_guid.as_deref()).await?;
    let guid = parse_guid("guid", guid)?;
    patch.code.as_deref().map_or(Ok(()), check_code)?;
    patch.name.as_deref().map_or(Ok(()), |name| check_name("name", name))?;
    let mut work = core.db.begin(&by.author()).await?;
    let row = store::organization(work.conn(), by.company(), &guid).await?.ok_or(MISSING)?;
    if patch.version.is_some_and(|version| version != row.version) {
        return Err(Refusal::Outdated);
    }
    let now = work.now();
    let changed = store::update_organization(work.conn(), row.id, patch, row.version, now)
        .await
        .map_err(Refusal::on_duplicate("code"))?;
    if changed == 0 {
        return Err(Refusal::Outdated);
    }
    work.audit("organization_updated", "organization", &guid, "org:update").await?;
    let row = store::organization(work.conn(), by.company(), &guid).await?.ok_or(MISSING)?;
    work.commit(&by.stamp()).await?;
    Ok(row)
}

/// Deletes an organisation that no position and no staff record belongs to.
pub async fn delete(core: &Core, by: &Principal, guid: &str) -> Result<(), Refusal> {
    by.require("org:delete")?;
    let guid = parse_guid("guid", guid)?;
    let mut work = core.db.begin(&by.author()).await?;
    let row = store::organization(work.conn(), by.company(), &guid).await?.ok_or(MISSING)?;
    store::delete_organization(work.conn(), row.id).await.map_err(|error| match error {
        DbError::Reference => {
            Refusal::conflict("in_use", "positions or staff belong to this organisation; move them first")
        }
        other => other.into(),
    })?;
    work.audit("organization_deleted", "organization", &guid, "org:delete").await?;
    work.commit(&by.stamp()).await?;
    Ok(())
}

/// Finds the row of the organisation that a body names, inside the caller's company.
pub(super) async fn named(
    conn: &mut Conn,
    by: &Principal,
    guid: Option<&str>,
) -> Result<Option<i64>, Refusal> {
    let Some(text) = guid else { return Ok(None) };
    let guid = parse_guid("organization_guid", text)?;
    match store::organization(conn, by.company(), &guid).await? {
        Some(row) => Ok(Some(row.id)),
        None => Err(Refusal::invalid(
            "organization_guid",
            "unknown_organization",
            format!("there is no organisation {guid}"),
        )),
    }
}
