//! Who may start an instance of a definition (FW27).

use super::Definition;
use crate::workflow::variables::Initiator;

/// Answers whether somebody is among those who may start; where nobody is named, everybody of the company may.
pub fn is_starter(definition: &Definition, who: &Initiator) -> bool {
    let starters = &definition.starters;
    starters.is_empty() || starters.includes(who)
}
