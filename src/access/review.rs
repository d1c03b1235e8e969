//! The access review (S1-45, S1-47): who holds what and why, one row an account × permission × way, critical permissions
//! first, and whoever is an administrator in a list of his own. Each row names the two requests that would remove it.
//! Rows of grants that do not count now are shown with the reason: an auditor wants to see them too.

use super::csv::{BYTE_ORDER_MARK, line};
use super::store::review::{self as store, PathRow, PlatformRow, ReviewFilter};
use crate::clock::iso;
use crate::core::Core;
use crate::db::paging::Page;
use crate::policy::effective::Grant;
use crate::policy::explain::{general_obstacles, grant_obstacles};
use crate::policy::{At, HolderId, Obstacle, PolicyFacts, Principal, SYSTEM_ADMIN, Standing, View};
use crate::refusal::Refusal;
use livegrant_actors::{PositionId, RoleId};
use serde::Serialize;
use utoipa::ToSchema;

/// One way of one permission to one account.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReviewRow {
    /// Who holds it.
    pub account_id: i64,
    /// His login name.
    pub username: String,
    /// His name for people.
    pub display_name: String,
    /// What he holds.
    pub permission: String,
    /// Its name.
    pub permission_name: String,
    /// Worth a second look.
    pub critical: bool,
    /// Why he holds it: `role`, `position` or `platform`.
    pub kind: String,
    /// The role's id.
    pub role_id: Option<i64>,
    /// The position's guid.
    pub position_guid: Option<String>,
    /// The role's or position's code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// ISO 8601.
    pub valid_from: Option<String>,
    /// ISO 8601, exclusive.
    pub valid_to: Option<String>,
    /// It counts now.
    pub counts: bool,
    /// Why it does not.
    pub blocked_by: Vec<Obstacle>,
    /// The request that takes the role or position from this account.
    pub remove_from_account: Option<String>,
    /// The request that takes the permission from the role or position, and so from all who hold it.
    pub remove_from_holder: Option<String>,
}

/// Lists a page of the review.
pub async fn list(
    core: &Core,
    by: &Principal,
    filter: &ReviewFilter,
    page: Page,
) -> Result<(i64, Vec<ReviewRow>), Refusal> {
    by.require("permission:view")?;
    let mut conn = core.db.read().await?;
    let rows = store::paths(&mut conn, by.company(), filter, page).await?;
    let count = match rows.first() {
        Some(row) => row.path_count,
        // Past the end no row carries the number.
        None if page.offset() > 0 => {
            let first = store::paths(&mut conn, by.company(), filter, Page::first(1)).await?;
            first.first().map_or(0, |row| row.path_count)
        }
        None => 0,
    };
    Ok((count, judged(core, by, rows)))
}

/// Lists everybody who is an administrator, or is granted to be one: over the platform flag, a role or a position.
pub async fn administrators(core: &Core, by: &Principal) -> Result<Vec<ReviewRow>, Refusal> {
    by.require("permission:view")?;
    let mut list: Vec<ReviewRow> = platform(core, by, &ReviewFilter::default()).await?;
    list.extend(of_permission(core, by, &ReviewFilter::default(), SYSTEM_ADMIN).await?);
    Ok(list)
}

/// Lists the platform administrators: they hold every permission.
pub async fn platform(core: &Core, by: &Principal, filter: &ReviewFilter) -> Result<Vec<ReviewRow>, Refusal> {
    let mut rows = store::platform(&mut core.db.read().await?, by.company()).await?;
    rows.retain(|row| filter.account.is_none_or(|account| account.0 == row.user_id));
    Ok(core.policy.with_facts(|facts| rows.into_iter().map(|row| platform_row(facts, by, row)).collect()))
}

/// Lists all rows of one permission.
pub async fn of_permission(
    core: &Core,
    by: &Principal,
    filter: &ReviewFilter,
    permission: &str,
) -> Result<Vec<ReviewRow>, Refusal> {
    let filter = ReviewFilter { permission: Some(permission.to_owned()), ..filter.clone() };
    let rows = store::paths(&mut core.db.read().await?, by.company(), &filter, Page::first(i64::MAX)).await?;
    Ok(judged(core, by, rows))
}

/// Answers the codes of the catalogue in the order of the review.
pub fn permissions_in_order(core: &Core) -> Vec<String> {
    core.policy.with_facts(|facts| {
        let mut rows: Vec<_> = facts.catalogue.rows().iter().collect();
        rows.sort_by_key(|row| (row.code != SYSTEM_ADMIN, !row.critical, row.code.clone()));
        rows.into_iter().map(|row| row.code.clone()).collect()
    })
}

fn view(by: &Principal) -> View {
    View { application: by.session().view.application, company: by.company() }
}

fn judged(core: &Core, by: &Principal, rows: Vec<PathRow>) -> Vec<ReviewRow> {
    let at = At::Instant(core.clock.now_ms());
    core.policy.with_facts(|facts| rows.into_iter().map(|row| out(facts, view(by), at, row)).collect())
}

fn out(facts: &PolicyFacts, view: View, at: At, row: PathRow) -> ReviewRow {
    let is_role = row.kind == "role";
    let holder = if is_role {
        HolderId::Role(RoleId(row.holder_id))
    } else {
        HolderId::Position(PositionId(row.holder_id))
    };
    let grant = Grant { holder, from: row.valid_from, to: row.valid_to, started: row.started };
    let general = obstacles(facts, row.account_status, view, &row.permission);
    let blocked_by = match facts.holders.get(&holder) {
        Some(known) => grant_obstacles(&general, &grant, known, view, at),
        None => general,
    };
    let (account, id, guid) = (row.account_id, row.holder_id, &row.holder_guid);
    let (remove_from_account, remove_from_holder) = if is_role {
        (
            format!("DELETE /api/v1/accounts/{account}/roles/{id}"),
            format!(
                "POST /api/v1/roles/{id}/permissions/remove {{\"permissions\":[\"{}\"]}}",
                row.permission
            ),
        )
    } else {
        (
            format!("DELETE /api/v1/staff/{}/positions/{guid}", row.staff_guid),
            format!("DELETE /api/v1/positions/{guid}/permissions/{}", row.permission),
        )
    };
    ReviewRow {
        account_id: account,
        username: row.username,
        display_name: row.display_name,
        permission: row.permission,
        permission_name: row.permission_name,
        critical: row.critical,
        kind: row.kind,
        role_id: is_role.then_some(id),
        position_guid: (!is_role).then(|| guid.clone()),
        code: row.holder_code,
        name: row.holder_name,
        valid_from: row.valid_from.map(iso),
        valid_to: row.valid_to.map(iso),
        counts: blocked_by.is_empty(),
        blocked_by,
        remove_from_account: Some(remove_from_account),
        remove_from_holder: Some(remove_from_holder),
    }
}

fn platform_row(facts: &PolicyFacts, by: &Principal, row: PlatformRow) -> ReviewRow {
    let blocked_by = obstacles(facts, row.status, view(by), SYSTEM_ADMIN);
    ReviewRow {
        account_id: row.user_id,
        username: row.username,
        display_name: row.display_name,
        permission: SYSTEM_ADMIN.to_owned(),
        permission_name: facts.catalogue.find(SYSTEM_ADMIN).map(|row| row.name.clone()).unwrap_or_default(),
        critical: true,
        kind: "platform".to_owned(),
        role_id: None,
        position_guid: None,
        code: String::new(),
        name: String::new(),
        valid_from: None,
        valid_to: None,
        counts: blocked_by.is_empty(),
        blocked_by,
        // Only the operator's shell makes platform administrators; disabling the account ends it.
        remove_from_account: Some(format!("PATCH /api/accounts/users/{}/ {{\"status\":0}}", row.user_id)),
        remove_from_holder: None,
    }
}

/// Names what stands against every way: the account, company, application or permission is off.
fn obstacles(facts: &PolicyFacts, account_status: i64, view: View, permission: &str) -> Vec<Obstacle> {
    let account = Standing { enabled: account_status == 1, epoch: 0 };
    // A permission that is not known here yet was made a moment ago; it is on.
    facts.catalogue.bit(permission).map_or_else(Vec::new, |bit| general_obstacles(facts, account, view, bit))
}

/// The head line of the CSV.
const COLUMNS: [&str; 15] = [
    "account_id",
    "username",
    "display_name",
    "permission",
    "permission_name",
    "critical",
    "kind",
    "code",
    "name",
    "valid_from",
    "valid_to",
    "counts",
    "blocked_by",
    "remove_from_account",
    "remove_from_holder",
];

/// Answers the first lines of the CSV: its head and the platform administrators.
pub fn csv_head(administrators: &[ReviewRow]) -> String {
    format!("{BYTE_ORDER_MARK}{}{}", line(&COLUMNS), csv(administrators))
}

/// Answers rows as lines of the CSV.
pub fn csv(rows: &[ReviewRow]) -> String {
    rows.iter().map(csv_line).collect()
}

fn csv_line(row: &ReviewRow) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let blocked_by: Vec<&str> = row.blocked_by.iter().map(|obstacle| obstacle.name()).collect();
    line(&[
        row.account_id.to_string(),
        row.username.clone(),
        row.display_name.clone(),
        row.permission.clone(),
        row.permission_name.clone(),
        row.critical.to_string(),
        row.kind.clone(),
        row.code.clone(),
        row.name.clone(),
        text(&row.valid_from),
        text(&row.valid_to),
        row.counts.to_string(),
        blocked_by.join(" "),
        text(&row.remove_from_account),
        text(&row.remove_from_holder),
    ])
}
