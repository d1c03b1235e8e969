//! Who may do what with leave, beside the matrix: whose leave somebody sees, for whom he may ask, who writes the company's
//! rules. Deciding is not here: the workflow knows who does.

use super::store::leaves::LeaveRow;
use super::store::people::Person;
use crate::policy::Principal;
use crate::refusal::Refusal;

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
