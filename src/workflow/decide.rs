//! Deciding: approving and rejecting a task (S1-28, S1-34). One transaction, in the caller's own name; whoever comes second
//! is told who was first (FW32).

use super::business::{self, Wish};
use super::form;
use super::graph::{Access, Node, NodeKind, WhenInitiator, Work as Rules};
use super::instance::model::SYSTEM;
use super::instance::{Event, Fault, NODE_DECIDED, Origin, Task, TaskState};
use super::outcome::{Outcome, check_comment, finish, need_comment};
use super::running::{Act, Running, Words};
use super::store::logs::{self, Sought};
use super::view;
use super::walk;
use crate::core::Core;
use crate::db::{Conn, Work, bulk};
use crate::hr::reporting;
use crate::hr::resolve::is_caller;
use crate::policy::Principal;
use crate::refusal::Refusal;
use livegrant_actors::AccountId;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// People that an approver chooses for the next node at most, and attachments of a decision.
const MANY: usize = 20;
/// Longest signature: a drawn one as a data URL of a small picture.
const SIGNATURE_MAX: usize = 20_000;
/// Longest name or address of an attachment.
const ATTACHMENT_MAX: usize = 500;

/// What a decision says.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Decision {
    /// Why.
    pub comment: String,
    /// A signature, as text or data URL.
    pub signature: String,
    /// Names or addresses of attachments.
    pub attachments: Vec<String>,
    /// Who decides at the next node, where the definition lets the approver choose: account or staff guids.
    pub chosen: Vec<String>,
    /// New values of the fields that may be changed at this node.
    pub form: Map<String, Value>,
    /// Account or staff guid of the caller; anybody else's is refused (C3).
    pub approver_guid: Option<String>,
    /// The same.
    pub operator_guid: Option<String>,
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Agreed, or done.
    Approve,
    /// Refused.
    Reject,
}

/// Decides a task.
pub async fn decide(
    core: &Core,
    by: &Principal,
    task: &str,
    verdict: Verdict,
    decision: &Decision,
) -> Result<Outcome, Refusal> {
    is_caller(core, by, decision.approver_guid.as_deref()).await?;
    is_caller(core, by, decision.operator_guid.as_deref()).await?;
    check_comment(&decision.comment)?;
    check_words(decision)?;
    let mut work = core.db.begin(&by.author()).await?;
    let (mut running, _, number) = view::locked_task(core, &mut work, by, task).await?;
    let node = may_act(core, &mut work, by, &running, number).await?;
    let rules = rules(&node);
    needs(rules, verdict, decision)?;
    let approve = verdict == Verdict::Approve;
    let form = changed_fields(&running, rules, &decision.form)?;
    let chose = chosen(&mut work, by, &decision.chosen).await?;
    let author = by.author();
    let act = Act { actor: author.account, name: &author.name, comment: &decision.comment };
    running.say(Words {
        task: number,
        comment: decision.comment.clone(),
        signature: decision.signature.clone(),
        attachments: decision.attachments.clone(),
    });
    let event = Event::Decided { task: number, by: by.account(), approve, chose, form };
    running.apply(core, &mut work, &act, event).await?;
    let action = if approve { "workflow_approve" } else { "workflow_reject" };
    finish(core, work, by, &mut running, action, "").await
}

/// Goes on only if the caller may act on a task, and it is its turn; answers the task's node.
pub(super) async fn may_act(
    core: &Core,
    work: &mut Work,
    by: &Principal,
    running: &Running,
    number: i64,
) -> Result<Node, Refusal> {
    let task = running.state.task(number).ok_or(view::MISSING)?;
    if !may_decide(core, work.conn(), by, running, task).await? {
        return Err(Refusal::denied("of the designated approver"));
    }
    match task.state {
        TaskState::Pending => {}
        TaskState::Waiting => return Err(running.refusal(&Fault::NotItsTurn(number))),
        _ => return Err(handled(work, running, number).await?),
    }
    let code = running.state.run(task.run).map_or("", |run| run.node.as_str());
    let node = walk::find(&running.definition.graph, code).ok_or(view::MISSING)?.clone();
    if by.account() == running.state.initiator && rules(&node).when_initiator != WhenInitiator::Allow {
        let detail = "nobody decides on what he started himself, unless the definition allows it".to_owned();
        return Err(Refusal::Forbidden { code: "own_instance", detail });
    }
    Ok(node)
}

/// Answers whether somebody is the one to decide a task: its assignee, or a holder of the global permission for its kind
/// of business, within his data scope (S1-28). Advice is for the one who was asked.
pub async fn may_decide(
    core: &Core,
    conn: &mut Conn,
    by: &Principal,
    running: &Running,
    task: &Task,
) -> Result<bool, Refusal> {
    if task.assignee == by.account() {
        return Ok(true);
    }
    if task.origin == Origin::Delegate {
        return Ok(false);
    }
    business::lets(core, conn, by, running, Wish::Decide).await
}

/// Says who has handled a task, and when: whoever decided it, or did what took it away.
pub(super) async fn handled(work: &mut Work, running: &Running, number: i64) -> Result<Refusal, Refusal> {
    let Some(task) = running.state.task(number) else { return Ok(view::MISSING) };
    let decided = |task: &&Task| task.decided_by.is_some();
    let ended = |task: &Task| running.task_row(task.number).and_then(|row| row.decided_at);
    let of = |task: &Task| (task.decided_by.unwrap_or(SYSTEM), ended(task));
    let (by, at) = if decided(&task) {
        of(task)
    } else if task.reason == NODE_DECIDED {
        let beside = running.state.tasks_of(task.run).filter(decided);
        beside.max_by_key(|task| ended(task)).map_or((SYSTEM, ended(task)), of)
    } else {
        let moved = logs::newest(work.conn(), running.row.id, &taken_by(task, ended(task))).await?;
        moved.map_or((SYSTEM, ended(task)), |(by, at)| (AccountId(by), Some(at)))
    };
    let name = if by == SYSTEM { None } else { bulk::cards(work.conn(), &[by.0]).await?.into_iter().next() };
    Ok(Refusal::Handled { by: name.map(|(.., name)| name).unwrap_or_default(), at, state: task.state.word() })
}

/// What in the log took a task away that nobody decided.
fn taken_by(task: &Task, until: Option<i64>) -> Sought {
    let (actions, own): (&[&str], _) = match (task.state, task.reason.as_str()) {
        (TaskState::Transferred, _) => (&["transferred", "escalated", "handed_over", "substituted"], true),
        (_, "returned") => (&["returned"], false),
        (_, "removed") => (&["signer_removed"], false),
        (_, "taken back") => (&["taken_back"], false),
        _ => (&[], false),
    };
    Sought { actions, task: own.then_some(task.number), until }
}

/// The rules of a node that has tasks.
pub(super) fn rules(node: &Node) -> &Rules {
    match &node.kind {
        NodeKind::Approve(rules) | NodeKind::Handle(rules) => rules,
        _ => unreachable!("only nodes where people act have tasks"),
    }
}

fn check_words(decision: &Decision) -> Result<(), Refusal> {
    if decision.signature.len() > SIGNATURE_MAX {
        return Err(Refusal::invalid("signature", "invalid", format!("at most {SIGNATURE_MAX} bytes")));
    }
    let long = |text: &String| text.chars().count() > ATTACHMENT_MAX || text.chars().any(char::is_control);
    if decision.attachments.len() > MANY || decision.attachments.iter().any(long) {
        let detail = format!("at most {MANY} of at most {ATTACHMENT_MAX} characters");
        return Err(Refusal::invalid("attachments", "invalid", detail));
    }
    Ok(())
}

/// What a decision has to bring along (FW30).
fn needs(rules: &Rules, verdict: Verdict, decision: &Decision) -> Result<(), Refusal> {
    let asks = match verdict {
        Verdict::Approve => rules.needs.comment_on_approve,
        Verdict::Reject => rules.needs.comment_on_reject,
    };
    if asks {
        need_comment(&decision.comment)?;
    }
    if verdict == Verdict::Reject {
        return Ok(());
    }
    if rules.needs.signature && decision.signature.trim().is_empty() {
        return Err(Refusal::invalid("signature", "required", "sign it"));
    }
    if rules.needs.attachment && decision.attachments.is_empty() {
        return Err(Refusal::invalid("attachments", "required", "attach something"));
    }
    Ok(())
}

/// What of the form a decision changes: only fields that the node lets change, and the whole must still be a form (FW29).
fn changed_fields(
    running: &Running,
    rules: &Rules,
    changes: &Map<String, Value>,
) -> Result<Map<String, Value>, Refusal> {
    let filled = business::of_kind(&running.row.business_type).map_or(&[][..], |business| business.fills);
    for field in changes.keys() {
        if rules.fields.get(field) != Some(&Access::Edit) || filled.contains(&field.as_str()) {
            let name: String = field.chars().take(64).collect();
            let detail = "this field cannot be changed here";
            return Err(Refusal::invalid(format!("form.{name}"), "not_allowed", detail));
        }
    }
    if !changes.is_empty() {
        let mut whole = running.state.form.clone();
        whole.extend(changes.clone());
        form::check(&running.definition.form, &Value::Object(whole))?;
    }
    Ok(changes.clone())
}

/// The people that an approver chooses for the next node.
async fn chosen(work: &mut Work, by: &Principal, guids: &[String]) -> Result<Vec<AccountId>, Refusal> {
    people(work, by, "chosen", guids).await
}

/// Finds people by their guids: each there, able to act, and named once.
pub(super) async fn people(
    work: &mut Work,
    by: &Principal,
    field: &str,
    guids: &[String],
) -> Result<Vec<AccountId>, Refusal> {
    if guids.len() > MANY {
        return Err(Refusal::invalid(field, "too_many", format!("at most {MANY} people")));
    }
    let people = reporting::accounts_named(work.conn(), by.company(), guids).await?;
    if people.len() != guids.len() {
        let detail = "names somebody twice, or somebody who is not there or cannot act now";
        return Err(Refusal::invalid(field, "unknown_account", detail));
    }
    Ok(people)
}

/// Goes on only if none of these people would decide on what he started himself.
pub(super) fn not_the_initiator(
    running: &Running,
    node: &Node,
    field: &str,
    people: &[AccountId],
) -> Result<(), Refusal> {
    if people.contains(&running.state.initiator) && rules(node).when_initiator != WhenInitiator::Allow {
        let detail = "the initiator cannot decide on what he started himself";
        return Err(Refusal::invalid(field, "own_instance", detail));
    }
    Ok(())
}

/// Goes on only if the definition allows something at a node.
pub(super) fn allowed(yes: bool) -> Result<(), Refusal> {
    if yes {
        return Ok(());
    }
    Err(Refusal::conflict("not_allowed", "the definition does not allow this at this node"))
}
