//! Copying (抄送, FW16): whoever takes part informs others; who is informed may look.

use super::decide::people;
use super::outcome::{Outcome, check_comment, finish};
use super::running::Act;
use super::view::{self, Standing};
use crate::core::Core;
use crate::hr::resolve::is_caller;
use crate::policy::Principal;
use crate::refusal::Refusal;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

/// Who is informed.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Informed {
    /// Account or staff guids.
    pub staff_guids: Vec<String>,
    /// Why.
    #[serde(default)]
    pub comment: String,
    /// Account or staff guid of the caller; anybody else's is refused (C3).
    #[serde(default)]
    pub operator_guid: Option<String>,
}

/// Informs people of an instance.
pub async fn copy(core: &Core, by: &Principal, guid: &str, informed: &Informed) -> Result<Outcome, Refusal> {
    is_caller(core, by, informed.operator_guid.as_deref()).await?;
    check_comment(&informed.comment)?;
    let mut work = core.db.begin(&by.author()).await?;
    let (mut running, standing) = view::locked(core, &mut work, by, guid).await?;
    if standing == Standing::Viewer {
        return Err(Refusal::denied("of somebody who takes part"));
    }
    if informed.staff_guids.is_empty() {
        return Err(Refusal::invalid("staffGuids", "required", "name at least one person"));
    }
    let found = people(&mut work, by, "staffGuids", &informed.staff_guids).await?;
    let author = by.author();
    let act = Act { actor: author.account, name: &author.name, comment: &informed.comment };
    running.acts(&act);
    let new = running.inform(&mut work, &found, "").await?;
    running.note(&mut work, &act, "informed", None, &json!({ "people": new.len() })).await?;
    finish(core, work, by, &mut running, "workflow_copy", "").await
}
