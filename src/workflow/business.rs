//! What hangs on instances: rows of other areas whose state is that of an instance, changed in the same transaction (FW42).
//! Here is the table of who follows; what is followed is said by each area itself.

use super::instance::Status;
use super::running::Running;
use crate::access::scope;
use crate::core::Core;
use crate::db::{Conn, Work};
use crate::policy::{DataScope, Principal};
use crate::refusal::Refusal;
use livegrant_actors::{AccountId, CompanyId};
use std::future::Future;
use std::pin::Pin;

/// An answer in progress.
pub type Answering<'a, T> = Pin<Box<dyn Future<Output = Result<T, Refusal>> + Send + 'a>>;

/// An instance whose state has changed, as its business row has to know it.
#[derive(Debug, Clone, Copy)]
pub struct Followed<'a> {
    /// Its guid.
    pub instance: &'a str,
    /// Its number.
    pub approval_no: &'a str,
    /// The id of the business row, as it was said at the start.
    pub business_id: &'a str,
    /// What it is now.
    pub status: Status,
    /// Who started it.
    pub initiator: AccountId,
    /// Whose it is.
    pub company: CompanyId,
}

/// How the rows of one kind of business follow their instances.
#[derive(Clone, Copy)]
pub struct Business {
    /// `business_type` of the instances.
    pub kind: &'static str,
    /// Changes the row, in the transaction that changes the instance. It locks nothing that an instance waits for.
    pub follow: for<'a> fn(&'a mut Work, Followed<'a>) -> Answering<'a, ()>,
    /// Who may decide besides the assignees (S1-28): holders of this code, within their data scope.
    pub decide: Option<&'static str>,
    /// Who may look at it besides those who take part (C24): holders of this code, within their data scope.
    pub view: Option<&'static str>,
    /// Answers whether instances of a definition (its code) are started by requests of the area alone, because what they
    /// decide on is looked at there.
    pub owns: for<'a> fn(&'a mut Conn, CompanyId, &'a str) -> Answering<'a, bool>,
    /// Fields of the form that the area fills from the row: no approver changes them, or the row would say something else.
    pub fills: &'static [&'static str],
    /// Answers whether a row lies within what one of those codes reaches for an account that holds it (FC7).
    pub in_scope: for<'a> fn(&'a mut Conn, Reached<'a>, &'a DataScope) -> Answering<'a, bool>,
}

/// A row that somebody wants to reach.
#[derive(Debug, Clone, Copy)]
pub struct Reached<'a> {
    /// Whose it is.
    pub company: CompanyId,
    /// Its id, as it was said at the start.
    pub business_id: &'a str,
    /// Who wants to reach it.
    pub account: AccountId,
}

/// Every kind of business. Another area adds its own line.
const BUSINESS: &[Business] = &[crate::leave::follow::BUSINESS];

/// Finds how a kind of business follows; kinds without a follower are names that only their owners know.
pub fn of_kind(kind: &str) -> Option<&'static Business> {
    BUSINESS.iter().find(|business| business.kind == kind)
}

/// Goes on when anybody may start instances of a definition.
///
/// # Errors
/// `invalid` for one whose instances belong to the requests of an area.
pub(super) async fn check_open(conn: &mut Conn, company: CompanyId, code: &str) -> Result<(), Refusal> {
    for business in BUSINESS {
        if (business.owns)(conn, company, code).await? {
            let detail = format!("instances of it are started by the requests of {}", business.kind);
            return Err(Refusal::invalid("definition", "not_allowed", detail));
        }
    }
    Ok(())
}

/// Lets the business row follow.
pub(super) async fn follow(work: &mut Work, running: &Running) -> Result<(), Refusal> {
    let Some(business) = of_kind(&running.row.business_type) else { return Ok(()) };
    let followed = Followed {
        instance: &running.row.guid,
        approval_no: &running.row.approval_no,
        business_id: &running.row.business_id,
        status: running.state.status,
        initiator: running.state.initiator,
        company: running.company(),
    };
    (business.follow)(work, followed).await
}

/// What somebody wants with an instance by a code of its business.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Decide on it.
    Decide,
    /// Look at it.
    View,
}

/// Answers whether the code of the business lets somebody do it.
pub(super) async fn lets(
    core: &Core,
    conn: &mut Conn,
    by: &Principal,
    running: &Running,
    wish: Wish,
) -> Result<bool, Refusal> {
    let Some(code) = code_of(running, wish).filter(|code| by.holds(code)) else { return Ok(false) };
    reaches(conn, running, by.account(), &scope::of_caller(core, by, code)).await
}

/// The code that lets somebody do it beside those who take part.
pub(super) fn code_of(running: &Running, wish: Wish) -> Option<&'static str> {
    let business = of_kind(&running.row.business_type)?;
    match wish {
        Wish::Decide => business.decide,
        Wish::View => business.view,
    }
}

/// Answers whether the business row lies within what an account reaches.
pub(super) async fn reaches(
    conn: &mut Conn,
    running: &Running,
    account: AccountId,
    scope: &DataScope,
) -> Result<bool, Refusal> {
    let Some(business) = of_kind(&running.row.business_type) else { return Ok(false) };
    let wanted = Reached { company: running.company(), business_id: &running.row.business_id, account };
    (business.in_scope)(conn, wanted, scope).await
}
