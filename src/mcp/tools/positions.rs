//! Positions (S0-47).

use super::{Done, ListIn, Rows};
use crate::hr::model::{NewPosition, Position, PositionOut, PositionPatch};
use crate::hr::positions::{self, Holders};
use crate::mcp::scope::Scope;
use crate::mcp::tool::Kind::{Destroys, Reads, Writes};
use crate::mcp::tool::{Nothing, Tool, tool};
use serde::Deserialize;
use utoipa::ToSchema;

/// Which position.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PositionIn {
    /// Guid of the position.
    position_guid: String,
}

/// Which position to delete.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct DeleteIn {
    /// Guid of the position.
    position_guid: String,
    /// Take it from the people in it; otherwise a position that somebody is in is not deleted.
    #[serde(default)]
    force: bool,
}

/// The tools of positions.
pub(super) fn tools() -> Vec<Tool> {
    let list = tool::<ListIn, Nothing, Rows<Position>, _, _>(
        ("listPositions", "List positions"),
        "Lists the positions of the company, a page at a time, by a part of their code or name if one is given.",
        (Reads, Scope::Org, &["position:view"]),
        |call, asked, _| async move {
            let wanted = positions::searched(asked.search.as_deref(), asked.page())?;
            let found = positions::list(&call.core, &call.by, &wanted).await?;
            Ok(Rows::new(found, asked.page()))
        },
    );
    let create = tool::<Nothing, NewPosition, PositionOut, _, _>(
        ("createPosition", "Create a position"),
        "Creates a position, which carries no permission yet. Needs position:create.",
        (Writes, Scope::Org, &["position:create"]),
        |call, _, new| {
            call.write(move |core, by| {
                let new = new.clone();
                async move { positions::create(&core, &by, &new).await }
            })
        },
    );
    let update = tool::<PositionIn, PositionPatch, PositionOut, _, _>(
        ("updatePosition", "Change a position"),
        "Changes what is given of a position; the rest stays. Disabling it takes what it carries from the people in it. Needs \
         position:update.",
        (Writes, Scope::Org, &["position:update"]),
        |call, asked, patch| {
            call.write(move |core, by| {
                let (asked, patch) = (asked.clone(), patch.clone());
                async move { positions::update(&core, &by, &asked.position_guid, &patch).await }
            })
        },
    );
    let delete = tool::<DeleteIn, Nothing, Done, _, _>(
        ("deletePosition", "Delete a position"),
        "Deletes a position; the people in it lose what only it gave them. Needs position:delete.",
        (Destroys, Scope::Org, &["position:delete"]),
        |call, asked, _| async move {
            let rev = call
                .write(move |core, by| {
                    let asked = asked.clone();
                    let holders = if asked.force { Holders::Take } else { Holders::Refuse };
                    async move { positions::delete(&core, &by, &asked.position_guid, holders).await }
                })
                .await?;
            Ok(Done { rev: rev.map(|rev| rev.0), changed: true })
        },
    );
    vec![list, create.rehearsed(), update.rehearsed(), delete.rehearsed()]
}
