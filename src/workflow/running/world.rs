//! What an instance asks of the world while it moves: who is asked at a node, when a delay is over, what is called, which
//! instance is waited for.

use super::save::MINUTE;
use super::{Running, defect};
use crate::core::Core;
use crate::db::Work;
use crate::refusal::Refusal;
use crate::workflow::assignees::{self, Asking, Before, Outcome};
use crate::workflow::graph::{AssigneeRule, NodeKind};
use crate::workflow::instance::{Effect, Event, RunState, Seat, Status};
use crate::workflow::store::timers;
use crate::workflow::variables::Variables;
use crate::workflow::walk;
use serde_json::json;

impl Running {
    /// Does what an effect asks for; what comes back at once is the answer.
    pub(super) async fn perform(
        &mut self,
        core: &Core,
        work: &mut Work,
        effect: Effect,
    ) -> Result<Option<Event>, Refusal> {
        let run = match &effect {
            Effect::Ask { run }
            | Effect::Copy { run }
            | Effect::Wait { run, .. }
            | Effect::Child { run, .. } => Some(*run),
            Effect::Call { .. } => None,
        };
        // A branch beside it may have ended the instance meanwhile.
        let asked = |state| matches!(state, RunState::Asking | RunState::Open);
        if run.is_some_and(|run| !self.state.run(run).is_some_and(|run| asked(run.state))) {
            return Ok(None);
        }
        match effect {
            Effect::Ask { run } => self.ask(work, run).await.map(Some),
            Effect::Copy { run } => {
                let node = self.node_of(run)?;
                let people = self.copied_at(work, &node).await?;
                self.inform(work, &people, &node).await?;
                Ok(Some(Event::Copied { run, people }))
            }
            Effect::Wait { run, minutes } => {
                let fire_at = work.now() + i64::from(minutes) * MINUTE;
                timers::add(work.conn(), self.row.id, run, "delay", &json!({}), fire_at).await?;
                Ok(None)
            }
            Effect::Call { run, target } => {
                let payload = self.call(core, run, &target)?;
                let now = work.now();
                timers::add(work.conn(), self.row.id, run, "call", &payload, now).await?;
                Ok(None)
            }
            Effect::Child { run, definition } => {
                self.children.push((run, definition));
                Ok(None)
            }
        }
    }

    fn node_of(&self, run: i64) -> Result<String, Refusal> {
        self.state.run(run).map(|run| run.node.clone()).ok_or_else(|| defect("no such run"))
    }

    pub(crate) fn variables(&self) -> Variables {
        Variables { form: self.state.form.clone(), initiator: self.state.facts.clone() }
    }

    /// Finds the people of a node.
    async fn ask(&self, work: &mut Work, run: i64) -> Result<Event, Refusal> {
        let code = self.node_of(run)?;
        let node = walk::find(&self.definition.graph, &code).ok_or_else(|| defect("no such node"))?;
        let (NodeKind::Approve(rules) | NodeKind::Handle(rules)) = &node.kind else {
            return Err(defect("a node that asks nobody"));
        };
        let (all, just) = self.state.approved_before(&self.definition.graph, run);
        let before: Vec<Before> =
            all.into_iter().map(|account| Before { account, just_before: just.contains(&account) }).collect();
        let variables = self.variables();
        let asking = Asking {
            company: self.company(),
            initiator: self.state.initiator,
            chosen: &self.state.chosen,
            node: &code,
            previous_chose: &self.state.chose,
            variables: &variables,
            now: work.now(),
        };
        let outcome = assignees::assign(work.conn(), &self.definition, rules, &asking, &before).await?;
        Ok(match outcome {
            Outcome::Decided { approved, reason } => {
                Event::Ruled { run, approve: approved, reason: reason.text().to_owned() }
            }
            Outcome::Ask { people, .. } => {
                let seat = |person: assignees::Assigned| Seat {
                    account: person.account,
                    instead_of: person.instead_of,
                    skipped: person.earlier.then(|| assignees::Reason::ApprovedEarlier.text().to_owned()),
                };
                Event::Found { run, seats: people.into_iter().map(seat).collect() }
            }
        })
    }

    async fn copied_at(
        &self,
        work: &mut Work,
        code: &str,
    ) -> Result<Vec<livegrant_actors::AccountId>, Refusal> {
        let node = walk::find(&self.definition.graph, code).ok_or_else(|| defect("no such node"))?;
        let NodeKind::Copy { assignees: rules } = &node.kind else { return Ok(Vec::new()) };
        self.people_of(work, rules, code).await
    }

    async fn people_of(
        &self,
        work: &mut Work,
        rules: &[AssigneeRule],
        node: &str,
    ) -> Result<Vec<livegrant_actors::AccountId>, Refusal> {
        let variables = self.variables();
        let asking = Asking {
            company: self.company(),
            initiator: self.state.initiator,
            chosen: &self.state.chosen,
            node,
            previous_chose: &self.state.chose,
            variables: &variables,
            now: work.now(),
        };
        assignees::copied(work.conn(), rules, &asking).await
    }

    /// Informs those whom the definition names for the end (FW16).
    pub(super) async fn inform_at_the_end(&mut self, work: &mut Work) -> Result<(), Refusal> {
        if self.state.status != Status::Approved || self.before.status == Status::Approved {
            return Ok(());
        }
        let rules = self.definition.settings.copy_on_finish.clone();
        let people = self.people_of(work, &rules, "").await?;
        self.inform(work, &people, "").await?;
        Ok(())
    }

    /// What a trigger sends: who and where, and the form.
    fn call(&self, core: &Core, run: i64, target: &str) -> Result<serde_json::Value, Refusal> {
        if !core.settings.workflow.triggers.contains_key(target) {
            tracing::warn!(target, "a trigger calls an address that the settings do not name");
        }
        let node = self.node_of(run)?;
        Ok(json!({
            "target": target,
            "body": {
                "approvalNo": self.row.approval_no,
                "instance": self.row.guid,
                "definition": self.definition.code,
                "node": node,
                "run": run,
                "initiator": self.state.facts.guid,
                "businessType": self.row.business_type,
                "businessId": self.row.business_id,
                "form": self.state.form,
            },
        }))
    }
}
