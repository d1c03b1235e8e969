//! A tool: what it is called, what it takes and answers, what it needs, and the use case that it calls.
//! What a model sees of it is derived from the types of the REST route, and every tool has all four annotations (FM8).

use super::call::Call;
use super::schema::{camel, check_bounds, joined, schema_of};
use super::scope::Scope;
use crate::refusal::Refusal;
use crate::web::extract::parse;
use futures_util::future::BoxFuture;
use rmcp::model::{JsonObject, Tool as Description, ToolAnnotations};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use utoipa::ToSchema;

/// Nothing: of a tool without a REST body, or without arguments of its own.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// What a call does to the world; the hints of FM8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Changes nothing.
    Reads,
    /// Adds or changes.
    Writes,
    /// The same, and a second call changes nothing more.
    WritesOnce,
    /// Takes something away that is not easily brought back.
    Destroys,
    /// The same, and a second call changes nothing more.
    DestroysOnce,
}

impl Kind {
    /// Whether it changes nothing.
    pub fn reads(self) -> bool {
        self == Self::Reads
    }

    fn annotations(self, title: &str) -> ToolAnnotations {
        let destroys = matches!(self, Self::Destroys | Self::DestroysOnce);
        let once = matches!(self, Self::Reads | Self::WritesOnce | Self::DestroysOnce);
        ToolAnnotations::with_title(title)
            .read_only(self.reads())
            .destructive(destroys)
            .idempotent(once)
            .open_world(false)
    }
}

type Run = Box<dyn Fn(Call, JsonObject) -> BoxFuture<'static, Result<Value, Refusal>> + Send + Sync>;

/// See the head of this file.
pub struct Tool {
    /// What a model is shown.
    pub description: Description,
    /// Its profile.
    pub scope: Scope,
    /// What it does to the world.
    pub kind: Kind,
    /// Holders of one of these may use it; empty: everybody, for himself at least. The use case decides; this only keeps
    /// the list short.
    pub needs: &'static [&'static str],
    /// Whether `dryRun` shows what it would do (FM10).
    pub rehearses: bool,
    run: Run,
}

impl fmt::Debug for Tool {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Tool").field("name", &self.description.name).finish_non_exhaustive()
    }
}

/// Makes a tool of its own arguments `A`, the body `B` of its REST route, and what the route answers.
pub fn tool<A, B, O, F, R>(
    (name, title): (&'static str, &str),
    words: &'static str,
    (kind, scope, needs): (Kind, Scope, &'static [&'static str]),
    run: F,
) -> Tool
where
    A: DeserializeOwned + ToSchema + Send + 'static,
    B: DeserializeOwned + ToSchema + Send + 'static,
    O: Serialize + ToSchema + Send + 'static,
    F: Fn(Call, A, B) -> R + Send + Sync + 'static,
    R: Future<Output = Result<O, Refusal>> + Send + 'static,
{
    let (own, body) = (schema_of::<A>(), schema_of::<B>());
    let own_names: Vec<String> = names(&own).map(|name| camel(&name)).collect();
    let body_names: BTreeMap<String, String> = names(&body).map(|name| (camel(&name), name)).collect();
    let description = Description::new(name, words, Arc::new(joined(own, body)))
        .with_title(title)
        .with_raw_output_schema(Arc::new(schema_of::<O>()))
        .annotate(kind.annotations(title));
    let run = Arc::new(run);
    let run: Run = Box::new(move |call, arguments| {
        let parsed = split::<A, B>(arguments, &own_names, &body_names);
        let run = Arc::clone(&run);
        Box::pin(async move {
            let (own, body) = parsed?;
            let answer = run(call, own, body).await?;
            serde_json::to_value(answer).map_err(|error| Refusal::Defect(error.into()))
        })
    });
    Tool { description, scope, kind, needs, rehearses: false, run }
}

fn names(schema: &JsonObject) -> impl Iterator<Item = String> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flat_map(|properties| properties.keys().cloned())
}

/// Gives the tool and its REST body what is theirs.
fn split<A: DeserializeOwned, B: DeserializeOwned>(
    arguments: JsonObject,
    own_names: &[String],
    body_names: &BTreeMap<String, String>,
) -> Result<(A, B), Refusal> {
    check_bounds(&arguments)?;
    let (mut own, mut body) = (JsonObject::new(), JsonObject::new());
    for (name, value) in arguments {
        if own_names.contains(&name) {
            own.insert(name, value);
        } else if let Some(field) = body_names.get(&name) {
            body.insert(field.clone(), value);
        } else {
            let known: Vec<&str> = own_names.iter().chain(body_names.keys()).map(String::as_str).collect();
            let detail = format!("there is no argument {name}; there are: {}", known.join(", "));
            return Err(Refusal::invalid(name, "invalid", detail));
        }
    }
    Ok((read(&own)?, read(&body)?))
}

/// Reads an object of arguments, or refuses it with the field's name.
pub fn read<T: DeserializeOwned>(arguments: &JsonObject) -> Result<T, Refusal> {
    parse(&serde_json::to_vec(arguments).map_err(|error| Refusal::Defect(error.into()))?)
}

impl Tool {
    /// Lets `dryRun` go all the way and roll back. Only for use cases whose every effect goes through their unit of work.
    #[must_use]
    pub fn rehearsed(mut self) -> Self {
        self.rehearses = true;
        let words = "Do everything but the commit: the answer or the refusal is the real one, nothing is changed, \
            nobody is told.";
        self.takes("dryRun", json!({ "type": "boolean", "default": false, "description": words }));
        self
    }

    /// Shows an argument as needed, although the route has another way to say the same.
    #[must_use]
    pub fn requiring(mut self, name: &str) -> Self {
        let input = Arc::make_mut(&mut self.description.input_schema);
        let required = input.entry("required").or_insert_with(|| json!([]));
        if let Some(names) = required.as_array_mut() {
            names.push(json!(name));
        }
        self
    }

    /// Does not show arguments that a model has no use for; they are taken all the same.
    #[must_use]
    pub fn hiding(mut self, names: &[&str]) -> Self {
        let input = Arc::make_mut(&mut self.description.input_schema);
        if let Some(properties) = input.get_mut("properties").and_then(Value::as_object_mut) {
            properties.retain(|name, _| !names.contains(&name.as_str()));
        }
        self
    }

    /// Shows one more argument, which is not the tool's but the adapter's.
    pub fn takes(&mut self, name: &str, schema: Value) {
        let input = Arc::make_mut(&mut self.description.input_schema);
        if let Some(properties) = input.get_mut("properties").and_then(Value::as_object_mut) {
            properties.insert(name.to_owned(), schema);
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.description.name
    }

    /// Calls the use case.
    pub fn run(&self, call: Call, arguments: JsonObject) -> BoxFuture<'static, Result<Value, Refusal>> {
        (self.run)(call, arguments)
    }
}
