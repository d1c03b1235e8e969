//! `Idempotency-Key` (FA7): a write sent again with the same key is answered with the first answer and not done twice.
//! The same key with another request is refused with 422, while the first one runs with 409. Keys are kept for a day.
//! A refused request frees its key. What it cannot do: when the process dies, or the database's answer to COMMIT is lost,
//! nobody knows whether the write was done; the key stays taken, and is free after a minute. What sends a notice has the key
//! in the notice's row as well (`inbox/once.rs`): sent again, it finds that.
//! An account's oldest keys give way to new ones; those that are over go with the clean-up (`upkeep/`).
//! A write without the key is not looked at.

use super::extract::{authenticate, body_bytes};
use super::problem::Problem;
use crate::core::Core;
use crate::db::{Author, DbError, SystemTask};
use crate::policy::short_hash;
use crate::refusal::Refusal;
use crate::{sql_exec, sql_opt};
use actix_web::body::{BoxBody, MessageBody, to_bytes};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};
use livegrant_actors::AccountId;

const KEY: &str = "idempotency-key";
/// Longest key taken; UUIDs have 36 characters.
const KEY_MAX: usize = 128;
/// How long an answer is kept.
pub const KEPT_MS: i64 = 24 * 3600 * 1000;
/// A key without an answer is free again after this: the process died with it. Longer than any write runs.
pub const UNANSWERED_MS: i64 = 60_000;
/// Answered keys of one account; a further one takes the place of the oldest. A repetition comes within seconds, and an
/// account that writes ten times a second for a minute and a half stays below; without a bound it could fill the disk.
const KEYS_PER_ACCOUNT: i64 = 1_000;

struct Stored {
    request: String,
    answer: Option<(i64, String)>,
}

/// The middleware; see the head of this file.
pub async fn around<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let key = request.headers().get(KEY).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let core = request.app_data::<web::Data<Core>>().cloned();
    // Answers of sign-in carry tokens and tickets, and so does that of a new service token: those are never kept.
    // Calls of tools carry ids of their own, which differ when they are sent again: `mcp/once.rs` looks at their arguments.
    let exempt = request.method().is_safe()
        || request.path().starts_with("/api/auth/")
        || request.path().starts_with("/api/v1/api-clients")
        || request.path() == "/mcp";
    let (Some(key), Some(core), false) = (key, core, exempt) else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    // Without a caller there is nobody to remember a key for.
    let Ok(by) = authenticate(request.request()).await else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    if let Err(refusal) = check_key(&key) {
        return Ok(request.error_response(Problem::from(refusal)));
    }
    let (http, mut payload) = request.into_parts();
    let read = body_bytes(&http, &mut payload).await;
    request = ServiceRequest::from_parts(http, payload);
    let body = match read {
        Ok(body) => body,
        Err(refusal) => return Ok(request.error_response(Problem::from(refusal))),
    };
    let print =
        format!("{} {} {}", request.method(), request.uri(), short_hash(&String::from_utf8_lossy(&body)));
    request.set_payload(Payload::from(body));
    let account = by.account();
    let claimed = claim(&core, &by.author(), &key, &print).await;
    match claimed {
        Ok(None) => {}
        Ok(Some(taken)) => return Ok(request.into_response(replay(taken))),
        Err(refusal) => return Ok(request.error_response(Problem::from(refusal))),
    }
    // Apart from the connection: a client that hangs up is the very one that will send the key again.
    let answered = actix_web::rt::spawn(answer_and_keep(core, account, key, request, next));
    answered
        .await
        .unwrap_or_else(|crash| Err(Problem::from(Refusal::Defect(anyhow::Error::new(crash))).into()))
}

async fn answer_and_keep<B: MessageBody + 'static>(
    core: web::Data<Core>,
    account: AccountId,
    key: String,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let answer = next.call(request).await?.map_into_boxed_body();
    let status = answer.status();
    let (http, answer) = answer.into_parts();
    let problem = answer.error().and_then(|error| error.as_error::<Problem>());
    if problem.is_some_and(Problem::may_be_done) {
        return Ok(ServiceResponse::new(http, answer));
    }
    if status.is_server_error() || answer.error().is_some() {
        // Nothing was done: the key is free again.
        if let Err(error) = release(&core, account, &key).await {
            tracing::warn!(%error, "idempotency key not released");
        }
        return Ok(ServiceResponse::new(http, answer));
    }
    let (head, body) = answer.into_parts();
    let body = to_bytes(body).await.unwrap_or_default();
    // The write itself is done and must be answered; without its answer the key stays taken for a day.
    if let Err(error) = keep(&core, account, &key, status.as_u16(), &body).await {
        tracing::warn!(%error, "answer not kept for its idempotency key");
    }
    Ok(ServiceResponse::new(http, head.set_body(BoxBody::new(body))))
}

fn replay(Taken::Answered(status, body): Taken) -> HttpResponse {
    let status = u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok());
    HttpResponse::build(status.unwrap_or(StatusCode::OK))
        .insert_header((CONTENT_TYPE, HeaderValue::from_static("application/json")))
        .insert_header(("idempotency-replayed", "true"))
        .body(body)
}

/// What is kept under a key that was taken before.
#[derive(Debug)]
pub enum Taken {
    /// The status and body of the first answer to the very same request.
    Answered(i64, String),
}

/// Checks a key.
pub fn check_key(key: &str) -> Result<(), Refusal> {
    if key.is_empty() || key.len() > KEY_MAX {
        let detail = format!("1 to {KEY_MAX} characters");
        return Err(Refusal::invalid("Idempotency-Key", "invalid", detail));
    }
    Ok(())
}

fn same(print: &str, stored: Stored) -> Result<Taken, Refusal> {
    if stored.request != print {
        let detail = "this key was used for another request";
        return Err(Refusal::invalid("Idempotency-Key", "idempotency_conflict", detail));
    }
    let (status, body) = stored.answer.ok_or_else(|| {
        Refusal::conflict("idempotency_running", "the first request with this key is still running")
    })?;
    Ok(Taken::Answered(status, body))
}

/// Takes the key for this request, or answers what is kept under it.
///
/// # Errors
/// `idempotency_conflict` when it is another request's, `idempotency_running` while the first one runs.
pub async fn claim(core: &Core, author: &Author, key: &str, print: &str) -> Result<Option<Taken>, Refusal> {
    let mut work = core.db.begin(author).await?;
    let now = work.now();
    sql_exec!(
        work.conn(),
        "DELETE FROM sys_idempotency
          WHERE account_id = $1 AND key = $2 AND (created_at < $3 OR (status IS NULL AND created_at < $4))",
        author.account.0,
        key,
        now - KEPT_MS,
        now - UNANSWERED_MS
    )?;
    let taken = sql_exec!(
        work.conn(),
        "INSERT INTO sys_idempotency (account_id, key, request, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (account_id, key) DO NOTHING",
        author.account.0,
        key,
        print,
        now
    )?;
    if taken > 0 {
        sql_exec!(
            work.conn(),
            "DELETE FROM sys_idempotency WHERE account_id = $1 AND status IS NOT NULL AND created_at <= (
                SELECT created_at FROM sys_idempotency WHERE account_id = $1 ORDER BY created_at DESC LIMIT 1 OFFSET $2)",
            author.account.0,
            KEYS_PER_ACCOUNT
        )?;
        work.commit(SystemTask::Upkeep).await?;
        return Ok(None);
    }
    let row = sql_opt!(
        work.conn(),
        (String, Option<i64>, Option<String>),
        "SELECT request, status, body FROM sys_idempotency WHERE account_id = $1 AND key = $2",
        author.account.0,
        key
    )?;
    row.map(|(request, status, body)| same(print, Stored { request, answer: status.zip(body) })).transpose()
}

/// Keeps the answer under its key.
pub async fn keep(
    core: &Core,
    account: AccountId,
    key: &str,
    status: u16,
    body: &[u8],
) -> Result<(), Refusal> {
    let body = String::from_utf8_lossy(body).into_owned();
    let mut work = core.db.begin(&Author::system("idempotency")).await?;
    sql_exec!(
        work.conn(),
        "UPDATE sys_idempotency SET status = $3, body = $4 WHERE account_id = $1 AND key = $2",
        account.0,
        key,
        i64::from(status),
        body
    )?;
    work.commit(SystemTask::Upkeep).await?;
    Ok(())
}

/// Frees a key whose request was not done.
pub async fn release(core: &Core, account: AccountId, key: &str) -> Result<(), Refusal> {
    let mut work = core.db.begin(&Author::system("idempotency")).await?;
    let free: Result<u64, DbError> = sql_exec!(
        work.conn(),
        "DELETE FROM sys_idempotency WHERE account_id = $1 AND key = $2",
        account.0,
        key
    );
    free?;
    work.commit(SystemTask::Upkeep).await?;
    Ok(())
}
