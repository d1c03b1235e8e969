//! Who acts for whom while away (FW25).
//!
//! Invariants: a chain A → B → C is followed five steps at most and never twice through the same person, so a circle ends;
//! the one at its end who can act gets the task, and where nobody can it stays with whom it was meant for.

use super::handover::{self, HandedOver};
use super::instance::Origin;
use super::store::substitutes::{self as store, SubstituteRow};
use crate::clock::{iso, parse_iso};
use crate::core::Core;
use crate::db::paging::Page;
use crate::db::{Conn, DbError, Work, bulk};
use crate::hr::reporting;
use crate::hr::resolve::{account_of_guid, is_caller};
use crate::inbox::post::{Notice, post};
use crate::policy::Principal;
use crate::refusal::Refusal;
use crate::text::check_text;
use livegrant_actors::{AccountId, CompanyId, MessageType};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Steps of a chain at most: who has gone through five people without finding one has to ask the administrator.
pub const STEPS_MAX: usize = 5;

/// Who acts for whom at one time in one definition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StandIns {
    of: BTreeMap<AccountId, AccountId>,
}

impl StandIns {
    /// Reads who acts for whom now.
    pub async fn read(
        conn: &mut Conn,
        company: CompanyId,
        definition: &str,
        now: i64,
    ) -> Result<Self, DbError> {
        let mut of = BTreeMap::new();
        for (account, substitute) in store::in_force(conn, company, definition, now).await? {
            of.entry(AccountId(account)).or_insert(AccountId(substitute));
        }
        Ok(Self { of })
    }

    /// Lists those who follow somebody, the next first; never himself, and nobody twice.
    pub fn chain(&self, account: AccountId) -> Vec<AccountId> {
        let mut chain = Vec::new();
        let mut at = account;
        while let Some(next) = self.of.get(&at).copied() {
            if chain.len() == STEPS_MAX || next == account || chain.contains(&next) {
                break;
            }
            chain.push(next);
            at = next;
        }
        chain
    }

    /// Answers who acts for each of these people: the last of the chain who can act. Whoever is not in it acts himself.
    pub async fn of_each(
        &self,
        conn: &mut Conn,
        company: CompanyId,
        people: &[AccountId],
    ) -> Result<BTreeMap<AccountId, AccountId>, DbError> {
        let chains: Vec<(AccountId, Vec<AccountId>)> = people
            .iter()
            .map(|person| (*person, self.chain(*person)))
            .filter(|(_, chain)| !chain.is_empty())
            .collect();
        let named: Vec<AccountId> = chains.iter().flat_map(|(_, chain)| chain.iter().copied()).collect();
        let able = reporting::able(conn, company, &named).await?;
        let last = |chain: &[AccountId]| chain.iter().rev().find(|one| able.contains(one)).copied();
        Ok(chains.iter().filter_map(|(person, chain)| Some((*person, last(chain)?))).collect())
    }
}

/// Answers who acts for somebody now in a definition; `None`: he himself.
pub async fn stand_in(
    conn: &mut Conn,
    company: CompanyId,
    account: AccountId,
    definition: &str,
    now: i64,
) -> Result<Option<AccountId>, DbError> {
    let stand_ins = StandIns::read(conn, company, definition, now).await?;
    Ok(stand_ins.of_each(conn, company, &[account]).await?.remove(&account))
}

/// Substitutions of one person that are not over, at most: one for each of his kinds of work.
const OF_ONE_MAX: i64 = 50;
const ADMIN: &str = "workflow:admin";

/// A new substitution.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NewSubstitute {
    /// Who is away: account or staff guid; the caller when absent. For others `workflow:admin` is needed.
    #[serde(default)]
    pub account_guid: Option<String>,
    /// Who acts for him: account or staff guid.
    pub substitute_guid: String,
    /// Only in this definition; in all when absent.
    #[serde(default)]
    pub definition_code: Option<String>,
    /// ISO 8601; at once when absent.
    #[serde(default)]
    pub valid_from: Option<String>,
    /// ISO 8601, exclusive; until it is ended when absent.
    #[serde(default)]
    pub valid_to: Option<String>,
    /// Why, for the substitute.
    #[serde(default)]
    pub reason: String,
    /// What is open already goes over at once; only for all definitions, and from now on.
    #[serde(default)]
    pub hand_over_open: bool,
    /// Account or staff guid of the caller; anybody else's is refused (C3).
    #[serde(default)]
    pub operator_guid: Option<String>,
}

/// A substitution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubstituteOut {
    /// Its id.
    pub id: i64,
    /// Account guid of the one who is away.
    pub account_guid: String,
    /// His name.
    pub account_name: String,
    /// Account guid of the one who acts for him.
    pub substitute_guid: String,
    /// His name.
    pub substitute_name: String,
    /// Only in this definition.
    pub definition_code: Option<String>,
    /// ISO 8601.
    pub valid_from: Option<String>,
    /// ISO 8601, exclusive.
    pub valid_to: Option<String>,
    /// Why.
    pub reason: String,
    /// It counts now.
    pub in_force: bool,
}

/// A substitution that was made.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubstituteMade {
    /// What was made.
    #[serde(flatten)]
    pub substitute: SubstituteOut,
    /// What became of the tasks that were open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handed_over: Option<HandedOver>,
}

/// Whose substitutions to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// Somebody's by account or staff guid, the caller's own without.
    Of(Option<String>),
    /// Everybody's.
    Everybody,
}

/// Lists who acts for somebody and for whom he acts: one's own, and with `workflow:admin` everybody's.
pub async fn list(
    core: &Core,
    by: &Principal,
    whose: &Whose,
    page: Page,
) -> Result<(i64, Vec<SubstituteOut>), Refusal> {
    let account = match whose {
        Whose::Everybody => {
            by.require(ADMIN)?;
            None
        }
        Whose::Of(guid) => Some(own_or_admin(core, by, guid.as_deref()).await?),
    };
    let mut conn = core.db.read().await?;
    let (count, rows) = store::list(&mut conn, by.company(), account, page).await?;
    Ok((count, shown(&mut conn, &rows, core.clock.now_ms()).await?))
}

/// Lets somebody act for somebody.
pub async fn create(core: &Core, by: &Principal, new: &NewSubstitute) -> Result<SubstituteMade, Refusal> {
    is_caller(core, by, new.operator_guid.as_deref()).await?;
    check_text("reason", &new.reason)?;
    let account = own_or_admin(core, by, new.account_guid.as_deref()).await?;
    let unknown = || Refusal::invalid("substituteGuid", "unknown_account", "nobody with a login is meant");
    let substitute = account_of_guid(core, by, &new.substitute_guid).await?;
    let substitute = substitute.and_then(|person| person.account).ok_or_else(unknown)?;
    if substitute == account {
        return Err(Refusal::invalid("substituteGuid", "invalid", "the same person"));
    }
    let mut work = core.db.begin(&by.author()).await?;
    let (now, company) = (work.now(), by.company());
    if reporting::able(work.conn(), company, &[substitute]).await?.is_empty() {
        return Err(Refusal::invalid("substituteGuid", "unknown_account", "this person cannot act now"));
    }
    let row = row_of(new, account, substitute, now)?;
    if let Some(code) = &row.definition_code
        && super::store::definitions::best(work.conn(), company, code).await?.is_none()
    {
        let detail = "there is no definition of this code";
        return Err(Refusal::invalid("definitionCode", "unknown_definition", detail));
    }
    work.serialise(&format!("substitutes:{}", account.0)).await?;
    if store::count_of(work.conn(), company, account, now).await? >= OF_ONE_MAX {
        return Err(Refusal::conflict(
            "too_many_substitutes",
            format!("at most {OF_ONE_MAX}; end some first"),
        ));
    }
    let id = store::insert(work.conn(), company, &row, by.account()).await?;
    let handed_over = if row.hand_over_open {
        let moved =
            handover::within(core, &mut work, company, account, substitute, Origin::Substitute, &row.reason);
        Some(moved.await?)
    } else {
        None
    };
    tell(&mut work, by, &row, "工作代理", "由你代为处理审批");
    work.audit("substitute_created", "substitute", &id.to_string(), permission(by, account)).await?;
    let made = shown(work.conn(), &[SubstituteRow { id, ..row }], now).await?;
    work.commit(&by.stamp()).await?;
    let substitute =
        made.into_iter().next().ok_or_else(|| Refusal::Defect(anyhow::anyhow!("the row is gone")))?;
    Ok(SubstituteMade { substitute, handed_over })
}

/// Ends a substitution: one's own, and with `workflow:admin` everybody's.
pub async fn delete(core: &Core, by: &Principal, id: i64) -> Result<(), Refusal> {
    const MISSING: Refusal = Refusal::NotFound { what: "substitute" };
    let mut work = core.db.begin(&by.author()).await?;
    let row = store::by_id(work.conn(), by.company(), id).await?.ok_or(MISSING)?;
    let account = AccountId(row.account_id);
    if account != by.account() && !by.holds(ADMIN) {
        // Whoever takes part in it knows that it is there; others do not.
        return Err(if row.substitute_id == by.account().0 { Refusal::denied(ADMIN) } else { MISSING });
    }
    store::delete(work.conn(), id).await?;
    tell(&mut work, by, &row, "工作代理结束", "不再由你代为处理审批");
    work.audit("substitute_deleted", "substitute", &id.to_string(), permission(by, account)).await?;
    work.commit(&by.stamp()).await?;
    Ok(())
}

fn permission(by: &Principal, account: AccountId) -> &'static str {
    if account == by.account() { "" } else { ADMIN }
}

/// Answers whom a guid means: the caller, or somebody else for an administrator.
async fn own_or_admin(core: &Core, by: &Principal, guid: Option<&str>) -> Result<AccountId, Refusal> {
    let Some(guid) = guid else { return Ok(by.account()) };
    let found = account_of_guid(core, by, guid).await?.and_then(|person| person.account);
    if found == Some(by.account()) {
        return Ok(by.account());
    }
    by.require(ADMIN)?;
    found.ok_or_else(|| Refusal::invalid("accountGuid", "unknown_account", "nobody with a login is meant"))
}

fn row_of(
    new: &NewSubstitute,
    account: AccountId,
    substitute: AccountId,
    now: i64,
) -> Result<SubstituteRow, Refusal> {
    let time = |field: &'static str, text: Option<&str>| match text.map(parse_iso) {
        Some(None) => Err(Refusal::invalid(field, "invalid", "an ISO 8601 time with an offset")),
        Some(at) => Ok(at),
        None => Ok(None),
    };
    let valid_from = time("validFrom", new.valid_from.as_deref())?;
    let valid_to = time("validTo", new.valid_to.as_deref())?;
    if valid_to.is_some_and(|to| to <= valid_from.unwrap_or(now).max(now)) {
        return Err(Refusal::invalid("validTo", "invalid", "after validFrom, and not over already"));
    }
    if new.hand_over_open && (new.definition_code.is_some() || valid_from.is_some_and(|from| from > now)) {
        let detail = "what is open goes over only for all definitions, and at once";
        return Err(Refusal::invalid("handOverOpen", "invalid", detail));
    }
    Ok(SubstituteRow {
        id: 0,
        account_id: account.0,
        substitute_id: substitute.0,
        definition_code: new.definition_code.clone(),
        valid_from,
        valid_to,
        reason: new.reason.clone(),
        hand_over_open: new.hand_over_open,
        created_at: now,
    })
}

/// Tells both people, whoever of them did not do it himself.
fn tell(work: &mut Work, by: &Principal, row: &SubstituteRow, title: &str, content: &str) {
    let notice = Notice::new(MessageType::MessageNotification, title, content, by.company())
        .with("validFrom", row.valid_from.map(iso))
        .with("validTo", row.valid_to.map(iso))
        .with("definitionCode", row.definition_code.clone())
        .with("reason", row.reason.clone());
    post(work, &[AccountId(row.substitute_id)], notice.clone());
    let notice =
        Notice { content: "你的审批将由他人代为处理，或不再如此".to_owned(), ..notice };
    post(work, &[AccountId(row.account_id)], notice);
}

async fn shown(conn: &mut Conn, rows: &[SubstituteRow], now: i64) -> Result<Vec<SubstituteOut>, DbError> {
    let mut accounts: Vec<i64> = rows.iter().flat_map(|row| [row.account_id, row.substitute_id]).collect();
    accounts.sort_unstable();
    accounts.dedup();
    let cards = bulk::cards(conn, &accounts).await?;
    let card = |account: i64| {
        let found = cards.iter().find(|(id, ..)| *id == account);
        found.map(|(_, guid, name)| (guid.clone(), name.clone())).unwrap_or_default()
    };
    let out = |row: &SubstituteRow| {
        let (account_guid, account_name) = card(row.account_id);
        let (substitute_guid, substitute_name) = card(row.substitute_id);
        SubstituteOut {
            id: row.id,
            account_guid,
            account_name,
            substitute_guid,
            substitute_name,
            definition_code: row.definition_code.clone(),
            valid_from: row.valid_from.map(iso),
            valid_to: row.valid_to.map(iso),
            reason: row.reason.clone(),
            in_force: row.valid_from.is_none_or(|from| from <= now) && row.valid_to.is_none_or(|to| to > now),
        }
    };
    Ok(rows.iter().map(out).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_ends_in_a_circle_and_after_five_steps() {
        // FW25
        let of = |pairs: &[(i64, i64)]| StandIns {
            of: pairs.iter().map(|(one, other)| (AccountId(*one), AccountId(*other))).collect(),
        };
        let chain =
            |pairs: &[(i64, i64)]| of(pairs).chain(AccountId(1)).iter().map(|it| it.0).collect::<Vec<_>>();
        assert_eq!(chain(&[]), [0; 0]);
        assert_eq!(chain(&[(1, 2), (2, 3)]), [2, 3]);
        assert_eq!(chain(&[(1, 2), (2, 1)]), [2]);
        assert_eq!(chain(&[(1, 2), (2, 3), (3, 2)]), [2, 3]);
        assert_eq!(chain(&[(1, 1)]), [0; 0]);
        let long: Vec<(i64, i64)> = (1..20).map(|place| (place, place + 1)).collect();
        assert_eq!(chain(&long), [2, 3, 4, 5, 6]);
    }
}
