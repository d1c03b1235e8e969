//! Nobody grants what he does not hold (C8, FC8): the set given away must lie inside the giver's own.
//! A rule over snapshots; the fence makes sure that the giver still holds it when the grant commits.

use crate::core::Core;
use crate::policy::{HolderId, Principal, View, effective::effective};
use crate::refusal::Refusal;
use livegrant_actors::AccountId;

fn beyond(code: &str) -> Refusal {
    Refusal::Denied {
        permission: code.to_owned(),
        detail: format!("you cannot grant or hold sway over {code}, which you do not hold yourself"),
    }
}

/// Goes on when the caller holds every code.
pub fn dominates_codes<'c>(by: &Principal, codes: impl IntoIterator<Item = &'c str>) -> Result<(), Refusal> {
    codes.into_iter().find(|code| !by.holds(code)).map_or(Ok(()), |code| Err(beyond(code)))
}

/// Goes on when the caller holds everything that the role or position carries.
pub fn dominates_holder(core: &Core, by: &Principal, holder: HolderId) -> Result<(), Refusal> {
    let codes = core.policy.with_facts(|facts| {
        facts
            .holders
            .get(&holder)
            .map(|holder| facts.catalogue.codes_of(&holder.permissions))
            .unwrap_or_default()
    });
    dominates_codes(by, codes.iter().map(AsRef::as_ref))
}

/// Goes on when the caller holds everything that the account may do in the caller's company.
pub async fn dominates_account(core: &Core, by: &Principal, account: AccountId) -> Result<(), Refusal> {
    let Some(member) = core.policy.member(account).await? else {
        return Err(Refusal::NotFound { what: "account" });
    };
    let view = View { application: by.session().view.application, company: by.company() };
    let codes = core.policy.with_facts(|facts| {
        let result = effective(facts, &member.facts(), view, crate::policy::At::Instant(core.clock.now_ms()));
        facts.catalogue.codes_of(&result.permissions)
    });
    dominates_codes(by, codes.iter().map(AsRef::as_ref))
}
