//! Organisations (S0-47).

use super::{ListIn, Rows};
use crate::hr::delete_organization::{self, Deletion};
use crate::hr::model::{MoveTo, NewOrganization, Organization, OrganizationMove, OrganizationPatch};
use crate::hr::move_organization;
use crate::hr::organizations::{self, Part};
use crate::mcp::scope::Scope;
use crate::mcp::tool::Kind::{Destroys, Reads, Writes, WritesOnce};
use crate::mcp::tool::{Nothing, Tool, tool};
use serde::Deserialize;
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
#[serde(rename_all = "camelCase")]
struct ListOrgIn {
    /// Only what lies below this organisation; `root` for the top.
    parent_guid: Option<String>,
    /// So many levels; 1 with a parent, when absent.
    depth: Option<i64>,
    #[serde(flatten)]
    list: ListIn,
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

/// The tools of organisations.
pub(super) fn tools() -> Vec<Tool> {
    let list = tool::<ListOrgIn, Nothing, Rows<Organization>, _, _>(
        ("listOrganizations", "List organisations"),
        "Lists the organisations of the company, a page at a time, by a part of their code or name if one is given.",
        (Reads, Scope::Org, &["org:view"]),
        |call, asked, _| async move {
            let part = Part { parent: asked.parent_guid.clone(), depth: asked.depth };
            let wanted = organizations::searched(asked.list.search.as_deref(), asked.list.page())?;
            let found = organizations::list(&call.core, &call.by, &part, &wanted).await?;
            Ok(Rows::new(found, asked.list.page()))
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
    let change_place = tool::<OrgIn, OrganizationMove, Organization, _, _>(
        ("moveOrganization", "Move an organisation"),
        "Moves an organisation with all that lies below it under another one (parentGuid), or to the top. Needs org:update.",
        (WritesOnce, Scope::Org, &["org:update"]),
        |call, asked, to| async move {
            let (_, moved) = call
                .write(move |core, by| {
                    let (asked, to) = (asked.clone(), to.clone());
                    async move { move_organization::change(&core, &by, &asked.org_guid, &to).await }
                })
                .await?;
            Ok(moved)
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
