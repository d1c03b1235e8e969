//! Sending back (退回, FW10): to the initiator, to the node before, or to one that is named.

use super::decide::{allowed, may_act, rules};
use super::instance::{Event, Fault, Target, previous};
use super::outcome::{Outcome, check_comment, finish, need_comment};
use super::running::{Act, Words};
use super::view;
use super::walk;
use crate::core::Core;
use crate::hr::resolve::is_caller;
use crate::policy::Principal;
use crate::refusal::Refusal;
use serde::Deserialize;
use utoipa::ToSchema;

/// Where to, and why.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Back {
    /// A node's code, `start` or `previous`; `start` when absent.
    pub target_node: Option<String>,
    /// Why.
    pub comment: String,
    /// Account or staff guid of the caller; anybody else's is refused (C3).
    pub operator_guid: Option<String>,
    /// The same.
    pub approver_guid: Option<String>,
}

/// Sends an instance back.
pub async fn send_back(core: &Core, by: &Principal, task: &str, back: &Back) -> Result<Outcome, Refusal> {
    is_caller(core, by, back.operator_guid.as_deref()).await?;
    is_caller(core, by, back.approver_guid.as_deref()).await?;
    check_comment(&back.comment)?;
    let mut work = core.db.begin(&by.author()).await?;
    let (mut running, _, number) = view::locked_task(core, &mut work, by, task).await?;
    let node = may_act(core, &mut work, by, &running, number).await?;
    let rules = rules(&node);
    allowed(rules.allows.return_back)?;
    if rules.needs.comment_on_reject {
        need_comment(&back.comment)?;
    }
    let graph = &running.definition.graph;
    let to = match back.target_node.as_deref().unwrap_or("start") {
        "start" => Target::Start,
        code if walk::start(graph).is_some_and(|start| start.code == code) => Target::Start,
        "previous" => match previous(graph, &running.state, &node.code) {
            Some(code) => Target::Node(code.to_owned()),
            None => return Err(running.refusal(&Fault::NotReturnable)),
        },
        code if walk::find(graph, code).is_some() => Target::Node(code.to_owned()),
        _ => return Err(Refusal::invalid("targetNode", "unknown_node", "the definition has no such node")),
    };
    let author = by.author();
    let act = Act { actor: author.account, name: &author.name, comment: &back.comment };
    running.say(Words {
        task: number,
        comment: back.comment.clone(),
        signature: String::new(),
        attachments: Vec::new(),
    });
    running.apply(core, &mut work, &act, Event::Returned { task: number, by: by.account(), to }).await?;
    finish(core, work, by, &mut running, "workflow_return", "").await
}
