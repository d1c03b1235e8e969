//! What a question of the check matrix is about: the object that it names, whose it is, and where it belongs. Each resource
//! has its place here; leave and workflow find their own objects, as `request` and `workflow` below.

use super::check::{About, Missing, Operation, Resource, Verdict};
use super::store::objects;
use crate::core::Core;
use crate::hr::resolve::{ResolvedGuid, account_of_guid};
use crate::leave;
use crate::leave::model::Status;
use crate::policy::Principal;
use crate::refusal::Refusal;
use crate::workflow::check;
use livegrant_actors::AccountId;

/// An object that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Whose it is.
    pub about: About,
    /// Where it belongs, for the data scope of whoever is asked about; `None`: it belongs nowhere, and no scope limits it.
    pub place: Option<Place>,
    /// What its own rules say (a designated approver, a starter list), where the matrix does not decide; then the data
    /// scope has no say either.
    pub verdict: Option<Verdict>,
    /// The person has a part in it that allows it where the matrix does not: a yes that rests on no code.
    pub takes_part: bool,
}

/// Where an object belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The organisation, by row.
    pub organization: Option<i64>,
    /// The person whose record it is.
    pub person: Option<AccountId>,
}

impl Object {
    /// An object of an organisation.
    pub fn at(about: About, organization: Option<i64>, person: Option<AccountId>) -> Self {
        Self { about, place: Some(Place { organization, person }), verdict: None, takes_part: false }
    }

    /// An object whose own rules have decided.
    pub fn decided(about: About, verdict: Verdict) -> Self {
        Self { about, place: None, verdict: Some(verdict), takes_part: false }
    }
}

/// Finds the object that a question names; `None` when the company has no such object.
pub async fn find(
    core: &Core,
    by: &Principal,
    person: ResolvedGuid,
    operation: Operation,
    resource: Resource,
    id: &str,
) -> Result<Option<Object>, Refusal> {
    match (resource, operation) {
        (Resource::Staff, _) | (Resource::Leave, Operation::Create) => somebody(core, by, person, id).await,
        (Resource::Organization, _) => {
            let row = objects::organization_row(&mut core.db.read().await?, by.company(), &lower(id)).await?;
            Ok(row.map(|row| Object::at(About::Other, Some(row), None)))
        }
        (Resource::Position, _) => {
            let row = objects::position_place(&mut core.db.read().await?, by.company(), &lower(id)).await?;
            Ok(row.map(|(_, organization)| Object::at(About::Other, organization, None)))
        }
        (Resource::Leave, _) => request(core, by, person, operation, id).await,
        (Resource::Workflow, _) => workflow(core, by, id).await,
    }
}

fn lower(guid: &str) -> String {
    guid.to_lowercase()
}

async fn somebody(
    core: &Core,
    by: &Principal,
    person: ResolvedGuid,
    id: &str,
) -> Result<Option<Object>, Refusal> {
    let Some(other) = account_of_guid(core, by, id).await? else { return Ok(None) };
    let about = if other == person { About::Own } else { About::Other };
    let Some(staff) = other.staff else { return Ok(Some(Object::at(about, None, other.account))) };
    let place = objects::staff_place(&mut core.db.read().await?, by.company(), staff.0).await?;
    Ok(place.map(|(organization, account)| Object::at(about, organization, account.map(AccountId))))
}

/// Finds a leave request. Whose it is decides on changing it, and then where it stands; whose task it is may look at it and
/// decide (S1-28), whatever he holds.
async fn request(
    core: &Core,
    by: &Principal,
    person: ResolvedGuid,
    operation: Operation,
    id: &str,
) -> Result<Option<Object>, Refusal> {
    let asked = leave::check::find(core, by, &lower(id)).await?;
    let (Some(asked), Some(account)) = (asked, person.account) else { return Ok(None) };
    let own = asked.is_of(account);
    let about = if own { About::Own } else { About::Other };
    let mut object = Object::at(about, asked.organization, asked.person);
    let rule = |why| Ok(Some(Object::decided(about, Err(Missing::Rule(why)))));
    let wish = match operation {
        Operation::Update if own && !asked.status.can_change() => {
            return rule("only a draft or a request that was sent back can be changed");
        }
        Operation::Delete if own && asked.status != Status::Draft => {
            return rule("only a draft can be deleted");
        }
        Operation::Approve if asked.status != Status::Running => return rule("it is not being decided on"),
        Operation::Approve => "approve",
        Operation::View if !own => "view",
        _ => return Ok(Some(object)),
    };
    let Some(instance) = asked.instance.as_deref() else { return Ok(Some(object)) };
    object.takes_part = check::judge(core, by, account, wish, instance).await?.code.is_none();
    if operation == Operation::Approve && !object.takes_part && asked.person == Some(account) {
        return rule("nobody decides on his own leave");
    }
    Ok(Some(object))
}

/// Finds an instance; whether somebody may view or decide on it is judged by its own rules (`workflow::check`).
async fn workflow(core: &Core, by: &Principal, id: &str) -> Result<Option<Object>, Refusal> {
    let exists = check::exists(core, by, id).await?;
    Ok(exists.then_some(Object { about: About::Other, place: None, verdict: None, takes_part: false }))
}
