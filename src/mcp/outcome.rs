//! What a model is answered: a value that fits the tool's output schema, or a failure in words that it can act on (FM7).
//! The code, the fields and the request's id travel in `_meta` as the same problem that REST answers.

use super::schema::camel;
use crate::refusal::Refusal;
use crate::web::problem::Problem;
use rmcp::model::{CallToolResult, ContentBlock, JsonObject, MetaObject};
use serde_json::{Value, json};

/// Where a failure's problem stands.
pub const PROBLEM: &str = "livegrant/problem";
/// Says that nothing was changed.
pub const DRY_RUN: &str = "livegrant/dryRun";
/// Says that the answer is the one of an earlier call.
pub const REPLAYED: &str = "livegrant/idempotencyReplayed";

/// Makes the result of a call that went well.
pub fn done(value: Value, rehearsal: bool) -> CallToolResult {
    let result = CallToolResult::structured(value);
    if rehearsal { marked(result, DRY_RUN) } else { result }
}

/// Puts a mark into a result's `_meta`.
pub fn marked(mut result: CallToolResult, mark: &str) -> CallToolResult {
    let mut meta = result.meta.take().unwrap_or_default();
    meta.0.insert(mark.to_owned(), json!(true));
    result.with_meta(Some(meta))
}

/// Makes the result of a call that was refused.
pub fn refused(problem: &Problem, refusal_is_final: bool, request_id: &str) -> CallToolResult {
    let mut body = problem.body("/mcp", request_id);
    body.errors = body.errors.into_iter().map(|(field, words)| (camel(&field), words)).collect();
    let mut text = format!("{}: {}", body.code, body.detail);
    for (field, words) in &body.errors {
        text = format!("{text}\n{field}: {}", words.join("; "));
    }
    if !refusal_is_final {
        text.push_str("\nNothing was changed; the same call may work in a moment.");
    }
    let mut meta = JsonObject::new();
    meta.insert(PROBLEM.to_owned(), serde_json::to_value(&body).unwrap_or_default());
    CallToolResult::error(vec![ContentBlock::text(text)]).with_meta(Some(MetaObject(meta)))
}

/// Whether the same call will be refused again, unless something else changes first.
pub fn is_final(refusal: &Refusal) -> bool {
    !matches!(
        refusal,
        Refusal::Throttled { .. } | Refusal::Unavailable { .. } | Refusal::Stale | Refusal::Again
    )
}
