//! Processes that run, looked at: lists, one instance, one's own tasks, and who may (S0-50, S1-29, S1-30).

use super::{Rows, page};
use crate::mcp::scope::Scope;
use crate::mcp::tool::Kind::Reads;
use crate::mcp::tool::{Nothing, Tool, tool};
use crate::refusal::Refusal;
use crate::workflow::check::{Answered, Question, check_workflow_permission};
use crate::workflow::lists::{self, Counts, InstanceItem, InstanceOut, TodoItem, Wanted};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which instances.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct InstancesIn {
    /// `started` by the account (when absent), `todo`, `done`, `copied`, or `managed`: those that it looks after.
    view: Option<String>,
    /// `running`, `approved`, `rejected`, `returned`, `withdrawn` or `cancelled`.
    status: Option<String>,
    /// Code of the definition.
    definition_code: Option<String>,
    /// Part of number, title or summary.
    search: Option<String>,
    /// From 1.
    page: Option<i64>,
    /// 1 to 100; 20 when absent.
    page_size: Option<i64>,
}

/// Which instance.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SeenIn {
    /// Guid of the instance.
    instance_guid: String,
}

/// Which of the account's tasks.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct TasksIn {
    /// `pending`: what waits for the account, when absent; `done`: the instances that it has decided something of.
    state: Option<String>,
    /// From 1.
    page: Option<i64>,
    /// 1 to 100; 20 when absent.
    page_size: Option<i64>,
}

/// A task that waits, or an instance that something was decided of.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum Line {
    Pending(TodoItem),
    Done(InstanceItem),
}

/// A page of the account's tasks.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Tasks {
    /// Rows in all.
    count: i64,
    /// The page to ask for next; null: this is the last one.
    next_page: Option<i64>,
    /// This page's rows.
    results: Vec<Line>,
    /// How much is in each of the account's lists; null of those that are done.
    counts: Option<Counts>,
}

/// The tools that look at instances.
pub(super) fn tools() -> Vec<Tool> {
    let list = tool::<InstancesIn, Nothing, Rows<InstanceItem>, _, _>(
        ("listWorkflowInstances", "List processes"),
        "Lists instances of processes, a page at a time: those that the account has started, has to decide, has decided, is \
         informed of, or looks after.",
        (Reads, Scope::Workflow, &[]),
        |call, asked, _| async move {
            let page = page(asked.page, asked.page_size);
            let wanted = Wanted {
                view: asked.view.as_deref(),
                status: asked.status.as_deref(),
                definition: asked.definition_code.as_deref(),
                search: asked.search.as_deref(),
            };
            Ok(Rows::new(lists::instances(&call.core, &call.by, &wanted, page).await?, page))
        },
    );
    let get = tool::<SeenIn, Nothing, InstanceOut, _, _>(
        ("getWorkflowInstance", "Read a process"),
        "Reads one instance with its tasks, with what of its form the account may see, and with what the account may do now \
         (allowedActions). It exists for those alone whom it concerns, and for holders of workflow:view.",
        (Reads, Scope::Workflow, &[]),
        |call, asked, _| async move { lists::instance(&call.core, &call.by, &asked.instance_guid).await },
    );
    let check = tool::<Nothing, Question, Answered, _, _>(
        ("checkWorkflowPermission", "May this person decide?"),
        "Answers whether a person may approve, or view, an instance now, and if not, why. About oneself always, about others \
         with permission:view.",
        (Reads, Scope::Workflow, &[]),
        |call, _, question| async move { check_workflow_permission(&call.core, &call.by, &question).await },
    );
    vec![list, get, own(), check]
}

fn own() -> Tool {
    tool::<TasksIn, Nothing, Tasks, _, _>(
        ("listMyTasks", "List my tasks"),
        "Lists the tasks that wait for the account, with their guids for approveTask and the like, and how much is in each of its \
         lists; or what it has decided.",
        (Reads, Scope::Workflow, &[]),
        |call, asked, _| async move {
            let page = page(asked.page, asked.page_size);
            let (rows, counts) = match asked.state.as_deref() {
                None | Some("pending") => {
                    let (counts, rows) = lists::todo(&call.core, &call.by, page).await?;
                    let rows = rows.into_iter().map(Line::Pending).collect();
                    (Rows::new((counts.todo, rows), page), Some(counts))
                }
                Some("done") => {
                    let wanted = Wanted { view: Some("done"), ..Wanted::default() };
                    let (count, rows) = lists::instances(&call.core, &call.by, &wanted, page).await?;
                    (Rows::new((count, rows.into_iter().map(Line::Done).collect()), page), None)
                }
                Some(_) => return Err(Refusal::invalid("state", "invalid", "one of pending, done")),
            };
            let Rows { count, next_page, results } = rows;
            Ok(Tasks { count, next_page, results, counts })
        },
    )
}
