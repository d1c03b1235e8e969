//! The inbox on the paths of the ticket system (S2-43, S2-44): the same use cases, in the style of its other lists.

use super::lists::{CountsOut, CountsQuery, counted};
use super::marks::{all_moved, moved};
use super::{Many, One};
use crate::core::Core;
use crate::db::paging::{Listing, Page, PageQuery};
use crate::inbox::lists::{self, Filter, Item};
use crate::inbox::marks::Which;
use crate::inbox::model::Move;
use crate::web::extract::Caller;
use crate::web::problem::{Answer, ProblemBody};
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use serde::Serialize;
use utoipa::ToSchema;

/// A page of notices, with the counts of the whole inbox.
#[derive(Debug, Serialize, ToSchema)]
pub struct NotificationPage {
    /// Rows in all.
    count: i64,
    /// Path and query of the next page.
    next: Option<String>,
    /// Path and query of the page before.
    previous: Option<String>,
    /// This page's rows.
    results: Vec<Item>,
    /// Not yet shown in an opened list.
    unseen_count: i64,
    /// Not yet read.
    unread_count: i64,
    /// Grows with everything that changes the counts.
    state_rev: i64,
}

/// Lists the caller's notices (S2-43).
#[utoipa::path(tag = "inbox", params(Filter, PageQuery), responses(
    (status = 200, body = NotificationPage), (status = 400, body = ProblemBody)))]
#[get("/api/workflow/notifications/")]
pub async fn get_seed_notifications(
    core: web::Data<Core>,
    request: HttpRequest,
    Caller(by): Caller,
    filter: web::Query<Filter>,
    page: web::Query<PageQuery>,
) -> Answer {
    let page = Page::from(*page);
    let (count, rows, standing) = lists::page(&core, &by, &filter, page).await?;
    let items: Vec<Item> = rows.into_iter().map(Item::from).collect();
    let Listing { count, next, previous, results } =
        Listing::new(count, items, page, request.path(), request.query_string());
    let (unseen_count, unread_count, state_rev) = (standing.unseen, standing.unread, standing.state_rev);
    let body = NotificationPage { count, next, previous, results, unseen_count, unread_count, state_rev };
    Ok(HttpResponse::Ok().json(body))
}

/// Counts what is unseen and unread.
#[utoipa::path(tag = "inbox", params(CountsQuery), responses(
    (status = 200, body = CountsOut), (status = 400, body = ProblemBody)))]
#[get("/api/workflow/notifications/counts/")]
pub async fn get_seed_counts(
    core: web::Data<Core>,
    Caller(by): Caller,
    query: web::Query<CountsQuery>,
) -> Answer {
    counted(&core, &by, query.into_inner()).await
}

/// Marks one notice read (S2-44). Repeating is harmless.
#[utoipa::path(tag = "inbox", params(("id" = i64, Path)), responses(
    (status = 200, body = One), (status = 404, body = ProblemBody)))]
#[post("/api/workflow/notifications/{id}/mark_read/")]
pub async fn post_mark_read(core: web::Data<Core>, Caller(by): Caller, id: web::Path<i64>) -> Answer {
    moved(&core, by, *id, Move::Read).await
}

/// Marks everything in the inbox read.
#[utoipa::path(tag = "inbox", responses((status = 200, body = Many), (status = 401, body = ProblemBody)))]
#[post("/api/workflow/notifications/mark_all_read/")]
pub async fn post_mark_all_read(core: web::Data<Core>, Caller(by): Caller) -> Answer {
    all_moved(&core, by, Which::Found(Filter::default()), Move::Read).await
}

/// Marks everything in the inbox seen.
#[utoipa::path(tag = "inbox", responses((status = 200, body = Many), (status = 401, body = ProblemBody)))]
#[post("/api/workflow/notifications/mark_seen/")]
pub async fn post_mark_seen(core: web::Data<Core>, Caller(by): Caller) -> Answer {
    all_moved(&core, by, Which::Found(Filter::default()), Move::Seen).await
}
