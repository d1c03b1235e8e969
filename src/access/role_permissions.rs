//! Changing what a role or a position may do (S1-38, S1-39, S3-18): set, add or remove codes; repeating is harmless and
//! takes no revision. One use case for both kinds of grant holder.

use super::dominance::{Lasting, Own, dominates_codes, dominates_reach};
use super::{last_administrator, store};
use crate::core::Core;
use crate::policy::{HolderId, PolicyChange, Principal, SYSTEM_ADMIN};
use crate::refusal::Refusal;
use livegrant_actors::Rev;
use std::collections::{BTreeMap, BTreeSet};

/// What to do with the codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Have exactly these.
    Set,
    /// Have these too.
    Add,
    /// Have these no longer.
    Remove,
}

/// The order to change a holder's permissions.
#[derive(Debug, Clone)]
pub struct Order {
    /// Set, add or remove.
    pub mode: Mode,
    /// Which codes.
    pub codes: Vec<String>,
    /// A critical permission may be granted (S1-47).
    pub confirmed: bool,
    /// Why.
    pub reason: String,
}

/// Codes in one order: the catalogue has fewer than this.
const CODES_MAX: usize = 2_000;

/// Changes the holder's permissions. `None`: they already were so, and nothing was written.
pub async fn change(
    core: &Core,
    by: &Principal,
    holder: HolderId,
    order: &Order,
) -> Result<Option<Rev>, Refusal> {
    by.require("permission:assign")?;
    in_company(core, by, holder)?;
    let wanted = known(core, order)?;
    let mut work = core.db.begin(&by.author()).await?;
    let now = work.now();
    let (touched, what) = match holder {
        HolderId::Role(role) => (store::touch_role(work.conn(), role, now).await?, "role"),
        HolderId::Position(position) => {
            (store::touch_position(work.conn(), position, now).await?, "position")
        }
    };
    if touched == 0 {
        return Err(Refusal::NotFound { what });
    }
    let present: BTreeMap<String, i64> =
        store::permissions_of(work.conn(), holder).await?.into_iter().map(|(id, code)| (code, id)).collect();
    let (add, remove) = difference(order.mode, &wanted, &present);
    if add.is_empty() && remove.is_empty() {
        return Ok(None);
    }
    dominates_codes(core, by, Lasting::ForGood, add.iter().map(|(code, _)| code.as_str()))?;
    dominates_codes(core, by, Lasting::Now, remove.iter().map(|(code, _)| code.as_str()))?;
    let new: Vec<String> = add.iter().map(|(code, _)| code.clone()).collect();
    dominates_reach(core, &mut work, by, holder, Lasting::ForGood, Own::Anybodys, Some(&new)).await?;
    confirmed(core, order, &add)?;
    for (_, permission) in &add {
        store::grant(work.conn(), holder, *permission, by.account(), now).await?;
    }
    for (_, permission) in &remove {
        store::revoke(work.conn(), holder, *permission).await?;
    }
    if remove.iter().any(|(code, _)| code == SYSTEM_ADMIN) {
        last_administrator::stays(&mut work).await?;
    }
    let codes = |pairs: Vec<(String, i64)>| pairs.into_iter().map(|(code, _)| code).collect::<Vec<_>>();
    let (added, removed) = (codes(add), codes(remove));
    let (resource, id) = match holder {
        HolderId::Role(role) => ("role", role.0),
        HolderId::Position(position) => ("position", position.0),
    };
    work.audit("authz_change", resource, &id.to_string(), "permission:assign").await?;
    work.because(reason(core, holder, order));
    work.change(match holder {
        HolderId::Role(role) => PolicyChange::RolePermissions { role, added, removed },
        HolderId::Position(position) => PolicyChange::PositionPermissions { position, added, removed },
    });
    let committed = work.commit(&by.stamp()).await?;
    Ok(core.settle(committed).await)
}

/// The reason that frames carry: what the administrator wrote, or which holder changed.
fn reason(core: &Core, holder: HolderId, order: &Order) -> String {
    if !order.reason.is_empty() {
        return order.reason.clone();
    }
    let kind = if matches!(holder, HolderId::Role(_)) { "role" } else { "position" };
    let code =
        core.policy.with_facts(|facts| facts.holders.get(&holder).map(|holder| holder.code.to_string()));
    format!("{kind}:{}", code.unwrap_or_default())
}

/// A holder of another company is not found.
fn in_company(core: &Core, by: &Principal, holder: HolderId) -> Result<(), Refusal> {
    let company = core.policy.with_facts(|facts| facts.holders.get(&holder).map(|holder| holder.company));
    if company.is_some_and(|company| company == by.company() || by.is_platform()) {
        return Ok(());
    }
    Err(Refusal::NotFound { what: if matches!(holder, HolderId::Role(_)) { "role" } else { "position" } })
}

/// Answers the wanted codes with their ids; an unknown one is refused by name.
fn known(core: &Core, order: &Order) -> Result<BTreeMap<String, i64>, Refusal> {
    if order.codes.len() > CODES_MAX {
        return Err(Refusal::invalid("permissions", "too_many", format!("at most {CODES_MAX} codes")));
    }
    core.policy.with_facts(|facts| {
        order
            .codes
            .iter()
            .map(|code| match facts.catalogue.find(code) {
                Some(permission) => Ok((code.clone(), permission.id)),
                None => Err(Refusal::invalid(
                    "permissions",
                    "unknown_permission",
                    format!("there is no permission {code}"),
                )),
            })
            .collect()
    })
}

type Pairs = Vec<(String, i64)>;

fn difference(mode: Mode, wanted: &BTreeMap<String, i64>, present: &BTreeMap<String, i64>) -> (Pairs, Pairs) {
    let (wanted_codes, present_codes): (BTreeSet<_>, BTreeSet<_>) =
        (wanted.keys().collect(), present.keys().collect());
    let pick = |codes: Vec<&&String>, from: &BTreeMap<String, i64>| -> Pairs {
        codes.into_iter().map(|code| ((*code).clone(), from[*code])).collect()
    };
    let new = pick(wanted_codes.difference(&present_codes).collect(), wanted);
    let gone = pick(present_codes.difference(&wanted_codes).collect(), present);
    let both = pick(wanted_codes.intersection(&present_codes).collect(), present);
    match mode {
        Mode::Set => (new, gone),
        Mode::Add => (new, Pairs::new()),
        Mode::Remove => (Pairs::new(), both),
    }
}

/// Granting a critical permission must be confirmed.
fn confirmed(core: &Core, order: &Order, add: &[(String, i64)]) -> Result<(), Refusal> {
    if order.confirmed {
        return Ok(());
    }
    let critical = core.policy.with_facts(|facts| {
        add.iter().find(|(code, _)| facts.catalogue.find(code).is_some_and(|row| row.critical)).cloned()
    });
    critical.filter(|(code, _)| code == SYSTEM_ADMIN).map_or(Ok(()), |(code, _)| {
        let detail = format!("{code} is the right to everything; send \"confirm\": true to grant it");
        Err(Refusal::invalid("confirm", "confirmation_required", detail))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_add_and_remove_touch_only_what_differs() {
        let map = |codes: &[&str]| codes.iter().map(|code| ((*code).to_owned(), code.len() as i64)).collect();
        let (wanted, present) = (map(&["a", "bb"]), map(&["bb", "ccc"]));
        let names = |pairs: Pairs| pairs.into_iter().map(|pair| pair.0).collect::<Vec<_>>();
        let of = |mode| {
            let (add, remove) = difference(mode, &wanted, &present);
            (names(add), names(remove))
        };
        let list = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>();
        assert_eq!(of(Mode::Set), (list(&["a"]), list(&["ccc"])));
        assert_eq!(of(Mode::Add), (list(&["a"]), list(&[])));
        assert_eq!(of(Mode::Remove), (list(&[]), list(&["bb"])));
    }
}
