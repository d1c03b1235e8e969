//! What a definition consists of: shapes and rules without IO.

use crate::clock::iso;
use crate::refusal::Refusal;
use crate::workflow::form::Form;
use crate::workflow::graph::{AssigneeRule, Graph};
use crate::workflow::people::People;
use crate::workflow::store::definitions::DefinitionRow;
use livegrant_actors::CompanyId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One version of a definition.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// Its row.
    pub id: i64,
    /// Whose it is.
    pub company: CompanyId,
    /// What instances are started by; unique in the company but for its versions.
    pub code: String,
    /// The version, from 1.
    pub number: i64,
    /// For people.
    pub name: String,
    /// For people, to find it by.
    pub category: String,
    /// What it can be used for.
    pub status: Status,
    /// Who may start; nobody named: everybody.
    pub starters: People,
    /// Who manages its instances; nobody named: the holders of `workflow:admin`.
    pub managers: People,
    /// Everything else that is said once for all nodes.
    pub settings: ProcessSettings,
    /// What is filled in.
    pub form: Form,
    /// What happens.
    pub graph: Graph,
    /// For optimistic locking.
    pub version: i64,
    /// The account that made it.
    pub created_by: i64,
    /// UTC milliseconds.
    pub created_at: i64,
    /// UTC milliseconds.
    pub updated_at: i64,
    /// UTC milliseconds.
    pub published_at: Option<i64>,
}

/// What a version says, without its place among the versions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// For people.
    pub name: String,
    /// For people, to find it by.
    #[serde(default)]
    pub category: String,
    /// Who may start; nobody named: everybody.
    #[serde(default)]
    pub starters: People,
    /// Who manages its instances; nobody named: the holders of `workflow:admin`.
    #[serde(default)]
    pub managers: People,
    /// Everything else that is said once for all nodes.
    #[serde(default)]
    pub settings: ProcessSettings,
    /// What is filled in.
    #[serde(default)]
    pub form: Form,
    /// What happens.
    pub graph: Graph,
}

/// What a version can be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Being written; no instance.
    Draft,
    /// New instances start on it.
    Published,
    /// No new instances for now; running ones go on.
    Suspended,
    /// No new instances any more; running ones go on.
    Retired,
}

impl Status {
    /// Its word in the database.
    pub fn word(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Published => "published",
            Self::Suspended => "suspended",
            Self::Retired => "retired",
        }
    }

    /// Reads the word.
    pub fn of(word: &str) -> Option<Self> {
        [Self::Draft, Self::Published, Self::Suspended, Self::Retired]
            .into_iter()
            .find(|it| it.word() == word)
    }
}

/// What is said once for all nodes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProcessSettings {
    /// When the initiator may withdraw (FW12).
    pub withdraw: Withdraw,
    /// Where an instance goes on that was returned to its initiator (FW11).
    pub resume: Resume,
    /// Title of an instance, with `{name}`, `{initiator.name}`, `{initiator.department}` and `{FIELD}` (FW31).
    pub title: String,
    /// A line about it, with the same.
    pub summary: String,
    /// Before the date of an approval number: 1 to 8 letters; `AP` (S0-40).
    pub number_prefix: String,
    /// Who is told when it was approved (FW16).
    pub copy_on_finish: Vec<AssigneeRule>,
    /// Minutes between two reminders of the initiator at least (FW15).
    pub remind_minutes: u32,
}

impl Default for ProcessSettings {
    fn default() -> Self {
        Self {
            withdraw: Withdraw::default(),
            resume: Resume::default(),
            title: "{initiator.name} · {name}".to_owned(),
            summary: String::new(),
            number_prefix: "AP".to_owned(),
            copy_on_finish: Vec::new(),
            // Four hours, as the field has it: twice in a working day.
            remind_minutes: 240,
        }
    }
}

/// When the initiator may withdraw (FW12).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Withdraw {
    /// While nobody has decided: nobody can forbid that.
    #[default]
    Undecided,
    /// As long as it runs.
    Running,
}

/// Where an instance goes on that was returned to its initiator (FW11).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resume {
    /// From the start, through all nodes.
    #[default]
    Restart,
    /// At the node that returned it.
    Returning,
}

impl Definition {
    /// What it says, without its place among the versions.
    pub fn content(&self) -> Content {
        Content {
            name: self.name.clone(),
            category: self.category.clone(),
            starters: self.starters.clone(),
            managers: self.managers.clone(),
            settings: self.settings.clone(),
            form: self.form.clone(),
            graph: self.graph.clone(),
        }
    }
}

/// A new definition.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDefinition {
    /// 1 to 64 letters, digits, `_`, `-`, `.` or `:`; unique in the company.
    pub code: String,
    /// What it says.
    #[serde(flatten)]
    pub content: Content,
}

/// What of a draft is to change; what is absent stays, what is given replaces the whole of it.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DefinitionPatch {
    /// For people.
    pub name: Option<String>,
    /// For people, to find it by.
    pub category: Option<String>,
    /// Who may start.
    pub starters: Option<People>,
    /// Who manages its instances.
    pub managers: Option<People>,
    /// Everything else that is said once for all nodes.
    pub settings: Option<ProcessSettings>,
    /// What is filled in.
    pub form: Option<Form>,
    /// What happens.
    pub graph: Option<Graph>,
    /// The version that was read; a different one now is refused.
    pub version: Option<i64>,
}

impl DefinitionPatch {
    /// Answers what a definition says after the patch.
    pub fn on(&self, before: Content) -> Content {
        Content {
            name: self.name.clone().unwrap_or(before.name),
            category: self.category.clone().unwrap_or(before.category),
            starters: self.starters.clone().unwrap_or(before.starters),
            managers: self.managers.clone().unwrap_or(before.managers),
            settings: self.settings.clone().unwrap_or(before.settings),
            form: self.form.clone().unwrap_or(before.form),
            graph: self.graph.clone().unwrap_or(before.graph),
        }
    }
}

/// A version, as it is shown.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DefinitionOut {
    /// Unique in the company but for its versions.
    pub code: String,
    /// The version, from 1.
    pub number: i64,
    /// What it can be used for.
    pub status: Status,
    /// For people.
    pub name: String,
    /// For people, to find it by.
    pub category: String,
    /// For optimistic locking.
    pub version: i64,
    /// ISO 8601.
    pub created_at: String,
    /// ISO 8601.
    pub updated_at: String,
    /// ISO 8601.
    pub published_at: Option<String>,
    /// What it says; absent in lists.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub body: Option<BodyOut>,
    /// All versions of the code, for whoever may see them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<VersionOut>,
}

/// What a version says, as it is shown.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BodyOut {
    /// Who may start; nobody named: everybody.
    pub starters: People,
    /// Who manages its instances; nobody named: the holders of `workflow:admin`.
    pub managers: People,
    /// Everything else that is said once for all nodes.
    pub settings: ProcessSettings,
    /// What is filled in.
    pub form: Form,
    /// What happens.
    pub graph: Graph,
}

/// One version of a code.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct VersionOut {
    /// From 1.
    pub number: i64,
    /// `draft`, `published`, `suspended` or `retired`.
    pub status: String,
}

impl DefinitionOut {
    /// Shows a version in a list.
    pub fn short(of: &Definition) -> Self {
        Self {
            code: of.code.clone(),
            number: of.number,
            status: of.status,
            name: of.name.clone(),
            category: of.category.clone(),
            version: of.version,
            created_at: iso(of.created_at),
            updated_at: iso(of.updated_at),
            published_at: of.published_at.map(iso),
            body: None,
            versions: Vec::new(),
        }
    }

    /// Shows a version with all that it says.
    pub fn whole(of: &Definition) -> Self {
        let body = BodyOut {
            starters: of.starters.clone(),
            managers: of.managers.clone(),
            settings: of.settings.clone(),
            form: of.form.clone(),
            graph: of.graph.clone(),
        };
        Self { body: Some(body), ..Self::short(of) }
    }
}

impl TryFrom<DefinitionRow> for Definition {
    type Error = Refusal;

    fn try_from(row: DefinitionRow) -> Result<Self, Refusal> {
        let status = Status::of(&row.status).ok_or_else(|| {
            Refusal::Defect(anyhow::anyhow!("definition {} has status {}", row.id, row.status))
        })?;
        Ok(Self {
            id: row.id,
            company: CompanyId(row.company_id),
            code: row.code,
            number: row.number,
            name: row.name,
            category: row.category,
            status,
            starters: row.starters.0,
            managers: row.managers.0,
            settings: row.settings.0,
            form: row.form.0,
            graph: row.graph.0,
            version: row.version,
            created_by: row.created_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
            published_at: row.published_at,
        })
    }
}
