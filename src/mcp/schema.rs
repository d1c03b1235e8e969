//! What tools take and answer, as JSON Schema: from the same types that describe the REST API, so that there is one source.
//! Names of arguments are written the MCP way (`parentGuid`), whatever the REST body calls them (`parent_guid`).

use crate::refusal::Refusal;
use rmcp::model::JsonObject;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// Longest text of an argument, in characters: what a field of the business may hold is far below, and a model that
/// pastes a book is told by the field's name.
pub const TEXT_MAX: usize = 10_000;
/// Longest list of an argument: as many people as one notice may name.
pub const LIST_MAX: usize = 1_000;

const COMPONENTS: &str = "#/components/schemas/";

/// Answers the schema of a type with everything that it refers to.
pub fn schema_of<T: ToSchema>() -> JsonObject {
    let mut parts = Vec::new();
    T::schemas(&mut parts);
    let mut schema = object(T::schema());
    let defs: Map<String, Value> =
        parts.into_iter().map(|(name, part)| (name, Value::Object(object(part)))).collect();
    if !defs.is_empty() {
        schema.insert("$defs".to_owned(), Value::Object(defs));
    }
    schema.entry("type").or_insert_with(|| json!("object"));
    schema
}

fn object(schema: impl serde::Serialize) -> JsonObject {
    let mut value = serde_json::to_value(schema).unwrap_or_default();
    relink(&mut value);
    match value {
        Value::Object(object) => object,
        _ => JsonObject::new(),
    }
}

/// Lets references point into the schema itself.
fn relink(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(to)) = members.get_mut("$ref")
                && let Some(name) = to.strip_prefix(COMPONENTS)
            {
                *to = format!("#/$defs/{name}");
            }
            members.values_mut().for_each(relink);
        }
        Value::Array(items) => items.iter_mut().for_each(relink),
        _ => {}
    }
}

/// Writes a name the MCP way: `parent_guid` is `parentGuid`.
pub fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.extend(letters);
    }
    camel
}

/// Joins what a tool takes itself with the body of its REST route: no further argument, every text and list bounded.
pub fn joined(own: JsonObject, body: JsonObject) -> JsonObject {
    let mut properties = Map::new();
    let mut required = Vec::new();
    let mut defs = Map::new();
    for mut part in [own, body] {
        if let Some(Value::Object(members)) = part.remove("properties") {
            for (name, mut property) in members {
                bound(&camel(&name), &mut property);
                properties.insert(camel(&name), property);
            }
        }
        if let Some(Value::Array(names)) = part.remove("required") {
            required.extend(names.iter().filter_map(Value::as_str).map(|name| json!(camel(name))));
        }
        if let Some(Value::Object(members)) = part.remove("$defs") {
            defs.extend(members);
        }
    }
    let mut schema = JsonObject::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), Value::Object(properties));
    if !required.is_empty() {
        schema.insert("required".to_owned(), Value::Array(required));
    }
    schema.insert("additionalProperties".to_owned(), json!(false));
    if !defs.is_empty() {
        schema.insert("$defs".to_owned(), Value::Object(defs));
    }
    schema
}

fn bound(name: &str, property: &mut Value) {
    let Some(members) = property.as_object_mut() else { return };
    let kinds = members.get("type").cloned().unwrap_or_default();
    let is = |kind: &str| match &kinds {
        Value::String(one) => one == kind,
        Value::Array(some) => some.iter().any(|one| one == kind),
        _ => false,
    };
    if is("string") && !members.contains_key("enum") {
        let most = if name.to_lowercase().ends_with("guid") { 36 } else { TEXT_MAX };
        members.entry("maxLength").or_insert_with(|| json!(most));
    }
    if is("array") {
        members.entry("maxItems").or_insert_with(|| json!(LIST_MAX));
    }
}

/// Refuses what is longer than the schemas say, by the argument's name.
pub fn check_bounds(arguments: &JsonObject) -> Result<(), Refusal> {
    for (name, value) in arguments {
        let long = match value {
            Value::String(text) => text.chars().count() > TEXT_MAX,
            Value::Array(items) => items.len() > LIST_MAX,
            _ => false,
        };
        if long {
            let detail = format!("at most {TEXT_MAX} characters, or {LIST_MAX} items");
            return Err(Refusal::invalid(name, "invalid", detail));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(dead_code, reason = "only its schema is looked at")]
    #[derive(ToSchema)]
    struct Inner {
        name: String,
    }

    #[expect(dead_code, reason = "only its schema is looked at")]
    #[derive(ToSchema)]
    struct Outer {
        parent_guid: Option<String>,
        inner: Vec<Inner>,
    }

    #[test]
    fn a_schema_holds_all_that_it_refers_to() {
        let schema = schema_of::<Outer>();
        assert_eq!(schema["properties"]["inner"]["items"]["$ref"], "#/$defs/Inner");
        assert_eq!(schema["$defs"]["Inner"]["properties"]["name"]["type"], "string");
    }

    #[test]
    fn arguments_are_written_the_other_way_and_bounded() {
        let schema = joined(JsonObject::new(), schema_of::<Outer>());
        assert_eq!(schema["properties"]["parentGuid"]["maxLength"], 36);
        assert_eq!(schema["properties"]["inner"]["maxItems"], LIST_MAX);
        assert_eq!(schema["required"], json!(["inner"]));
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(camel("operatorGuid"), "operatorGuid");
    }

    #[test]
    fn what_is_too_long_is_named() {
        let mut arguments = JsonObject::new();
        arguments.insert("title".to_owned(), json!("长".repeat(TEXT_MAX)));
        assert!(check_bounds(&arguments).is_ok());
        arguments.insert("content".to_owned(), json!("长".repeat(TEXT_MAX + 1)));
        let refusal = check_bounds(&arguments).expect_err("too long");
        assert!(matches!(refusal, Refusal::Invalid { field, .. } if field == "content"));
    }
}
