//! What will happen with an instance, said before it starts (FW28): the path, and who will be asked at each node.
//!
//! Invariants: the same functions decide here and in the run (`walk`, `assignees::assign`), so that what is said is what
//! happens, as long as nobody changes the form, the definition's people or his decision to approve on the way. It is
//! assumed that everybody approves. Where several are asked and one decides, nobody can say who it will be: then nobody of
//! them counts as having approved for the nodes after it; nor does for a branch who approves in one beside it. So whoever
//! is said to be left out because he approved is, and who is said to be asked may be spared. Nothing is written.

use super::assignees::chosen::choice_of;
use super::assignees::{self, Asking, Assigned, Before, Outcome, Reason};
use super::definitions::Definition;
use super::graph::{AssigneeRule, AutoDecision, Branch, Mode, Node, NodeKind, Work};
use super::instance::outcome;
use super::variables::Variables;
use super::walk;
use crate::db::{Conn, DbError, bulk};
use crate::refusal::Refusal;
use livegrant_actors::AccountId;
use serde::Serialize;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use utoipa::ToSchema;

/// What will happen.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview<'g> {
    /// The nodes that will be reached, in order; those of branches stand in [`Step::branches`].
    pub steps: Vec<Step<'g>>,
    /// How it ends if everybody approves.
    pub end: End,
}

/// How an instance ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Approved.
    Approved,
    /// Rejected by a node that decides by itself.
    Rejected,
}

/// One node that will be reached.
#[derive(Debug, Clone, PartialEq)]
pub struct Step<'g> {
    /// The node.
    pub node: &'g Node,
    /// Who is asked or told; empty where the node asks nobody.
    pub people: Vec<Assigned>,
    /// It decides by itself: goes on or rejects.
    pub decided: Option<bool>,
    /// Why these people, or why by itself.
    pub reason: Option<Reason>,
    /// The approver before will choose: nobody can be named yet.
    pub chosen_later: bool,
    /// The branches that are taken.
    pub branches: Vec<(&'g Branch, Vec<Step<'g>>)>,
}

/// With what an instance would be started.
#[derive(Debug, Clone, Copy)]
pub struct Starting<'a> {
    /// Who starts.
    pub initiator: AccountId,
    /// Whom he chose, by node.
    pub chosen: &'a BTreeMap<String, Vec<AccountId>>,
    /// The form's values and who he is.
    pub variables: &'a Variables,
    /// UTC milliseconds.
    pub now: i64,
}

/// Says what will happen.
///
/// # Errors
/// `nobody_to_decide` where the start would be refused with it.
pub async fn preview<'g>(
    conn: &mut Conn,
    definition: &'g Definition,
    starting: Starting<'_>,
) -> Result<Preview<'g>, Refusal> {
    let mut look = Look { definition, starting, approved: Vec::new(), last: Vec::new() };
    let (steps, flow) = look.sequence(conn, &definition.graph.nodes).await?;
    let end = if flow == Flow::Rejected { End::Rejected } else { End::Approved };
    Ok(Preview { steps, end })
}

impl<'g> Preview<'g> {
    /// Lists the nodes that will be reached, those of branches too.
    pub fn reached(&self) -> Vec<&'g Node> {
        fn add<'g>(steps: &[Step<'g>], found: &mut Vec<&'g Node>) {
            for step in steps {
                found.push(step.node);
                step.branches.iter().for_each(|(_, inner)| add(inner, found));
            }
        }
        let mut found = Vec::new();
        add(&self.steps, &mut found);
        found
    }
}

/// Where a sequence leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Finished,
    Rejected,
}

struct Look<'g, 'a> {
    definition: &'g Definition,
    starting: Starting<'a>,
    /// Who will have approved.
    approved: Vec<AccountId>,
    /// Who of them at the last node with people.
    last: Vec<AccountId>,
}

type Walked<'f, 'g> = Pin<Box<dyn Future<Output = Result<(Vec<Step<'g>>, Flow), Refusal>> + Send + 'f>>;

impl<'g, 'a> Look<'g, 'a> {
    /// Boxed: a branch holds sequences of its own.
    fn sequence<'f>(&'f mut self, conn: &'f mut Conn, nodes: &'g [Node]) -> Walked<'f, 'g>
    where
        'a: 'f,
    {
        Box::pin(async move {
            let mut steps = Vec::new();
            for node in nodes {
                let (step, flow) = self.step(conn, node).await?;
                steps.push(step);
                if flow != Flow::On {
                    return Ok((steps, flow));
                }
            }
            Ok((steps, Flow::On))
        })
    }

    async fn step(&mut self, conn: &mut Conn, node: &'g Node) -> Result<(Step<'g>, Flow), Refusal> {
        let mut step = Step {
            node,
            people: Vec::new(),
            decided: None,
            reason: None,
            chosen_later: false,
            branches: Vec::new(),
        };
        let flow = match &node.kind {
            NodeKind::Approve(work) | NodeKind::Handle(work) => self.work(conn, &mut step, work).await?,
            NodeKind::Copy { assignees } => {
                step.chosen_later = chosen_later(assignees);
                let told = assignees::copied(conn, assignees, &self.asking(&node.code)).await?;
                let person = |account| Assigned { account, instead_of: None, earlier: false };
                step.people = told.into_iter().map(person).collect();
                Flow::On
            }
            NodeKind::Condition { .. } => self.condition(conn, &mut step).await?,
            NodeKind::Auto { decision } => {
                step.decided = Some(*decision == AutoDecision::Approve);
                if *decision == AutoDecision::Approve { Flow::On } else { Flow::Rejected }
            }
            NodeKind::End => Flow::Finished,
            NodeKind::Start { .. }
            | NodeKind::Delay { .. }
            | NodeKind::Trigger { .. }
            | NodeKind::Subprocess { .. } => Flow::On,
        };
        Ok((step, flow))
    }

    async fn work(&mut self, conn: &mut Conn, step: &mut Step<'g>, work: &Work) -> Result<Flow, Refusal> {
        step.chosen_later = chosen_later(&work.assignees);
        if step.chosen_later && work.assignees.len() == 1 {
            self.last.clear();
            return Ok(Flow::On);
        }
        let mut before: Vec<Before> = Vec::with_capacity(self.approved.len());
        for account in &self.approved {
            before.push(Before { account: *account, just_before: self.last.contains(account) });
        }
        let asking = self.asking(&step.node.code);
        match assignees::assign(conn, self.definition, work, &asking, &before).await? {
            Outcome::Decided { approved, reason } => {
                step.decided = Some(approved);
                step.reason = Some(reason);
                return Ok(if approved { Flow::On } else { Flow::Rejected });
            }
            Outcome::Ask { people, reason } => {
                step.reason = reason;
                step.people = people;
            }
        }
        // Who approved earlier has decided as soon as he is asked; that may be all that it takes.
        let verdicts: Vec<_> = step.people.iter().map(|person| person.earlier.then_some(true)).collect();
        let at_once = outcome(work, &verdicts) == Some(true);
        let others_too = !at_once && !step.chosen_later && !one_decides(work.mode, step.people.len());
        let approved = step.people.iter().filter(|person| person.earlier || others_too);
        self.last = approved.map(|person| person.account).collect();
        self.approved.extend(self.last.iter().copied());
        if at_once && !step.chosen_later {
            step.decided = Some(true);
            step.reason = Some(Reason::ApprovedEarlier);
        }
        Ok(Flow::On)
    }

    async fn condition(&mut self, conn: &mut Conn, step: &mut Step<'g>) -> Result<Flow, Refusal> {
        let taken = walk::taken(step.node, self.starting.variables)
            .map_err(|error| Refusal::conflict("expression_failed", error.to_string()))?;
        let mut flow = Flow::On;
        // Branches beside each other begin at once, and nobody can say which of their decisions come first: within one only
        // what was approved before all of them, or in itself, is certain. Behind them all of it is, but not what was last.
        let several = taken.len() > 1;
        let (before, mut approved) = ((self.approved.clone(), self.last.clone()), self.approved.clone());
        for branch in taken {
            let (steps, of_branch) = self.sequence(conn, &branch.nodes).await?;
            let at_once = !waits(&steps);
            step.branches.push((branch, steps));
            match of_branch {
                // Before anybody has been asked in the branches after it.
                Flow::Rejected if at_once => return Ok(Flow::Rejected),
                Flow::Rejected => flow = Flow::Rejected,
                Flow::Finished => flow = Flow::Finished,
                Flow::On => {}
            }
            if several {
                approved.extend(self.approved.drain(before.0.len()..));
                self.last.clone_from(&before.1);
            }
        }
        if several {
            if approved.len() > before.0.len() {
                self.last.clear();
            }
            self.approved = approved;
        }
        Ok(flow)
    }

    fn asking<'n>(&'n self, node: &'n str) -> Asking<'n> {
        Asking {
            company: self.definition.company,
            initiator: self.starting.initiator,
            chosen: self.starting.chosen,
            node,
            previous_chose: &[],
            variables: self.starting.variables,
            now: self.starting.now,
        }
    }
}

fn chosen_later(rules: &[AssigneeRule]) -> bool {
    rules.iter().any(|rule| matches!(rule, AssigneeRule::PreviousChooses))
}

/// Answers whether something of these has to happen before the last is reached.
fn waits(steps: &[Step<'_>]) -> bool {
    steps.iter().any(|step| match step.node.kind {
        NodeKind::Approve(_) | NodeKind::Handle(_) => step.decided.is_none(),
        NodeKind::Delay { .. } | NodeKind::Subprocess { .. } => true,
        _ => step.branches.iter().any(|(_, inner)| waits(inner)),
    })
}

/// Answers whether so many people are asked and not all of them decide: nobody can say who it will be.
fn one_decides(mode: Mode, people: usize) -> bool {
    match mode {
        Mode::All | Mode::Sequential => false,
        Mode::Vote { percent } => percent < 100 && people > 1,
        Mode::Any => people > 1,
    }
}

/// What will happen, as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PreviewOut {
    /// `approved` or `rejected`, if everybody approves.
    pub end: &'static str,
    /// The nodes that will be reached, in order.
    pub steps: Vec<StepOut>,
}

/// One node that will be reached, as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepOut {
    /// The node's code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// What it does: `approve`, `copy`, `condition` …
    pub kind: String,
    /// How many of the people decide.
    pub mode: Option<Mode>,
    /// Who is asked or told.
    pub people: Vec<PersonOut>,
    /// It decides by itself: `approved` or `rejected`.
    pub decided: Option<&'static str>,
    /// Why these people, or why by itself.
    pub reason: Option<Reason>,
    /// The approver before will choose.
    pub chosen_later: bool,
    /// How many people the initiator has to choose.
    pub choose: Option<ChooseOut>,
    /// The branches that are taken.
    pub branches: Vec<BranchOut>,
}

/// How many people the initiator has to choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct ChooseOut {
    /// At least.
    pub min: usize,
    /// At most.
    pub max: usize,
}

/// A branch that is taken.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct BranchOut {
    /// The branch's code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// What will be reached in it.
    #[schema(no_recursion)]
    pub steps: Vec<StepOut>,
}

/// Somebody who will be asked or told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PreviewPerson)]
pub struct PersonOut {
    /// Account guid.
    pub guid: String,
    /// For people.
    pub name: String,
    /// Account guid of the one whom he stands in for.
    pub instead_of: Option<String>,
    /// He will have approved before, and that counts here.
    pub earlier: bool,
}

impl PreviewOut {
    /// Shows a preview, with the people's names.
    pub async fn of(conn: &mut Conn, seen: &Preview<'_>) -> Result<Self, DbError> {
        let mut accounts = Vec::new();
        gather(&seen.steps, &mut accounts);
        accounts.sort_unstable();
        accounts.dedup();
        let cards = bulk::cards(conn, &accounts).await?;
        let names = cards.into_iter().map(|(id, guid, name)| (id, (guid, name))).collect();
        let end = if seen.end == End::Approved { "approved" } else { "rejected" };
        Ok(Self { end, steps: seen.steps.iter().map(|step| shown(step, &names)).collect() })
    }
}

fn gather(steps: &[Step<'_>], accounts: &mut Vec<i64>) {
    for step in steps {
        let both = |person: &Assigned| [Some(person.account), person.instead_of];
        accounts.extend(step.people.iter().flat_map(both).flatten().map(|account| account.0));
        step.branches.iter().for_each(|(_, inner)| gather(inner, accounts));
    }
}

type Names = BTreeMap<i64, (String, String)>;

fn shown(step: &Step<'_>, names: &Names) -> StepOut {
    let (NodeKind::Approve(work) | NodeKind::Handle(work)) = &step.node.kind else {
        return StepOut { mode: None, ..of_node(step, names) };
    };
    StepOut { mode: Some(work.mode), ..of_node(step, names) }
}

fn of_node(step: &Step<'_>, names: &Names) -> StepOut {
    let guid = |account: AccountId| names.get(&account.0).map(|(guid, _)| guid.clone()).unwrap_or_default();
    let person = |person: &Assigned| PersonOut {
        guid: guid(person.account),
        name: names.get(&person.account.0).map(|(_, name)| name.clone()).unwrap_or_default(),
        instead_of: person.instead_of.map(guid),
        earlier: person.earlier,
    };
    let branch = |(branch, steps): &(&Branch, Vec<Step<'_>>)| BranchOut {
        code: branch.code.clone(),
        name: branch.name.clone(),
        steps: steps.iter().map(|step| shown(step, names)).collect(),
    };
    StepOut {
        code: step.node.code.clone(),
        name: step.node.name.clone(),
        kind: step.node.kind.word().to_owned(),
        mode: None,
        people: step.people.iter().map(person).collect(),
        decided: step.decided.map(|approved| if approved { "approved" } else { "rejected" }),
        reason: step.reason,
        chosen_later: step.chosen_later,
        choose: choice_of(step.node).map(|choice| ChooseOut { min: choice.min, max: choice.max }),
        branches: step.branches.iter().map(branch).collect(),
    }
}
