//! Organisations (S0-47).

use super::{ListIn, Rows};
use crate::hr::model::{NewOrganization, Organization, OrganizationPatch};
use crate::hr::organizations;
use crate::mcp::scope::Scope;
use crate::mcp::tool::Kind::{Destroys, Reads, Writes, WritesOnce};
use crate::mcp::tool::{Nothing, Tool, tool};
use crate::mcp::tools::Done;
use serde::Deserialize;
use utoipa::ToSchema;

/// Which organisation.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct OrgIn {
    /// Guid of the organisation.
    org_guid: String,
}

/// The tools of organisations.
pub(super) fn tools() -> Vec<Tool> {
    let list = tool::<ListIn, Nothing, Rows<Organization>, _, _>(
        ("listOrganizations", "List organisations"),
        "Lists the organisations of the company, a page at a time, by a part of their code or name if one is given.",
        (Reads, Scope::Org, &["org:view"]),
        |call, asked, _| async move {
            let found =
                organizations::list(&call.core, &call.by, asked.search.as_deref(), asked.page()).await?;
            Ok(Rows::new(found, asked.page()))
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
    let delete = tool::<OrgIn, Nothing, Done, _, _>(
        ("deleteOrganization", "Delete an organisation"),
        "Deletes an organisation that no position and no staff record belongs to. Needs org:delete.",
        (Destroys, Scope::Org, &["org:delete"]),
        |call, asked, _| async move {
            call.write(move |core, by| {
                let asked = asked.clone();
                async move { organizations::delete(&core, &by, &asked.org_guid).await }
            })
            .await?;
            Ok(Done { rev: None, changed: true })
        },
    );
    vec![list, get, create.rehearsed(), update.rehearsed(), delete.rehearsed()]
}
