//! `CheckWorkflowPermission(staffGuid, OperationApprove, instanceGuid)` (S1-30): may this person approve, or view, this
//! instance? It answers; it changes nothing. Deciding asks the same rules again, inside its transaction (S1-34).

use super::business::{self, Wish};
use super::graph::{NodeKind, WhenInitiator};
use super::instance::{Origin, TaskState};
use super::running::Running;
use super::store::copies;
use super::view;
use super::walk;
use crate::core::Core;
use crate::db::Conn;
use crate::hr::resolve::account_of_guid;
use crate::policy::Principal;
use crate::policy::effective::{effective, standstill};
use crate::policy::reach::data_scope_at;
use crate::policy::{At, DataScope, View};
use crate::refusal::Refusal;
use livegrant_actors::AccountId;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// The question.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Question {
    /// Guid of the person's account or staff record (C12).
    pub staff_guid: String,
    /// `approve` or `view`.
    pub operation: String,
    /// The instance.
    pub instance_guid: String,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Answered {
    /// Yes or no.
    pub has_permission: bool,
    /// Why not; empty with a yes.
    pub error_message: String,
    /// `NoPermissionError`, `not_found` or `unknown_operation`; null with a yes.
    pub code: Option<&'static str>,
}

impl Answered {
    fn yes() -> Self {
        Self { has_permission: true, error_message: String::new(), code: None }
    }

    fn no(code: &'static str, message: &str) -> Self {
        Self { has_permission: false, error_message: message.to_owned(), code: Some(code) }
    }
}

/// Answers whether a person may approve or view an instance. About oneself everybody may ask, about others holders of
/// `permission:view`.
pub async fn check_workflow_permission(
    core: &Core,
    by: &Principal,
    question: &Question,
) -> Result<Answered, Refusal> {
    let person = account_of_guid(core, by, &question.staff_guid).await?;
    let account = person.and_then(|person| person.account);
    if account != Some(by.account()) {
        by.require("permission:view")?;
    }
    if !matches!(question.operation.as_str(), "approve" | "view") {
        return Ok(Answered::no("unknown_operation", "approve or view"));
    }
    if person.is_none() {
        return Ok(Answered::no("not_found", "staffGuid names nobody in your company"));
    }
    let Some(account) = account else {
        return Ok(Answered::no("NoPermissionError", "this person has no account"));
    };
    judge(core, by, account, &question.operation, &question.instance_guid).await
}

/// Answers whether an account of the caller's company may `approve` or `view` an instance.
pub async fn judge(
    core: &Core,
    by: &Principal,
    account: AccountId,
    operation: &str,
    instance: &str,
) -> Result<Answered, Refusal> {
    let mut conn = core.db.read().await?;
    let Some(running) = Running::find(&mut conn, by.company(), instance).await? else {
        return Ok(Answered::no("not_found", "there is no such instance in the company"));
    };
    let Some(held) = held(core, by, account).await? else {
        return Ok(Answered::no("NoPermissionError", "this person's account is switched off"));
    };
    let holds = |code: &str| held.iter().any(|held| **held == *code);
    let mut by_business = Vec::new();
    for wish in [Wish::Decide, Wish::View] {
        let Some(code) = business::code_of(&running, wish).filter(|code| holds(code)) else { continue };
        let scope = scope_of(core, by, account, code).await?;
        if business::reaches(&mut conn, &running, account, &scope).await? {
            by_business.push(wish);
        }
    }
    if operation == "approve" {
        let why = "only the designated approver decides, while it is his turn";
        let may = approves(&running, account, by_business.contains(&Wish::Decide));
        return Ok(if may { Answered::yes() } else { Answered::no("NoPermissionError", why) });
    }
    let may = !by_business.is_empty() || views(&mut conn, core, by, &running, account, holds).await?;
    let why = "only who takes part, or holds workflow:view or workflow:admin";
    Ok(if may { Answered::yes() } else { Answered::no("NoPermissionError", why) })
}

/// Answers whether there is such an instance in the caller's company.
pub async fn exists(core: &Core, by: &Principal, instance: &str) -> Result<bool, Refusal> {
    let mut conn = core.db.read().await?;
    Ok(super::store::instances::find(&mut conn, by.company(), instance).await?.is_some())
}

/// The designated approver whose turn it is, or a holder of the global permission for its kind of business (S1-28); nobody
/// on his own, unless the definition allows it. Advice is for the one who was asked. `global`: he is such a holder, within
/// his data scope.
fn approves(running: &Running, account: AccountId, global: bool) -> bool {
    running.state.tasks.iter().filter(|task| task.state == TaskState::Pending).any(|task| {
        let own = account == running.state.initiator && {
            let run = running.state.run(task.run);
            let node = run.and_then(|run| walk::find(&running.definition.graph, &run.node));
            !matches!(node.map(|node| &node.kind), Some(NodeKind::Approve(rules) | NodeKind::Handle(rules))
                if rules.when_initiator == WhenInitiator::Allow)
        };
        (task.assignee == account || global && task.origin != Origin::Delegate) && !own
    })
}

async fn views(
    conn: &mut Conn,
    core: &Core,
    by: &Principal,
    running: &Running,
    account: AccountId,
    holds: impl Fn(&str) -> bool,
) -> Result<bool, Refusal> {
    if holds("workflow:view") || holds("workflow:admin") || view::takes_part(running, account) {
        return Ok(true);
    }
    if copies::has(conn, running.row.id, account).await? {
        return Ok(true);
    }
    let managers = &running.definition.managers;
    if managers.is_empty() {
        return Ok(false);
    }
    let who = super::variables::Initiator::read(conn, by.company(), account, core.clock.now_ms()).await?;
    Ok(managers.includes(&who))
}

/// Answers what a permission of an account reaches now (FC7).
async fn scope_of(core: &Core, by: &Principal, account: AccountId, code: &str) -> Result<DataScope, Refusal> {
    let Some(member) = core.policy.member(account).await? else { return Ok(DataScope::default()) };
    let view = View { application: by.session().view.application, company: by.company() };
    let (known, now) = (member.facts(), core.clock.now_ms());
    Ok(core.policy.with_facts(|facts| data_scope_at(facts, &known, view, now, code)))
}

/// Answers what an account holds now, in the caller's application and company; `None`: it is switched off.
async fn held(core: &Core, by: &Principal, account: AccountId) -> Result<Option<Vec<Arc<str>>>, Refusal> {
    let Some(member) = core.policy.member(account).await? else { return Ok(None) };
    let view = View { application: by.session().view.application, company: by.company() };
    let (known, at) = (member.facts(), At::Instant(core.clock.now_ms()));
    Ok(core.policy.with_facts(|facts| {
        let stands_still = standstill(facts, known.standing(), view).next().is_some();
        (!stands_still).then(|| facts.catalogue.codes_of(&effective(facts, &known, view, at).permissions))
    }))
}
