//! The routes of staff and of who is in which position.

use super::{Answer, page};
use crate::core::Core;
use crate::db::listing::ListParams;
use crate::db::paging::Listing;
use crate::hr::change_staff::{Change, Login, StaffLeft};
use crate::hr::model::{HeldOut, HeldPatch, NewHeld, NewStaff, PositionChange, StaffOut, StaffPatch};
use crate::hr::staff::Among;
use crate::hr::{change_staff, staff, staff_positions};
use crate::web::answer::Saved;
use crate::web::extract::{Body, Caller};
use crate::web::problem::ProblemBody;
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which of the staff.
#[derive(Debug, Deserialize, IntoParams)]
pub struct AmongQuery {
    /// Guid of an organisation: those who belong to it or to one below it.
    below: Option<String>,
    /// Guid of a position: those who are in it.
    position: Option<String>,
}

/// Lists staff with their positions, as far as the data scope reaches. Filters: `guid`, `staff_no`, `name`, `status`,
/// `organization_guid`, `account_id`, `username`, `hired_at`, `left_at`, each also with `__in`; `account_id` and the times
/// with `__gte` and `__lte`. Ordering: `id`, `staff_no`, `name`, `status`, `hired_at`, `left_at`, `created_at`, `updated_at`.
#[utoipa::path(tag = "staff", params(AmongQuery, ListParams), responses(
    (status = 200, body = Listing<StaffOut>), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody)))]
#[get("/api/v1/staff")]
pub async fn get_staff(
    core: web::Data<Core>,
    request: HttpRequest,
    Caller(by): Caller,
    among: web::Query<AmongQuery>,
) -> Answer {
    let wanted = staff::wanted(request.query_string())?;
    let AmongQuery { below, position } = among.into_inner();
    let rows = staff::list(&core, &by, &Among { below, position }, &wanted).await?;
    page(&request, &wanted, rows)
}

/// Reads one staff record; one's own without a permission.
#[utoipa::path(tag = "staff", params(("guid" = String, Path)), responses(
    (status = 200, body = StaffOut), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody)))]
#[get("/api/v1/staff/{guid}")]
pub async fn get_staff_record(core: web::Data<Core>, Caller(by): Caller, guid: web::Path<String>) -> Answer {
    Ok(HttpResponse::Ok().json(staff::get(&core, &by, &guid).await?))
}

/// Creates a staff record; the person is in no position.
#[utoipa::path(tag = "staff", request_body = NewStaff, responses(
    (status = 201, body = StaffOut), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 409, body = ProblemBody)))]
#[post("/api/v1/staff")]
pub async fn post_staff(core: web::Data<Core>, Caller(by): Caller, Body(new): Body<NewStaff>) -> Answer {
    let made = core
        .write(by, move |core, by| {
            let new = new.clone();
            async move { staff::create(&core, &by, &new).await }
        })
        .await?;
    Ok(HttpResponse::Created().json(made))
}

/// Changes a staff record; login and status decide who holds the person's positions.
#[utoipa::path(tag = "staff", params(("guid" = String, Path)), request_body = StaffPatch, responses(
    (status = 200, body = StaffOut), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 412, body = ProblemBody)))]
#[patch("/api/v1/staff/{guid}")]
pub async fn patch_staff(
    core: web::Data<Core>,
    Caller(by): Caller,
    guid: web::Path<String>,
    Body(patch): Body<StaffPatch>,
) -> Answer {
    let changed = core
        .write(by, move |core, by| {
            let (guid, patch) = (guid.clone(), patch.clone());
            async move { change_staff::update(&core, &by, &guid, &patch).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(changed))
}

/// Reads what a person has been, the newest first; one's own history without a permission. Filters: `change_type`,
/// `position_guid`, `at`. Ordering: `id`, `at`.
#[utoipa::path(tag = "staff", params(("guid" = String, Path), ListParams), responses(
    (status = 200, body = Listing<PositionChange>), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody)))]
#[get("/api/v1/staff/{guid}/positions/history")]
pub async fn get_staff_history(
    core: web::Data<Core>,
    request: HttpRequest,
    Caller(by): Caller,
    guid: web::Path<String>,
) -> Answer {
    let (count, lines, page) = staff::history(&core, &by, &guid, request.query_string()).await?;
    Ok(HttpResponse::Ok().json(Listing::new(count, lines, page, request.path(), request.query_string())))
}

/// What else happens when a person leaves.
#[derive(Debug, Deserialize, IntoParams)]
pub struct LeaveQuery {
    /// Disables the person's account too, which ends its sessions; needs `account:disable`.
    #[serde(default)]
    disable_account: bool,
    /// Account or staff guid of whoever gets the tasks that the person has open; needs `workflow:admin`.
    hand_over_to: Option<String>,
}

/// Marks a person as left and ends all positions; the record stays. With `hand_over_to` the tasks that the person has open
/// become somebody else's in the same transaction (FW43); where the answer says `more`, repeating hands over the rest.
#[utoipa::path(tag = "staff", params(("guid" = String, Path), LeaveQuery), responses(
    (status = 200, body = StaffLeft), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody)))]
#[delete("/api/v1/staff/{guid}")]
pub async fn delete_staff(
    core: web::Data<Core>,
    Caller(by): Caller,
    guid: web::Path<String>,
    query: web::Query<LeaveQuery>,
) -> Answer {
    let login = if query.disable_account { Login::Disable } else { Login::Keep };
    let left = core
        .write(by, move |core, by| {
            let (guid, to) = (guid.clone(), query.hand_over_to.clone());
            async move { change_staff::leave(&core, &by, &guid, login, to.as_deref()).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(left))
}

/// What putting somebody into a position answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct StaffPositionSaved {
    /// The revision; null when nobody's permissions rest on the change.
    rev: Option<i64>,
    /// False: it already was so.
    changed: bool,
    /// The person.
    staff_guid: String,
    /// The position, and how the person is in it.
    #[serde(flatten)]
    position: HeldOut,
}

/// `AssignStaffPosition` (S1-35); repeating it is harmless.
#[utoipa::path(tag = "staff", params(("guid" = String, Path)), request_body = NewHeld, responses(
    (status = 200, body = StaffPositionSaved), (status = 400, body = ProblemBody), (status = 403, body = ProblemBody),
    (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[post("/api/v1/staff/{guid}/positions")]
pub async fn post_staff_position(
    core: web::Data<Core>,
    Caller(by): Caller,
    guid: web::Path<String>,
    Body(new): Body<NewHeld>,
) -> Answer {
    let staff_guid = guid.to_lowercase();
    let (rev, change, position) = core
        .write(by, move |core, by| {
            let (guid, new) = (guid.clone(), new.clone());
            async move { staff_positions::assign(&core, &by, &guid, &new).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(StaffPositionSaved {
        rev: rev.map(|rev| rev.0),
        changed: change == Change::Changed,
        staff_guid,
        position,
    }))
}

/// Changes how a person is in a position: whether it is the main one, since when, until when.
#[utoipa::path(tag = "staff", params(("guid" = String, Path), ("position_guid" = String, Path)), request_body = HeldPatch,
    responses((status = 200, body = StaffPositionSaved), (status = 400, body = ProblemBody),
    (status = 403, body = ProblemBody), (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[patch("/api/v1/staff/{guid}/positions/{position_guid}")]
pub async fn patch_staff_position(
    core: web::Data<Core>,
    Caller(by): Caller,
    path: web::Path<(String, String)>,
    Body(patch): Body<HeldPatch>,
) -> Answer {
    let staff_guid = path.0.to_lowercase();
    let (rev, change, position) = core
        .write(by, move |core, by| {
            let (path, patch) = (path.clone(), patch.clone());
            async move { staff_positions::change(&core, &by, &path.0, &path.1, &patch).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(StaffPositionSaved {
        rev: rev.map(|rev| rev.0),
        changed: change == Change::Changed,
        staff_guid,
        position,
    }))
}

/// Takes a person out of a position; repeating it is harmless.
#[utoipa::path(tag = "staff", params(("guid" = String, Path), ("position_guid" = String, Path)), responses(
    (status = 200, body = Saved), (status = 403, body = ProblemBody), (status = 404, body = ProblemBody)))]
#[delete("/api/v1/staff/{guid}/positions/{position_guid}")]
pub async fn delete_staff_position(
    core: web::Data<Core>,
    Caller(by): Caller,
    path: web::Path<(String, String)>,
) -> Answer {
    let rev = core
        .write(by, move |core, by| {
            let path = path.clone();
            async move { staff_positions::end(&core, &by, &path.0, &path.1).await }
        })
        .await?;
    Ok(HttpResponse::Ok().json(Saved::from(rev)))
}
