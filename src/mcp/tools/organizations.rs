//! Organisations (S0-47).

use super::{Rows, page};
use crate::hr::delete_organization::{self, Deletion};
use crate::hr::model::{MoveTo, NewOrganization, Organization, OrganizationMove, OrganizationPatch};
use crate::hr::move_organization;
use crate::hr::organizations::{self, Part};
use crate::mcp::scope::Scope;
use crate::mcp::tool::Kind::{Destroys, Reads, Writes, WritesOnce};
use crate::mcp::tool::{Nothing, Tool, read, tool};
use crate::refusal::Refusal;
use rmcp::model::JsonObject;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// Which organisation.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct OrgIn {
    /// Guid of the organisation.
    org_guid: String,
}

/// Which part of the tree, and what to look for in it.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ListOrgIn {
    /// Only what lies below this organisation; `root` for the top.
    parent_guid: Option<String>,
    /// So many levels; 1 with a parent, when absent.
    depth: Option<i64>,
    /// Part of the code or name.
    search: Option<String>,
    /// From 1.
    page: Option<i64>,
    /// 1 to 100; 20 when absent.
    page_size: Option<i64>,
}

/// Which organisation is to lie where.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct MoveOrgIn {
    /// Guid of the organisation.
    org_guid: String,
    /// Guid of the organisation that it shall belong to, or `root` for the top; where it is when absent.
    new_parent_guid: Option<String>,
    /// Place among its new siblings, from 0; last when absent.
    position: Option<i64>,
    /// The version that was read; a different one now is refused.
    version: Option<i64>,
}

impl MoveOrgIn {
    fn order(&self) -> Result<OrganizationMove, Refusal> {
        let mut order = JsonObject::new();
        if let Some(parent) = &self.new_parent_guid {
            let parent = if parent == "root" { Value::Null } else { json!(parent) };
            order.insert("parentGuid".to_owned(), parent);
        }
        for (name, number) in [("position", self.position), ("version", self.version)] {
            order.extend(number.map(|number| (name.to_owned(), json!(number))));
        }
        read(&order)
    }
}

/// Which organisation to delete, and where what belongs to it goes.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct DeleteOrgIn {
    /// Guid of the organisation.
    org_guid: String,
    /// Guid of the organisation that takes what belongs to it, or `root`; without it a deletion is refused while anything
    /// belongs to it.
    move_staff_to: Option<String>,
}

impl DeleteOrgIn {
    fn to(&self) -> MoveTo {
        match self.move_staff_to.as_deref() {
            None => MoveTo::Refuse,
            Some("root") => MoveTo::Top,
            Some(guid) => MoveTo::Organization(guid.to_owned()),
        }
    }
}

/// Where an organisation lies now.
#[derive(Debug, Serialize, ToSchema)]
struct Moved {
    /// Its place in the log of changes; null where it only came to another place among its siblings, or stayed.
    rev: Option<i64>,
    /// The organisation.
    organization: Organization,
}

/// The tools of organisations.
pub(super) fn tools() -> Vec<Tool> {
    let list = tool::<ListOrgIn, Nothing, Rows<Organization>, _, _>(
        ("listOrganizations", "List organisations"),
        "Lists the organisations of the company, a page at a time, by a part of their code or name if one is given, or what lies \
         below one of them.",
        (Reads, Scope::Org, &["org:view"]),
        |call, asked, _| async move {
            let part = Part { parent: asked.parent_guid.clone(), depth: asked.depth };
            let page = page(asked.page, asked.page_size);
            let wanted = organizations::searched(asked.search.as_deref(), page)?;
            let found = organizations::list(&call.core, &call.by, &part, &wanted).await?;
            Ok(Rows::new(found, page))
        },
    );
    let get = tool::<OrgIn, Nothing, Organization, _, _>(
        ("getOrganization", "Read an organisation"),
        "Reads one organisation.",
        (Reads, Scope::Org, &["org:view"]),
        |call, asked, _| async move { organizations::get(&call.core, &call.by, &asked.org_guid).await },
    );
    let create = tool::<Nothing, NewOrganization, Organization, _, _>(
        ("createOrganization", "Create an organisation"),
        "Creates an organisation. Needs org:create.",
        (Writes, Scope::Org, &["org:create"]),
        |call, _, new| {
            call.write(move |core, by| {
                let new = new.clone();
                async move { organizations::create(&core, &by, &new).await }
            })
        },
    );
    let update = tool::<OrgIn, OrganizationPatch, Organization, _, _>(
        ("updateOrganization", "Change an organisation"),
        "Changes what is given of an organisation; the rest stays. Needs org:update.",
        (WritesOnce, Scope::Org, &["org:update"]),
        |call, asked, patch| {
            call.write(move |core, by| {
                let (asked, patch) = (asked.clone(), patch.clone());
                async move { organizations::update(&core, &by, &asked.org_guid, &patch).await }
            })
        },
    );
    let change_place = tool::<MoveOrgIn, Nothing, Moved, _, _>(
        ("moveOrganization", "Move an organisation"),
        "Moves an organisation with all that lies below it under another one (newParentGuid), or to the top. What the people \
         below may do changes at once where it hangs on their organisation. Needs org:update at both ends.",
        (WritesOnce, Scope::Org, &["org:update"]),
        |call, asked, _| async move {
            let to = asked.order()?;
            let (rev, organization) = call
                .write(move |core, by| {
                    let (asked, to) = (asked.clone(), to.clone());
                    async move { move_organization::change(&core, &by, &asked.org_guid, &to).await }
                })
                .await?;
            Ok(Moved { rev: rev.map(|rev| rev.0), organization })
        },
    );
    let delete = tool::<DeleteOrgIn, Nothing, Deletion, _, _>(
        ("deleteOrganization", "Delete an organisation"),
        "Deletes an organisation. While people, positions or organisations belong to it, moveStaffTo has to say where they go. \
         Needs org:delete.",
        (Destroys, Scope::Org, &["org:delete"]),
        |call, asked, _| {
            call.write(move |core, by| {
                let asked = asked.clone();
                async move { delete_organization::delete(&core, &by, &asked.org_guid, &asked.to()).await }
            })
        },
    );
    vec![list, get, create.rehearsed(), update.rehearsed(), change_place.rehearsed(), delete.rehearsed()]
}
