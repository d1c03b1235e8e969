//! Accounts and their sessions for load tests, many in one transaction: what `src/loadtest.rs` asks of this area.
//! The password of such an account is a text that is no hash, so nobody can sign in with it: the prepared tokens are the
//! only way in. An account that has any other password is somebody's own and is left alone.

use super::Keys;
use super::model::{NewAccount, check_username};
use super::store::{self, NewSession};
use super::token::RefreshToken;
use crate::access::init::DEFAULT_APPLICATION;
use crate::db::Work;
use crate::policy::PolicyChange;
use crate::refusal::Refusal;
use livegrant_actors::{AccountId, CompanyId, SessionId};

/// Stored in place of a password hash; no password matches it.
const NO_PASSWORD: &str = "!";
/// The device of the prepared sessions: by it the next preparation finds them again.
const DEVICE: &str = "livegrant loadtest";

/// An account that is ready to connect.
#[derive(Debug)]
pub struct Ready {
    /// The account.
    pub account: AccountId,
    /// Its guid.
    pub guid: String,
    /// Its one prepared session.
    pub sid: SessionId,
    /// A JWT.
    pub access: String,
    /// One use each.
    pub refresh: String,
}

/// Finds or makes an account of this login name, and finds or starts its session, inside somebody else's unit of work.
///
/// A session that an earlier preparation started goes on with new tokens; its earlier refresh token no longer works.
///
/// # Errors
/// `already_exists` when the login name belongs to an account that load tests did not make.
pub async fn ready(
    work: &mut Work,
    keys: &Keys,
    username: &str,
    company: CompanyId,
    expires_at: i64,
) -> Result<Ready, Refusal> {
    let (account, guid) = account(work, username, company).await?;
    let now = work.now();
    let found = store::session_on(work.conn(), account, DEVICE, now).await?;
    let token = RefreshToken::first(found.clone().unwrap_or_else(|| SessionId::from(crate::clock::guid())));
    if found.is_some() {
        store::restart_session(work.conn(), &token.sid, &token.digest(), now, expires_at).await?;
    } else {
        let session = NewSession {
            sid: &token.sid,
            account,
            application: DEFAULT_APPLICATION,
            company,
            refresh_hash: &token.digest(),
            device: DEVICE,
            ip: "",
            now,
            expires_at,
        };
        store::insert_session(work.conn(), &session).await?;
    }
    let access = keys.tokens.sign(account, &token.sid, now)?;
    let refresh = keys.tokens.seal(&token)?;
    Ok(Ready { account, guid, sid: token.sid, access, refresh })
}

/// Finds or makes an account of this login name that has no session: somebody who is away.
///
/// # Errors
/// As [`ready`].
pub async fn away(work: &mut Work, username: &str, company: CompanyId) -> Result<AccountId, Refusal> {
    Ok(account(work, username, company).await?.0)
}

async fn account(
    work: &mut Work,
    username: &str,
    company: CompanyId,
) -> Result<(AccountId, String), Refusal> {
    check_username(username)?;
    if let Some(id) = store::account_named(work.conn(), username).await? {
        let ours = store::password_of(work.conn(), id).await?.is_some_and(|(hash, _)| hash == NO_PASSWORD);
        let row = store::account(work.conn(), id).await?;
        let row = row.filter(|row| ours && row.company_id == company.0);
        let detail = || format!("the account {username} was not made for load tests");
        return row.map(|row| (id, row.guid)).ok_or_else(|| Refusal::conflict("already_exists", detail()));
    }
    let (guid, now) = (crate::clock::guid(), work.now());
    let new = NewAccount { display_name: "Load test".to_owned(), ..NewAccount::named(username, "") };
    let id = store::insert_account(work.conn(), &new, company, &guid, NO_PASSWORD, now).await?;
    work.change(PolicyChange::UserStatus { account: id, enabled: true });
    Ok((id, guid))
}

/// Makes an account of [`ready`] a platform administrator.
pub async fn promote(work: &mut Work, account: AccountId) -> Result<(), Refusal> {
    if store::account(work.conn(), account).await?.is_some_and(|row| !row.is_platform) {
        store::make_platform(work.conn(), account).await?;
        work.change(PolicyChange::AccountEdited { account });
    }
    Ok(())
}
