//! What a definition consists of: shapes and rules without IO.

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
