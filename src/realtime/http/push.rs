//! The routes of pushes by hand: the present state told again. No route here sets a permission.

use crate::core::Core;
use crate::policy::{HolderId, Principal, SYSTEM_ADMIN};
use crate::realtime::nodes::news::{self, News};
use crate::refusal::Refusal;
use crate::text::{check_name, check_text};
use crate::web::extract::{Body, Caller};
use crate::web::problem::{Answer, ProblemBody};
use actix_web::{HttpResponse, post, web};
use livegrant_actors::{AccountId, Audience, Change, Effect, Holder, Operator, RepushKind, RoleId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Longest content of a notice, in characters: it travels to every tab.
const CONTENT_MAX: usize = 2_000;

/// Checks what every message to read has.
pub(super) fn check_words(title: &str, content: &str) -> Result<(), Refusal> {
    check_name("title", title)?;
    if content.trim().is_empty() || content.chars().count() > CONTENT_MAX {
        return Err(Refusal::invalid("content", "invalid", format!("1 to {CONTENT_MAX} characters")));
    }
    Ok(())
}

/// Checks a severity (C27).
pub(super) fn check_severity(severity: &str) -> Result<(), Refusal> {
    if ["信息", "警告", "严重", "info", "warning", "critical"].contains(&severity) {
        return Ok(());
    }
    Err(Refusal::invalid("severity", "invalid", "信息, 警告, 严重, info, warning or critical"))
}

/// Whom to tell again.
#[derive(Debug, Clone, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PushIn {
    /// The account.
    user_id: i64,
    /// For people.
    #[serde(default)]
    reason: String,
}

/// What a push by hand answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct Pushed {
    /// The revision that the pushed state rests on.
    rev: i64,
}

/// What lies outside the caller's company is not found.
async fn in_company(core: &Core, by: &Principal, audience: &Audience) -> Result<(), Refusal> {
    match audience {
        Audience::Accounts(accounts) => {
            for account in accounts.iter() {
                crate::auth::accounts::in_company(core, by, *account).await?;
            }
            Ok(())
        }
        Audience::Holder(Holder::Role(role)) => {
            let company = core
                .policy
                .with_facts(|facts| facts.holders.get(&HolderId::Role(*role)).map(|holder| holder.company));
            let ours = company.is_some_and(|company| company == by.company() || by.is_platform());
            if ours { Ok(()) } else { Err(Refusal::NotFound { what: "role" }) }
        }
        Audience::Holder(_) | Audience::AnyOf(_) | Audience::Everyone => Ok(()),
    }
}

async fn repush(core: &Core, by: &Principal, audience: Audience, kind: RepushKind, reason: &str) -> Answer {
    by.require(SYSTEM_ADMIN)?;
    check_text("reason", reason)?;
    in_company(core, by, &audience).await?;
    tracing::info!(event = "authz_admin", account = by.account().0, "state pushed again by hand");
    let rev = core.policy.applied();
    let author = by.author();
    let change = Change {
        rev,
        accepted_at: core.clock.now_ms(),
        operator: Some(Operator { id: author.account, name: author.name.into() }),
        reason: if reason.is_empty() { "push".into() } else { reason.into() },
        effect: Effect::Repush(kind),
        audience,
    };
    let Change { accepted_at: at, operator, reason, audience, .. } = change.clone();
    let reason = reason.to_string();
    core.engine.apply(change).await.map_err(|error| Refusal::Defect(anyhow::Error::new(error)))?;
    news::say(core, &News::Repush { rev, at, operator, reason, kind, audience }).await;
    Ok(HttpResponse::Ok().json(Pushed { rev: rev.0 }))
}

/// `pushPermissionUpdate` (S3-39): tells an account's tabs the server's own present state. It never sets permissions.
#[utoipa::path(tag = "realtime", request_body = PushIn, responses(
    (status = 200, body = Pushed), (status = 403, body = ProblemBody)))]
#[post("/api/v1/push/permission-update")]
pub async fn post_push_permission_update(
    core: web::Data<Core>,
    Caller(by): Caller,
    Body(body): Body<PushIn>,
) -> Answer {
    let audience = Audience::Accounts(Arc::from([AccountId(body.user_id)]));
    repush(&core, &by, audience, RepushKind::PermissionUpdate, &body.reason).await
}

/// `pushRoleChange` (S3-40): tells an account's tabs its present roles.
#[utoipa::path(tag = "realtime", request_body = PushIn, responses(
    (status = 200, body = Pushed), (status = 403, body = ProblemBody)))]
#[post("/api/v1/push/role-change")]
pub async fn post_push_role_change(
    core: web::Data<Core>,
    Caller(by): Caller,
    Body(body): Body<PushIn>,
) -> Answer {
    let audience = Audience::Accounts(Arc::from([AccountId(body.user_id)]));
    repush(&core, &by, audience, RepushKind::RoleChange, &body.reason).await
}

/// Whose holders to tell again.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct BatchIn {
    /// The role.
    role_id: i64,
    /// For people.
    #[serde(default)]
    reason: String,
}

/// `batchPushPermissionUpdate` (S3-41): tells everyone online who holds a role his present state.
#[utoipa::path(tag = "realtime", request_body = BatchIn, responses(
    (status = 200, body = Pushed), (status = 403, body = ProblemBody)))]
#[post("/api/v1/push/batch-permission-update")]
pub async fn post_push_batch(core: web::Data<Core>, Caller(by): Caller, Body(body): Body<BatchIn>) -> Answer {
    let audience = Audience::Holder(Holder::Role(RoleId(body.role_id)));
    repush(&core, &by, audience, RepushKind::PermissionUpdate, &body.reason).await
}
