//! The picture of how far an instance is (FW39): what was done, where it stands, what comes next. Every viewer may see it.

use super::instance::model::Fork;
use super::instance::{RunState, Status};
use super::running::ahead;
use super::{view, walk};
use crate::clock::iso;
use crate::core::Core;
use crate::policy::Principal;
use crate::refusal::Refusal;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// How far an instance is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Picture {
    /// Every entering of a node, then the nodes that come next as the form is now.
    pub nodes: Vec<Drawn>,
}

/// A node of the picture.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Drawn {
    /// The node.
    pub code: String,
    /// Its name.
    pub name: String,
    /// `start`, `approve`, `handle`, `copy`, `condition`, `auto`, `delay`, `trigger`, `subprocess` or `end`.
    pub kind: Value,
    /// `done`, `current`, `rejected`, `cancelled` or `upcoming`.
    pub state: &'static str,
    /// Which revision of the form it belongs to; null of what comes next.
    pub revision: Option<i64>,
    /// The branches that were taken.
    pub branches: Vec<String>,
    /// Why it was decided without people.
    pub reason: String,
    /// Guids of its tasks.
    pub tasks: Vec<String>,
    /// ISO 8601.
    pub entered_at: Option<String>,
    /// ISO 8601.
    pub left_at: Option<String>,
}

/// Draws how far an instance is (FW39).
pub async fn picture(core: &Core, by: &Principal, guid: &str) -> Result<Picture, Refusal> {
    let mut conn = core.db.read().await?;
    let (running, _) = view::seen(core, &mut conn, by, guid).await?;
    let graph = &running.definition.graph;
    let kind = |code: &str| {
        let node = walk::find(graph, code).and_then(|node| serde_json::to_value(node).ok());
        node.map_or(Value::Null, |node| node["kind"].clone())
    };
    let name = |code: &str| walk::find(graph, code).map_or_else(|| code.to_owned(), |node| node.name.clone());
    let mut nodes: Vec<Drawn> = Vec::new();
    for run in &running.state.runs {
        let row = running.runs().iter().find(|row| row.number == run.number);
        let state = match run.state {
            RunState::Done => "done",
            RunState::Rejected => "rejected",
            RunState::Cancelled => "cancelled",
            RunState::Open | RunState::Asking => "current",
        };
        let tasks = running.tasks().iter().filter(|task| task.run == run.number);
        nodes.push(Drawn {
            code: run.node.clone(),
            name: name(&run.node),
            kind: kind(&run.node),
            state,
            revision: Some(run.revision),
            branches: run.branches.iter().map(|Fork { code, .. }| code.clone()).collect(),
            reason: run.reason.clone(),
            tasks: tasks.map(|task| task.guid.clone()).collect(),
            entered_at: row.map(|row| iso(row.entered_at)),
            left_at: row.and_then(|row| row.left_at).map(iso),
        });
    }
    if running.state.status == Status::Running {
        let variables = running.variables();
        let mut upcoming = Vec::new();
        let open =
            running.state.runs.iter().filter(|run| run.state == RunState::Open && run.branches.is_empty());
        for run in open {
            for code in ahead(graph, &variables, &run.node) {
                if !upcoming.contains(&code) {
                    upcoming.push(code);
                }
            }
        }
        nodes.extend(upcoming.into_iter().map(|code| Drawn {
            name: name(&code),
            kind: kind(&code),
            code,
            state: "upcoming",
            revision: None,
            branches: Vec::new(),
            reason: String::new(),
            tasks: Vec::new(),
            entered_at: None,
            left_at: None,
        }));
    }
    Ok(Picture { nodes })
}
