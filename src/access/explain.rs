//! Why somebody has a permission or has it not: yes or no, with every way to it and what stands against it.
//! The verdict is the one that is enforced; see `policy/explain.rs`.

use super::scope::{ScopeOut, shown};
use crate::clock::iso;
use crate::core::Core;
use crate::policy::explain::{Explanation, Path, Through, explain};
use crate::policy::reach::data_scope_at;
use crate::policy::{At, HolderId, Obstacle, PolicyFacts, Principal, View};
use crate::refusal::Refusal;
use livegrant_actors::AccountId;
use serde::Serialize;
use utoipa::ToSchema;

/// One way of a permission to an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PathOut {
    /// `role`, `position` or `platform`.
    pub kind: &'static str,
    /// The role's id.
    pub role_id: Option<i64>,
    /// The position's guid.
    pub position_guid: Option<String>,
    /// The role's or position's code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The permission that it carries: the one asked for, or `system:admin`, which is every permission.
    pub carries: String,
    /// What it reaches over this way: `all`, `chosen`, `own_and_below`, `own` or `self`.
    pub data_scope: &'static str,
    /// ISO 8601.
    pub valid_from: Option<String>,
    /// ISO 8601, exclusive.
    pub valid_to: Option<String>,
    /// This way counts now.
    pub counts: bool,
    /// Why it does not.
    pub blocked_by: Vec<Obstacle>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ExplanationOut {
    /// Whose.
    pub account_id: i64,
    /// His guid.
    pub guid: String,
    /// His login name.
    pub username: String,
    /// Which permission.
    pub permission: String,
    /// Its name.
    pub permission_name: String,
    /// What is enforced now.
    pub held: bool,
    /// What it reaches in all; null when it is not held.
    pub reaches: Option<ScopeOut>,
    /// Every way, also those that do not count.
    pub paths: Vec<PathOut>,
    /// What stands against every way.
    pub blocked_by: Vec<Obstacle>,
}

/// Explains a permission of an account. About oneself everybody may ask, about others holders of `permission:view`.
pub async fn explain_access(
    core: &Core,
    by: &Principal,
    account: AccountId,
    permission: &str,
) -> Result<ExplanationOut, Refusal> {
    if account != by.account() {
        by.require("permission:view")?;
        crate::auth::accounts::in_company(core, by, account).await?;
    }
    let Some(member) = core.policy.member(account).await? else {
        return Err(Refusal::NotFound { what: "account" });
    };
    let known = member.facts();
    let own = by.session().view;
    let company = if account == by.account() { own.company } else { known.company };
    let view = View { application: own.application, company };
    let at = At::Instant(core.clock.now_ms());
    let now = core.clock.now_ms();
    let (mut out, scope) = core.policy.with_facts(|facts| {
        let Some((bit, row)) = facts.catalogue.bit(permission).zip(facts.catalogue.find(permission)) else {
            let detail = format!("there is no permission {permission}");
            return Err(Refusal::invalid("permission", "unknown_permission", detail));
        };
        let Explanation { held, paths, obstacles } = explain(facts, &known, view, at, bit);
        let scope = data_scope_at(facts, &known, view, now, permission);
        let out = ExplanationOut {
            account_id: account.0,
            guid: known.guid.to_string(),
            username: known.username.to_string(),
            permission: row.code.clone(),
            permission_name: row.name.clone(),
            held,
            reaches: None,
            paths: paths.into_iter().map(|path| path_out(facts, path, &row.code)).collect(),
            blocked_by: obstacles,
        };
        Ok::<_, Refusal>((out, scope))
    })?;
    if out.held {
        out.reaches = Some(shown(core, &scope).await?);
    }
    Ok(out)
}

fn path_out(facts: &PolicyFacts, path: Path, asked: &str) -> PathOut {
    let (holder, carries) = match path.through {
        Through::Platform => (None, asked),
        Through::Holder(id) => (Some(id), asked),
        Through::Administrator(id) => (Some(id), crate::policy::SYSTEM_ADMIN),
    };
    let known = holder.and_then(|id| facts.holders.get(&id));
    PathOut {
        kind: match holder {
            None => "platform",
            Some(HolderId::Role(_)) => "role",
            Some(HolderId::Position(_)) => "position",
        },
        role_id: holder.and_then(|id| if let HolderId::Role(role) = id { Some(role.0) } else { None }),
        position_guid: known.map(|holder| holder.guid.to_string()).filter(|guid| !guid.is_empty()),
        code: known.map(|holder| holder.code.to_string()).unwrap_or_default(),
        name: known.map(|holder| holder.name.to_string()).unwrap_or_default(),
        carries: carries.to_owned(),
        data_scope: known.map_or("all", |holder| holder.reach.name()),
        valid_from: path.from.map(iso),
        valid_to: path.to.map(iso),
        counts: path.obstacles.is_empty(),
        blocked_by: path.obstacles,
    }
}
