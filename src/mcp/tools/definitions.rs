//! Processes as data: list, read, write, publish (S0-50).

use super::{Loose, Rows, page};
use crate::core::Core;
use crate::mcp::scope::Scope;
use crate::mcp::tool::Kind::{Reads, Writes, WritesOnce};
use crate::mcp::tool::{Nothing, Tool, read, tool};
use crate::policy::Principal;
use crate::refusal::Refusal;
use crate::workflow::definitions::lifecycle::{self, Move};
use crate::workflow::definitions::model::{DefinitionOut, DefinitionPatch, NewDefinition};
use crate::workflow::definitions::read::DefinitionFilter;
use crate::workflow::definitions::{draft, read as reading};
use rmcp::model::JsonObject;
use serde::Deserialize;
use utoipa::ToSchema;

/// Which definitions.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct DefinitionsIn {
    /// Exactly this category.
    category: Option<String>,
    /// Part of the code or name.
    search: Option<String>,
    /// From 1.
    page: Option<i64>,
    /// 1 to 100; 20 when absent.
    page_size: Option<i64>,
}

/// Which definition.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct CodeIn {
    /// Code of the definition.
    code: String,
    /// The version, from 1; the one that says most when absent.
    number: Option<i64>,
}

/// What to publish.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PublishIn {
    /// Code of the definition.
    code: String,
    /// The version of the row that was read; a different one now is refused.
    version: Option<i64>,
}

/// What to save.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SaveIn {
    /// `code`, and what the definition says: `name`, `category`, `starters`, `managers`, `settings`, `form`, `graph`.
    /// Where the code has a definition, what is absent stays.
    #[schema(value_type = NewDefinition)]
    definition: JsonObject,
}

/// Changes the draft of the code, or makes a first one.
async fn save(core: Core, by: Principal, definition: JsonObject) -> Result<Loose<DefinitionOut>, Refusal> {
    let code = definition.get("code").and_then(|code| code.as_str()).unwrap_or_default().to_owned();
    let mut rest = definition.clone();
    rest.remove("code");
    let patch: DefinitionPatch = read(&rest)?;
    match draft::update(&core, &by, &code, &patch).await {
        Err(Refusal::NotFound { .. }) => {
            let new: NewDefinition = read(&definition)?;
            draft::create(&core, &by, &new).await.map(Loose)
        }
        done => done.map(Loose),
    }
}

/// The tools of definitions.
pub(super) fn tools() -> Vec<Tool> {
    let list = tool::<DefinitionsIn, Nothing, Rows<Loose<DefinitionOut>>, _, _>(
        ("listWorkflowDefinitions", "List processes"),
        "Lists process definitions: what the account may start, and with workflow:admin or workflow:view all versions.",
        (Reads, Scope::Workflow, &[]),
        |call, asked, _| async move {
            let DefinitionsIn { category, search, page: number, page_size } = asked;
            let page = page(number, page_size);
            let filter = DefinitionFilter { status: None, category, search };
            let (count, rows) = reading::list(&call.core, &call.by, &filter, page).await?;
            Ok(Rows::new((count, rows.into_iter().map(Loose).collect()), page))
        },
    );
    let get = tool::<CodeIn, Nothing, Loose<DefinitionOut>, _, _>(
        ("getWorkflowDefinition", "Read a process"),
        "Reads one process definition with its form and its graph of nodes.",
        (Reads, Scope::Workflow, &[]),
        |call, asked, _| async move {
            reading::get(&call.core, &call.by, &asked.code, asked.number).await.map(Loose)
        },
    );
    let save = tool::<SaveIn, Nothing, Loose<DefinitionOut>, _, _>(
        ("saveWorkflowDefinition", "Write a process"),
        "Writes the draft of a process definition, or makes a new one. Running instances stay on their version; nothing starts \
         on a draft before it is published. Needs workflow:admin.",
        (Writes, Scope::Workflow, &["workflow:admin"]),
        |call, asked, _| call.write(move |core, by| save(core, by, asked.definition.clone())),
    );
    let publish = tool::<PublishIn, Nothing, Loose<DefinitionOut>, _, _>(
        ("publishWorkflowDefinition", "Publish a process"),
        "Publishes the draft: new instances start on it from now on, running ones stay on theirs. What is wrong with it is said. \
         Needs workflow:admin.",
        (WritesOnce, Scope::Workflow, &["workflow:admin"]),
        |call, asked, _| async move {
            call.write(move |core, by| {
                let asked = asked.clone();
                async move { lifecycle::change(&core, &by, &asked.code, Move::Publish, asked.version).await }
            })
            .await
            .map(Loose)
        },
    );
    vec![list, get, save.rehearsed(), publish.rehearsed()]
}
