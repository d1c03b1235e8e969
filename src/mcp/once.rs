//! A write sent again with the same key is answered with the first answer and not done twice (FA7), as over REST: the same
//! rows, the same life of a key. The key stands in `_meta` (`livegrant/idempotencyKey`), or in the header `Idempotency-Key`;
//! it is no argument, so that the arguments alone decide whether it is the same call.

use crate::core::Core;
use crate::policy::{Principal, short_hash};
use crate::refusal::Refusal;
use crate::web::idempotency::{self, Taken};
use rmcp::model::{CallToolResult, JsonObject};

/// Where the key stands in a request's `_meta`.
pub const KEY: &str = "livegrant/idempotencyKey";

/// What there is of a key.
#[derive(Debug)]
pub enum First {
    /// This is the first call with it.
    Yes,
    /// The first call was answered so.
    Answered(Box<CallToolResult>),
}

/// Takes a key for this call.
///
/// # Errors
/// `idempotency_conflict` when it was another call's, `idempotency_running` while the first one runs.
pub async fn claim(
    core: &Core,
    by: &Principal,
    key: &str,
    tool: &str,
    arguments: &JsonObject,
) -> Result<First, Refusal> {
    idempotency::check_key(key)?;
    let text = serde_json::to_string(arguments).map_err(|error| Refusal::Defect(error.into()))?;
    let print = format!("MCP {tool} {}", short_hash(&text));
    match idempotency::claim(core, &by.author(), key, &print).await? {
        None => Ok(First::Yes),
        Some(Taken::Answered(_, body)) => {
            let result = serde_json::from_str(&body).map_err(|error| Refusal::Defect(error.into()))?;
            Ok(First::Answered(Box::new(result)))
        }
    }
}

/// What became of a call, as far as its key is concerned.
#[derive(Debug, Clone, Copy)]
pub enum Settled<'a> {
    /// It was done, and is answered so from now on.
    Done(&'a CallToolResult),
    /// It was not done: the key is free.
    Refused,
    /// Nobody knows: the key stays taken until a repetition may look (`web/idempotency.rs`).
    Unknown,
}

/// Keeps the answer of a call that was done, or frees the key of one that was not.
pub async fn settle(core: &Core, by: &Principal, key: &str, settled: Settled<'_>) {
    let settled = match settled {
        Settled::Done(result) => {
            let body = serde_json::to_vec(result).unwrap_or_default();
            idempotency::keep(core, by.account(), key, 200, &body).await
        }
        Settled::Refused => idempotency::release(core, by.account(), key).await,
        Settled::Unknown => Ok(()),
    };
    if let Err(error) = settled {
        tracing::warn!(%error, "answer not kept for its idempotency key");
    }
}
