//! Handing a returned instance in again (FW11): with the same number and history, one revision further.

use super::assignees::chosen;
use super::business;
use super::definitions::{Definition, Resume};
use super::form;
use super::instance::Event;
use super::outcome::{Outcome, check_comment, finish};
use super::running::{Act, Parent, Running};
use super::title;
use super::variables::{Initiator, Variables};
use super::view;
use crate::core::Core;
use crate::db::Work;
use crate::hr::resolve::is_caller;
use crate::policy::Principal;
use crate::refusal::Refusal;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What is handed in.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Again {
    /// The fields that change; the others stay.
    pub form: Map<String, Value>,
    /// Whom the initiator chooses: account or staff guids, by node; what was chosen before when absent.
    pub chosen: Option<BTreeMap<String, Vec<String>>>,
    /// What has changed.
    pub comment: String,
    /// Account or staff guid of the caller; anybody else's is refused (C3).
    pub operator_guid: Option<String>,
}

/// Hands an instance in again. What hangs on a row of its own is handed in by the requests of that area, which change the
/// row as well.
pub async fn resubmit(core: &Core, by: &Principal, guid: &str, again: &Again) -> Result<Outcome, Refusal> {
    is_caller(core, by, again.operator_guid.as_deref()).await?;
    let mut work = core.db.begin(&by.author()).await?;
    let (mut running, _) = view::locked(core, &mut work, by, guid).await?;
    if business::of_kind(&running.row.business_type).is_some() {
        let detail = "what hangs on a row of its own is handed in again by the requests of that area";
        return Err(Refusal::conflict("not_allowed", detail));
    }
    super::start::changes_his_own(&running.definition.graph, &running.state.form, &again.form)?;
    hand_in(core, &mut work, by, &mut running, again).await?;
    finish(core, work, by, &mut running, "workflow_resubmit", "").await
}

/// Hands an instance in again inside a unit of work, with the form that its definition is given; whoever calls commits it.
pub async fn within(
    core: &Core,
    work: &mut Work,
    by: &Principal,
    guid: &str,
    again: &Again,
    form: impl FnOnce(&Definition) -> Map<String, Value> + Send,
) -> Result<(), Refusal> {
    let (mut running, _) = view::locked(core, work, by, guid).await?;
    let again = Again { form: form(&running.definition), ..again.clone() };
    hand_in(core, work, by, &mut running, &again).await?;
    running.save(core, work, Parent::Tell).await
}

async fn hand_in(
    core: &Core,
    work: &mut Work,
    by: &Principal,
    running: &mut Running,
    again: &Again,
) -> Result<(), Refusal> {
    check_comment(&again.comment)?;
    if running.state.initiator != by.account() {
        return Err(Refusal::denied("of the initiator"));
    }
    let mut fields = running.state.form.clone();
    fields.extend(again.form.clone());
    form::check(&running.definition.form, &Value::Object(fields.clone()))?;
    let company = by.company();
    let chosen = match &again.chosen {
        Some(named) => chosen::read(work.conn(), company, &running.definition.graph, named).await?,
        None => running.state.chosen.clone(),
    };
    let now = work.now();
    let initiator = Initiator::read(work.conn(), company, by.account(), now).await?;
    let variables = Variables { form: fields, initiator };
    chosen::check_enough(&running.definition.graph, &variables, &chosen)?;
    let Variables { form: fields, initiator: facts } = variables;
    let author = by.author();
    let act = Act { actor: author.account, name: &author.name, comment: &again.comment };
    let resume = running.definition.settings.resume == Resume::Returning;
    running.apply(core, work, &act, Event::Resubmitted { form: fields, facts, chosen, resume }).await?;
    let (definition, variables) = (&running.definition, running.variables());
    let title = title::fill(&definition.settings.title, &definition.name, &variables);
    let summary = title::fill(&definition.settings.summary, &definition.name, &variables);
    (running.row.title, running.row.summary) = (title, summary);
    Ok(())
}
