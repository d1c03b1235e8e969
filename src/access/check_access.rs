//! `CheckAccessControl(staffGuid, operation, resource, resourceId)` (S1-21 … S1-27): asks the matrix for a person, with
//! what he holds now. Whatever is unknown is denied with a message (S1-26), never allowed. It changes nothing and answers
//! about a person; what the caller himself may do is checked by each use case, not here.

use super::about::{self, Object};
use super::check::{About, Missing, Operation, Resource, judge, rule};
use super::scope::covers_person;
use crate::core::Core;
use crate::hr::resolve::account_of_guid;
use crate::policy::effective::{effective, standstill};
use crate::policy::reach::data_scope_at;
use crate::policy::{At, Principal, View};
use crate::refusal::Refusal;
use crate::workflow::check;
use livegrant_actors::AccountId;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// The question.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Question {
    /// Guid of the person's account or staff record (C12).
    pub staff_guid: String,
    /// `create`, `update`, `delete`, `view` or `approve`.
    pub operation: String,
    /// `organization`, `position`, `staff`, `leave` or `workflow`.
    pub resource: String,
    /// Guid of the object; empty asks about the class. For `create` `leave`: whom the leave is for, oneself when empty.
    #[serde(default)]
    pub resource_id: Option<String>,
}

/// The answer (S1-22).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccessDecision {
    /// Yes or no.
    pub has_permission: bool,
    /// Why not; empty with a yes.
    pub error_message: String,
    /// `NoPermissionError`, `not_found`, `unknown_operation` or `unknown_resource`; null with a yes.
    pub code: Option<&'static str>,
    /// The permission that a yes rests on; null with a no, and where one's own record needs none.
    pub permission: Option<&'static str>,
}

impl AccessDecision {
    fn yes(permission: Option<&'static str>) -> Self {
        Self { has_permission: true, error_message: String::new(), code: None, permission }
    }

    fn no(code: &'static str, message: impl Into<String>) -> Self {
        Self { has_permission: false, error_message: message.into(), code: Some(code), permission: None }
    }
}

/// Answers whether a person may do what is asked. About oneself everybody may ask, about others holders of
/// `permission:view`.
pub async fn check_access_control(
    core: &Core,
    by: &Principal,
    question: &Question,
) -> Result<AccessDecision, Refusal> {
    let person = account_of_guid(core, by, &question.staff_guid).await?;
    if person.and_then(|person| person.account) != Some(by.account()) {
        by.require("permission:view")?;
    }
    let Ok(operation) = question.operation.parse::<Operation>() else {
        return Ok(AccessDecision::no("unknown_operation", "the operation is not one of the check matrix"));
    };
    let Ok(resource) = question.resource.parse::<Resource>() else {
        return Ok(AccessDecision::no("unknown_resource", "the resource is not one of the check matrix"));
    };
    let Some(person) = person else {
        return Ok(AccessDecision::no("not_found", "staffGuid names nobody in your company"));
    };
    let Some(account) = person.account else {
        return Ok(AccessDecision::no("NoPermissionError", "this person has no account"));
    };
    let named = question.resource_id.as_deref().filter(|id| !id.is_empty());
    // Of one instance, its own rules judge: who takes part may look, who is designated decides (S1-28, S1-29).
    if let (Resource::Workflow, Operation::View | Operation::Approve, Some(id)) = (resource, operation, named)
    {
        let judged = check::judge(core, by, account, &question.operation, id).await?;
        return Ok(match judged.code {
            None => AccessDecision::yes(None),
            Some(code) => AccessDecision::no(code, judged.error_message),
        });
    }
    let missing = || AccessDecision::no("not_found", format!("there is no such {resource} within reach"));
    let object = match named {
        Some(id) => match about::find(core, by, person, operation, resource, id).await? {
            Some(object) => Some(object),
            None => return Ok(missing()),
        },
        None => None,
    };
    let for_oneself = (operation, resource) == (Operation::Create, Resource::Leave);
    let about = match &object {
        Some(object) => object.about,
        None if for_oneself => About::Own,
        None => About::Class,
    };
    let Some(held) = held(core, by, account).await? else {
        return Ok(AccessDecision::no("NoPermissionError", "this person's account is switched off"));
    };
    let verdict = match object.as_ref().and_then(|object| object.verdict) {
        Some(verdict) => verdict,
        None => judge(rule(operation, resource), about, |code| held.iter().any(|held| **held == *code)),
    };
    let takes_part = object.as_ref().is_some_and(|object| object.takes_part);
    Ok(match verdict {
        Err(_) if takes_part => AccessDecision::yes(None),
        Ok(Some(code)) if takes_part && !reaches(core, by, account, code, object.as_ref()).await? => {
            AccessDecision::yes(None)
        }
        // What lies outside the data scope is not found, as it is by the routes.
        Ok(Some(code)) if !reaches(core, by, account, code, object.as_ref()).await? => missing(),
        Ok(permission) => AccessDecision::yes(permission),
        Err(missing) => AccessDecision::no("NoPermissionError", message(operation, resource, about, missing)),
    })
}

/// Answers whether a permission of an account reaches an object (FC7).
async fn reaches(
    core: &Core,
    by: &Principal,
    account: AccountId,
    code: &str,
    object: Option<&Object>,
) -> Result<bool, Refusal> {
    let Some(place) = object.and_then(|object| object.place) else { return Ok(true) };
    let Some(member) = core.policy.member(account).await? else { return Ok(false) };
    let view = View { application: by.session().view.application, company: by.company() };
    let (known, now) = (member.facts(), core.clock.now_ms());
    let scope = core.policy.with_facts(|facts| data_scope_at(facts, &known, view, now, code));
    let mut conn = core.db.read().await?;
    Ok(covers_person(&mut conn, &scope, place.organization, place.person, account).await?)
}

/// Answers what an account holds now in the caller's application and company: the set that enforcement has. `None`:
/// account, company or application is off, and nothing helps, not even that a record is one's own.
async fn held(core: &Core, by: &Principal, account: AccountId) -> Result<Option<Vec<Arc<str>>>, Refusal> {
    let Some(member) = core.policy.member(account).await? else { return Ok(None) };
    let view = View { application: by.session().view.application, company: by.company() };
    let (known, at) = (member.facts(), At::Instant(core.clock.now_ms()));
    Ok(core.policy.with_facts(|facts| {
        let stands_still = standstill(facts, known.standing(), view).next().is_some();
        (!stands_still).then(|| facts.catalogue.codes_of(&effective(facts, &known, view, at).permissions))
    }))
}

fn message(operation: Operation, resource: Resource, about: About, missing: Missing) -> String {
    let asked = format!("{operation} {resource}");
    match missing {
        Missing::Codes(codes) => format!("{asked} needs the permission {}", codes.join(" or ")),
        Missing::Code(code) if about == About::Class => format!("{asked} needs the permission {code}"),
        Missing::Code(code) => format!("{asked} of somebody else needs the permission {code}"),
        Missing::Own => format!("{asked} is only for one's own, while it is a draft"),
        Missing::Rule(why) => format!("{asked} is allowed to nobody: {why}"),
    }
}
