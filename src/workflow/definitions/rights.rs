//! Who may start an instance of a definition (FW27).

use super::Definition;
use crate::db::{Conn, DbError};
use crate::workflow::variables::Initiator;
use livegrant_actors::AccountId;

/// Answers whether somebody is among those who may start; where nobody is named, everybody of the company may.
pub async fn is_starter(
    conn: &mut Conn,
    definition: &Definition,
    account: AccountId,
    who: &Initiator,
) -> Result<bool, DbError> {
    let starters = &definition.starters;
    Ok(starters.is_empty() || starters.includes(conn, definition.company, account, who).await?)
}
