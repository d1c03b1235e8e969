//! Whom a guid means: a parameter may carry an account's or a staff record's guid, and either is accepted (C12).
//! A guid only names somebody; it never makes a caller (C3).

use super::model::StaffId;
use super::store::staff as store;
use crate::core::Core;
use crate::policy::Principal;
use crate::refusal::Refusal;
use livegrant_actors::AccountId;
use uuid::Uuid;

/// The person behind a guid, inside the caller's company.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResolvedGuid {
    /// The login, if the person has one.
    pub account: Option<AccountId>,
    /// The staff record, if the account has one.
    pub staff: Option<StaffId>,
}

/// Finds the person that an account or staff guid means; `None` for every text that names nobody in the caller's company.
/// It asks for no permission: whoever calls it decides what may be told.
pub async fn account_of_guid(
    core: &Core,
    by: &Principal,
    guid: &str,
) -> Result<Option<ResolvedGuid>, Refusal> {
    let Some(guid) = canonical(guid) else { return Ok(None) };
    let mut conn = core.db.read().await?;
    if let Some((staff, account)) = store::person_of_staff_guid(&mut conn, by.company(), &guid).await? {
        return Ok(Some(ResolvedGuid { account, staff: Some(staff) }));
    }
    let person = store::person_of_account_guid(&mut conn, by.company(), &guid).await?;
    Ok(person.map(|(account, staff)| ResolvedGuid { account: Some(account), staff }))
}

/// Goes on when a body names no operator, or names the caller himself (C3).
pub async fn is_caller(core: &Core, by: &Principal, operator: Option<&str>) -> Result<(), Refusal> {
    let Some(guid) = operator else { return Ok(()) };
    let named = account_of_guid(core, by, guid).await?.and_then(|person| person.account);
    if named == Some(by.account()) {
        return Ok(());
    }
    Err(Refusal::Denied {
        permission: "operatorGuid".to_owned(),
        detail: "operatorGuid names somebody else; you act in your own name".to_owned(),
    })
}

/// Reads a guid of a path or body.
///
/// # Errors
/// The refusal names the field.
pub fn parse_guid(field: &str, text: &str) -> Result<String, Refusal> {
    canonical(text).ok_or_else(|| Refusal::invalid(field, "invalid", "not a guid of 36 characters"))
}

/// Writes a guid as it is stored, or answers `None` when the text is none.
fn canonical(text: &str) -> Option<String> {
    Uuid::try_parse(text).ok().filter(|_| text.len() == 36).map(|guid| guid.hyphenated().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_has_36_characters_and_one_spelling() {
        let guid = "6f1c2a34-0000-4000-8000-00000000ABCD";
        assert_eq!(canonical(guid), Some(guid.to_lowercase()));
        for other in ["", "7", "6f1c2a340000400080000000000000ab", "{6f1c2a34-0000-4000-8000-00000000abcd}"] {
            assert_eq!(canonical(other), None, "{other}");
        }
    }
}
