//! Lists of instances and tasks (FW34), and one instance with its form (FW29).

use super::graph::{Access, Allows, Needs, NodeKind};
use super::instance::{Origin, Status, TaskState};
use super::outcome::{CurrentNode, current_nodes};
use super::running::Running;
use super::store::lists::{self as store, ListFilter};
use super::view::{self, Standing};
use super::{definitions, walk};
use crate::clock::iso;
use crate::core::Core;
use crate::db::paging::{Page, like};
use crate::db::{Conn, SystemTask, bulk};
use crate::policy::Principal;
use crate::refusal::Refusal;
use livegrant_actors::AccountId;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// The lists by their names.
const VIEWS: [&str; 5] = ["started", "todo", "done", "copied", "managed"];

/// Somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PersonOut {
    /// Account guid.
    pub guid: String,
    /// Name for people.
    pub name: String,
}

/// Names of people by account.
#[derive(Debug, Default)]
pub struct Names(BTreeMap<i64, PersonOut>);

impl Names {
    /// Reads who these accounts are.
    pub async fn read(conn: &mut Conn, accounts: impl IntoIterator<Item = i64>) -> Result<Self, Refusal> {
        let accounts: BTreeSet<i64> = accounts.into_iter().filter(|account| *account != 0).collect();
        let accounts: Vec<i64> = accounts.into_iter().collect();
        let cards = bulk::cards(conn, &accounts).await?;
        Ok(Self(cards.into_iter().map(|(id, guid, name)| (id, PersonOut { guid, name })).collect()))
    }

    /// Answers who an account is; the system has a name, too.
    pub fn of(&self, account: i64) -> PersonOut {
        self.0
            .get(&account)
            .cloned()
            .unwrap_or_else(|| PersonOut { guid: String::new(), name: "system".to_owned() })
    }
}

/// A line of a list of instances.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceItem {
    /// The instance.
    pub guid: String,
    /// Its number.
    pub approval_no: String,
    /// Code of its definition.
    pub definition: String,
    /// Name of its definition.
    pub definition_name: String,
    /// What it is about, for whoever started it.
    pub business_type: String,
    /// Which of them.
    pub business_id: String,
    /// Who started it.
    pub initiator: PersonOut,
    /// One line about it.
    pub title: String,
    /// Another one.
    pub summary: String,
    /// Where it stands.
    pub status: Status,
    /// The same in the words that people are told (C27).
    pub approval_state: &'static str,
    /// How often the form was handed in.
    pub revision: i64,
    /// ISO 8601.
    pub started_at: String,
    /// ISO 8601.
    pub ended_at: Option<String>,
}

/// What to look for in a list of instances.
#[derive(Debug, Clone, Default)]
pub struct Wanted<'a> {
    /// `started` when absent.
    pub view: Option<&'a str>,
    /// Where they stand.
    pub status: Option<&'a str>,
    /// Code of the definition.
    pub definition: Option<&'a str>,
    /// Part of number, title or summary.
    pub search: Option<&'a str>,
}

/// Lists instances.
pub async fn instances(
    core: &Core,
    by: &Principal,
    wanted: &Wanted<'_>,
    page: Page,
) -> Result<(i64, Vec<InstanceItem>), Refusal> {
    let view = wanted.view.unwrap_or("started");
    if !VIEWS.contains(&view) {
        return Err(Refusal::invalid("view", "invalid", format!("one of {}", VIEWS.join(", "))));
    }
    if wanted.status.is_some_and(|status| Status::parse(status).is_none()) {
        let detail = "one of running, approved, rejected, returned, withdrawn, cancelled";
        return Err(Refusal::invalid("status", "invalid", detail));
    }
    let mut conn = core.db.read().await?;
    let managed = if view == "managed" { managed(core, &mut conn, by).await? } else { None };
    let search = wanted.search.map(like);
    let filter = ListFilter {
        view,
        account: by.account(),
        definitions: managed.as_deref(),
        status: wanted.status,
        definition: wanted.definition,
        search: search.as_deref(),
    };
    let (count, rows) = store::instances(&mut conn, by.company(), &filter, page).await?;
    let people: Vec<i64> = rows.iter().map(|row| row.initiator_id).collect();
    let names = Names::read(&mut conn, people).await?;
    let item = |row: store::ItemRow| {
        let status = Status::parse(&row.status).unwrap_or(Status::Running);
        InstanceItem {
            guid: row.guid,
            approval_no: row.approval_no,
            definition: row.definition,
            definition_name: row.definition_name,
            business_type: row.business_type,
            business_id: row.business_id,
            initiator: names.of(row.initiator_id),
            title: row.title,
            summary: row.summary,
            status,
            approval_state: status.told(),
            revision: row.revision,
            started_at: iso(row.started_at),
            ended_at: row.ended_at.map(iso),
        }
    };
    Ok((count, rows.into_iter().map(item).collect()))
}

/// The definitions that the caller looks after, as the list of ids of the filter; `None`: all.
async fn managed(core: &Core, conn: &mut Conn, by: &Principal) -> Result<Option<String>, Refusal> {
    if by.holds("workflow:admin") || by.holds("workflow:view") {
        return Ok(None);
    }
    let now = core.clock.now_ms();
    let who = super::variables::Initiator::read(conn, by.company(), by.account(), now).await?;
    let mut ids = String::from(",");
    for (id, managers) in store::managers(conn, by.company()).await? {
        if !managers.is_empty() && managers.includes(&who) {
            ids.push_str(&id.to_string());
            ids.push(',');
        }
    }
    Ok(Some(ids))
}

/// How much is in each of the caller's lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Tasks that wait for him.
    pub todo: i64,
    /// Instances that he started.
    pub started: i64,
    /// Instances that he decided something of.
    pub done: i64,
    /// Instances that he is informed of.
    pub copied: i64,
    /// Of those, not looked at yet.
    pub unread_copied: i64,
}

/// A line of a to-do list.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TodoItem {
    /// The task.
    pub guid: String,
    /// Code of its node.
    pub node: String,
    /// Name of its node.
    pub node_name: String,
    /// How it came to be.
    pub origin: String,
    /// For whom, of a substitute's or adviser's task.
    pub instead_of: Option<PersonOut>,
    /// ISO 8601; when the time is over.
    pub due_at: Option<String>,
    /// ISO 8601.
    pub created_at: String,
    /// The instance.
    pub instance: String,
    /// Its number.
    pub approval_no: String,
    /// One line about it.
    pub title: String,
    /// Another one.
    pub summary: String,
    /// Who started it.
    pub initiator: PersonOut,
    /// ISO 8601.
    pub started_at: String,
}

/// Lists what the caller has to do, with the counts of all his lists.
pub async fn todo(core: &Core, by: &Principal, page: Page) -> Result<(Counts, Vec<TodoItem>), Refusal> {
    let mut conn = core.db.read().await?;
    let rows = store::todo(&mut conn, by.company(), by.account(), page).await?;
    let found = store::counts(&mut conn, by.company(), by.account()).await?;
    let counts = Counts {
        todo: found.todo,
        started: found.started,
        done: found.done,
        copied: found.copied,
        unread_copied: found.unread_copied,
    };
    // Collected, so that what is awaited borrows nothing that a boxed caller could not send along.
    let people: Vec<i64> =
        rows.iter().flat_map(|row| [Some(row.initiator_id), row.owner_id]).flatten().collect();
    let names = Names::read(&mut conn, people).await?;
    let mut graphs = BTreeMap::new();
    for id in rows.iter().map(|row| row.definition_id).collect::<BTreeSet<_>>() {
        graphs.insert(id, definitions::by_id(&mut conn, id).await?.map(|definition| definition.graph));
    }
    let item = |row: store::TodoRow| {
        let graph = graphs.get(&row.definition_id).and_then(Option::as_ref);
        let node = graph.and_then(|graph| walk::find(graph, &row.node_code));
        TodoItem {
            guid: row.guid,
            node_name: node.map_or_else(|| row.node_code.clone(), |node| node.name.clone()),
            node: row.node_code,
            origin: row.origin,
            instead_of: row.owner_id.map(|owner| names.of(owner)),
            due_at: row.due_at.map(iso),
            created_at: iso(row.created_at),
            instance: row.instance_guid,
            approval_no: row.approval_no,
            title: row.title,
            summary: row.summary,
            initiator: names.of(row.initiator_id),
            started_at: iso(row.started_at),
        }
    };
    Ok((counts, rows.into_iter().map(item).collect()))
}

/// An instance.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceOut {
    /// The instance.
    pub guid: String,
    /// Its number.
    pub approval_no: String,
    /// Code of its definition.
    pub definition: String,
    /// Which version of it.
    pub definition_number: i64,
    /// Name of its definition.
    pub definition_name: String,
    /// What it is about, for whoever started it.
    pub business_type: String,
    /// Which of them.
    pub business_id: String,
    /// Who started it.
    pub initiator: PersonOut,
    /// One line about it.
    pub title: String,
    /// Another one.
    pub summary: String,
    /// Where it stands.
    pub status: Status,
    /// The same in the words that people are told (C27).
    pub approval_state: &'static str,
    /// How often the form was handed in.
    pub revision: i64,
    /// The form, without the fields that are hidden from the caller.
    pub form: Map<String, Value>,
    /// What the caller may do with each field that he sees.
    pub fields: BTreeMap<String, Access>,
    /// The nodes where somebody or something has to act.
    pub current_nodes: Vec<CurrentNode>,
    /// Every task, in the order in which they came to be.
    pub tasks: Vec<TaskOut>,
    /// Who is informed.
    pub copied: Vec<PersonOut>,
    /// What the caller may do with the instance: `withdraw`, `resubmit`, `remind`, `copy`, `comment`, `terminate`.
    pub allowed_actions: Vec<&'static str>,
    /// ISO 8601.
    pub started_at: String,
    /// ISO 8601.
    pub ended_at: Option<String>,
    /// Raised by everything that moves it.
    pub version: i64,
}

/// A task.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskOut {
    /// The task.
    pub guid: String,
    /// Code of its node.
    pub node: String,
    /// Name of its node.
    pub node_name: String,
    /// Who has to do it.
    pub assignee: PersonOut,
    /// For whom, of a substitute's or adviser's task; from whom, of one that was handed over.
    pub instead_of: Option<PersonOut>,
    /// How it came to be.
    pub origin: Origin,
    /// Where it stands.
    pub state: TaskState,
    /// Why nobody decided it.
    pub reason: String,
    /// What was said.
    pub comment: String,
    /// Names or addresses of what was attached.
    pub attachments: Vec<String>,
    /// Whether it was signed.
    pub signed: bool,
    /// Who decided it.
    pub decided_by: Option<PersonOut>,
    /// ISO 8601.
    pub decided_at: Option<String>,
    /// ISO 8601.
    pub due_at: Option<String>,
    /// ISO 8601.
    pub created_at: String,
    /// Of the caller's own open task: what he may do with it.
    pub allows: Option<Allows>,
    /// Of the caller's own open task: what a decision has to bring along.
    pub needs: Option<Needs>,
}

/// Reads an instance. Whoever is informed of it has looked at it now.
pub async fn instance(core: &Core, by: &Principal, guid: &str) -> Result<InstanceOut, Refusal> {
    let mut conn = core.db.read().await?;
    let (running, standing) = view::seen(core, &mut conn, by, guid).await?;
    let copied = super::store::copies::of_instance(&mut conn, running.row.id).await?;
    let people = running.state.tasks.iter().flat_map(|task| {
        [Some(task.assignee.0), task.owner.map(|owner| owner.0), task.decided_by.map(|by| by.0)]
    });
    let people: Vec<i64> = people
        .flatten()
        .chain([running.state.initiator.0])
        .chain(copied.iter().map(|account| account.0))
        .collect();
    let names = Names::read(&mut conn, people).await?;
    drop(conn);
    if copied.contains(&by.account()) {
        let mut work = core.db.begin(&by.author()).await?;
        let now = work.now();
        store::read_copy(work.conn(), running.row.id, by.account(), now).await?;
        work.commit(SystemTask::OwnInbox).await?;
    }
    Ok(out(&running, by.account(), standing, &names, &copied))
}

fn out(
    running: &Running,
    account: AccountId,
    standing: Standing,
    names: &Names,
    copied: &[AccountId],
) -> InstanceOut {
    let (row, state, definition) = (&running.row, &running.state, &running.definition);
    let mut fields = view::fields(running, account, standing);
    let mut form = state.form.clone();
    form.retain(|field, _| fields.get(field).is_some_and(|access| *access != Access::Hide));
    fields.retain(|_, access| *access != Access::Hide);
    InstanceOut {
        guid: row.guid.clone(),
        approval_no: row.approval_no.clone(),
        definition: definition.code.clone(),
        definition_number: definition.number,
        definition_name: definition.name.clone(),
        business_type: row.business_type.clone(),
        business_id: row.business_id.clone(),
        initiator: names.of(row.initiator_id),
        title: row.title.clone(),
        summary: row.summary.clone(),
        status: state.status,
        approval_state: state.status.told(),
        revision: state.revision,
        form,
        fields,
        current_nodes: current_nodes(running),
        tasks: state.tasks.iter().filter_map(|task| task_out(running, task.number, account, names)).collect(),
        copied: copied.iter().map(|account| names.of(account.0)).collect(),
        allowed_actions: actions(running, account, standing),
        started_at: iso(row.started_at),
        ended_at: row.ended_at.map(iso),
        version: row.version,
    }
}

fn actions(running: &Running, account: AccountId, standing: Standing) -> Vec<&'static str> {
    let mut actions = Vec::new();
    let over = running.state.status.is_over();
    if running.state.initiator == account && !over {
        actions.push("withdraw");
        actions.push(if running.state.status == Status::Returned { "resubmit" } else { "remind" });
    }
    if standing != Standing::Viewer {
        actions.extend(["copy", "comment"]);
    }
    if standing == Standing::Manager && !over {
        actions.push("terminate");
    }
    actions
}

fn task_out(running: &Running, number: i64, account: AccountId, names: &Names) -> Option<TaskOut> {
    let task = running.state.task(number)?;
    let row = running.task_row(number)?;
    let run = running.state.run(task.run)?;
    let rules = match walk::find(&running.definition.graph, &run.node).map(|node| &node.kind) {
        Some(NodeKind::Approve(rules) | NodeKind::Handle(rules)) => Some(rules),
        _ => None,
    };
    let own = task.assignee == account && task.state == TaskState::Pending;
    Some(TaskOut {
        guid: row.guid.clone(),
        node: run.node.clone(),
        node_name: running.node_name(run.number),
        assignee: names.of(task.assignee.0),
        instead_of: task.owner.map(|owner| names.of(owner.0)),
        origin: task.origin,
        state: task.state,
        reason: task.reason.clone(),
        comment: row.comment.clone(),
        attachments: row.attachments.0.clone(),
        signed: !row.signature.is_empty(),
        decided_by: task.decided_by.map(|by| names.of(by.0)),
        decided_at: row.decided_at.map(iso),
        due_at: row.due_at.map(iso),
        created_at: iso(row.created_at),
        allows: rules.filter(|_| own).map(|rules| rules.allows),
        needs: rules.filter(|_| own).map(|rules| rules.needs),
    })
}
