//! People from rules (FW19).
//!
//! Invariants: only people who can act: an enabled account of the company whose staff record, if there is one, is neither
//! away nor left; each once, in the order of the rules; at most [`ASSIGNEES_MAX`]. A rule that finds nobody adds nobody.

use crate::access::holders;
use crate::db::Conn;
use crate::hr::reporting;
use crate::refusal::Refusal;
use crate::workflow::expression::Expression;
use crate::workflow::graph::AssigneeRule;
use crate::workflow::variables::Variables;
use livegrant_actors::{AccountId, CompanyId};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// People asked at one node at most: a decision that more than 200 have to take is a broadcast. Who is beyond is not
/// asked, and the log says so.
pub const ASSIGNEES_MAX: usize = 200;
/// Levels that `initiator_heads` climbs at most; organisations are not deeper (`hr::reporting` reads as many).
pub const LEVELS_MAX: u32 = 32;

/// What the rules of one node are asked with.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    /// The instance's company.
    pub company: CompanyId,
    /// Who started.
    pub initiator: AccountId,
    /// Whom the initiator chose, by node.
    pub chosen: &'a BTreeMap<String, Vec<AccountId>>,
    /// The node's code.
    pub node: &'a str,
    /// Whom the approver before chose with his decision.
    pub previous_chose: &'a [AccountId],
    /// The form's values and who the initiator is.
    pub variables: &'a Variables,
    /// UTC milliseconds.
    pub now: i64,
}

/// Finds the people of a node's rules.
pub async fn resolve(
    conn: &mut Conn,
    rules: &[AssigneeRule],
    asking: &Asking<'_>,
) -> Result<Vec<AccountId>, Refusal> {
    let mut found = Vec::new();
    for rule in rules {
        found.extend(people_of(conn, rule, asking).await?);
    }
    let mut people = each_once(found);
    if people.len() > ASSIGNEES_MAX {
        tracing::warn!(node = asking.node, people = people.len(), "more assignees than a node can have");
        people.truncate(ASSIGNEES_MAX);
    }
    Ok(people)
}

async fn people_of(
    conn: &mut Conn,
    rule: &AssigneeRule,
    asking: &Asking<'_>,
) -> Result<Vec<AccountId>, Refusal> {
    let (company, now, initiator) = (asking.company, asking.now, asking.initiator);
    let people = match rule {
        AssigneeRule::Users { guids } => reporting::accounts_named(conn, company, guids).await?,
        AssigneeRule::Role { code } => holders::of_role(conn, company, code, now).await?,
        AssigneeRule::Position { code } => reporting::in_position(conn, company, code, now).await?,
        AssigneeRule::Members { organization } => reporting::members_of(conn, company, organization).await?,
        AssigneeRule::Head { organization } => {
            reporting::heads_of_guid(conn, company, organization, now).await?
        }
        AssigneeRule::InitiatorHead { up } => {
            let levels = (*up).min(LEVELS_MAX) as usize + 1;
            let heads = reporting::heads_above(conn, company, initiator, levels, now).await?;
            heads.into_iter().nth(levels - 1).unwrap_or_default()
        }
        AssigneeRule::InitiatorHeads { levels } => {
            let levels = (*levels).min(LEVELS_MAX) as usize;
            let heads = reporting::heads_above(conn, company, initiator, levels, now).await?;
            heads.into_iter().flatten().collect()
        }
        AssigneeRule::Initiator => reporting::able(conn, company, &[initiator]).await?,
        AssigneeRule::InitiatorChooses { max, .. } => {
            let chosen = asking.chosen.get(asking.node).map(Vec::as_slice).unwrap_or_default();
            let most = chosen.len().min(*max as usize);
            reporting::able(conn, company, &chosen[..most]).await?
        }
        AssigneeRule::PreviousChooses => reporting::able(conn, company, asking.previous_chose).await?,
        AssigneeRule::Field { name } => {
            let guids = asking.variables.get(name).map(guids_in).unwrap_or_default();
            reporting::accounts_named(conn, company, &guids).await?
        }
        AssigneeRule::Expression { text } => {
            let value =
                Expression::read(text).ok().and_then(|expression| expression.evaluate(asking.variables));
            reporting::accounts_named(conn, company, &value.map(guids_in).unwrap_or_default()).await?
        }
    };
    Ok(people)
}

/// A guid, or a list of them.
fn guids_in(value: Value) -> Vec<String> {
    match value {
        Value::String(guid) => vec![guid],
        Value::Array(list) => {
            list.into_iter().take(ASSIGNEES_MAX).filter_map(|one| one.as_str().map(str::to_owned)).collect()
        }
        _ => Vec::new(),
    }
}

/// Keeps the first of each.
pub fn each_once(people: Vec<AccountId>) -> Vec<AccountId> {
    let mut seen = BTreeSet::new();
    people.into_iter().filter(|person| seen.insert(*person)).collect()
}
