//! Data scopes (FC7) as other areas use them: what a permission of the caller reaches, as a condition of lists and as a
//! yes or no for one object. What lies outside is not found, as if it were another company's.
//!
//! The scope comes from the policy in memory and costs no statement; what lies below an organisation is asked of the
//! database where a list or an object is read. Its epochs are in the caller's stamp, so a narrowed scope stops writes that
//! were allowed by the wider one (I3).

use super::store::objects;
use crate::core::Core;
use crate::db::listing::{Conditions, Value};
use crate::db::{Conn, DbError};
use crate::policy::reach::{data_scope_at, limits as limits_of};
use crate::policy::{DataScope, HolderId, Principal, Reach};
use crate::refusal::Refusal;
use livegrant_actors::AccountId;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// Goes on with the permission, and answers what it reaches.
pub fn require(core: &Core, by: &Principal, code: &str) -> Result<DataScope, Refusal> {
    by.require(code)?;
    Ok(of_caller(core, by, code))
}

/// Answers what a permission of the caller reaches; nothing when he does not hold it.
pub fn of_caller(core: &Core, by: &Principal, code: &str) -> DataScope {
    let account = by.member().facts();
    let now = core.clock.now_ms();
    core.policy.with_facts(|facts| data_scope_at(facts, &account, by.session().view, now, code))
}

/// Answers the organisation that "own" means for an account.
pub async fn own_organization(core: &Core, account: AccountId) -> Result<Option<i64>, Refusal> {
    Ok(core.policy.member(account).await?.and_then(|member| member.facts().organization))
}

/// The columns that a scope is compared with.
#[derive(Debug, Clone, Copy)]
pub struct Columns {
    /// The organisation's row.
    pub organization: &'static str,
    /// The account of the person whose record it is, where there is one.
    pub account: Option<&'static str>,
}

/// Answers the condition that a row lies in a scope; no condition where everything does.
pub fn within(scope: &DataScope, columns: Columns, caller: AccountId) -> Conditions {
    let mut conditions = Conditions::default();
    if scope.all {
        return conditions;
    }
    let organization = columns.organization;
    let (mut texts, mut values): (Vec<String>, Vec<Value>) = (Vec::new(), Vec::new());
    let marks = |rows: &BTreeSet<i64>| vec!["?"; rows.len()].join(", ");
    if !scope.exact.is_empty() {
        texts.push(format!("{organization} IN ({})", marks(&scope.exact)));
        values.extend(scope.exact.iter().map(|row| Value::Number(*row)));
    }
    if !scope.below.is_empty() {
        texts.push(format!(
            "{organization} IN (SELECT scoped.id FROM hr_organization root JOIN hr_organization scoped
                ON scoped.company_id = root.company_id AND scoped.path LIKE root.path || '%' WHERE root.id IN ({}))",
            marks(&scope.below)
        ));
        values.extend(scope.below.iter().map(|row| Value::Number(*row)));
    }
    if let Some(account) = columns.account.filter(|_| scope.own_record) {
        texts.push(format!("{account} = ?"));
        values.push(Value::Number(caller.0));
    }
    if texts.is_empty() {
        texts.push("1 = 0".to_owned());
    }
    conditions.push(&texts.join(" OR "), values);
    conditions
}

/// Answers whether a scope reaches what belongs to an organisation; what belongs to none only by reaching everything.
pub async fn covers(conn: &mut Conn, scope: &DataScope, organization: Option<i64>) -> Result<bool, DbError> {
    match organization {
        _ if scope.all => Ok(true),
        None => Ok(false),
        Some(row) if scope.exact.contains(&row) || scope.below.contains(&row) => Ok(true),
        Some(_) if scope.below.is_empty() => Ok(false),
        Some(row) => objects::lies_below(conn, row, scope).await,
    }
}

/// Answers whether a scope reaches everything below an organisation too.
pub async fn covers_below(
    conn: &mut Conn,
    scope: &DataScope,
    organization: Option<i64>,
) -> Result<bool, DbError> {
    let below = DataScope { exact: BTreeSet::new(), ..scope.clone() };
    covers(conn, &below, organization).await
}

/// Answers whether a scope reaches a person, as somebody of this account asks.
pub async fn covers_person(
    conn: &mut Conn,
    scope: &DataScope,
    organization: Option<i64>,
    person: Option<AccountId>,
    caller: AccountId,
) -> Result<bool, DbError> {
    if scope.own_record && person == Some(caller) {
        return Ok(true);
    }
    covers(conn, scope, organization).await
}

/// What one permission reaches, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ScopeOut {
    /// Everything in the company.
    pub all: bool,
    /// The person's own record.
    pub own_record: bool,
    /// Guids of organisations.
    pub organizations: Vec<String>,
    /// Guids of organisations that are reached with everything below them.
    pub organizations_and_below: Vec<String>,
}

impl ScopeOut {
    /// Shows a scope with the guids of its organisations.
    pub fn new(scope: &DataScope, guids: &BTreeMap<i64, String>) -> Self {
        let named = |rows: &BTreeSet<i64>| rows.iter().filter_map(|row| guids.get(row).cloned()).collect();
        Self {
            all: scope.all,
            own_record: scope.own_record,
            organizations: named(&scope.exact),
            organizations_and_below: named(&scope.below),
        }
    }
}

/// Shows one scope; asks for guids only where it names organisations.
pub async fn shown(core: &Core, scope: &DataScope) -> Result<ScopeOut, Refusal> {
    let rows: BTreeSet<i64> = scope.exact.union(&scope.below).copied().collect();
    Ok(ScopeOut::new(scope, &guids(core, &rows).await?))
}

async fn guids(core: &Core, rows: &BTreeSet<i64>) -> Result<BTreeMap<i64, String>, Refusal> {
    if rows.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<i64> = rows.iter().copied().collect();
    let found = objects::organization_guids(&mut core.db.read().await?, &rows).await?;
    Ok(found.into_iter().collect())
}

/// Shows what each of the caller's permissions reaches, where that is not everything.
pub async fn limits(core: &Core, by: &Principal) -> Result<BTreeMap<String, ScopeOut>, Refusal> {
    let (account, snapshot) = (by.member().facts(), by.snapshot());
    let scopes =
        core.policy.with_facts(|facts| limits_of(facts, &account, snapshot.holders(), &snapshot.codes()));
    let rows: BTreeSet<i64> =
        scopes.iter().flat_map(|(_, scope)| scope.exact.union(&scope.below)).copied().collect();
    let guids = guids(core, &rows).await?;
    Ok(scopes.into_iter().map(|(code, scope)| (code.to_string(), ScopeOut::new(&scope, &guids))).collect())
}

/// Lets no role or position reach an organisation by choice any more; answers those that did.
pub async fn forget_organization(conn: &mut Conn, organization: i64) -> Result<Vec<HolderId>, DbError> {
    let holders = objects::choosers(conn, organization).await?;
    objects::unchoose(conn, organization).await?;
    Ok(holders)
}

/// Stores which organisations a role or position reaches by choice.
pub async fn store(conn: &mut Conn, holder: HolderId, reach: &Reach) -> Result<(), DbError> {
    let rows: &[i64] = if let Reach::Chosen(rows) = reach { rows } else { &[] };
    objects::choose(conn, holder, rows).await
}

/// Reads the guids of the organisations that a role or position reaches by choice.
pub async fn chosen(conn: &mut Conn, holder: HolderId) -> Result<Vec<String>, DbError> {
    objects::chosen(conn, holder).await
}

/// Reads the data scope that a role or position is to have: its name, and the organisations that are chosen, by row.
///
/// # Errors
/// Names the field when the scope is unknown, when an organisation is not of the caller's company, and when organisations
/// are chosen for another scope than `chosen`.
pub async fn read(
    conn: &mut Conn,
    by: &Principal,
    name: &str,
    organizations: Option<&[String]>,
) -> Result<Reach, Refusal> {
    const FIELD: &str = "data_scope_organizations";
    if !crate::policy::reach::NAMES.contains(&name) {
        let detail = format!("one of {}", crate::policy::reach::NAMES.join(", "));
        return Err(Refusal::invalid("data_scope", "invalid", detail));
    }
    let wanted: BTreeSet<String> =
        organizations.unwrap_or_default().iter().map(|guid| guid.to_lowercase()).collect();
    if name != "chosen" {
        if !wanted.is_empty() {
            return Err(Refusal::invalid(FIELD, "invalid", "only the scope `chosen` names organisations"));
        }
        return Ok(Reach::read(name, Vec::new()));
    }
    if wanted.len() > crate::policy::reach::CHOSEN_MAX {
        let detail = format!("at most {} organisations", crate::policy::reach::CHOSEN_MAX);
        return Err(Refusal::invalid(FIELD, "too_many", detail));
    }
    let mut rows = Vec::with_capacity(wanted.len());
    for guid in wanted {
        let Some(row) = objects::organization_row(conn, by.company(), &guid).await? else {
            let detail = format!("there is no organisation {guid}");
            return Err(Refusal::invalid(FIELD, "unknown_organization", detail));
        };
        rows.push(row);
    }
    rows.sort_unstable();
    Ok(Reach::read("chosen", rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: Columns = Columns { organization: "s.org_id", account: Some("s.account_id") };

    #[test]
    fn a_scope_of_everything_is_no_condition_and_an_empty_one_leaves_nothing() {
        let everything = within(&DataScope::everything(), COLUMNS, AccountId(7));
        assert_eq!(everything, Conditions::default());
        let nothing = within(&DataScope::default(), COLUMNS, AccountId(7));
        assert_eq!(nothing, Conditions::new("1 = 0", []));
    }

    #[test]
    fn an_own_record_counts_only_where_there_are_records_of_people() {
        let own = DataScope { own_record: true, ..DataScope::default() };
        assert_eq!(within(&own, COLUMNS, AccountId(7)), Conditions::new("s.account_id = ?", [7.into()]));
        let no_person = Columns { account: None, ..COLUMNS };
        assert_eq!(within(&own, no_person, AccountId(7)), Conditions::new("1 = 0", []));
    }
}
