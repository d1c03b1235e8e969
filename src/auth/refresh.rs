//! Refreshing: one new pair of tokens for one refresh token. A token used a second time inside the grace gives the same
//! successor (two tabs at once); later than that it is a theft, and the session ends (RFC 9700 §4.14).

use super::Keys;
use super::end_sessions;
use super::model::SessionFilter;
use super::store::{self, RefreshRow};
use super::token::RefreshToken;
use crate::core::Core;
use crate::db::{Author, SystemTask};
use crate::policy::{EndCode, Origin};
use crate::refusal::Refusal;
use livegrant_actors::AccountId;

/// What refreshing answers.
#[derive(Debug)]
pub struct Refreshed {
    /// A JWT.
    pub access: String,
    /// The next refresh token.
    pub refresh: String,
    /// Whose session it is.
    pub account: AccountId,
}

/// Refreshes a session.
pub async fn refresh(core: &Core, keys: &Keys, text: &str, origin: &Origin) -> Result<Refreshed, Refusal> {
    let token = keys.tokens.open(text)?;
    let row = store::refresh_row(&mut core.db.read().await?, &token.sid).await?;
    let row = row.ok_or_else(Refusal::session_ended)?;
    let now = core.clock.now_ms();
    if row.state != "active" || row.expires_at <= now {
        tracing::warn!(event = "session_use_after_expire", sid = %token.sid, "refresh of an ended session");
        return Err(Refusal::session_ended());
    }
    let next = keys.tokens.successor(&token)?;
    if token.generation == row.generation {
        if token.digest() != row.refresh_hash {
            return Err(Refusal::session_ended());
        }
        rotate(core, &row, &token, &next, origin).await?;
    } else if !in_grace(core, &row, &token, &next, now) {
        let filter = SessionFilter { sid: Some(token.sid.clone()), ..SessionFilter::default() };
        // Nobody ordered this: the rule did.
        let author = Author { ip: origin.ip.clone(), ..Author::system(&origin.request_id) };
        end_sessions::by_rule(core, &author, &filter, EndCode::TokenReuse).await?;
        tracing::warn!(event = "authn_token_reuse", account = row.account_id, sid = %token.sid, "refresh token used twice");
        return Err(Refusal::Unauthenticated {
            code: "token_reuse",
            detail: "this refresh token was used before; the session has been ended".to_owned(),
        });
    }
    let account = AccountId(row.account_id);
    let session = core.policy.session(&token.sid).await?.filter(|session| session.is_active());
    let session = session.ok_or_else(Refusal::session_ended)?;
    let ends_at = ends_at(core, &row, now);
    session.extend(ends_at);
    let expires_at = (now + keys.tokens.ttl_seconds() * 1000).min(ends_at);
    core.engine.extend(account, &token.sid, expires_at).await;
    Ok(Refreshed {
        access: keys.tokens.sign(account, &token.sid, now)?,
        refresh: keys.tokens.seal(&next)?,
        account,
    })
}

/// A refresh moves the session's end, but never past its absolute one: a stolen token is not for ever.
fn ends_at(core: &Core, row: &RefreshRow, now: i64) -> i64 {
    let auth = &core.settings.auth;
    (now + auth.refresh_ttl_seconds as i64 * 1000).min(row.issued_at + auth.session_max_seconds as i64 * 1000)
}

/// The token before the current one, whose successor is the current one, used again soon after.
fn in_grace(core: &Core, row: &RefreshRow, token: &RefreshToken, next: &RefreshToken, now: i64) -> bool {
    token.generation + 1 == row.generation
        && next.digest() == row.refresh_hash
        && now - row.rotated_at <= core.settings.auth.refresh_grace_seconds as i64 * 1000
}

fn author(row: &RefreshRow, origin: &Origin) -> Author {
    Author {
        account: AccountId(row.account_id),
        name: "refresh".to_owned(),
        company: livegrant_actors::CompanyId(0),
        request_id: origin.request_id.clone(),
        ip: origin.ip.clone(),
        client: origin.client.to_owned(),
    }
}

async fn rotate(
    core: &Core,
    row: &RefreshRow,
    token: &RefreshToken,
    next: &RefreshToken,
    origin: &Origin,
) -> Result<(), Refusal> {
    let mut work = core.db.begin(&author(row, origin)).await?;
    let now = work.now();
    let expires_at = ends_at(core, row, now);
    let done =
        store::rotate(work.conn(), &token.sid, &token.digest(), &next.digest(), now, expires_at).await?;
    if done == 0 {
        // Another tab rotated it a moment ago, or a kick ended it: look again which.
        return Err(Refusal::Again);
    }
    work.commit(SystemTask::Upkeep).await?;
    Ok(())
}
