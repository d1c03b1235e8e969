//! One-time stream tickets (C1): a random text for one socket, seconds long, bound to the session, used once. For clients
//! that can set neither header nor cookie; a lasting token never goes into a URL.

use super::store;
use super::token::digest;
use crate::core::Core;
use crate::db::{Author, SystemTask};
use crate::policy::{Origin, Principal};
use crate::refusal::Refusal;

/// The part of `auth.ticket_limit` that one account may hold: it takes twenty in league to leave nothing for the others.
const PART_OF_ONE: i64 = 20;

/// Makes a ticket for the caller's session.
pub async fn issue(core: &Core, by: &Principal) -> Result<String, Refusal> {
    let ticket = crate::clock::random_text::<43>();
    let mut work = core.db.begin(&by.author()).await?;
    let now = work.now();
    let expires_at = now + core.settings.auth.ticket_ttl_seconds as i64 * 1000;
    let (waiting, own) =
        store::insert_ticket(work.conn(), &digest(&ticket), by.sid(), by.account(), now, expires_at).await?;
    let limit = core.settings.auth.ticket_limit as i64;
    if waiting > limit || own > (limit / PART_OF_ONE).max(1) {
        return Err(Refusal::Throttled { retry_after_seconds: core.settings.auth.ticket_ttl_seconds });
    }
    work.commit(&by.stamp()).await?;
    Ok(ticket)
}

/// Takes a ticket and answers the principal of its session, if that is still active.
pub async fn redeem(core: &Core, ticket: &str, origin: Origin) -> Result<Principal, Refusal> {
    let mut work = core.db.begin(&Author::system("stream ticket")).await?;
    let now = work.now();
    let sid = store::take_ticket(work.conn(), &digest(ticket), now).await?;
    work.commit(SystemTask::Upkeep).await?;
    let sid = sid.ok_or_else(|| Refusal::Unauthenticated {
        code: "ticket_invalid",
        detail: "the ticket is unknown, used or over; get a new one".to_owned(),
    })?;
    Principal::of_session(&core.policy, &sid, origin).await
}
