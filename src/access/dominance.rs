//! Nobody gives, takes or switches what he does not hold himself (C8, FC8), nor gives it for longer than he holds it, nor
//! with a wider data scope than his own (FC7), nor has a say over an account that may come to do more than he. Rules over the policy in memory; what was judged is added
//! to what the unit of work rests on, so that the fence refuses when it has changed since (I3).

use super::scope::{covers, covers_below};
use crate::core::Core;
use crate::db::{Conn, DbError, Work};
use crate::policy::effective::Grant;
use crate::policy::reach::data_scope;
use crate::policy::{
    At, Bits, DataScope, GrantHolder, HolderId, PolicyFacts, Principal, Reach, SYSTEM_ADMIN,
};
use crate::refusal::Refusal;
use livegrant_actors::AccountId;

/// For how long something is given, or taken at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasting {
    /// No longer than this moment: taking, switching off.
    Now,
    /// Until this UTC millisecond.
    Until(i64),
    /// For good.
    ForGood,
}

impl From<Option<i64>> for Lasting {
    fn from(to: Option<i64>) -> Self {
        to.map_or(Self::ForGood, Self::Until)
    }
}

/// What somebody may give away.
enum Sway {
    /// Everything: a platform administrator, or a holder of `system:admin`.
    All,
    /// These, whether switched on at present or not.
    Codes(Bits),
}

fn sway(core: &Core, by: &Principal, facts: &PolicyFacts, lasting: Lasting) -> Sway {
    let account = by.member().facts();
    if account.is_platform {
        return Sway::All;
    }
    let at = At::Instant(core.clock.now_ms());
    let mut codes = Bits::default();
    for grant in account.grants.iter() {
        let holder = facts.holders.get(&grant.holder).filter(|_| lasts(grant, lasting));
        if let Some(holder) =
            holder.filter(|holder| grant.obstacles(holder, by.session().view, at).next().is_none())
        {
            codes.extend(&holder.permissions);
        }
    }
    let admin = facts.catalogue.bit(SYSTEM_ADMIN).filter(|bit| facts.catalogue.enabled().contains(*bit));
    if admin.is_some_and(|bit| codes.contains(bit)) { Sway::All } else { Sway::Codes(codes) }
}

fn lasts(grant: &Grant, lasting: Lasting) -> bool {
    match (grant.to, lasting) {
        (None, _) | (Some(_), Lasting::Now) => true,
        (Some(to), Lasting::Until(until)) => until <= to,
        (Some(_), Lasting::ForGood) => false,
    }
}

/// Compares a set with the caller's sway and names the first code beyond it.
fn within(
    core: &Core,
    by: &Principal,
    facts: &PolicyFacts,
    lasting: Lasting,
    set: &Bits,
) -> Result<(), Refusal> {
    let Sway::Codes(own) = sway(core, by, facts, lasting) else { return Ok(()) };
    let Some(beyond) = set.iter().find(|bit| !own.contains(*bit)) else { return Ok(()) };
    let code = facts.catalogue.code(beyond).map_or("?", AsRef::as_ref);
    Err(Refusal::Denied {
        permission: code.to_owned(),
        detail: format!("this is about {code}, which you do not hold yourself for as long"),
    })
}

/// Goes on when the caller holds every code for as long.
pub fn dominates_codes<'c>(
    core: &Core,
    by: &Principal,
    lasting: Lasting,
    codes: impl IntoIterator<Item = &'c str>,
) -> Result<(), Refusal> {
    core.policy.with_facts(|facts| {
        let set: Bits = codes.into_iter().filter_map(|code| facts.catalogue.bit(code)).collect();
        within(core, by, facts, lasting, &set)
    })
}

/// Goes on when the caller holds everything that the role or position carries for as long.
pub fn dominates_holder(
    core: &Core,
    work: &mut Work,
    by: &Principal,
    holder: HolderId,
    lasting: Lasting,
) -> Result<(), Refusal> {
    let epoch = core.policy.with_facts(|facts| {
        // One that was made a moment ago and is not known here yet: the write runs again once it is.
        let known = facts.holders.get(&holder).ok_or(Refusal::Stale)?;
        within(core, by, facts, lasting, &known.permissions).map(|()| known.epoch)
    })?;
    work.rests_on(holder.scope(), epoch);
    Ok(())
}

/// Goes on when the caller holds everything that the account's grants carry: also those that do not count at present,
/// because the account or the role is switched off or the time has not come, since whoever has a say over the account
/// has it then too.
pub async fn dominates_account(
    core: &Core,
    work: &mut Work,
    by: &Principal,
    account: AccountId,
    lasting: Lasting,
) -> Result<(), Refusal> {
    let Some(member) = core.policy.member(account).await? else {
        return Err(Refusal::NotFound { what: "account" });
    };
    let target = member.facts();
    if target.is_platform && !by.is_platform() {
        return Err(Refusal::denied("platform administrator"));
    }
    let now = core.clock.now_ms();
    let judged = core.policy.with_facts(|facts| {
        let mut carried = Bits::default();
        let mut judged = vec![(crate::policy::Scope::Account(account), target.epoch)];
        for grant in target.grants.iter().filter(|grant| grant.to.is_none_or(|to| now < to)) {
            let known = facts.holders.get(&grant.holder).ok_or(Refusal::Stale)?;
            carried.extend(&known.permissions);
            judged.push((grant.holder.scope(), known.epoch));
        }
        within(core, by, facts, lasting, &carried).map(|()| judged)
    })?;
    for (scope, epoch) in judged {
        work.rests_on(scope, epoch);
    }
    Ok(())
}

/// Goes on when the caller may act as this account until then: he holds for as long what it holds, with as wide a data
/// scope (FC7, FC8).
pub async fn dominates_wholly(
    core: &Core,
    work: &mut Work,
    by: &Principal,
    account: AccountId,
    lasting: Lasting,
) -> Result<(), Refusal> {
    dominates_account(core, work, by, account, lasting).await?;
    let Some(member) = core.policy.member(account).await? else {
        return Err(Refusal::NotFound { what: "account" });
    };
    let target = member.facts();
    for grant in target.grants.iter() {
        let own = Own::Of(target.organization);
        dominates_reach(core, work, by, grant.holder, lasting, own, None).await?;
    }
    Ok(())
}

/// Whose organisation "own" means for what is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// That of whoever comes to hold it.
    Anybodys,
    /// This one; `None`: the person has none, and reaches nothing by it.
    Of(Option<i64>),
}

/// Goes on when the caller holds everything that the role or position carries for as long, and with as wide a data scope
/// as a person of this organisation would hold it.
pub async fn dominates_grant(
    core: &Core,
    work: &mut Work,
    by: &Principal,
    holder: HolderId,
    lasting: Lasting,
    organization: Option<i64>,
) -> Result<(), Refusal> {
    dominates_holder(core, work, by, holder, lasting)?;
    dominates_reach(core, work, by, holder, lasting, Own::Of(organization), None).await
}

/// Goes on when the caller holds what a role or position carries, or these codes of it, with as wide a data scope as they
/// have there. A position that belongs to an organisation has its own.
pub async fn dominates_reach(
    core: &Core,
    work: &mut Work,
    by: &Principal,
    holder: HolderId,
    lasting: Lasting,
    own: Own,
    only: Option<&[String]>,
) -> Result<(), Refusal> {
    let known = core.policy.with_facts(|facts| facts.holders.get(&holder).cloned()).ok_or(Refusal::Stale)?;
    let own = known.organization.map_or(own, |organization| Own::Of(Some(organization)));
    is_within_reach(core, work.conn(), by, lasting, &known.permissions, &known.reach, own, only).await
}

/// Goes on when the caller, put into this organisation, would reach no more there by what means "own" than he does now.
pub async fn stays_within(
    core: &Core,
    work: &mut Work,
    by: &Principal,
    organization: Option<i64>,
) -> Result<(), Refusal> {
    for grant in by.member().facts().grants.iter() {
        let known = core.policy.with_facts(|facts| facts.holders.get(&grant.holder).cloned());
        let known = known.ok_or(Refusal::Stale)?;
        if matches!(known.reach, Reach::Own | Reach::OwnAndBelow) {
            let own = Own::Of(organization);
            dominates_reach(core, work, by, grant.holder, Lasting::Now, own, None).await?;
        }
    }
    Ok(())
}

/// Goes on when the caller holds everything that a role or position carries with as wide a data scope as this one.
pub async fn dominates_new_reach(
    core: &Core,
    work: &mut Work,
    by: &Principal,
    holder: HolderId,
    reach: &Reach,
    own: Own,
) -> Result<(), Refusal> {
    let known = core.policy.with_facts(|facts| facts.holders.get(&holder).cloned()).ok_or(Refusal::Stale)?;
    work.rests_on(holder.scope(), known.epoch);
    is_within_reach(core, work.conn(), by, Lasting::ForGood, &known.permissions, reach, own, None).await
}

#[expect(clippy::too_many_arguments, reason = "what is given, how, and by whom")]
async fn is_within_reach(
    core: &Core,
    conn: &mut Conn,
    by: &Principal,
    lasting: Lasting,
    permissions: &Bits,
    reach: &Reach,
    own: Own,
    only: Option<&[String]>,
) -> Result<(), Refusal> {
    let (account, now, view) = (by.member().facts(), core.clock.now_ms(), by.session().view);
    let counts = |grant: &Grant, holder: &GrantHolder| {
        lasts(grant, lasting) && grant.obstacles(holder, view, At::Instant(now)).next().is_none()
    };
    // Equal scopes are compared once: most codes come from one role.
    let mut scopes: Vec<(DataScope, String)> = Vec::new();
    core.policy.with_facts(|facts| {
        let named: Option<Bits> =
            only.map(|codes| codes.iter().filter_map(|code| facts.catalogue.bit(code)).collect());
        for bit in named.as_ref().unwrap_or(permissions).iter() {
            let scope = data_scope(facts, &account, Some(bit), counts);
            if !scope.all && !scopes.iter().any(|(known, _)| *known == scope) {
                scopes.push((scope, facts.catalogue.code(bit).map_or("?", AsRef::as_ref).to_owned()));
            }
        }
    });
    for (scope, code) in scopes {
        if !is_within(conn, &scope, reach, own).await? {
            let detail = format!("this would give {code} a wider data scope than you hold it with yourself");
            return Err(Refusal::Denied { permission: code, detail });
        }
    }
    Ok(())
}

async fn is_within(conn: &mut Conn, scope: &DataScope, reach: &Reach, own: Own) -> Result<bool, DbError> {
    match (reach, own) {
        (Reach::All, _) | (Reach::Own | Reach::OwnAndBelow, Own::Anybodys) => Ok(false),
        (Reach::OwnRecord, _) | (Reach::Own | Reach::OwnAndBelow, Own::Of(None)) => Ok(true),
        (Reach::Own, Own::Of(organization)) => covers(conn, scope, organization).await,
        (Reach::OwnAndBelow, Own::Of(organization)) => covers_below(conn, scope, organization).await,
        (Reach::Chosen(rows), _) => {
            for row in rows.iter() {
                if !covers(conn, scope, Some(*row)).await? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
    }
}
