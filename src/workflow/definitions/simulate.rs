//! A definition tried out: the path and the people that an instance of somebody would have. Nothing is written.

use super::draft::ADMIN;
use super::known;
use super::lifecycle::draft_or;
use crate::core::Core;
use crate::hr::resolve::account_of_guid;
use crate::policy::Principal;
use crate::refusal::Refusal;
use crate::workflow::assignees::chosen;
use crate::workflow::form;
use crate::workflow::preview::{PreviewOut, Starting, preview};
use crate::workflow::validate::Fault;
use crate::workflow::variables::Variables;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// With what to try.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Trial {
    /// The version; the draft, else the published one, when absent.
    #[serde(default)]
    pub number: Option<i64>,
    /// Account or staff guid of the one who would start; the caller when absent.
    #[serde(default)]
    pub initiator_guid: Option<String>,
    /// The form's values.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub form: Value,
    /// Whom the initiator would choose: account or staff guids by node.
    #[serde(default)]
    pub chosen: BTreeMap<String, Vec<String>>,
}

/// What would happen.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrialOut {
    /// What keeps the version from being published; the path is shown all the same where it can be walked.
    pub faults: Vec<Fault>,
    /// The path; absent while the graph itself is wrong.
    pub preview: Option<PreviewOut>,
}

/// Says what would happen.
pub async fn simulate(core: &Core, by: &Principal, code: &str, trial: &Trial) -> Result<TrialOut, Refusal> {
    by.require(ADMIN)?;
    let initiator = match &trial.initiator_guid {
        None => by.account(),
        Some(guid) => {
            account_of_guid(core, by, guid).await?.and_then(|person| person.account).ok_or_else(|| {
                Refusal::invalid("initiatorGuid", "unknown_account", "nobody with a login is meant")
            })?
        }
    };
    let mut conn = core.db.read().await?;
    let definition = draft_or(&mut conn, by, code, trial.number).await?;
    let faults = known::faults(core, &mut conn, by.company(), code, &definition.content()).await?;
    if faults.iter().any(|fault| fault.at.starts_with("nodes") || fault.at.starts_with("form")) {
        return Ok(TrialOut { faults, preview: None });
    }
    let empty = Value::Object(serde_json::Map::new());
    let data = if trial.form.is_null() { &empty } else { &trial.form };
    form::check(&definition.form, data)?;
    let now = core.clock.now_ms();
    let variables = Variables::of(&mut conn, by.company(), initiator, data, now).await?;
    let chosen = chosen::read(&mut conn, by.company(), &definition.graph, &trial.chosen).await?;
    let starting = Starting { initiator, chosen: &chosen, variables: &variables, now };
    let seen = preview(&mut conn, &definition, starting).await?;
    let out = PreviewOut::of(&mut conn, &seen).await?;
    Ok(TrialOut { faults, preview: Some(out) })
}
