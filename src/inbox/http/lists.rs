//! The routes that read one's inbox.

use super::One;
use crate::core::Core;
use crate::db::paging::PAGE_SIZE_MAX;
use crate::inbox::feed::Standing;
use crate::inbox::lists::{self, Counted, Filter, Item};
use crate::web::extract::Caller;
use crate::web::problem::{Answer, ProblemBody};
use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Rows on a page when nobody says.
const LIMIT: i64 = 20;

/// Where a page begins.
#[derive(Debug, Deserialize, IntoParams)]
pub struct CursorQuery {
    /// From an answer's `next`.
    cursor: Option<String>,
    /// 1 to 100; 20 when absent.
    page_size: Option<i64>,
}

/// A page of the inbox, newest first; it does not shift while new ones arrive.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeedPage {
    /// Path and query of the next page.
    next: Option<String>,
    /// Always null: a list is read onwards, and what is new stands at its beginning.
    previous: Option<String>,
    /// This page's rows.
    results: Vec<Item>,
    /// Absolute, with the revision that they are of.
    counts: Standing,
}

/// Lists the caller's notices, newest first.
#[utoipa::path(tag = "inbox", params(Filter, CursorQuery), responses(
    (status = 200, body = FeedPage), (status = 400, body = ProblemBody)))]
#[get("/api/v1/notifications")]
pub async fn get_notifications(
    core: web::Data<Core>,
    request: HttpRequest,
    Caller(by): Caller,
    filter: web::Query<Filter>,
    place: web::Query<CursorQuery>,
) -> Answer {
    let limit = place.page_size.unwrap_or(LIMIT).clamp(1, PAGE_SIZE_MAX);
    let feed = lists::feed(&core, &by, &filter, place.cursor.as_deref(), limit).await?;
    let next = feed.next.map(|cursor| {
        let query = request.query_string();
        let kept = query.split('&').filter(|part| !part.is_empty() && !part.starts_with("cursor="));
        let own = format!("cursor={cursor}");
        let parts: Vec<&str> = kept.chain([own.as_str()]).collect();
        format!("{}?{}", request.path(), parts.join("&"))
    });
    let results = feed.rows.into_iter().map(Item::from).collect();
    Ok(HttpResponse::Ok().json(FeedPage { next, previous: None, results, counts: feed.standing }))
}

/// What to count.
#[derive(Debug, Deserialize, IntoParams)]
pub struct CountsQuery {
    /// A JSON list of filters, each an object with the members of the list's query; at most 20.
    filters: Option<String>,
}

/// Where the inbox stands, and what each filter counts.
#[derive(Debug, Serialize, ToSchema)]
pub struct CountsOut {
    /// Of the whole inbox.
    #[serde(flatten)]
    counts: Standing,
    /// One for each filter, in their order.
    filters: Vec<Counted>,
}

/// Counts what is unseen and unread: of the whole inbox, and of several filters in one call (FN8).
#[utoipa::path(tag = "inbox", params(CountsQuery), responses(
    (status = 200, body = CountsOut), (status = 400, body = ProblemBody)))]
#[get("/api/v1/notifications/counts")]
pub async fn get_counts(core: web::Data<Core>, Caller(by): Caller, query: web::Query<CountsQuery>) -> Answer {
    counted(&core, &by, query.into_inner()).await
}

pub(super) async fn counted(core: &Core, by: &crate::policy::Principal, query: CountsQuery) -> Answer {
    let filters: Vec<Filter> = match query.filters.as_deref() {
        None | Some("") => Vec::new(),
        Some(text) => lists::parse_filters(text)?,
    };
    let (counts, filters) = lists::counts(core, by, &filters).await?;
    Ok(HttpResponse::Ok().json(CountsOut { counts, filters }))
}

/// Reads one of the caller's notices, wherever it lies.
#[utoipa::path(tag = "inbox", params(("id" = i64, Path)), responses(
    (status = 200, body = One), (status = 404, body = ProblemBody)))]
#[get("/api/v1/notifications/{id}")]
pub async fn get_notification(core: web::Data<Core>, Caller(by): Caller, id: web::Path<i64>) -> Answer {
    let row = lists::get(&core, &by, *id).await?;
    let counts = lists::counts(&core, &by, &[]).await?.0;
    Ok(HttpResponse::Ok().json(One::new((row, counts))))
}
