//! The server's side of the protocol, for the SDK: what this server is, which tools the caller sees, and one call from its
//! name to its result. The list follows the authorisation alone (FM6); whether a call is allowed is the use case's business.

use super::audit::{self, Line};
use super::call::{Call, Guest};
use super::door::{has_scope, outside};
use super::once::{self, First, Settled};
use super::outcome::{Advice, REPLAYED, done, marked, refused};
use super::tool::{Kind, Tool};
use super::tools::{TOOLS, tool};
use crate::core::Core;
use crate::hr::resolve::{account_of_guid, parse_guid};
use crate::refusal::Refusal;
use crate::web::denials::Denials;
use crate::web::problem::Problem;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, Implementation, JsonObject,
    ListToolsResult, PaginatedRequestParams, ProtocolVersion, ServerCapabilities, ServerConfig,
    Tool as Description,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Value, json};
use std::sync::Arc;

/// What a model is told before it sees a tool.
const INSTRUCTIONS: &str = "Livegrant keeps a company's organisation, positions, staff, permissions, approval processes and \
    notices, and tells everybody concerned at once. You act as the account of your token, with its permissions. People are \
    named by the guid of their account or of their staff record. A refused call begins with a code and says what to do; \
    `NoPermissionError` means that nothing was changed and that asking again will not help. `dryRun: true` shows what a call \
    would do. To be safe against sending a write twice, set `livegrant/idempotencyKey` in `_meta`.";

/// See the head of this file.
#[derive(Debug, Clone)]
pub struct Handler {
    core: Core,
    denials: Arc<Denials>,
}

impl Handler {
    /// Takes the rooms.
    pub fn new(core: Core, denials: Arc<Denials>) -> Self {
        Self { core, denials }
    }

    /// One call: the key, the use case, the audit. Everything about it is over when this is.
    async fn run(self, guest: Guest, tool: &'static Tool, order: Order) -> CallToolResult {
        let Order { arguments, key, client } = order;
        let key = key.filter(|_| !tool.kind.reads());
        let note = |permission: &str, result: &'static str, on_behalf: Option<String>| {
            metrics::counter!("livegrant_mcp_calls_total", "tool" => tool.name(), "result" => result)
                .increment(1);
            Line {
                tool: tool.name(),
                client: client.clone(),
                permission: permission.to_owned(),
                result,
                on_behalf,
            }
        };
        let first = tool.needs.first().copied().unwrap_or_default();
        if let Some(key) = &key {
            match once::claim(&self.core, &guest.by, key, tool.name(), &arguments).await {
                Ok(First::Yes) => {}
                Ok(First::Answered(result)) => {
                    audit::note(&self.core, &guest, &note(first, "replayed", None)).await;
                    return marked(*result, REPLAYED);
                }
                Err(refusal) => {
                    // The key was not taken, so there is nothing that could have been done.
                    let (problem, result) = self.refuse(&guest, refusal, Kind::Reads).await;
                    audit::note(&self.core, &guest, &note(first, problem.code(), None)).await;
                    return result;
                }
            }
        }
        let (rehearsal, on_behalf, outcome) = self.outcome(&guest, tool, arguments, key.clone()).await;
        let (line, settled, result) = match outcome {
            Ok(value) => {
                let word = if rehearsal { "rehearsed" } else { "allowed" };
                (note(first, word, on_behalf), None, done(value, rehearsal))
            }
            Err(refusal) => {
                // Of a rehearsal it is known: nothing.
                let kind = if rehearsal { Kind::Reads } else { tool.kind };
                let advice = Advice::on(&refusal, kind);
                let settled = if advice == Advice::Unknown { Settled::Unknown } else { Settled::Refused };
                let (problem, result) = self.refuse(&guest, refusal, kind).await;
                let missing = problem.denied();
                let word = if missing.is_some() { "denied" } else { problem.code() };
                (note(missing.unwrap_or(first), word, on_behalf), Some(settled), result)
            }
        };
        audit::note(&self.core, &guest, &line).await;
        if let Some(key) = &key {
            let settled = settled.unwrap_or(Settled::Done(&result));
            once::settle(&self.core, &guest.by, key, settled).await;
        }
        result
    }

    async fn outcome(
        &self,
        guest: &Guest,
        tool: &'static Tool,
        mut arguments: JsonObject,
        key: Option<String>,
    ) -> (bool, Option<String>, Result<Value, Refusal>) {
        let rehearsal = match taken(tool, &mut arguments) {
            Ok(rehearsal) => rehearsal,
            Err(refusal) => return (false, None, Err(refusal)),
        };
        let on_behalf = match self.on_behalf(guest, &mut arguments).await {
            Ok(person) => person,
            Err(refusal) => return (rehearsal, None, Err(refusal)),
        };
        let call = Call { core: self.core.clone(), by: guest.by.clone(), rehearsal, key };
        (rehearsal, on_behalf, tool.run(call, arguments).await)
    }

    /// Takes the person on whose behalf the account acts out of the arguments (C3). The account's own permissions decide.
    async fn on_behalf(&self, guest: &Guest, arguments: &mut JsonObject) -> Result<Option<String>, Refusal> {
        let Some(value) = arguments.remove("onBehalfOf") else { return Ok(None) };
        if !guest.on_behalf {
            return Err(Refusal::Denied {
                permission: "onBehalfOf".to_owned(),
                detail: "only a service token with that right acts on behalf of somebody; you act in your own name".to_owned(),
            });
        }
        let text = value.as_str().unwrap_or_default();
        let guid = parse_guid("onBehalfOf", text)?;
        match account_of_guid(&self.core, &guest.by, &guid).await? {
            Some(_) => Ok(Some(guid)),
            None => Err(Refusal::invalid(
                "onBehalfOf",
                "unknown_account",
                "this guid names nobody in your company",
            )),
        }
    }

    async fn refuse(&self, guest: &Guest, refusal: Refusal, kind: Kind) -> (Problem, CallToolResult) {
        let advice = Advice::on(&refusal, kind);
        let author = guest.by.author();
        let problem = Problem::from(refusal);
        if let Some(permission) = problem.denied()
            && self.denials.is_noted(&author, self.core.clock.now_ms())
        {
            self.core.audit_denial(&guest.by, permission).await;
        }
        let result = refused(&problem, advice, &author.request_id);
        (problem, result)
    }
}

/// What a call brings besides the tool.
struct Order {
    arguments: JsonObject,
    key: Option<String>,
    client: String,
}

/// Takes `dryRun` out of the arguments of a tool that has it.
fn taken(tool: &Tool, arguments: &mut JsonObject) -> Result<bool, Refusal> {
    if !tool.rehearses {
        return Ok(false);
    }
    match arguments.remove("dryRun") {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(wanted)) => Ok(wanted),
        Some(_) => Err(Refusal::invalid("dryRun", "invalid", "true or false")),
    }
}

fn guest_of(context: &RequestContext<RoleServer>) -> Result<Guest, ErrorData> {
    let parts = context.extensions.get::<http::request::Parts>();
    let guest = parts.and_then(|parts| parts.extensions.get::<Guest>()).cloned();
    guest.ok_or_else(|| ErrorData::internal_error("no caller", None))
}

/// What this caller is shown of a tool: `onBehalfOf` only with the right to it.
fn shown(tool: &Tool, guest: &Guest) -> Description {
    let mut description = tool.description.clone();
    if guest.on_behalf {
        let words = "Guid of the person on whose behalf you act; the audit log has both of you.";
        let schema = json!({ "type": "string", "minLength": 36, "maxLength": 36, "description": words });
        let input = Arc::make_mut(&mut description.input_schema);
        if let Some(properties) = input.get_mut("properties").and_then(Value::as_object_mut) {
            properties.insert("onBehalfOf".to_owned(), schema);
        }
    }
    description
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let name = Implementation::new("livegrant", env!("CARGO_PKG_VERSION")).with_title("Livegrant");
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(name)
            .with_instructions(INSTRUCTIONS)
    }

    fn get_tool(&self, name: &str) -> Option<Description> {
        tool(name).map(|tool| tool.description.clone())
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let guest = guest_of(&context)?;
        let visible = |tool: &&Tool| {
            has_scope(&guest, tool).is_ok()
                && (tool.needs.is_empty() || tool.needs.iter().any(|code| guest.by.holds(code)))
        };
        let tools = TOOLS.iter().filter(visible).map(|tool| shown(tool, &guest)).collect();
        let list = ListToolsResult::with_all_items(tools);
        let hinted = |version: ProtocolVersion| version.as_str() >= ProtocolVersion::V_2026_07_28.as_str();
        if !context.protocol_version().is_some_and(hinted) {
            return Ok(list);
        }
        let ttl = u64::from(self.core.settings.mcp.tools_ttl_seconds) * 1000;
        Ok(list.with_ttl_ms(ttl).with_cache_scope(CacheScope::Private))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let guest = guest_of(&context)?;
        let Some(tool) = tool(&request.name) else {
            return Err(ErrorData::invalid_params(format!("there is no tool {}", request.name), None));
        };
        if let Err(scope) = has_scope(&guest, tool) {
            // The door has looked already; this is for a body that it read otherwise than the SDK did.
            audit::out_of_scope(&self.core, &guest, tool).await;
            return Err(ErrorData::invalid_params(outside(scope).to_string(), None));
        }
        let said = |name: &str| {
            let here = request.meta.as_ref().and_then(|meta| meta.0.0.get(name));
            here.or_else(|| context.meta.0.0.get(name)).and_then(Value::as_str).map(str::to_owned)
        };
        let key = said(once::KEY).or_else(|| guest.key.clone());
        let client = audit::client_of(&guest, context.meta.client_info().map(|client| client.name));
        let order = Order { arguments: request.arguments.unwrap_or_default(), key, client };
        // Apart from the connection: a client that hangs up is the very one that will ask again.
        let ran = tokio::spawn(self.clone().run(guest, tool, order)).await;
        match ran {
            Ok(result) => Ok(result.into()),
            Err(crash) => {
                tracing::error!(cause = %crash, tool = tool.name(), "a tool crashed");
                Err(ErrorData::internal_error("internal failure", None))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_instructions_name_what_the_results_carry() {
        assert!(INSTRUCTIONS.contains(once::KEY));
        assert!(TOOLS.iter().any(|tool| tool.rehearses) && INSTRUCTIONS.contains("dryRun"));
    }
}
