//! The Model Context Protocol at `/mcp`: who is let in, what the protocol answers, and that a tool does what its route does.

mod clients;
mod documented;
mod door;
mod matrix;
mod parity;
mod processes;
mod protocol;
mod repeating;
mod streams;
mod telling;
mod tools;
mod workflows;

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Map, Value, json};

use crate::support::{Account, Caller};

/// The newest revision, and the newest one with a handshake.
const STATELESS: &str = "2026-07-28";
const HANDSHAKE: &str = "2025-11-25";

/// A client of the newest revision.
struct Model<'a> {
    caller: &'a Caller,
}

/// A request to `/mcp` with the headers that every client sends.
fn post(caller: &Caller, body: &Value) -> RequestBuilder {
    let request = caller.request(Method::POST, "/mcp");
    request.header("accept", "application/json, text/event-stream").json(body)
}

/// What every request of the newest revision says of its client.
fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": STATELESS,
        "io.modelcontextprotocol/clientInfo": { "name": "测试客户端", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

/// A request of the newest revision.
fn stateless(caller: &Caller, method: &str, mut params: Value) -> RequestBuilder {
    let mut said = meta();
    if let Some(Value::Object(more)) = params.get("_meta").cloned() {
        said.as_object_mut().expect("an object").extend(more);
    }
    params["_meta"] = said;
    let name = params["name"].as_str().map(str::to_owned);
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let request = post(caller, &body).header("mcp-protocol-version", STATELESS).header("mcp-method", method);
    match name {
        Some(name) => request.header("mcp-name", name),
        None => request,
    }
}

async fn said_in(response: Response) -> Value {
    let text = response.text().await.expect("the answer ends");
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

impl<'a> Model<'a> {
    fn of(account: &'a Account) -> Self {
        Self { caller: account }
    }

    /// Calls a method; the answer must be a result.
    async fn ask(&self, method: &str, params: Value) -> Value {
        let response = stateless(self.caller, method, params).send().await.expect("an answer");
        let status = response.status();
        let answer = said_in(response).await;
        assert_eq!(status, 200, "{method}: {answer}");
        assert!(answer["result"].is_object(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// Calls a tool and answers its whole result.
    async fn call(&self, tool: &str, arguments: Value) -> Value {
        self.ask("tools/call", json!({ "name": tool, "arguments": arguments })).await
    }

    /// Calls a tool that must do it; answers its structured content.
    #[track_caller]
    fn done(&self, tool: &str, arguments: Value) -> impl Future<Output = Value> + use<'_, 'a> {
        let tool = tool.to_owned();
        async move {
            let result = self.call(&tool, arguments).await;
            assert_eq!(result["isError"], false, "{tool}: {result}");
            let text = result["content"][0]["text"].as_str().expect("a text");
            let said: Value = serde_json::from_str(text).expect("the text is the content");
            assert_eq!(said, result["structuredContent"], "{tool}");
            said
        }
    }

    /// Calls a tool that must be refused; answers the problem, the same as REST has.
    async fn refused(&self, tool: &str, arguments: Value) -> Value {
        let result = self.call(tool, arguments).await;
        assert_eq!(result["isError"], true, "{tool}: {result}");
        let problem = result["_meta"]["livegrant/problem"].clone();
        let code = problem["code"].as_str().unwrap_or_else(|| panic!("{tool}: {result}"));
        let text = result["content"][0]["text"].as_str().expect("a text");
        assert!(text.starts_with(&format!("{code}: ")), "{tool}: {text}");
        assert!(problem["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{tool}: {problem}");
        problem
    }

    /// The names of the tools that are listed.
    async fn tools(&self) -> Vec<String> {
        let list = self.ask("tools/list", json!({})).await;
        let tools = list["tools"].as_array().expect("tools");
        tools.iter().map(|tool| tool["name"].as_str().expect("a name").to_owned()).collect()
    }
}

/// A service token, as REST makes it.
async fn token(by: &Account, new: Value) -> String {
    let made = crate::support::ok(by.post("/api/v1/api-clients", new).await);
    made["token"].as_str().expect("a token").to_owned()
}

/// The same object without members that two runs cannot have in common.
fn stripped(value: &Value, without: &[&str]) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.iter().filter(|(name, _)| !without.contains(&name.as_str()));
            let kept: Map<_, _> =
                kept.map(|(name, value)| (name.clone(), stripped(value, without))).collect();
            Value::Object(kept)
        }
        Value::Array(items) => items.iter().map(|item| stripped(item, without)).collect(),
        other => other.clone(),
    }
}
