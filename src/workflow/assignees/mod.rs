//! Who is asked at a node: the one place that finds it out, for the preview and for the run alike (FW28).
//!
//! From the rules come people (`resolve.rs`); what happens with the initiator, with nobody, with those who are away and
//! with those who approved before is decided by pure rules (`rules.rs`).

pub mod chosen;
pub mod resolve;
pub mod rules;

pub use resolve::{Asking, each_once, resolve};
pub use rules::{Assigned, Before, Outcome, Reason};

use super::definitions::Definition;
use super::graph::{WhenEmpty, WhenInitiator, Work};
use super::substitutes::StandIns;
use crate::access::holders;
use crate::db::Conn;
use crate::hr::reporting;
use crate::refusal::Refusal;
use livegrant_actors::AccountId;

/// Finds out who is asked at a node, or that the node decides by itself.
///
/// # Errors
/// `nobody_to_decide`: neither the rules nor the definition's managers nor the administrators name anybody who may decide.
pub async fn assign(
    conn: &mut Conn,
    definition: &Definition,
    work: &Work,
    asking: &Asking<'_>,
    before: &[Before],
) -> Result<Outcome, Refusal> {
    let (company, now, initiator) = (asking.company, asking.now, asking.initiator);
    let resolved = resolve(conn, &work.assignees, asking).await?;
    let superior = if work.when_initiator == WhenInitiator::Head && resolved.contains(&initiator) {
        reporting::superior(conn, company, initiator, now).await?
    } else {
        None
    };
    let mut people = rules::without_initiator(work.when_initiator, &resolved, initiator, superior);
    let mut reason = None;
    if people.is_empty() {
        let named = match &work.when_empty {
            WhenEmpty::Approve => {
                return Ok(Outcome::Decided { approved: true, reason: Reason::NobodyFound });
            }
            WhenEmpty::Reject => {
                return Ok(Outcome::Decided { approved: false, reason: Reason::NobodyFound });
            }
            WhenEmpty::Account { guid } => {
                reporting::accounts_named(conn, company, std::slice::from_ref(guid)).await?
            }
            WhenEmpty::Managers => Vec::new(),
        };
        let mut tiers = vec![named, definition.managers.resolve(conn, company, now).await?];
        tiers.extend(holders::administrators(conn, company, "workflow:admin", now).await?);
        people = rules::in_their_place(work.when_initiator, &tiers, initiator);
        reason = Some(Reason::NobodyFound);
    }
    if people.is_empty() {
        let detail = format!("nobody is there to decide at {}", asking.node);
        return Err(Refusal::conflict("nobody_to_decide", detail));
    }
    let stand_ins = StandIns::read(conn, company, &definition.code, now).await?;
    let stand_ins = stand_ins.of_each(conn, company, &people).await?;
    let assigned = rules::places(work, &people, &stand_ins, initiator, before);
    Ok(Outcome::Ask { people: assigned, reason })
}

/// Lists whom a copy node, or the end of a definition, tells: by the rules alone, each once.
pub async fn copied(
    conn: &mut Conn,
    rules: &[super::graph::AssigneeRule],
    asking: &Asking<'_>,
) -> Result<Vec<AccountId>, Refusal> {
    resolve(conn, rules, asking).await
}
