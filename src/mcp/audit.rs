//! Every call in the audit log (FM12): which tool, by which account, with which program, on whose behalf, with what result.
//! Beside it stand the lines of the use case itself, the same as over REST.

use super::call::Guest;
use super::tool::Tool;
use crate::core::Core;
use crate::db::{Author, SystemTask, write_audit};
use crate::refusal::Refusal;

/// Longest name of a program that is noted.
const CLIENT_MAX: usize = 64;

/// What is noted of a call.
#[derive(Debug)]
pub struct Line<'a> {
    /// The tool.
    pub tool: &'a str,
    /// What the program calls itself.
    pub client: String,
    /// The permission that was missing, or the first one that the tool asks for.
    pub permission: String,
    /// `allowed`, `denied`, `rehearsed`, `replayed`, or the code of the refusal.
    pub result: &'a str,
    /// The guid of the person on whose behalf it was done (C3).
    pub on_behalf: Option<String>,
}

/// Names the program: the service token's name, what it says of itself in the protocol, or its `User-Agent`.
pub fn client_of(guest: &Guest, said: Option<String>) -> String {
    let said = said.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| guest.agent.clone());
    let name = match &guest.client {
        Some(client) => format!("{client} ({said})"),
        None => said,
    };
    name.chars().filter(|letter| !letter.is_control()).take(CLIENT_MAX).collect()
}

/// Writes the line of a call that the token's scopes do not have.
pub async fn out_of_scope(core: &Core, guest: &Guest, tool: &Tool) {
    let permission = tool.needs.first().copied().unwrap_or_default().to_owned();
    let client = client_of(guest, None);
    let line = Line { tool: tool.name(), client, permission, result: "insufficient_scope", on_behalf: None };
    note(core, guest, &line).await;
}

/// Writes the line. Best effort: what was done is done.
pub async fn note(core: &Core, guest: &Guest, line: &Line<'_>) {
    let noted = async {
        let author = Author { client: line.client.clone(), ..guest.by.author() };
        let mut work = core.db.begin(&author).await?;
        let now = work.now();
        let what = ["mcp_call", "tool", line.tool, &line.permission, line.result];
        write_audit(work.conn(), now, &author, what).await?;
        if let Some(person) = &line.on_behalf {
            let what = ["mcp_on_behalf_of", "account", person, &line.permission, line.result];
            write_audit(work.conn(), now, &author, what).await?;
        }
        work.commit(SystemTask::Upkeep).await?;
        Ok::<_, Refusal>(())
    };
    if let Err(error) = noted.await {
        tracing::warn!(%error, tool = line.tool, "call not audited");
    }
}
