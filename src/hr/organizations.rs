//! Organisations: list, tree, one, new, changed. Where one lies is changed by `move_organization`, its end is
//! `delete_organization`. Everybody sees and changes what his data scope reaches; the rest is not found.
//!
//! What makes or moves an organisation runs one after the other in a company (`in_turn`): two moves at once can make no
//! circle, and a new one lies where its parent does.

use super::model::{
    Field, NewOrganization, Organization, OrganizationPatch, OrganizationTree, TREE_MAX, check_sort,
    check_status, tree,
};
use super::organization_news::{News, tell};
use super::resolve::{is_caller, parse_guid};
use super::store::organizations::{self as store, OrganizationColumns, of_company};
use crate::access::scope::{self, Columns, within};
use crate::core::Core;
use crate::db::listing::{Conditions, Wanted};
use crate::db::paging::Page;
use crate::db::{Conn, Work};
use crate::policy::{DataScope, Principal};
use crate::refusal::Refusal;
use crate::text::{check_code, check_name};
use serde::Serialize;

pub(super) const MISSING: Refusal = Refusal::NotFound { what: "organization" };

/// The organisations of the caller's company that a scope reaches.
pub(super) fn reached(by: &Principal, scope: &DataScope) -> Conditions {
    let columns = Columns { organization: "o.id", account: None };
    of_company(by.company()).and(within(scope, columns, by.account()))
}

/// What a caller wants who only looks for a text.
pub fn searched(search: Option<&str>, page: Page) -> Result<Wanted, Refusal> {
    store::ORGANIZATIONS.searched(search, page)
}

/// Reads a list's query.
pub fn wanted(query: &str) -> Result<Wanted, Refusal> {
    store::ORGANIZATIONS.read(query, &["parent", "depth"])
}

/// What of the tree is asked for.
#[derive(Debug, Clone, Default)]
pub struct Part {
    /// Only what lies below this one; `root`: from the top.
    pub parent: Option<String>,
    /// So many levels of it; 1 with a parent, when absent.
    pub depth: Option<i64>,
}

impl Part {
    async fn conditions(
        &self,
        conn: &mut Conn,
        own: Conditions,
        depth: Option<i64>,
    ) -> Result<Conditions, Refusal> {
        if depth.is_some_and(|depth| depth < 1) {
            return Err(Refusal::invalid("depth", "invalid", "1 or more"));
        }
        let Some(parent) = self.parent.as_deref().filter(|text| *text != "root") else {
            return Ok(match depth {
                Some(depth) => own.and(Conditions::new("o.level <= ?", [depth.into()])),
                None => own,
            });
        };
        let guid = parse_guid("parent", parent)?;
        let above = store::organization(conn, own.clone(), &guid).await?.ok_or(MISSING)?;
        Ok(store::below(own, &above.path, above.level, depth))
    }
}

/// Lists organisations.
pub async fn list(
    core: &Core,
    by: &Principal,
    part: &Part,
    wanted: &Wanted,
) -> Result<(i64, Vec<Organization>), Refusal> {
    let scope = scope::require(core, by, "org:view")?;
    let mut conn = core.db.read().await?;
    let depth = part.depth.or(part.parent.as_ref().map(|_| 1));
    let own = part.conditions(&mut conn, reached(by, &scope), depth).await?;
    Ok(store::organizations(&mut conn, own, wanted).await?)
}

/// Reads the organisations as a tree: the whole, or what lies below one.
pub async fn read_tree(core: &Core, by: &Principal, part: &Part) -> Result<OrganizationTree, Refusal> {
    let scope = scope::require(core, by, "org:view")?;
    let mut conn = core.db.read().await?;
    let own = part.conditions(&mut conn, reached(by, &scope), part.depth).await?;
    let rows = store::downwards(&mut conn, own, TREE_MAX + 1).await?;
    if rows.len() as i64 > TREE_MAX {
        let detail = format!("more than {TREE_MAX} organisations; ask for a part with parent and depth");
        return Err(Refusal::invalid("depth", "too_many", detail));
    }
    Ok(OrganizationTree { count: rows.len() as i64, organizations: tree(rows) })
}

/// Reads one organisation.
pub async fn get(core: &Core, by: &Principal, guid: &str) -> Result<Organization, Refusal> {
    let scope = scope::require(core, by, "org:view")?;
    let guid = parse_guid("guid", guid)?;
    found(&mut core.db.read().await?, by, &scope, &guid).await
}

/// Finds an organisation that a scope reaches.
pub(super) async fn found(
    conn: &mut Conn,
    by: &Principal,
    scope: &DataScope,
    guid: &str,
) -> Result<Organization, Refusal> {
    store::organization(conn, reached(by, scope), guid).await?.ok_or(MISSING)
}

/// Lets what changes the tree of a company happen one after the other, until the end of the transaction.
pub(super) async fn in_turn(work: &mut Work, by: &Principal) -> Result<(), Refusal> {
    Ok(work.serialise(&format!("organisations of company {}", by.company())).await?)
}

/// Creates an organisation, below one that the caller reaches; at the top only if he reaches everything.
pub async fn create(core: &Core, by: &Principal, new: &NewOrganization) -> Result<Organization, Refusal> {
    let scope = scope::require(core, by, "org:create")?;
    check_code(&new.code)?;
    check_name("name", &new.name)?;
    check_sort("sort", new.sort)?;
    let mut work = core.db.begin(&by.author()).await?;
    in_turn(&mut work, by).await?;
    let (now, guid) = (work.now(), crate::clock::guid());
    let parent = place(work.conn(), by, &scope, "parentGuid", new.parent_guid.as_deref()).await?;
    if parent.as_ref().is_some_and(|parent| parent.level >= super::model::LEVELS_MAX) {
        return Err(too_deep("parentGuid"));
    }
    let leader = leader(work.conn(), by, new.leader_staff_guid.as_deref()).await?;
    let columns = OrganizationColumns { code: &new.code, name: &new.name, sort: new.sort, status: 1, leader };
    let above = parent.map(|parent| parent.id);
    store::insert_organization(work.conn(), by.company(), &guid, &columns, above, now)
        .await
        .map_err(Refusal::on_duplicate("code"))?;
    let made = store::organization(work.conn(), of_company(by.company()), &guid).await?.ok_or(MISSING)?;
    work.audit_diff("organization_created", "organization", &guid, "org:create", None::<&()>, Some(&made))
        .await?;
    tell(&mut work, by.company(), News::Created, &made).await?;
    work.commit(&by.stamp()).await?;
    Ok(made)
}

/// The refusal of what would lie too deep.
pub(super) fn too_deep(field: &str) -> Refusal {
    Refusal::invalid(field, "too_deep", format!("at most {} levels", super::model::LEVELS_MAX))
}

/// `UpdateOrganization` (S1-36): its names, its place among its siblings, whether it is open, who leads it.
pub async fn update(
    core: &Core,
    by: &Principal,
    guid: &str,
    patch: &OrganizationPatch,
) -> Result<Organization, Refusal> {
    let scope = scope::require(core, by, "org:update")?;
    is_caller(core, by, patch.operator_guid.as_deref()).await?;
    let guid = parse_guid("guid", guid)?;
    patch.code.as_deref().map_or(Ok(()), check_code)?;
    patch.name.as_deref().map_or(Ok(()), |name| check_name("name", name))?;
    check_sort("sort", patch.sort)?;
    check_status(patch.status)?;
    let mut work = core.db.begin(&by.author()).await?;
    let before = found(work.conn(), by, &scope, &guid).await?;
    if patch.version.is_some_and(|version| version != before.version) {
        return Err(Refusal::Outdated);
    }
    let wanted = patch.leader_staff_guid.clone().or(before.leader_staff_guid.clone());
    let columns = OrganizationColumns {
        code: patch.code.as_deref().unwrap_or(&before.code),
        name: patch.name.as_deref().unwrap_or(&before.name),
        sort: patch.sort,
        status: patch.status.unwrap_or(before.status),
        leader: match patch.leader_staff_guid {
            Field::Given(_) | Field::Null => leader(work.conn(), by, wanted.as_deref()).await?,
            Field::Absent => present_leader(work.conn(), by, wanted.as_deref()).await?,
        },
    };
    let now = work.now();
    let changed = store::update_organization(work.conn(), before.id, &columns, before.version, now)
        .await
        .map_err(Refusal::on_duplicate("code"))?;
    if changed == 0 {
        return Err(Refusal::Outdated);
    }
    let after = found(work.conn(), by, &scope, &guid).await?;
    work.audit_diff("organization_updated", "organization", &guid, "org:update", Some(&before), Some(&after))
        .await?;
    tell(&mut work, by.company(), News::Updated, &after).await?;
    work.commit(&by.stamp()).await?;
    Ok(after)
}

/// Finds who is to lead an organisation.
async fn leader(conn: &mut Conn, by: &Principal, guid: Option<&str>) -> Result<Option<i64>, Refusal> {
    const FIELD: &str = "leader_staff_guid";
    let Some(text) = guid else { return Ok(None) };
    let guid = parse_guid(FIELD, text)?;
    let found = store::leader(conn, by.company(), &guid).await?;
    let unknown =
        || Refusal::invalid(FIELD, "unknown_staff", format!("nobody of the staff has the guid {guid}"));
    found.ok_or_else(unknown).map(Some)
}

/// The same for the one who leads it already.
async fn present_leader(conn: &mut Conn, by: &Principal, guid: Option<&str>) -> Result<Option<i64>, Refusal> {
    let Some(guid) = guid else { return Ok(None) };
    Ok(store::leader(conn, by.company(), guid).await?)
}

/// Finds the organisation that something is to lie in, as far as the caller reaches; none is the top, which only those reach
/// who reach everything.
pub(super) async fn place(
    conn: &mut Conn,
    by: &Principal,
    scope: &DataScope,
    field: &str,
    guid: Option<&str>,
) -> Result<Option<Organization>, Refusal> {
    let Some(text) = guid else {
        if scope.all {
            return Ok(None);
        }
        let detail = "your data scope reaches only some organisations: name one of them";
        return Err(Refusal::invalid(field, "out_of_scope", detail));
    };
    let guid = parse_guid(field, text)?;
    let unknown = || {
        Refusal::invalid(
            field,
            "unknown_organization",
            format!("there is no organisation {guid} within your reach"),
        )
    };
    let found = store::organization(conn, reached(by, scope), &guid).await?.ok_or_else(unknown)?;
    if found.status != 1 {
        return Err(Refusal::conflict(
            "organization_off",
            format!("the organisation {guid} is switched off; nothing new can belong to it"),
        ));
    }
    Ok(Some(found))
}

/// Finds the row of the organisation that a body names for something new, or for something that moves there. What stays
/// where it is may also stay in an organisation that is switched off.
pub(super) async fn row_for(
    conn: &mut Conn,
    by: &Principal,
    scope: &DataScope,
    wanted: &Field<String>,
    before: Option<i64>,
) -> Result<Option<i64>, Refusal> {
    let named = match wanted {
        Field::Absent => return Ok(before),
        Field::Null => None,
        Field::Given(guid) => Some(guid.as_str()),
    };
    if let Some(row) = before
        && let Some(guid) = named
        && store::organization(conn, of_company(by.company()), &parse_guid("organization_guid", guid)?)
            .await?
            .is_some_and(|found| found.id == row)
    {
        return Ok(before);
    }
    if before.is_none() && named.is_none() {
        return Ok(None);
    }
    Ok(place(conn, by, scope, "organization_guid", named).await?.map(|found| found.id))
}

/// What is shown of an organisation in the audit log.
#[derive(Debug, Serialize)]
pub(super) struct Place<'a> {
    /// Where it lies.
    pub path: &'a str,
    /// Its place among its siblings.
    pub sort: i64,
}
