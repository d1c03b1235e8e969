//! Permissions: what there is, what positions carry, who may do what and why (S0-49, S1-21, S1-38, S1-39).

use super::{Rows, page};
use crate::access::catalogue::{self, Among};
use crate::access::check_access::{AccessDecision, Question, check_access_control};
use crate::access::explain::{ExplanationOut, explain_access};
use crate::access::role_permissions::{Mode, Order};
use crate::hr::position_permissions;
use crate::mcp::call::Call;
use crate::mcp::scope::Scope;
use crate::mcp::tool::Kind::{DestroysOnce, Reads, WritesOnce};
use crate::mcp::tool::{Nothing, Tool, tool};
use crate::policy::Permission;
use crate::refusal::Refusal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which permissions.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PermissionsIn {
    /// Of this application; 0 is the core.
    application: Option<i64>,
    /// `api`, `menu` or `button`.
    kind: Option<String>,
    /// Part of the code, name or description.
    search: Option<String>,
    /// From 1.
    page: Option<i64>,
    /// 1 to 100; 20 when absent.
    page_size: Option<i64>,
}

/// A permission to give to a position.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct AssignIn {
    /// Guid of the position.
    position_guid: String,
    /// Code of the permission.
    permission_code: String,
    /// Must be true to grant `system:admin` (S1-47).
    #[serde(default)]
    confirm: bool,
    /// Why; the log and the pushed frames carry it.
    #[serde(default)]
    reason: String,
}

/// A permission to take from a position.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RemoveIn {
    /// Guid of the position.
    position_guid: String,
    /// Code of the permission.
    permission_code: String,
}

/// What a position carries now.
#[derive(Debug, Serialize, ToSchema)]
struct Carries {
    /// Its place in the log of changes; null when nothing had to change.
    rev: Option<i64>,
    /// False: it already was so.
    changed: bool,
    /// What the position carries now, sorted.
    permissions: Vec<String>,
}

/// Whose permission to explain.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ExplainIn {
    /// Guid of the person's account or staff record (C12).
    staff_guid: String,
    /// Code of the permission.
    permission_code: String,
}

async fn change(call: Call, guid: String, order: Order) -> Result<Carries, Refusal> {
    crate::text::check_text("reason", &order.reason)?;
    let (rev, permissions) = call
        .write(move |core, by| {
            let (guid, order) = (guid.clone(), order.clone());
            async move { position_permissions::change(&core, &by, &guid, &order).await }
        })
        .await?;
    Ok(Carries { rev: rev.map(|rev| rev.0), changed: rev.is_some(), permissions })
}

/// The tools of permissions.
pub(super) fn tools() -> Vec<Tool> {
    let list = tool::<PermissionsIn, Nothing, Rows<Permission>, _, _>(
        ("listPermissions", "List permissions"),
        "Lists permissions, menus and buttons with their codes, a page at a time. Needs permission:view.",
        (Reads, Scope::Org, &["permission:view"]),
        |call, asked, _| async move {
            let PermissionsIn { application, kind, search, page: number, page_size } = asked;
            let page = page(number, page_size);
            let wanted = catalogue::searched(search.as_deref(), page)?;
            let among = Among { application, kind };
            Ok(Rows::new(catalogue::list(&call.core, &call.by, &among, &wanted).await?, page))
        },
    );
    let assign = tool::<AssignIn, Nothing, Carries, _, _>(
        ("assignPermissionToPosition", "Give a permission to a position"),
        "Gives a permission to a position: everybody in it has it at once. Nobody gives what he does not hold. Repeating it is \
         harmless. Needs permission:assign.",
        (WritesOnce, Scope::Org, &["permission:assign"]),
        |call, asked, _| {
            let AssignIn { position_guid, permission_code, confirm: confirmed, reason } = asked;
            let order = Order { mode: Mode::Add, codes: vec![permission_code], confirmed, reason };
            change(call, position_guid, order)
        },
    );
    let remove = tool::<RemoveIn, Nothing, Carries, _, _>(
        ("removePermissionFromPosition", "Take a permission from a position"),
        "Takes a permission from a position: whoever had it only through this position loses it at once. Repeating it is \
         harmless. Needs permission:assign.",
        (DestroysOnce, Scope::Org, &["permission:assign"]),
        |call, asked, _| {
            let codes = vec![asked.permission_code];
            let order = Order { mode: Mode::Remove, codes, confirmed: false, reason: String::new() };
            change(call, asked.position_guid, order)
        },
    );
    let mut tools = vec![list, assign.rehearsed(), remove.rehearsed()];
    tools.extend(questions());
    tools
}

fn questions() -> [Tool; 2] {
    let check = tool::<Nothing, Question, AccessDecision, _, _>(
        ("checkAccess", "May this person do this?"),
        "Answers whether a person may do an operation (create, update, delete, view, approve) on a resource (organization, \
         position, staff, leave, workflow), and if not, why. About oneself always, about others with permission:view.",
        (Reads, Scope::Org, &[]),
        |call, _, question| async move { check_access_control(&call.core, &call.by, &question).await },
    );
    let explain = tool::<ExplainIn, Nothing, ExplanationOut, _, _>(
        ("explainAccess", "Why has this person this permission?"),
        "Explains why somebody has a permission or has it not: every role and position on the way, also those that do not count \
         now. About oneself always, about others with permission:view.",
        (Reads, Scope::Org, &[]),
        |call, asked, _| async move {
            let account = call.account(&asked.staff_guid, "permission:view").await?;
            explain_access(&call.core, &call.by, account, &asked.permission_code).await
        },
    );
    [check, explain]
}
