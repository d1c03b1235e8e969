//! Who may do what with leave, beside the matrix: whose leave somebody sees, for whom he may ask, who writes the company's
//! rules. What a permission reaches of others is its data scope (FC7); one's own needs neither. Deciding is not here: the
//! workflow knows who does.

use super::store::leaves::LeaveRow;
use super::store::lists::Reach;
use super::store::people::Person;
use crate::access::scope::{covers_person, of_caller};
use crate::core::Core;
use crate::db::Conn;
use crate::policy::{DataScope, Principal};
use crate::refusal::Refusal;
use livegrant_actors::AccountId;
use std::collections::BTreeSet;

/// The rules of the whole company (types, holidays, block days) are for those who manage its processes or its people.
///
/// # Errors
/// `NoPermissionError`; otherwise the permission that it rests on.
pub fn may_rule(by: &Principal) -> Result<&'static str, Refusal> {
    match ["workflow:admin", "staff:update"].into_iter().find(|code| by.holds(code)) {
        Some(code) => Ok(code),
        None => Err(Refusal::denied("workflow:admin or staff:update")),
    }
}

/// Tells whether the caller is this person.
pub fn is_own(by: &Principal, person: &Person) -> bool {
    person.account() == Some(by.account())
}

/// Tells whether a request is the caller's: it is for him, or he wrote it.
pub fn is_mine(by: &Principal, row: &LeaveRow) -> bool {
    let caller = by.account().0;
    row.account_id == Some(caller) || row.created_by == caller
}

/// What a permission of the caller reaches; nothing when he does not hold it.
pub fn reach(core: &Core, by: &Principal, code: &str) -> DataScope {
    if by.holds(code) { of_caller(core, by, code) } else { DataScope::default() }
}

/// The same as lists ask for it.
pub fn listed(scope: &DataScope) -> Reach {
    let marked = |rows: &BTreeSet<i64>| rows.iter().fold(",".to_owned(), |text, row| format!("{text}{row},"));
    Reach { all: scope.all, exact: marked(&scope.exact), below: marked(&scope.below) }
}

/// Answers whether a permission of the caller reaches this person.
pub async fn reaches_person(
    core: &Core,
    conn: &mut Conn,
    by: &Principal,
    code: &str,
    person: &Person,
) -> Result<bool, Refusal> {
    let scope = reach(core, by, code);
    Ok(covers_person(conn, &scope, person.org_id, person.account(), by.account()).await?)
}

/// Answers whether a permission of the caller reaches whom this request is for.
pub async fn reaches(
    core: &Core,
    conn: &mut Conn,
    by: &Principal,
    code: &str,
    row: &LeaveRow,
) -> Result<bool, Refusal> {
    let scope = reach(core, by, code);
    Ok(covers_person(conn, &scope, row.org_id, row.account_id.map(AccountId), by.account()).await?)
}

/// Goes on when the caller may change a request: it is for him; or he wrote it, and may still ask for that person.
///
/// # Errors
/// A refusal for who may read it, nothing is there for all others.
pub async fn may_change(core: &Core, conn: &mut Conn, by: &Principal, row: &LeaveRow) -> Result<(), Refusal> {
    if row.account_id == Some(by.account().0) {
        return Ok(());
    }
    let wrote = row.created_by == by.account().0;
    if wrote && reaches(core, conn, by, "staff:create", row).await? {
        return Ok(());
    }
    if wrote {
        let detail = "whoever wrote it needs staff:create over the person it is for".to_owned();
        return Err(Refusal::Denied { permission: "staff:create".to_owned(), detail });
    }
    if reaches(core, conn, by, "leave:view", row).await? {
        let detail = "only whoever it is for or wrote it may do that".to_owned();
        return Err(Refusal::Denied { permission: "own leave".to_owned(), detail });
    }
    Err(super::MISSING)
}
