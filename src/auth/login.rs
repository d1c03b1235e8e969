//! Signing in. Unknown user and wrong password get the same answer after the same time; the account's epoch is read
//! before its password, so that a disable, reset or kick that commits in between refuses the session (I12).

use super::Keys;
use super::end_sessions::sign_ins;
use super::model::{AccountRow, SessionFilter, check_username};
use super::store::{self, NewSession};
use super::token::RefreshToken;
use crate::access::init::DEFAULT_APPLICATION;
use crate::core::Core;
use crate::db::Author;
use crate::policy::{EndCode, Origin, PolicyChange, Stamp, View};
use crate::refusal::Refusal;
use livegrant_actors::{AccountId, ApplicationId, SessionId};

/// What signing in answers.
#[derive(Debug)]
pub struct SignedIn {
    /// A JWT.
    pub access: String,
    /// One use each.
    pub refresh: String,
    /// The session.
    pub sid: SessionId,
    /// The account.
    pub account: AccountRow,
}

/// Who asks, from where.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Login name.
    pub username: String,
    /// Password.
    pub password: String,
    /// The browser, as it calls itself.
    pub device: String,
    /// Request id and address.
    pub origin: Origin,
}

/// Signs in and starts a session; the oldest one past the account's limit ends.
pub async fn login(core: &Core, keys: &Keys, attempt: &Attempt) -> Result<SignedIn, Refusal> {
    let ip = &attempt.origin.ip;
    keys.throttle.begin(&attempt.username, ip, core.clock.now_ms()).inspect_err(|_| {
        tracing::warn!(event = "authn_login_lock", ip, "sign-in throttled");
    })?;
    let found = find(core, &attempt.username).await?;
    // First the epoch, then the password: a reset or disable in between makes the stamp stale.
    let member = match found {
        Some(account) => core.policy.member(account).await?,
        None => None,
    };
    let facts = member.map(|member| member.facts());
    let credentials = match found {
        Some(account) => store::password_of(&mut core.db.read().await?, account).await?,
        None => None,
    };
    let hash = credentials.map(|(hash, _)| hash);
    let right = keys.hasher.verify(attempt.password.clone(), hash).await?;
    let Some(facts) = facts.filter(|_| right) else {
        tracing::warn!(event = "authn_login_fail", ip, "sign-in refused");
        return Err(Refusal::Unauthenticated {
            code: "invalid_credentials",
            detail: "login name or password is wrong".to_owned(),
        });
    };
    keys.throttle.succeeded(&attempt.username, ip);
    if !facts.enabled {
        tracing::warn!(
            event = "authn_login_fail",
            account = facts.account.0,
            "sign-in of a disabled account"
        );
        let detail = "this account is disabled".to_owned();
        return Err(Refusal::Unauthenticated { code: "account_disabled", detail });
    }
    let view = View { application: ApplicationId(DEFAULT_APPLICATION), company: facts.company };
    let stamp = core.policy.credential_stamp(&facts, view);
    let signed_in = start(core, keys, &facts.username, facts.account, view, attempt, &stamp).await?;
    tracing::info!(event = "authn_login_success", account = facts.account.0, sid = %signed_in.sid, "signed in");
    Ok(signed_in)
}

async fn find(core: &Core, username: &str) -> Result<Option<AccountId>, Refusal> {
    if check_username(username).is_err() {
        return Ok(None);
    }
    Ok(store::account_named(&mut core.db.read().await?, username).await?)
}

async fn start(
    core: &Core,
    keys: &Keys,
    name: &str,
    account: AccountId,
    view: View,
    attempt: &Attempt,
    stamp: &Stamp,
) -> Result<SignedIn, Refusal> {
    let author = Author {
        account,
        name: name.to_owned(),
        company: view.company,
        request_id: attempt.origin.request_id.clone(),
        ip: attempt.origin.ip.clone(),
        client: attempt.origin.client.to_owned(),
    };
    let mut work = core.db.begin(&author).await?;
    let now = work.now();
    let token = RefreshToken::first(SessionId::from(crate::clock::guid()));
    let session = NewSession {
        sid: &token.sid,
        account,
        application: view.application.0,
        company: view.company,
        refresh_hash: &token.digest(),
        device: &attempt.device,
        ip: &attempt.origin.ip,
        now,
        expires_at: now + core.settings.auth.refresh_ttl_seconds as i64 * 1000,
    };
    store::insert_session(work.conn(), &session).await?;
    // Whoever ends all sessions either waits for this one and ends it too, or makes the stamp stale; and two sign-ins
    // at once do not overlook each other's session when they count.
    work.serialise(&sign_ins(account)).await?;
    let keep = i64::from(core.settings.auth.max_sessions_per_account);
    let surplus = store::surplus_sessions(work.conn(), account, &token.sid, keep).await?;
    for sid in &surplus {
        let filter = SessionFilter { sid: Some(sid.clone()), ..SessionFilter::default() };
        store::end_sessions(work.conn(), &filter, EndCode::TooManySessions, now).await?;
    }
    if !surplus.is_empty() {
        let code = EndCode::TooManySessions;
        work.change(PolicyChange::SessionsEnded { account, sids: surplus, all: false, keep: None, code });
    }
    work.audit("session_created", "session", token.sid.as_str(), "").await?;
    let row = store::account(work.conn(), account).await?.ok_or(Refusal::NotFound { what: "account" })?;
    let committed = work.commit(stamp).await?;
    core.settle(committed).await;
    Ok(SignedIn {
        access: keys.tokens.sign(account, &token.sid, now)?,
        refresh: keys.tokens.seal(&token)?,
        sid: token.sid,
        account: row,
    })
}
