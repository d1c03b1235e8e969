//! The routes of the history, and of the question who may.

use super::Answer;
use crate::access::logs::instant;
use crate::core::Core;
use crate::hr::resolve::account_of_guid;
use crate::refusal::Refusal;
use crate::web::extract::{Body, Caller};
use crate::web::problem::ProblemBody;
use crate::workflow::check::{Answered, Question, check_workflow_permission};
use crate::workflow::logs::{self, LINES_MAX, LineOut, Wanted};
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which lines to list.
#[derive(Debug, Deserialize, IntoParams)]
pub struct LogQuery {
    /// Guid of an instance.
    instance: Option<String>,
    /// Guid of a task.
    task: Option<String>,
    /// Account or staff guid of who did it.
    actor: Option<String>,
    /// What was done.
    action: Option<String>,
    /// ISO 8601, inclusive.
    since: Option<String>,
    /// ISO 8601, exclusive.
    until: Option<String>,
    /// From the `next` of the page before.
    cursor: Option<i64>,
    /// 1 to 100; 20 when absent.
    page_size: Option<i64>,
}

/// A page of the history.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogPage {
    /// Path and query of the next page; null at the end.
    pub next: Option<String>,
    /// Newest first.
    pub results: Vec<LineOut>,
}

/// Lists workflow logs, newest first (S2-42).
#[utoipa::path(tag = "workflows", params(LogQuery), responses(
    (status = 200, body = LogPage), (status = 400, body = ProblemBody)))]
#[get("/api/workflow/logs/")]
pub async fn get_workflow_logs(
    core: web::Data<Core>,
    request: HttpRequest,
    Caller(by): Caller,
    query: web::Query<LogQuery>,
) -> Answer {
    let actor = match &query.actor {
        None => None,
        Some(guid) => {
            let person = account_of_guid(&core, &by, guid).await?;
            let account = person.and_then(|person| person.account);
            let unknown =
                || Refusal::invalid("actor", "unknown_account", "there is no such account in your company");
            Some(account.ok_or_else(unknown)?)
        }
    };
    let wanted = Wanted {
        instance: query.instance.as_deref(),
        task: query.task.as_deref(),
        actor,
        action: query.action.as_deref(),
        since: instant("since", query.since.as_deref())?,
        until: instant("until", query.until.as_deref())?,
        before: query.cursor,
    };
    let size = query.page_size.unwrap_or(20).clamp(1, LINES_MAX);
    let mut results = logs::search(&core, &by, &wanted, size).await?;
    let more = results.len() as i64 > size;
    results.truncate(size as usize);
    let last = results.last().filter(|_| more).map(|line| line.id);
    let next = last.map(|last| {
        let kept = request.query_string().split('&');
        let kept = kept.filter(|part| !part.is_empty() && !part.starts_with("cursor="));
        let own = format!("cursor={last}");
        let parts: Vec<&str> = kept.chain([own.as_str()]).collect();
        format!("{}?{}", request.path(), parts.join("&"))
    });
    Ok(HttpResponse::Ok().json(LogPage { next, results }))
}

/// `CheckWorkflowPermission` (S1-30): may this person approve, or view, this instance? A no is an answer too.
#[utoipa::path(tag = "access", request_body = Question, responses(
    (status = 200, body = Answered), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody)))]
#[post("/api/v1/access/check-workflow")]
pub async fn post_check_workflow(
    core: web::Data<Core>,
    Caller(by): Caller,
    Body(question): Body<Question>,
) -> Answer {
    Ok(HttpResponse::Ok().json(check_workflow_permission(&core, &by, &question).await?))
}
