//! What a model is answered: a value that fits the tool's output schema, or a failure in words that it can act on (FM7).
//! The code, the fields and the request's id travel in `_meta` as the same problem that REST answers.

use super::schema::camel;
use super::tool::Kind;
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

/// What to do about a refusal, beyond what it says itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// The same call will be refused again, unless something else changes first.
    Final,
    /// Nothing was changed, and the same call may work in a moment.
    Later,
    /// Nobody knows whether it was done: the database's answer to COMMIT may have been lost.
    Unknown,
}

impl Advice {
    /// Reads a refusal of a call that changes something, or only reads.
    pub fn on(refusal: &Refusal, kind: Kind) -> Self {
        match refusal {
            Refusal::Unavailable { code: "database_unavailable", .. } | Refusal::Defect(_)
                if !kind.reads() =>
            {
                Self::Unknown
            }
            Refusal::Throttled { .. } | Refusal::Unavailable { .. } | Refusal::Stale | Refusal::Again => {
                Self::Later
            }
            _ => Self::Final,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Final => "",
            Self::Later => "\nNothing was changed; the same call may work in a moment.",
            Self::Unknown => {
                "\nIt is not known whether this was done: look first. A call with `livegrant/idempotencyKey` may be sent again \
                 under its key in a minute."
            }
        }
    }
}

/// Makes the result of a call that was refused.
pub fn refused(problem: &Problem, advice: Advice, request_id: &str) -> CallToolResult {
    let mut body = problem.body("/mcp", request_id);
    body.errors = body.errors.into_iter().map(|(field, words)| (camel(&field), words)).collect();
    let mut text = format!("{}: {}", body.code, body.detail);
    for (field, words) in &body.errors {
        text = format!("{text}\n{field}: {}", words.join("; "));
    }
    text.push_str(advice.words());
    let mut meta = JsonObject::new();
    meta.insert(PROBLEM.to_owned(), serde_json::to_value(&body).unwrap_or_default());
    CallToolResult::error(vec![ContentBlock::text(text)]).with_meta(Some(MetaObject(meta)))
}

#[cfg(test)]
mod tests {
    use super::*;

    // FA7, FM7: whoever is told that nothing was changed sends it again, and it would be done twice.
    #[test]
    fn a_lost_answer_is_never_called_nothing_changed() {
        let away = |code| Refusal::Unavailable { code, detail: "away".to_owned() };
        let lost = [away("database_unavailable"), Refusal::Defect(anyhow::anyhow!("a crash"))];
        for refusal in lost {
            assert_eq!(Advice::on(&refusal, Kind::Writes), Advice::Unknown, "{refusal:?}");
            assert_ne!(Advice::on(&refusal, Kind::Reads), Advice::Unknown, "{refusal:?}");
        }
        for refusal in [away("policy_unproven"), Refusal::Stale, Refusal::Again] {
            assert_eq!(Advice::on(&refusal, Kind::Writes), Advice::Later, "{refusal:?}");
        }
        assert_eq!(Advice::on(&Refusal::Outdated, Kind::Writes), Advice::Final);
        let result = refused(&away("database_unavailable").into(), Advice::Unknown, "r");
        let text = serde_json::to_string(&result.content).expect("text");
        assert!(text.contains("not known") && !text.contains("Nothing was changed"), "{text}");
    }
}
