//! How people are told what `told.rs` says (E17 to E20): words and buttons. To-do lists are told their new counts, whole.

use super::Running;
use super::told::{Informed, Told, ends, moves, told};
use crate::db::{Work, bulk};
use crate::inbox::post::{Notice, ToAuthor, post};
use crate::realtime::signal::signal;
use crate::realtime::topics::APPROVALS;
use crate::refusal::Refusal;
use crate::workflow::graph::NodeKind;
use crate::workflow::instance::{Status, Task, TaskState};
use crate::workflow::store::{copies, tasks};
use crate::workflow::walk;
use livegrant_actors::{AccountId, Audience, MessageType};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

type NamesOf<'a> = &'a (dyn Fn(AccountId) -> String + Sync);

impl Running {
    /// Tells everybody what has changed.
    pub(super) async fn tell(&mut self, work: &mut Work) -> Result<(), Refusal> {
        let names = self.names(work).await?;
        let name = |account: AccountId| names.get(&account).cloned().unwrap_or_default();
        let actor = if self.last.0.0 == 0 { "system".to_owned() } else { name(self.last.0) };
        let all = if ends(&self.before, &self.state) {
            copies::of_instance(work.conn(), self.row.id).await?
        } else {
            Vec::new()
        };
        let informed = Informed { new: &self.copied, all: &all };
        for told in told(&self.definition.graph, &self.before, &self.state, informed) {
            match told {
                Told::Task { to, task } => self.tell_task(work, to, task, &name),
                Told::Copied { to } => self.tell_informed(work, &to, &actor),
                Told::Step { task, run, step, of } => self.tell_step(work, (task, run), (step, of), &name),
                Told::End { to } => self.tell_end(work, &to, &actor),
                Told::Lists { to } => self.tell_lists(work, &to).await?,
            }
        }
        Ok(())
    }

    /// Somebody has something to do.
    fn tell_task(&self, work: &mut Work, to: AccountId, task: i64, name: NamesOf<'_>) {
        let (Some(task), Some(row)) = (self.state.task(task), self.task_row(task)) else { return };
        let node = self.node_name(task.run);
        let title = format!("{}待审批", self.definition.name);
        let content = format!("{}：{}", self.row.title, node);
        let mut notice = self
            .notice(title, &content, Status::Running, &name(to))
            .with("node", node)
            .with("taskId", row.guid.clone());
        if let Some(owner) = task.owner {
            notice = notice.with("insteadOf", name(owner));
        }
        notice.actions = self.actions(task, &row.guid);
        // A task is new also for whoever brought it about.
        notice.to_author = ToAuthor::Yes;
        post(work, &[to], notice);
    }

    /// Buttons of a task's notice (FW35). A rejection asks for words, which a button does not have.
    fn actions(&self, task: &Task, guid: &str) -> Vec<serde_json::Value> {
        let node = self.state.run(task.run).and_then(|run| walk::find(&self.definition.graph, &run.node));
        let (rules, approves) = match node.map(|node| &node.kind) {
            Some(NodeKind::Approve(rules)) => (rules, true),
            Some(NodeKind::Handle(rules)) => (rules, false),
            _ => return Vec::new(),
        };
        let button = |code: &str, label: &str, verb: &str| {
            json!({
                "code": code,
                "label": label,
                "method": "POST",
                "path": format!("/api/v1/workflows/tasks/{guid}/{verb}"),
                "body": {},
            })
        };
        let mut buttons = Vec::new();
        let more = rules.needs.signature || rules.needs.attachment;
        if !more && !rules.needs.comment_on_approve {
            buttons.push(button("approve", if approves { "同意" } else { "完成" }, "approve"));
        }
        if approves && !more && !rules.needs.comment_on_reject {
            buttons.push(button("reject", "拒绝", "reject"));
        }
        buttons
    }

    fn tell_informed(&self, work: &mut Work, to: &[AccountId], actor: &str) {
        let title = format!("{}抄送", self.definition.name);
        let notice = self.notice(title, &self.row.title, self.state.status, actor).with("copied", true);
        post(work, to, notice);
    }

    /// Step n of m.
    fn tell_step(
        &self,
        work: &mut Work,
        (task, run): (i64, i64),
        (step, of): (usize, usize),
        name: NamesOf<'_>,
    ) {
        let Some(task) = self.state.task(task) else { return };
        let by = task.decided_by.filter(|by| by.0 != 0);
        let by = by.map_or_else(|| "system".to_owned(), name);
        let node = self.node_name(run);
        let back = if task.state == TaskState::Returned { "退回至 " } else { "" };
        let title = format!("{}审批进度", self.definition.name);
        let content = format!("{}：{back}{node}，第 {step} 步，共 {of} 步", self.row.title);
        let notice = self
            .notice(title, &content, Status::Running, &by)
            .with("node", node)
            .with("step", step)
            .with("of", of)
            .with("decision", task.state.word());
        post(work, &[self.state.initiator], notice);
    }

    fn tell_end(&self, work: &mut Work, to: &[AccountId], actor: &str) {
        let told = match self.state.status {
            Status::Approved | Status::Rejected => "已审批",
            other => other.told(),
        };
        let title = format!("{}{told}", self.definition.name);
        let content = format!("{}：{}", self.row.title, self.state.status.told());
        let notice =
            self.notice(title, &content, self.state.status, actor).with("comment", self.last.2.clone());
        post(work, to, notice);
    }

    /// A reminder (E20).
    pub fn remind(&self, work: &mut Work, people: &[AccountId], actor: &str, comment: &str) {
        let title = format!("{}催办", self.definition.name);
        let mut notice = self.notice(title, &self.row.title, Status::Running, actor);
        notice = notice.with("remind", true).with("comment", comment);
        notice.severity = "warning";
        post(work, people, notice);
    }

    /// A comment: the other side hears of it (FW36).
    pub fn talk(&self, work: &mut Work, people: &[AccountId], actor: &str, comment: &str) {
        let title = format!("{}评论", self.definition.name);
        let content = format!("{}：{comment}", self.row.title);
        let notice = self.notice(title, &content, self.state.status, actor).with("comment", comment);
        post(work, people, notice);
    }

    fn notice(&self, title: String, content: &str, status: Status, approver: &str) -> Notice {
        // 200 characters of a title and 1,000 of a text are what an inbox shows; the instance has the rest.
        let content: String = content.chars().take(1_000).collect();
        let mut notice = Notice::new(MessageType::ApprovalNotice, title, content, self.company())
            .with("approvalId", self.row.approval_no.clone())
            .with("approvalState", status.told())
            .with("approver", approver)
            .with("instance", self.row.guid.clone());
        if !self.row.business_type.is_empty() {
            notice = notice
                .with("businessType", self.row.business_type.clone())
                .with("businessId", self.row.business_id.clone());
        }
        notice.link = Some(format!("/workflows/{}", self.row.guid));
        notice
    }

    /// Each is told his counts.
    async fn tell_lists(&self, work: &mut Work, to: &[AccountId]) -> Result<(), Refusal> {
        let moved = |task: &&Task| moves(&self.before, task);
        for account in to.iter().copied() {
            let todo = tasks::count_pending(work.conn(), self.company(), account).await?;
            let task = self.state.tasks.iter().rev().filter(moved).find(|task| task.assignee == account);
            let data = json!({
                "approvalId": self.row.approval_no,
                "instance": self.row.guid,
                "title": self.row.title,
                "status": self.state.status.word(),
                "approvalState": self.state.status.told(),
                "taskId": task.and_then(|task| self.task_row(task.number)).map(|row| row.guid.clone()),
                "taskState": task.map(|task| task.state.word()),
                "reason": task.map(|task| task.reason.clone()).filter(|reason| !reason.is_empty()),
                "node": task.map(|task| self.node_name(task.run)),
                "todo": todo,
            });
            let audience = Audience::Accounts(Arc::from([account]));
            signal(work, MessageType::ApprovalTask, Some(APPROVALS), audience, &data).await?;
        }
        Ok(())
    }

    /// The name of a run's node, for people.
    pub fn node_name(&self, run: i64) -> String {
        let code = self.state.run(run).map_or("", |run| run.node.as_str());
        walk::find(&self.definition.graph, code).map_or_else(|| code.to_owned(), |node| node.name.clone())
    }

    /// The names of everybody who appears in what is told.
    async fn names(&self, work: &mut Work) -> Result<BTreeMap<AccountId, String>, Refusal> {
        let mut people: BTreeSet<i64> = BTreeSet::from([self.state.initiator.0, self.last.0.0]);
        let told =
            |task: &&Task| self.before.task(task.number).is_none_or(|before| before.state != task.state);
        for task in self.state.tasks.iter().filter(told) {
            people.insert(task.assignee.0);
            people.extend(task.owner.map(|owner| owner.0));
            people.extend(task.decided_by.map(|by| by.0));
        }
        let people: Vec<i64> = people.into_iter().collect();
        let rows = bulk::cards(work.conn(), &people).await?;
        Ok(rows.into_iter().map(|(id, _, name)| (AccountId(id), name)).collect())
    }
}
