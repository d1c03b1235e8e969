//! Sessions of programs: as long as their token, without a refresh. They are sessions like any other: a kick, a disabled
//! account and a new password end them, and the fence compares their epochs (I4, I12).

use super::end_sessions::sign_ins;
use super::store;
use super::store::service::{NewServiceSession, insert_service_session};
use super::token::digest;
use crate::access::init::DEFAULT_APPLICATION;
use crate::db::Work;
use crate::refusal::Refusal;
use livegrant_actors::{AccountId, CompanyId, SessionId};

/// Starts a program's session inside somebody else's unit of work.
///
/// # Errors
/// `account_disabled` for an account that may not sign in either.
pub async fn start(
    work: &mut Work,
    account: AccountId,
    program: &str,
    expires_at: i64,
) -> Result<SessionId, Refusal> {
    // Whoever ends all sessions of the account either waits for this one and ends it too, or has been.
    work.serialise(&sign_ins(account)).await?;
    let row = store::account(work.conn(), account).await?.ok_or(Refusal::NotFound { what: "account" })?;
    if row.status != 1 {
        return Err(Refusal::conflict("account_disabled", "this account is disabled"));
    }
    let sid = SessionId::from(crate::clock::guid());
    let session = NewServiceSession {
        sid: &sid,
        account,
        application: DEFAULT_APPLICATION,
        company: CompanyId(row.company_id),
        refresh_hash: &digest(&crate::clock::random_text::<43>()),
        device: program,
        now: work.now(),
        expires_at,
    };
    insert_service_session(work.conn(), &session).await?;
    Ok(sid)
}
