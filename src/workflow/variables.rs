//! What conditions, expressions and templates look at: the form's values and who the initiator is.
//! Read once when an instance starts or moves; nothing else of the world is visible to a definition.

use crate::access::holders;
use crate::db::{Conn, DbError};
use crate::hr::reporting;
use livegrant_actors::{AccountId, CompanyId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// The variables of one instance.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Variables {
    /// The form's values by field.
    pub form: Map<String, Value>,
    /// Who started.
    pub initiator: Initiator,
}

/// Who started an instance; a condition reads it as `initiator.…`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Initiator {
    /// Account guid.
    pub guid: String,
    /// Staff guid, by which lists of people may name him; empty without one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub staff: String,
    /// Name for people.
    pub name: String,
    /// Code of his organisation; empty without one.
    pub department: String,
    /// Codes of his organisation and those above it, his own first.
    pub departments: Vec<String>,
    /// Guids of the same organisations.
    pub organizations: Vec<String>,
    /// Codes of his roles.
    pub roles: Vec<String>,
    /// Codes of his positions.
    pub positions: Vec<String>,
}

impl Variables {
    /// Makes the variables of an instance that an account starts, or has started, with a form.
    pub async fn of(
        conn: &mut Conn,
        company: CompanyId,
        initiator: AccountId,
        form: &Value,
        now: i64,
    ) -> Result<Self, DbError> {
        let form = form.as_object().cloned().unwrap_or_default();
        Ok(Self { form, initiator: Initiator::read(conn, company, initiator, now).await? })
    }

    /// Answers the value that a condition names: a form's field, or `initiator.…`.
    pub fn get(&self, field: &str) -> Option<Value> {
        let Some(own) = field.strip_prefix("initiator.") else { return self.form.get(field).cloned() };
        Some(match own {
            "guid" => self.initiator.guid.clone().into(),
            "name" => self.initiator.name.clone().into(),
            "department" => self.initiator.department.clone().into(),
            "departments" => self.initiator.departments.clone().into(),
            "organizations" => self.initiator.organizations.clone().into(),
            "roles" => self.initiator.roles.clone().into(),
            "positions" => self.initiator.positions.clone().into(),
            _ => return None,
        })
    }
}

/// What of the initiator a condition may name.
pub const OF_INITIATOR: [&str; 7] = [
    "initiator.guid",
    "initiator.name",
    "initiator.department",
    "initiator.departments",
    "initiator.organizations",
    "initiator.roles",
    "initiator.positions",
];

impl Initiator {
    /// Reads who an account is in a company.
    pub async fn read(
        conn: &mut Conn,
        company: CompanyId,
        account: AccountId,
        now: i64,
    ) -> Result<Self, DbError> {
        let Some((guid, name, staff)) = reporting::card(conn, company, account).await? else {
            return Ok(Self::default());
        };
        let chain = reporting::chain(conn, company, account).await?;
        Ok(Self {
            guid,
            staff: staff.unwrap_or_default(),
            name,
            department: chain.first().map(|own| own.code.clone()).unwrap_or_default(),
            departments: chain.iter().map(|level| level.code.clone()).collect(),
            organizations: chain.into_iter().map(|level| level.guid).collect(),
            roles: holders::roles_of(conn, company, account, now).await?,
            positions: reporting::positions_of(conn, company, account, now).await?,
        })
    }
}
