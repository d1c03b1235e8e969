//! Processes that run: started, decided, handed on, ended (S0-50, S1-28, S1-34).

use crate::mcp::scope::Scope;
use crate::mcp::tool::Kind::{Destroys, Writes};
use crate::mcp::tool::{Nothing, Tool, read, tool};
use crate::refusal::Refusal;
use crate::workflow::add_sign::{Added, add_sign};
use crate::workflow::decide::{Decision, Verdict, decide};
use crate::workflow::delegate::delegate;
use crate::workflow::outcome::Outcome;
use crate::workflow::preview::PreviewOut;
use crate::workflow::remind::remind;
use crate::workflow::send_back::{Back, send_back};
use crate::workflow::start::{New, Started, foresee, start};
use crate::workflow::terminate::terminate;
use crate::workflow::transfer::{To, transfer};
use crate::workflow::withdraw::{Why, withdraw};
use rmcp::model::JsonObject;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// Which task.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct TaskIn {
    /// Guid of the task.
    task_guid: String,
}

/// Which instance.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct InstanceIn {
    /// Guid of the instance.
    instance_guid: String,
}

/// What to start.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct StartIn {
    /// Code of a published definition.
    definition_code: String,
    /// The form, by field.
    #[serde(default)]
    #[schema(value_type = Object)]
    form_data: JsonObject,
    /// Whom the initiator chooses: lists of account or staff guids, by the node's code.
    #[serde(default)]
    #[schema(value_type = Object)]
    approvers: JsonObject,
    /// What it is about, for whoever started it.
    business_type: Option<String>,
    /// Which of them.
    business_id: Option<String>,
    /// Starts nothing: answers the path that it would take and who would be asked at each step.
    #[serde(default)]
    preview: bool,
}

/// What was started, or what would happen.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum Begun {
    Started(Started),
    Foreseen(PreviewOut),
}

impl StartIn {
    fn order(self) -> Result<New, Refusal> {
        let mut order =
            json!({ "definition": self.definition_code, "form": self.form_data, "chosen": self.approvers });
        for (name, value) in [("businessType", self.business_type), ("businessId", self.business_id)] {
            if let Some(value) = value {
                order[name] = Value::String(value);
            }
        }
        match order {
            Value::Object(order) => read(&order),
            _ => Err(Refusal::invalid("arguments", "invalid", "expected an object")),
        }
    }
}

/// A tool that acts on a task with the body of its route.
macro_rules! on_task {
    ($name:literal, $title:literal, $words:literal, $kind:expr, $body:ty, |$core:ident, $by:ident, $guid:ident, $given:ident| $act:expr) => {
        tool::<TaskIn, $body, Outcome, _, _>(
            ($name, $title),
            $words,
            ($kind, Scope::Workflow, &[]),
            |call, task, body| {
                call.write(move |core, by| {
                    let (task, body) = (task.clone(), body.clone());
                    async move {
                        let ($core, $by, $guid, $given) = (&core, &by, task.task_guid.as_str(), &body);
                        $act.await
                    }
                })
            },
        )
        .rehearsed()
    };
}

/// A tool that acts on an instance with a reason.
macro_rules! on_instance {
    ($name:literal, $title:literal, $words:literal, $kind:expr, $needs:expr, $act:path) => {
        tool::<InstanceIn, Why, Outcome, _, _>(
            ($name, $title),
            $words,
            ($kind, Scope::Workflow, $needs),
            |call, instance, why| {
                call.write(move |core, by| {
                    let (instance, why) = (instance.clone(), why.clone());
                    async move { $act(&core, &by, &instance.instance_guid, &why).await }
                })
            },
        )
        .rehearsed()
    };
}

/// The tools of instances and their tasks.
pub(super) fn tools() -> Vec<Tool> {
    let begin = tool::<StartIn, Nothing, Begun, _, _>(
        ("startWorkflow", "Start a process"),
        "Starts an instance of a published process with its form; the first people who decide are told. preview answers the \
         path and the people instead, dryRun whether it would start. Only who is on the definition's list may start it.",
        (Writes, Scope::Workflow, &[]),
        |call, asked, _| async move {
            let preview = asked.preview;
            let order = asked.order()?;
            if preview {
                return Ok(Begun::Foreseen(foresee(&call.core, &call.by, &order).await?));
            }
            let started = call
                .write(move |core, by| {
                    let order = order.clone();
                    async move { start(&core, &by, &order).await }
                })
                .await?;
            Ok(Begun::Started(started))
        },
    );
    let mut tools = vec![begin.rehearsed()];
    tools.extend(tasks());
    tools.extend(endings());
    tools
}

fn tasks() -> [Tool; 6] {
    [
        on_task!(
            "approveTask",
            "Approve",
            "Approves a task that is the account's own, or that it may decide in another's place. The second of two gets \
             already_handled with who and when.",
            Writes,
            Decision,
            |core, by, guid, given| decide(core, by, guid, Verdict::Approve, given)
        ),
        on_task!(
            "rejectTask",
            "Reject",
            "Refuses a task; by the node's rule that ends the instance or counts as one voice. Most nodes want a comment.",
            Destroys,
            Decision,
            |core, by, guid, given| decide(core, by, guid, Verdict::Reject, given)
        ),
        on_task!(
            "returnTask",
            "Send back",
            "Sends an instance back to its initiator, to the node before, or to a node that it has passed (targetNode).",
            Destroys,
            Back,
            |core, by, guid, given| send_back(core, by, guid, given)
        ),
        on_task!(
            "transferTask",
            "Hand over",
            "Hands a task over to somebody else, who decides in the account's place.",
            Writes,
            To,
            |core, by, guid, given| transfer(core, by, guid, given)
        ),
        on_task!(
            "delegateTask",
            "Ask for advice",
            "Lets somebody else act first; the task then comes back, and the account finishes it.",
            Writes,
            To,
            |core, by, guid, given| delegate(core, by, guid, given)
        ),
        on_task!(
            "addSign",
            "Add people",
            "Adds people before, after or beside the account at its node.",
            Writes,
            Added,
            |core, by, guid, given| add_sign(core, by, guid, given)
        ),
    ]
}

fn endings() -> [Tool; 3] {
    [
        on_instance!(
            "withdrawWorkflow",
            "Withdraw",
            "Withdraws an instance that the account has started, as long as its definition lets it.",
            Destroys,
            &[],
            withdraw
        ),
        on_instance!(
            "remindApprovers",
            "Remind",
            "Reminds the people who still have to decide about an instance that the account has started; not again within the \
             definition's pause.",
            Writes,
            &[],
            remind
        ),
        on_instance!(
            "terminateWorkflow",
            "Terminate",
            "Ends an instance at any node, with a reason. Needs workflow:admin, or to be a manager of its definition.",
            Destroys,
            &[],
            terminate
        ),
    ]
}
