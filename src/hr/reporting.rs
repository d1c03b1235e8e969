//! Who reports to whom, for whoever has to find people by their place in the company: heads, members, holders of a
//! position. Reads alone, on the connection of the caller's own transaction, and asks for no permission: whoever calls
//! decides what may be told.
//!
//! Invariant: only people who can act are answered: an enabled account, and no staff record of it that is away or left.

use super::store::reporting as store;
use crate::db::{Conn, DbError, bulk};
use livegrant_actors::{AccountId, CompanyId};

pub use super::store::reporting::Level;

/// People that one question answers at most. Whoever asks more people than that about one thing wants a broadcast.
pub const PEOPLE_MAX: i64 = 200;

/// Answers an account's guid and name for people (the staff record's, else the account's).
pub async fn card(
    conn: &mut Conn,
    company: CompanyId,
    account: AccountId,
) -> Result<Option<(String, String, Option<String>)>, DbError> {
    store::card(conn, company, account).await
}

/// Lists the organisation that somebody belongs to and those above it, his own first; at most 32.
pub async fn chain(conn: &mut Conn, company: CompanyId, account: AccountId) -> Result<Vec<Level>, DbError> {
    store::chain(conn, company, account).await
}

/// Lists the heads of an organisation: its leader, and where there is none who can act, everybody in a position of it
/// that leads.
pub async fn heads_of(
    conn: &mut Conn,
    company: CompanyId,
    organization: i64,
    now: i64,
) -> Result<Vec<AccountId>, DbError> {
    let leader = store::leader(conn, company, organization).await?;
    if !leader.is_empty() {
        return Ok(leader);
    }
    store::managers(conn, company, organization, now).await
}

/// Lists the heads of an organisation by its guid.
pub async fn heads_of_guid(
    conn: &mut Conn,
    company: CompanyId,
    guid: &str,
    now: i64,
) -> Result<Vec<AccountId>, DbError> {
    match store::organization_id(conn, company, guid).await? {
        Some(organization) => heads_of(conn, company, organization, now).await,
        None => Ok(Vec::new()),
    }
}

/// Lists, level by level upwards, the heads above somebody, at most `levels` levels. Nobody is his own head: a level that
/// he heads himself is left out, and so is one without a head, which is led from above.
pub async fn heads_above(
    conn: &mut Conn,
    company: CompanyId,
    account: AccountId,
    levels: usize,
    now: i64,
) -> Result<Vec<Vec<AccountId>>, DbError> {
    let mut found = Vec::new();
    for level in chain(conn, company, account).await? {
        if found.len() == levels {
            break;
        }
        let heads = heads_of(conn, company, level.id, now).await?;
        if !heads.is_empty() && !heads.contains(&account) {
            found.push(heads);
        }
    }
    Ok(found)
}

/// Answers somebody's own head: of the lowest level above him that has one.
pub async fn superior(
    conn: &mut Conn,
    company: CompanyId,
    account: AccountId,
    now: i64,
) -> Result<Option<AccountId>, DbError> {
    let levels = heads_above(conn, company, account, 1, now).await?;
    Ok(levels.first().and_then(|heads| heads.first().copied()))
}

/// Lists everybody of an organisation and of those below it.
pub async fn members_of(conn: &mut Conn, company: CompanyId, guid: &str) -> Result<Vec<AccountId>, DbError> {
    store::members(conn, company, guid).await
}

/// Lists everybody who is in a position now.
pub async fn in_position(
    conn: &mut Conn,
    company: CompanyId,
    code: &str,
    now: i64,
) -> Result<Vec<AccountId>, DbError> {
    store::in_position(conn, company, code, now).await
}

/// Lists the codes of the positions that somebody is in now.
pub async fn positions_of(
    conn: &mut Conn,
    company: CompanyId,
    account: AccountId,
    now: i64,
) -> Result<Vec<String>, DbError> {
    store::positions_of(conn, company, account, now).await
}

/// Finds the accounts that account or staff guids mean, in their order; who is not there or cannot act is left out.
pub async fn accounts_named(
    conn: &mut Conn,
    company: CompanyId,
    guids: &[String],
) -> Result<Vec<AccountId>, DbError> {
    if guids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = bulk::accounts_of_guids(conn, company.0, guids).await?;
    let of =
        |guid: &String| rows.iter().find(|(found, _)| found == guid).map(|(_, account)| AccountId(*account));
    Ok(guids.iter().filter_map(of).collect())
}

/// Keeps those who can act, in their order.
pub async fn able(
    conn: &mut Conn,
    company: CompanyId,
    accounts: &[AccountId],
) -> Result<Vec<AccountId>, DbError> {
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<i64> = accounts.iter().map(|account| account.0).collect();
    let able = bulk::able_accounts(conn, company.0, &ids).await?;
    Ok(accounts.iter().copied().filter(|account| able.contains(&account.0)).collect())
}

/// Answers whether the company has an enabled position of this code.
pub async fn position_exists(conn: &mut Conn, company: CompanyId, code: &str) -> Result<bool, DbError> {
    store::position_exists(conn, company, code).await
}

/// Answers whether the company has an organisation of this guid.
pub async fn organization_exists(conn: &mut Conn, company: CompanyId, guid: &str) -> Result<bool, DbError> {
    Ok(store::organization_id(conn, company, guid).await?.is_some())
}
