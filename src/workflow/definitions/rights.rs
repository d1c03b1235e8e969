//! Who may start an instance of a definition, and who manages its instances (FW27).

use super::Definition;
use crate::db::{Conn, DbError};
use crate::policy::Principal;
use crate::refusal::Refusal;
use crate::workflow::variables::Initiator;
use livegrant_actors::{AccountId, CompanyId};

/// Goes on only for somebody who may start; where nobody is named, everybody of the company may.
///
/// # Errors
/// `not_a_starter`, and `definition_suspended` for a version that takes no new instances.
pub async fn may_start(
    conn: &mut Conn,
    definition: &Definition,
    account: AccountId,
    who: &Initiator,
) -> Result<(), Refusal> {
    if definition.status != super::Status::Published {
        let detail = format!("{} takes no new instances", definition.code);
        return Err(Refusal::conflict("definition_suspended", detail));
    }
    if is_starter(conn, definition, account, who).await? {
        return Ok(());
    }
    let detail = format!("you are not among those who may start {}", definition.code);
    Err(Refusal::Forbidden { code: "not_a_starter", detail })
}

/// Answers whether somebody is among those who may start.
pub async fn is_starter(
    conn: &mut Conn,
    definition: &Definition,
    account: AccountId,
    who: &Initiator,
) -> Result<bool, DbError> {
    let starters = &definition.starters;
    Ok(starters.is_empty() || starters.includes(conn, definition.company, account, who).await?)
}

/// Answers whether somebody manages the instances of a definition: with `workflow:admin`, or named by it.
pub async fn manages(
    conn: &mut Conn,
    definition: &Definition,
    by: &Principal,
    now: i64,
) -> Result<bool, DbError> {
    if by.holds("workflow:admin") {
        return Ok(true);
    }
    if definition.managers.is_empty() {
        return Ok(false);
    }
    let company: CompanyId = definition.company;
    let who = Initiator::read(conn, company, by.account(), now).await?;
    definition.managers.includes(conn, company, by.account(), &who).await
}
