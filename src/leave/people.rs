//! Whose leave it is: the caller himself, or somebody that a guid names.

use super::store::people::{self as store, Person};
use crate::core::Core;
use crate::db::Conn;
use crate::hr::resolve::account_of_guid;
use crate::policy::Principal;
use crate::refusal::Refusal;

/// Finds the caller's own staff record.
///
/// # Errors
/// `unknown_staff` when he has none: leave is for people of the company.
pub async fn oneself(conn: &mut Conn, by: &Principal) -> Result<Person, Refusal> {
    let own = store::of_account(conn, by.company(), by.account()).await?;
    own.ok_or_else(|| Refusal::invalid("staff_guid", "unknown_staff", "you have no staff record"))
}

/// Finds the person that an account or staff guid names.
pub async fn named(
    core: &Core,
    conn: &mut Conn,
    by: &Principal,
    guid: &str,
) -> Result<Option<Person>, Refusal> {
    let Some(staff) = account_of_guid(core, by, guid).await?.and_then(|found| found.staff) else {
        return Ok(None);
    };
    Ok(store::person(conn, by.company(), staff.0).await?)
}
