//! Starting an instance: of its own, inside somebody else's unit of work, or as what another instance waits for.

use super::assignees::chosen;
use super::business;
use super::definitions::{self, Definition};
use super::form;
use super::graph::{Access, Graph, NodeKind};
use super::instance::{Event, Status};
use super::number;
use super::preview::{PreviewOut, Starting, preview};
use super::running::{Act, Parent, Running};
use super::store::instances::{self, NewInstance};
use super::title;
use super::variables::{Initiator, Variables};
use super::walk;
use crate::clock::guid;
use crate::core::Core;
use crate::db::{Conn, Work};
use crate::policy::Principal;
use crate::refusal::Refusal;
use crate::text::check_text;
use crate::zone::Zone;
use livegrant_actors::{AccountId, CompanyId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Instances that wait for each other at most; definitions that refer to each other in a circle are not published.
const NESTED_MAX: i64 = 5;

/// What is started.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct New {
    /// Code of a published definition.
    pub definition: String,
    /// What it is about, for whoever started it.
    #[serde(default)]
    pub business_type: String,
    /// Which of them.
    #[serde(default)]
    pub business_id: String,
    /// The form, by field.
    #[serde(default)]
    pub form: Map<String, Value>,
    /// Whom the initiator chooses: account or staff guids, by node.
    #[serde(default)]
    pub chosen: BTreeMap<String, Vec<String>>,
    /// Account or staff guid of the caller; anybody else's is refused (C3).
    #[serde(default)]
    pub operator_guid: Option<String>,
    /// For whom; the caller, unless the area that calls has found out that he may start for somebody else.
    #[serde(skip)]
    pub initiator: Option<AccountId>,
}

/// What was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Started {
    /// Its row.
    #[serde(skip)]
    pub id: i64,
    /// The instance.
    pub guid: String,
    /// Its number (S0-40).
    pub approval_no: String,
    /// One line about it.
    pub title: String,
    /// Where it stands.
    pub status: Status,
    /// The same in the words that people are told (C27).
    pub approval_state: &'static str,
}

/// Starts an instance in the caller's name.
pub async fn start(core: &Core, by: &Principal, new: &New) -> Result<Started, Refusal> {
    crate::hr::resolve::is_caller(core, by, new.operator_guid.as_deref()).await?;
    if business::of_kind(&new.business_type).is_some() {
        let detail = "what hangs on a row of its own is started by the requests of that area";
        return Err(Refusal::invalid("businessType", "invalid", detail));
    }
    let mut work = core.db.begin(&by.author()).await?;
    business::check_open(work.conn(), by.company(), &new.definition).await?;
    let started = begin_filled(core, &mut work, by, new, Filled::ByInitiator).await?;
    work.audit("workflow_start", "workflow", &started.guid, "").await?;
    let committed = work.commit(&by.stamp()).await?;
    core.settle(committed).await;
    Ok(started)
}

/// Says what would happen with an instance that the caller starts so (FW28), with the refusals of the start; people whom
/// the form leaves to him may still be missing. Nothing is written.
pub async fn foresee(core: &Core, by: &Principal, new: &New) -> Result<PreviewOut, Refusal> {
    crate::hr::resolve::is_caller(core, by, new.operator_guid.as_deref()).await?;
    let (company, initiator, now) = (by.company(), by.account(), core.clock.now_ms());
    let mut conn = core.db.read().await?;
    let (definition, facts) = offered(&mut conn, company, &new.definition, initiator, now).await?;
    changes_his_own(&definition.graph, &Map::new(), &new.form)?;
    form::check(&definition.form, &Value::Object(new.form.clone()))?;
    let chosen = chosen::read(&mut conn, company, &definition.graph, &new.chosen).await?;
    let variables = Variables { form: new.form.clone(), initiator: facts };
    let starting = Starting { initiator, chosen: &chosen, variables: &variables, now };
    let seen = preview(&mut conn, &definition, starting).await?;
    Ok(PreviewOut::of(&mut conn, &seen).await?)
}

/// Finds a published definition that the initiator may start, and who he is.
async fn offered(
    conn: &mut Conn,
    company: CompanyId,
    code: &str,
    initiator: AccountId,
    now: i64,
) -> Result<(Definition, Initiator), Refusal> {
    let unknown = || {
        Refusal::invalid("definition", "unknown_definition", "there is no published definition of this code")
    };
    if crate::text::check_code(code).is_err() {
        return Err(unknown());
    }
    let definition = definitions::published(conn, company, code).await?.ok_or_else(unknown)?;
    let facts = Initiator::read(conn, company, initiator, now).await?;
    let starters = &definition.starters;
    if !starters.is_empty() && !starters.includes(&facts) {
        let detail = "the definition does not let you start it".to_owned();
        return Err(Refusal::Forbidden { code: "not_a_starter", detail });
    }
    Ok((definition, facts))
}

/// Goes on only if the initiator changes no field that the start node lets him read at most (FW29): what is not named there is
/// his. What stays as it was is no change, so that a form may be handed in as it was shown.
pub(super) fn changes_his_own(
    graph: &Graph,
    before: &Map<String, Value>,
    given: &Map<String, Value>,
) -> Result<(), Refusal> {
    let Some(NodeKind::Start { fields }) = walk::start(graph).map(|node| &node.kind) else { return Ok(()) };
    for (field, access) in fields {
        let is = before.get(field).unwrap_or(&Value::Null);
        if *access != Access::Edit && given.get(field).is_some_and(|value| value != is) {
            let detail = "this field is not filled in by whoever starts it";
            return Err(Refusal::invalid(format!("form.{field}"), "not_allowed", detail));
        }
    }
    Ok(())
}

/// Starts an instance inside a unit of work, with a form that the area that calls has filled in, every field as it likes;
/// whoever calls commits it.
pub async fn begin(core: &Core, work: &mut Work, by: &Principal, new: &New) -> Result<Started, Refusal> {
    begin_filled(core, work, by, new, Filled::ByArea).await
}

/// Whose values the form holds.
#[derive(Clone, Copy, PartialEq)]
enum Filled {
    ByInitiator,
    ByArea,
}

async fn begin_filled(
    core: &Core,
    work: &mut Work,
    by: &Principal,
    new: &New,
    filled: Filled,
) -> Result<Started, Refusal> {
    let company = by.company();
    for (field, text) in [("businessType", &new.business_type), ("businessId", &new.business_id)] {
        check_text(field, text)?;
    }
    let initiator = new.initiator.unwrap_or_else(|| by.account());
    let now = work.now();
    let (definition, facts) = offered(work.conn(), company, &new.definition, initiator, now).await?;
    if filled == Filled::ByInitiator {
        changes_his_own(&definition.graph, &Map::new(), &new.form)?;
    }
    let chosen = chosen::read(work.conn(), company, &definition.graph, &new.chosen).await?;
    let about = About { initiator, form: new.form.clone(), facts, chosen };
    let author = by.author();
    let act = Act { actor: by.account(), name: &author.name, comment: "" };
    let kind = Kind { business_type: &new.business_type, business_id: &new.business_id, parent_run: None };
    let running = make(core, work, &act, definition, kind, about).await?;
    Ok(Started {
        id: running.row.id,
        guid: running.row.guid.clone(),
        approval_no: running.row.approval_no.clone(),
        title: running.row.title.clone(),
        status: running.state.status,
        approval_state: running.state.status.told(),
    })
}

/// Starts what a run of another instance waits for; answers at once how it ended, if it has, and why it was not started.
pub(super) async fn child(
    core: &Core,
    work: &mut Work,
    parent: &Running,
    run: i64,
    code: &str,
) -> Result<Option<(Status, String)>, Refusal> {
    let company = parent.company();
    let refused = |why: String| Ok(Some((Status::Rejected, why)));
    if depth(work, parent).await? >= NESTED_MAX {
        return refused(format!("more than {NESTED_MAX} instances would wait for each other"));
    }
    // One that was retired meanwhile cannot be waited for: the step counts as refused, and the log says so. One that takes
    // no instances for now takes this: what waits for it is under way.
    let Some(definition) = definitions::live(work.conn(), company, code).await? else {
        return refused(format!("there is no definition {code} any more"));
    };
    let mut fields = parent.state.form.clone();
    fields.retain(|field, _| definition.form.field(field).is_some());
    if form::check(&definition.form, &Value::Object(fields.clone())).is_err() {
        return refused(format!("{code} needs other fields than these"));
    }
    let variables = Variables { form: fields.clone(), initiator: parent.state.facts.clone() };
    if chosen::check_enough(&definition.graph, &variables, &parent.state.chosen).is_err() {
        return refused(format!("{code} needs people whom nobody has chosen"));
    }
    let about = About {
        initiator: parent.state.initiator,
        form: fields,
        facts: parent.state.facts.clone(),
        chosen: parent.state.chosen.clone(),
    };
    let kind = Kind { business_type: "", business_id: "", parent_run: Some(run) };
    let running = make(core, work, &Act::system(), definition, kind, about).await?;
    Ok(running.state.status.is_over().then(|| (running.state.status, String::new())))
}

/// How many instances wait for this one.
async fn depth(work: &mut Work, of: &Running) -> Result<i64, Refusal> {
    let mut above = of.row.parent_run_id;
    let mut depth = 0;
    while let Some(run) = above.filter(|_| depth < NESTED_MAX) {
        depth += 1;
        let Some((instance, _)) = instances::of_run(work.conn(), run).await? else { break };
        above = instances::by_id(work.conn(), instance).await?.and_then(|row| row.parent_run_id);
    }
    Ok(depth)
}

struct About {
    initiator: AccountId,
    form: Map<String, Value>,
    facts: Initiator,
    chosen: BTreeMap<String, Vec<AccountId>>,
}

struct Kind<'a> {
    business_type: &'a str,
    business_id: &'a str,
    parent_run: Option<i64>,
}

async fn make(
    core: &Core,
    work: &mut Work,
    act: &Act<'_>,
    definition: Definition,
    kind: Kind<'_>,
    about: About,
) -> Result<Running, Refusal> {
    form::check(&definition.form, &Value::Object(about.form.clone()))?;
    let About { initiator, form, facts, chosen } = about;
    let shown = Variables { form: form.clone(), initiator: facts.clone() };
    let title = title::fill(&definition.settings.title, &definition.name, &shown);
    let summary = title::fill(&definition.settings.summary, &definition.name, &shown);
    let guid = guid();
    let now = work.now();
    let new = NewInstance {
        guid: &guid,
        // Its number is taken last: whoever has one holds up everybody who wants the next.
        approval_no: &guid,
        company: definition.company,
        definition: definition.id,
        business_type: kind.business_type,
        business_id: kind.business_id,
        initiator,
        title: &title,
        summary: &summary,
        parent_run: kind.parent_run,
    };
    let prefix = definition.settings.number_prefix.clone();
    let id = instances::insert(work.conn(), &new, now).await?;
    let row = instances::by_id(work.conn(), id).await?.ok_or(super::view::MISSING)?;
    let mut running = Running::of(work.conn(), row).await?;
    chosen::check_enough(&definition.graph, &shown, &chosen)?;
    running.apply(core, work, act, Event::Started { initiator, form, facts, chosen }).await?;
    let zone = Zone::named(&core.settings.calendar.timezone).unwrap_or_else(Zone::utc);
    running.row.approval_no = number::next(work, &zone, &prefix).await?;
    running.save(core, work, Parent::Knows).await?;
    Ok(running)
}
