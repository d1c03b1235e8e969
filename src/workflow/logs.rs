//! The history of instances: who did what, when (S2-42). Read only; what a form held is not in it, as fields can be hidden.

use super::lists::{Names, PersonOut};
use super::store::logs::{self as store, LineFilter, LineRow};
use super::view;
use crate::clock::iso;
use crate::core::Core;
use crate::policy::Principal;
use crate::refusal::Refusal;
use livegrant_actors::AccountId;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Lines of one page at most.
pub const LINES_MAX: i64 = 100;
/// Lines of an instance's own history at once at most, and when nothing is asked for: few instances have more, and those are
/// read on from the last line.
pub const HISTORY_MAX: i64 = 500;

/// A line of the log.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LineOut {
    /// Its place; later lines have higher ones.
    pub id: i64,
    /// The instance.
    pub instance: String,
    /// Its number.
    pub approval_no: String,
    /// The task that it is about.
    pub task: Option<String>,
    /// Who did it.
    pub actor: PersonOut,
    /// What was done: `started`, `assigned`, `approved`, `transferred` …
    pub action: String,
    /// Where the instance stood.
    pub from_state: String,
    /// Where it stands since.
    pub to_state: String,
    /// Code of the node.
    pub node: String,
    /// What was said.
    pub comment: String,
    /// Who got something to do, or was informed.
    pub people: Vec<PersonOut>,
    /// For whom they stand in.
    pub instead_of: Vec<PersonOut>,
    /// Why the system did it.
    pub reason: Option<String>,
    /// ISO 8601.
    pub at: String,
}

/// Lists the history of an instance, oldest first: what comes behind a line (0: all), so many lines at most.
pub async fn of_instance(
    core: &Core,
    by: &Principal,
    guid: &str,
    after: i64,
    limit: i64,
) -> Result<Vec<LineOut>, Refusal> {
    let mut conn = core.db.read().await?;
    let (running, _) = view::seen(core, &mut conn, by, guid).await?;
    let rows = store::of_instance(&mut conn, running.row.id, after, limit.clamp(1, HISTORY_MAX)).await?;
    let names = Names::read(&mut conn, rows.iter().flat_map(people_in)).await?;
    Ok(rows.into_iter().map(|row| line(row, &names)).collect())
}

/// What to look for.
#[derive(Debug, Clone, Default)]
pub struct Wanted<'a> {
    /// Guid of an instance.
    pub instance: Option<&'a str>,
    /// Guid of a task.
    pub task: Option<&'a str>,
    /// Who did it.
    pub actor: Option<AccountId>,
    /// What was done.
    pub action: Option<&'a str>,
    /// From, in UTC milliseconds.
    pub since: Option<i64>,
    /// Until, exclusive.
    pub until: Option<i64>,
    /// Only lines before this one.
    pub before: Option<i64>,
}

/// Lists lines, newest first: of instances that the caller takes part in, or of all with `audit:view`, `workflow:view` or
/// `workflow:admin`. Answers one line more than asked for, if there are more.
pub async fn search(
    core: &Core,
    by: &Principal,
    wanted: &Wanted<'_>,
    limit: i64,
) -> Result<Vec<LineOut>, Refusal> {
    let all = ["audit:view", "workflow:view", "workflow:admin"].iter().any(|code| by.holds(code));
    let filter = LineFilter {
        viewer: (!all).then(|| by.account()),
        instance: wanted.instance,
        task: wanted.task,
        actor: wanted.actor,
        action: wanted.action,
        since: wanted.since,
        until: wanted.until,
        before: wanted.before,
    };
    let mut conn = core.db.read().await?;
    let rows = store::search(&mut conn, by.company(), &filter, limit.clamp(1, LINES_MAX) + 1).await?;
    let names = Names::read(&mut conn, rows.iter().flat_map(people_in)).await?;
    Ok(rows.into_iter().map(|row| line(row, &names)).collect())
}

/// Everybody whom a line names.
fn people_in(row: &LineRow) -> Vec<i64> {
    let mut people = got(&row.detail.0);
    people.extend(instead_of(&row.detail.0));
    people.push(row.actor_id);
    people
}

/// Who got something.
fn got(detail: &Value) -> Vec<i64> {
    let of_seats =
        detail["seats"].as_array().into_iter().flatten().filter_map(|seat| seat["account"].as_i64());
    let of_people = detail["people"].as_array().into_iter().flatten().filter_map(Value::as_i64);
    // `to` of a return is a node.
    of_seats.chain(of_people).chain(detail["to"].as_i64()).collect()
}

fn instead_of(detail: &Value) -> Vec<i64> {
    let seats = detail["seats"].as_array().into_iter().flatten();
    seats.filter_map(|seat| seat["instead_of"].as_i64()).collect()
}

fn line(row: LineRow, names: &Names) -> LineOut {
    let detail = &row.detail.0;
    let skipped = detail["seats"].as_array().into_iter().flatten().find_map(|seat| seat["skipped"].as_str());
    let mut actor = names.of(row.actor_id);
    if actor.guid.is_empty() && row.actor_id != 0 {
        actor.name.clone_from(&row.actor_name);
    }
    LineOut {
        id: row.id,
        instance: row.instance_guid,
        approval_no: row.approval_no,
        task: row.task_guid,
        actor,
        action: row.action,
        from_state: row.from_state,
        to_state: row.to_state,
        node: row.node_code,
        comment: row.comment,
        people: got(detail).into_iter().map(|account| names.of(account)).collect(),
        instead_of: instead_of(detail).into_iter().map(|account| names.of(account)).collect(),
        reason: detail["reason"].as_str().or(skipped).map(str::to_owned),
        at: iso(row.at),
    }
}
