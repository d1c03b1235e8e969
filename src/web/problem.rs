//! Errors as RFC 9457 `application/problem+json`, one shape for all: `type`, `title`, `status`, `detail`, `instance` plus
//! `code`, `request_id` and `errors{field:[…]}`. The only place that gives a refusal its HTTP status. A 5xx says nothing
//! of its cause; the cause is logged here, once, with the request's id.

use crate::clock::iso;
use crate::db::DbError;
use crate::refusal::Refusal;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use utoipa::ToSchema;

/// An error answer's body.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ProblemBody {
    /// Names the kind: `urn:livegrant:problem:{code}`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong, for people.
    pub detail: String,
    /// The path that was asked for.
    pub instance: String,
    /// What went wrong, for programs.
    pub code: String,
    /// Finds the request in the logs.
    pub request_id: String,
    /// What is wrong with which field.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub errors: BTreeMap<String, Vec<String>>,
    /// Who has done it first, with `already_handled`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub handled_by: Option<String>,
    /// When, ISO 8601.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub handled_at: Option<String>,
    /// What it is now.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub state: Option<String>,
}

/// Every code that an error answer may carry, with what it means; `docs/protocol.md` lists the same.
pub const CODES: &[(&str, &str)] = &[
    ("NoPermissionError", "the permission named in `detail` is missing; nothing was changed (S1-27)"),
    ("account_disabled", "the account is disabled"),
    ("already_exists", "a unique value is taken; `errors` names the field"),
    (
        "already_handled",
        "somebody decided this task first; `handled_by`, `handled_at` and `state` say who, when and what it is now",
    ),
    ("already_there", "this person has a task at this node already"),
    ("archived", "the notice is put away; take it out of the archive first"),
    ("attachment_required", "this type of leave needs an attachment"),
    (
        "banned",
        "too many offences from this address or account; streams are refused for `Retry-After` seconds",
    ),
    ("builtin", "what ships with Livegrant cannot be deleted or re-coded"),
    ("busy", "too many sign-ins at once"),
    ("cannot_be_muted", "this kind of notice is always told; `errors` names the choice"),
    ("cannot_reject", "who handles something cannot refuse it"),
    ("confirmation_required", "granting this needs `\"confirm\": true`"),
    ("cross_site", "a cookie came with a request from another site"),
    ("cycle", "an organisation cannot lie in itself or below itself"),
    ("database_busy", "locks were held for too long, several times in a row; nothing was written"),
    ("database_unavailable", "the database is not reachable"),
    ("definition_invalid", "the definition cannot be published; `detail` says everything that is wrong"),
    ("definition_state", "the definition is in a state in which this cannot be done"),
    ("draining", "this node is going away; ask another"),
    ("expression_failed", "an expression of the definition cannot be evaluated"),
    ("full", "this node has no place for another tab"),
    ("guid_mismatch", "the guid of a stream is not the caller's"),
    ("handshake_invalid", "not a WebSocket handshake that RFC 6455 allows"),
    ("headcount", "no more people may be in this position"),
    ("host_refused", "the request's Host is not one of `mcp.allowed_hosts`"),
    ("idempotency_conflict", "the key was used for another request"),
    ("idempotency_running", "the first request with this key is still running"),
    ("in_use", "something else still refers to this"),
    (
        "insufficient_scope",
        "the token's scopes do not have this tool; `WWW-Authenticate` names the one that has",
    ),
    ("internal", "a defect; the log has the cause under `request_id`"),
    ("invalid", "a field's value is wrong; `errors` names it"),
    ("invalid_credentials", "login name or password is wrong"),
    ("last_administrator", "this would leave nobody with system:admin"),
    ("leave_backdated", "this begins before the type of leave lets it; `detail` says when it may"),
    ("leave_balance", "so much is not left; `detail` says how much is"),
    ("leave_blocked", "no leave is given on these days; `detail` says why"),
    ("leave_overlap", "another request of the person has some of the time; `detail` names it"),
    ("leave_state", "the request's status does not allow it"),
    ("malformed_json", "the body is not the JSON that this route takes"),
    ("method_not_allowed", "the path exists, the method does not"),
    ("nobody_to_decide", "nobody is there who may decide at this node"),
    ("not_a_starter", "the definition does not let you start it"),
    ("not_added", "only people whom an approver added can be taken away"),
    ("not_allowed", "the definition does not allow this at this node"),
    ("not_found", "no such thing, or it lies outside your company"),
    ("not_returnable", "it cannot go back there from here"),
    ("not_returned", "only what was returned can be handed in again"),
    ("not_running", "it has ended, or does not wait for this"),
    ("not_your_turn", "somebody else has to act first"),
    ("only_advice", "who is asked for advice can only give it"),
    ("organization_off", "the organisation is switched off; nothing new can belong to it"),
    ("origin_refused", "this origin may not open a socket or call `/mcp` (C2)"),
    ("out_of_scope", "your data scope reaches only some organisations: name one of them"),
    ("outdated", "the row was changed since it was read"),
    ("own_instance", "nobody decides on what he started himself, unless the definition allows it"),
    ("password_length", "the password is too short or too long"),
    ("password_weak", "the password is the login name"),
    ("permission_held", "a role or position has the permission"),
    ("policy_unproven", "this node cannot prove that its policy is current (I7)"),
    ("position_held", "somebody is in the position"),
    ("preference_locked", "the company allows no other choice"),
    ("protocol_required", "a plain socket cannot have keys"),
    ("required", "this has to be there"),
    ("role_held", "somebody holds the role"),
    ("session_revoked", "the session has ended; sign in again"),
    ("staff_left", "the person has left; set the status to `active` first"),
    (
        "stale_permissions",
        "permissions changed again and again while this was being saved; nothing was written",
    ),
    ("throttled", "too many tries; wait `Retry-After` seconds"),
    ("ticket_invalid", "the ticket is unknown, used or over"),
    ("token_expired", "the access token is over; refresh it"),
    ("token_invalid", "the token is not one of ours"),
    ("token_missing", "this needs a bearer token, cookie or ticket"),
    ("token_reuse", "the refresh token was used before; the session was ended"),
    ("too_deep", "an organisation would lie deeper than 32 levels"),
    ("too_large", "the body is larger than `server.body_limit_bytes`"),
    ("too_late", "what came after has been touched already"),
    ("too_many", "more items than one request may carry"),
    ("too_many_substitutes", "more substitutions than one person may have"),
    ("too_slow", "the body did not arrive within `server.request_timeout_seconds`"),
    ("unknown_account", "there is no such account in your company"),
    ("unknown_definition", "there is no published definition of this code"),
    ("unknown_field", "the form has no such field"),
    ("unknown_leave_type", "there is no such type of leave"),
    ("unknown_node", "the definition has no such node"),
    ("unknown_operation", "not an operation of the check matrix"),
    ("unknown_organization", "there is no such organisation"),
    ("unknown_permission", "there is no permission of this code"),
    ("unknown_position", "there is no such position"),
    ("unknown_resource", "not a resource of the check matrix"),
    ("unknown_role", "there is no such role"),
    ("unknown_staff", "nobody of the staff has this guid"),
];

/// What a handler answers.
pub type Answer = Result<HttpResponse, Problem>;

/// A refusal on its way out.
#[derive(Debug)]
pub struct Problem {
    refusal: Refusal,
    /// The methods that the path has, when the request's is not one of them.
    allow: Option<String>,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, allow: None }
    }
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        Refusal::from(error).into()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.allow {
            Some(allow) => write!(f, "this path has {allow}"),
            None => self.refusal.fmt(f),
        }
    }
}

impl Problem {
    /// The path exists, the method does not.
    pub fn wrong_method(allow: String) -> Self {
        Self { refusal: Refusal::NotFound { what: "method" }, allow: Some(allow) }
    }

    /// Answers the permission that was missing.
    pub fn denied(&self) -> Option<&str> {
        match &self.refusal {
            Refusal::Denied { permission, .. } => Some(permission),
            _ => None,
        }
    }

    /// Whether a write that is answered so may be done all the same: the database's answer to COMMIT may have been lost.
    pub fn may_be_done(&self) -> bool {
        matches!(self.refusal, Refusal::Unavailable { code: "database_unavailable", .. } | Refusal::Defect(_))
    }

    /// Answers the machine-readable code.
    pub fn code(&self) -> &'static str {
        self.parts().1
    }

    fn parts(&self) -> (StatusCode, &'static str) {
        if self.allow.is_some() {
            return (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed");
        }
        match &self.refusal {
            Refusal::Unauthenticated { code, .. } => (StatusCode::UNAUTHORIZED, code),
            Refusal::Denied { .. } => (StatusCode::FORBIDDEN, "NoPermissionError"),
            Refusal::Forbidden { code, .. } => (StatusCode::FORBIDDEN, code),
            Refusal::NotFound { .. } => (StatusCode::NOT_FOUND, "not_found"),
            Refusal::Invalid { code: "too_large", .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Refusal::Invalid { code: "idempotency_conflict", .. } => {
                (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_conflict")
            }
            Refusal::Invalid { code, .. } => (StatusCode::BAD_REQUEST, code),
            Refusal::Conflict { code, .. } => (StatusCode::CONFLICT, code),
            Refusal::Handled { .. } => (StatusCode::CONFLICT, "already_handled"),
            Refusal::Outdated => (StatusCode::PRECONDITION_FAILED, "outdated"),
            Refusal::Throttled { .. } => (StatusCode::TOO_MANY_REQUESTS, "throttled"),
            Refusal::Banned { .. } => (StatusCode::TOO_MANY_REQUESTS, "banned"),
            Refusal::Unavailable { code, .. } => (StatusCode::SERVICE_UNAVAILABLE, code),
            Refusal::Stale => (StatusCode::CONFLICT, "stale_permissions"),
            Refusal::Again => (StatusCode::SERVICE_UNAVAILABLE, "database_busy"),
            Refusal::Defect(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }

    /// Makes the body of the answer for a request, and logs a defect's cause.
    pub fn body(&self, path: &str, request_id: &str) -> ProblemBody {
        let (status, code) = self.parts();
        if let Refusal::Defect(cause) = &self.refusal {
            tracing::error!(request_id, path, cause = format!("{cause:#}"), "defect");
        }
        let mut errors = BTreeMap::new();
        match &self.refusal {
            Refusal::Invalid { field, detail, .. } | Refusal::Conflict { field: Some(field), detail, .. } => {
                errors.insert(field.clone(), vec![detail.clone()]);
            }
            _ => {}
        }
        let mut body = ProblemBody {
            kind: format!("urn:livegrant:problem:{code}"),
            title: status.canonical_reason().unwrap_or_default().to_owned(),
            status: status.as_u16(),
            detail: self.to_string(),
            instance: path.to_owned(),
            code: code.to_owned(),
            request_id: request_id.to_owned(),
            errors,
            handled_by: None,
            handled_at: None,
            state: None,
        };
        if let Refusal::Handled { by, at, state } = &self.refusal {
            body.handled_by = Some(by.clone()).filter(|by| !by.is_empty());
            body.handled_at = at.map(iso);
            body.state = Some((*state).to_owned());
            let who = body.handled_by.as_deref().unwrap_or("somebody else");
            let when = body.handled_at.as_deref().map(|at| format!(" at {at}")).unwrap_or_default();
            body.detail = format!("this was handled already by {who}{when}");
        }
        body
    }

    /// Makes the answer for a request.
    pub fn answer(&self, path: &str, request_id: &str) -> HttpResponse {
        let (status, _) = self.parts();
        let body = self.body(path, request_id);
        let mut answer = HttpResponse::build(status);
        answer.content_type("application/problem+json");
        if status == StatusCode::UNAUTHORIZED {
            answer.insert_header((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        }
        if let Some(allow) = &self.allow {
            answer.insert_header((header::ALLOW, allow.as_str()));
        }
        if let Refusal::Throttled { retry_after_seconds } | Refusal::Banned { retry_after_seconds } =
            self.refusal
        {
            answer.insert_header((header::RETRY_AFTER, retry_after_seconds.to_string()));
        }
        answer.json(body)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.parts().0
    }

    fn error_response(&self) -> HttpResponse {
        // `request.rs` makes the answer again with the path and the request's id, which are not known here.
        self.answer("", "")
    }
}
