//! Ending sessions (I12): one conditional UPDATE, the epochs of what ended, one revision. Everything else follows from
//! the log: checks refuse, sockets close with a final frame, refresh tokens and tickets find an ended session.

use super::model::SessionFilter;
use super::store;
use crate::core::Core;
use crate::db::{Author, Authority, Committed, SystemTask, Work};
use crate::policy::{EndCode, PolicyChange, Principal};
use crate::refusal::Refusal;
use livegrant_actors::{AccountId, Rev, SessionId};
use std::collections::BTreeMap;

/// What ending answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// The revision, when anything ended.
    pub rev: Option<Rev>,
    /// How many sessions ended.
    pub ended: usize,
}

/// An administrator ends sessions: one, all of an account, or all that a list filter shows. His own stays unless he
/// names it.
pub async fn kick(
    core: &Core,
    by: &Principal,
    filter: SessionFilter,
    reason: &str,
) -> Result<Ended, Refusal> {
    by.require("session:kick")?;
    if let Some(account) = filter.account {
        super::accounts::in_company(core, by, account).await?;
    }
    let named = filter.sid.is_some();
    let company = if by.is_platform() { None } else { Some(by.company()) };
    let keep = if named { None } else { Some(by.sid().clone()) };
    let filter = SessionFilter { company, keep, ..filter };
    let code = if named { EndCode::SessionKicked } else { EndCode::AllSessionsEnded };
    let mut work = core.db.begin(&by.author()).await?;
    work.because(reason);
    let ended = end(&mut work, &filter, code).await?;
    if named && ended == 0 {
        return Err(Refusal::NotFound { what: "session" });
    }
    work.audit("authz_admin", "session", &format!("{ended} ended"), "session:kick").await?;
    finish(core, work, Authority::Stamp(&by.stamp()), ended).await
}

/// Someone ends one of his own sessions, or this one (sign-out).
pub async fn end_own(core: &Core, by: &Principal, sid: &SessionId) -> Result<Ended, Refusal> {
    let filter =
        SessionFilter { account: Some(by.account()), sid: Some(sid.clone()), ..SessionFilter::default() };
    let mut work = core.db.begin(&by.author()).await?;
    let ended = end(&mut work, &filter, EndCode::Logout).await?;
    if ended == 0 {
        return Err(Refusal::NotFound { what: "session" });
    }
    work.audit("session_logout", "session", sid.as_str(), "").await?;
    finish(core, work, Authority::Stamp(&by.stamp()), ended).await
}

/// A session ends by a rule of its own, with nobody ordering it.
pub async fn by_rule(
    core: &Core,
    author: &Author,
    filter: &SessionFilter,
    code: EndCode,
) -> Result<Ended, Refusal> {
    let mut work = core.db.begin(author).await?;
    let ended = end(&mut work, filter, code).await?;
    finish(core, work, Authority::System(SystemTask::SessionEnd), ended).await
}

/// Ends sessions inside somebody else's unit of work and records the change; answers how many.
pub async fn end(work: &mut Work, filter: &SessionFilter, code: EndCode) -> Result<usize, Refusal> {
    let now = work.now();
    let all = filter.sid.is_none();
    if all {
        wait_for_sign_ins(work, filter).await?;
    }
    let rows = store::end_sessions(work.conn(), filter, code, now).await?;
    let ended = rows.len();
    let mut accounts: BTreeMap<AccountId, Vec<SessionId>> = BTreeMap::new();
    for (account, sid) in rows {
        accounts.entry(account).or_default().push(sid);
    }
    // All of an account: its epoch too, so that a sign-in whose password was compared before this does not commit.
    if let Some(account) = filter.account.filter(|_| all) {
        accounts.entry(account).or_default();
    }
    for (account, sids) in accounts {
        work.change(PolicyChange::SessionsEnded { account, sids, all, keep: filter.keep.clone(), code });
    }
    Ok(ended)
}

/// Waits for the sign-ins that are being committed, so that the UPDATE which follows sees their sessions: one that it
/// could not see stays active after the end of all (57 of 450 did, in a race on PostgreSQL).
async fn wait_for_sign_ins(work: &mut Work, filter: &SessionFilter) -> Result<(), Refusal> {
    let accounts = match filter.account {
        Some(account) => vec![account],
        None => store::accounts_signed_in(work.conn(), filter).await?,
    };
    let rules: Vec<String> = accounts.into_iter().map(sign_ins).collect();
    Ok(work.serialise_each(&rules).await?)
}

/// The name of the rule that serialises an account's sign-ins with the end of all its sessions.
pub(super) fn sign_ins(account: AccountId) -> String {
    format!("sign-ins of account {account}")
}

async fn finish(core: &Core, work: Work, authority: Authority<'_>, ended: usize) -> Result<Ended, Refusal> {
    let committed: Committed = work.commit(authority).await?;
    Ok(Ended { rev: core.settle(committed).await, ended })
}
