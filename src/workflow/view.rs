//! Who may look at an instance (S1-29, C24), and what of its form (FW29).

use super::business::{self, Wish};
use super::graph::{Access, Graph, Node, NodeKind};
use super::instance::{Origin, Status, Task, TaskState};
use super::running::Running;
use super::store::copies;
use super::walk;
use crate::core::Core;
use crate::db::{Conn, Work};
use crate::policy::Principal;
use crate::refusal::Refusal;
use livegrant_actors::AccountId;
use std::collections::{BTreeMap, BTreeSet};

/// What somebody is to an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Takes part in it: started it, has or had a task, is informed.
    Part,
    /// Looks after it: manages the definition, or holds `workflow:admin`.
    Manager,
    /// May look, and no more.
    Viewer,
}

/// The answer to whoever may not look: that it exists is nothing to him.
pub const MISSING: Refusal = Refusal::NotFound { what: "instance" };

/// Answers what the caller is to an instance; `None`: nothing, it does not exist for him.
pub async fn standing(
    core: &Core,
    conn: &mut Conn,
    by: &Principal,
    running: &Running,
) -> Result<Option<Standing>, Refusal> {
    if by.company() != running.company() {
        return Ok(None);
    }
    if manages(core, conn, by, running).await? {
        return Ok(Some(Standing::Manager));
    }
    let account = by.account();
    if takes_part(running, account) || copies::has(conn, running.row.id, account).await? {
        return Ok(Some(Standing::Part));
    }
    if by.holds("workflow:view") {
        return Ok(Some(Standing::Viewer));
    }
    let wished = business::lets(core, conn, by, running, Wish::View).await?
        || business::lets(core, conn, by, running, Wish::Decide).await?;
    Ok(wished.then_some(Standing::Viewer))
}

/// Answers whether somebody started it or has a task of it. Who handed his task over does not any more (FW6).
pub fn takes_part(running: &Running, account: AccountId) -> bool {
    let state = &running.state;
    // A task that came from his own hands names him as its owner, and is none of his any more.
    let gave_up = |run: i64| {
        state.tasks_of(run).any(|task| {
            task.assignee == account
                && task.state == TaskState::Transferred
                && task.reason == Origin::Transfer.word()
        })
    };
    state.initiator == account
        || state.tasks.iter().any(|task| {
            let his = task.assignee == account || task.owner == Some(account) && !gave_up(task.run);
            his && task.state != TaskState::Transferred || task.decided_by == Some(account)
        })
}

/// Answers whether the caller looks after the definition's instances (FW27).
pub async fn manages(
    core: &Core,
    conn: &mut Conn,
    by: &Principal,
    running: &Running,
) -> Result<bool, Refusal> {
    if by.holds("workflow:admin") {
        return Ok(true);
    }
    let managers = &running.definition.managers;
    if managers.is_empty() {
        return Ok(false);
    }
    let now = core.clock.now_ms();
    let who = super::variables::Initiator::read(conn, by.company(), by.account(), now).await?;
    Ok(managers.includes(&who))
}

/// Locks the instance of a guid for whoever may look at it.
pub async fn locked(
    core: &Core,
    work: &mut Work,
    by: &Principal,
    guid: &str,
) -> Result<(Running, Standing), Refusal> {
    let found = super::store::instances::find(work.conn(), by.company(), guid).await?.ok_or(MISSING)?;
    lock(core, work, by, found.id).await
}

/// Locks the instance of a task's guid for whoever may look at it; answers the task's number, too.
pub async fn locked_task(
    core: &Core,
    work: &mut Work,
    by: &Principal,
    guid: &str,
) -> Result<(Running, Standing, i64), Refusal> {
    let missing = Refusal::NotFound { what: "task" };
    let place = super::store::tasks::place_of(work.conn(), by.company(), guid).await?;
    let Some((instance, number)) = place else { return Err(missing) };
    let (running, standing) = lock(core, work, by, instance).await?;
    Ok((running, standing, number))
}

async fn lock(core: &Core, work: &mut Work, by: &Principal, id: i64) -> Result<(Running, Standing), Refusal> {
    let running = Running::lock(work, id).await?.ok_or(MISSING)?;
    let standing = standing(core, work.conn(), by, &running).await?.ok_or(MISSING)?;
    Ok((running, standing))
}

/// Reads the instance of a guid for whoever may look at it.
pub async fn seen(
    core: &Core,
    conn: &mut Conn,
    by: &Principal,
    guid: &str,
) -> Result<(Running, Standing), Refusal> {
    let running = Running::find(conn, by.company(), guid).await?.ok_or(MISSING)?;
    let standing = standing(core, conn, by, &running).await?.ok_or(MISSING)?;
    Ok((running, standing))
}

/// Answers what the caller may do with each field of the form (FW29): what the node of his open task says; else he reads
/// what any node that he had to do with lets him read, be it by a task that somebody else has now or decided in his place.
/// Who is only informed reads what no node hides. Who looks after it or audits it reads everything.
pub fn fields(running: &Running, account: AccountId, standing: Standing) -> BTreeMap<String, Access> {
    let all = running.definition.form.fields.iter().map(|field| field.code.clone());
    let graph = &running.definition.graph;
    let of_node = |task: &Task| rules(walk::find(graph, &running.state.run(task.run)?.node)?);
    let tasks = &running.state.tasks;
    let open = tasks.iter().filter(|task| task.assignee == account && task.state == TaskState::Pending);
    let open: Vec<_> = open.filter_map(of_node).collect();
    let his = tasks.iter().filter(|task| {
        task.assignee == account || task.owner == Some(account) || task.decided_by == Some(account)
    });
    let mut seen: Vec<_> = his.filter_map(of_node).collect();
    let start = walk::start(graph).and_then(rules);
    let starts = running.state.initiator == account;
    if starts {
        seen.extend(start);
    }
    let informed = standing == Standing::Part && seen.is_empty();
    let returned = starts && running.state.status == Status::Returned;
    let says =
        |rules: &BTreeMap<String, Access>, field: &str| rules.get(field).copied().unwrap_or(Access::Read);
    let hidden: BTreeSet<&String> = if informed { hidden_somewhere(graph) } else { BTreeSet::new() };
    let access = |field: &String| {
        if returned {
            return start.and_then(|rules| rules.get(field).copied()).unwrap_or(Access::Edit);
        }
        if let Some(best) = best(open.iter().map(|rules| says(rules, field))) {
            return best;
        }
        match best(seen.iter().map(|rules| says(rules, field))) {
            Some(Access::Hide) if standing == Standing::Part => Access::Hide,
            None if hidden.contains(field) => Access::Hide,
            _ => Access::Read,
        }
    };
    all.map(|field| (field.clone(), access(&field))).collect()
}

/// What a node lets people do with the form.
fn rules(node: &Node) -> Option<&BTreeMap<String, Access>> {
    match &node.kind {
        NodeKind::Approve(work) | NodeKind::Handle(work) => Some(&work.fields),
        NodeKind::Start { fields } => Some(fields),
        _ => None,
    }
}

/// The fields that any node where people act hides.
fn hidden_somewhere(graph: &Graph) -> BTreeSet<&String> {
    let nodes = walk::all(graph).into_iter().filter(|node| !matches!(node.kind, NodeKind::Start { .. }));
    let fields = nodes.filter_map(rules).flatten();
    fields.filter(|(_, access)| **access == Access::Hide).map(|(field, _)| field).collect()
}

fn best(found: impl Iterator<Item = Access>) -> Option<Access> {
    let worth = |access: &Access| match access {
        Access::Edit => 2,
        Access::Read => 1,
        Access::Hide => 0,
    };
    found.max_by_key(worth)
}
