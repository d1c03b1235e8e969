//! Who is told what (E17 to E20), from the difference between the first state of a transaction and the last.
//!
//! Invariants (FW33): the initiator is told the end only when it is the end; a step says which of how many; whoever got a
//! task that was gone again before the commit is told nothing. To-do lists are told their new counts, whole.

use super::{Running, ahead};
use crate::db::{Work, bulk};
use crate::inbox::post::{Notice, ToAuthor, post};
use crate::realtime::signal::signal;
use crate::realtime::topics::APPROVALS;
use crate::refusal::Refusal;
use crate::workflow::graph::NodeKind;
use crate::workflow::instance::{Instance, Origin, RunState, Status, Task, TaskState};
use crate::workflow::store::{copies, tasks};
use crate::workflow::walk;
use livegrant_actors::{AccountId, Audience, MessageType};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl Running {
    /// Tells everybody what has changed.
    pub(super) async fn tell(&mut self, work: &mut Work) -> Result<(), Refusal> {
        let names = self.names(work).await?;
        let name = |account: AccountId| names.get(&account).cloned().unwrap_or_default();
        let actor = if self.last.0.0 == 0 { "system".to_owned() } else { name(self.last.0) };
        self.tell_assignees(work, &name);
        self.tell_informed(work, &actor);
        self.tell_steps(work, &name);
        self.tell_end(work, &actor).await?;
        self.tell_lists(work).await
    }

    /// A new assignee has something to do (E17).
    fn tell_assignees(&self, work: &mut Work, name: &impl Fn(AccountId) -> String) {
        for task in self.state.tasks.iter().filter(|task| starts(&self.before, task)) {
            let node = self.node_name(task.run);
            let title = format!("{}待审批", self.definition.name);
            let content = format!("{}：{}", self.row.title, node);
            let mut notice =
                self.notice(title, &content, Status::Running, &name(task.assignee)).with("node", node);
            let Some(row) = self.task_row(task.number) else { continue };
            notice = notice.with("taskId", row.guid.clone());
            if let Some(owner) = task.owner {
                notice = notice.with("insteadOf", name(owner));
            }
            notice.actions = self.actions(task, &row.guid);
            // A task is new also for whoever brought it about.
            notice.to_author = ToAuthor::Yes;
            post(work, &[task.assignee], notice);
        }
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

    /// People who are informed from now on, while it runs; of the end they are told with everybody.
    fn tell_informed(&self, work: &mut Work, actor: &str) {
        if self.copied.is_empty() || self.ends() {
            return;
        }
        let title = format!("{}抄送", self.definition.name);
        let notice = self.notice(title, &self.row.title, self.state.status, actor).with("copied", true);
        post(work, &self.copied, notice);
    }

    /// The initiator hears of a decision that did not end it: step n of m (FW33).
    fn tell_steps(&self, work: &mut Work, name: &impl Fn(AccountId) -> String) {
        if self.state.status != Status::Running || self.before.revision == 0 {
            return;
        }
        for task in self.state.tasks.iter().filter(|task| decided(&self.before, task)) {
            let (step, of) = self.steps(task);
            let by = task.decided_by.filter(|by| by.0 != 0);
            let by = by.map_or_else(|| "system".to_owned(), name);
            let node = self.node_name(task.run);
            let title = format!("{}审批进度", self.definition.name);
            let content = format!("{}：{}，第 {step} 步，共 {of} 步", self.row.title, node);
            let notice = self
                .notice(title, &content, Status::Running, &by)
                .with("node", node)
                .with("step", step)
                .with("of", of)
                .with("decision", task.state.word());
            post(work, &[self.state.initiator], notice);
        }
    }

    /// The end, and the way back to the initiator (E19).
    async fn tell_end(&self, work: &mut Work, actor: &str) -> Result<(), Refusal> {
        if !self.ends() {
            return Ok(());
        }
        let mut people: BTreeSet<AccountId> =
            copies::of_instance(work.conn(), self.row.id).await?.into_iter().collect();
        people.insert(self.state.initiator);
        people.extend(
            self.state.tasks.iter().filter(|task| loses(&self.before, task)).map(|task| task.assignee),
        );
        let told = match self.state.status {
            Status::Approved | Status::Rejected => "已审批",
            other => other.told(),
        };
        let title = format!("{}{told}", self.definition.name);
        let content = format!("{}：{}", self.row.title, self.state.status.told());
        let notice =
            self.notice(title, &content, self.state.status, actor).with("comment", self.last.2.clone());
        let people: Vec<AccountId> = people.into_iter().collect();
        post(work, &people, notice);
        Ok(())
    }

    fn ends(&self) -> bool {
        self.state.status != self.before.status && self.state.status != Status::Running
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

    /// Everybody whose lists have changed is told his counts (E18).
    async fn tell_lists(&self, work: &mut Work) -> Result<(), Refusal> {
        let moved = |task: &&Task| {
            let before = self.before.task(task.number).map(|task| task.state);
            before != Some(task.state)
                && (task.state == TaskState::Pending || before == Some(TaskState::Pending))
        };
        let mut people: BTreeSet<AccountId> =
            self.state.tasks.iter().filter(moved).map(|task| task.assignee).collect();
        people.insert(self.state.initiator);
        people.extend(&self.copied);
        for account in people {
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

    /// Which step a task is of how many, as the form is now.
    fn steps(&self, task: &Task) -> (usize, usize) {
        let people = |code: &str| {
            walk::find(&self.definition.graph, code)
                .is_some_and(|node| matches!(node.kind, NodeKind::Approve(_) | NodeKind::Handle(_)))
        };
        let Some(run) = self.state.run(task.run) else { return (1, 1) };
        let earlier: BTreeSet<&str> = self
            .state
            .runs
            .iter()
            .filter(|run| run.number <= task.run && run.round == self.state.round && people(&run.node))
            .map(|run| run.node.as_str())
            .collect();
        let mut all = earlier.clone();
        let beside = self.state.runs.iter().filter(|run| run.state == RunState::Open && people(&run.node));
        all.extend(beside.map(|run| run.node.as_str()));
        let ahead = ahead(&self.definition.graph, &self.variables(), &run.node);
        all.extend(ahead.iter().map(String::as_str).filter(|code| people(code)));
        (earlier.len(), all.len())
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

/// A task whose turn has come.
fn starts(before: &Instance, task: &Task) -> bool {
    let was = before.task(task.number).map(|task| task.state);
    task.state == TaskState::Pending && was != Some(TaskState::Pending)
}

/// A task that was decided; advice is between two people.
fn decided(before: &Instance, task: &Task) -> bool {
    let done = matches!(task.state, TaskState::Approved | TaskState::Rejected | TaskState::Expired);
    done && task.origin != Origin::Delegate
        && before.task(task.number).is_none_or(|before| before.state != task.state)
}

/// A task that somebody has no more, without having decided it.
fn loses(before: &Instance, task: &Task) -> bool {
    let was = before.task(task.number).map(|task| task.state);
    task.state == TaskState::Cancelled && was == Some(TaskState::Pending)
}
