//! Telling whoever shows organisations that they changed (E29): `ORG_UPDATE` on the topic `org:{companyId}`, to the
//! company's tabs that listen to it; listening takes `org:view`.
//! It carries no names: a client asks for what it shows, and gets of it what its data scope reaches.

use super::model::Organization;
use crate::db::{DbError, Work};
use crate::realtime::signal::signal;
use livegrant_actors::{Audience, CompanyId, Holder, MessageType};
use serde_json::json;

/// What happened to an organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// It is new.
    Created,
    /// Its names, place among siblings, state or leader.
    Updated,
    /// It lies elsewhere, with everything below it.
    Moved,
    /// It is gone.
    Deleted,
}

impl News {
    fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Moved => "moved",
            Self::Deleted => "deleted",
        }
    }
}

/// Leaves the news to be told when the work commits.
pub async fn tell(
    work: &mut Work,
    company: CompanyId,
    news: News,
    organization: &Organization,
) -> Result<(), DbError> {
    let data = json!({
        "action": news.name(),
        "id": organization.id,
        "guid": organization.guid,
        "parentGuid": organization.parent_guid,
        "path": organization.path,
        "version": organization.version,
    });
    let topic = format!("org:{company}");
    signal(work, MessageType::OrgUpdate, Some(&topic), Audience::Holder(Holder::Company(company)), &data)
        .await
}
