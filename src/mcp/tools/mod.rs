//! All tools, in the order of lists, each beside its area's others. An adapter names its arguments, calls one use case and
//! answers what REST answers; it has no rule of its own (S0-9).

mod access;
mod definitions;
mod instances;
mod leaves;
mod notices;
mod organizations;
mod positions;
mod seeing;
mod sessions;
mod staff;

use super::tool::Tool;
use crate::db::paging::{Page, PageQuery};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::LazyLock;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Ref, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

/// Every tool, always in this order (FM6).
pub static TOOLS: LazyLock<Vec<Tool>> = LazyLock::new(|| {
    let mut tools = notices::tools();
    tools.extend(organizations::tools());
    tools.extend(positions::tools());
    tools.extend(staff::tools());
    tools.extend(access::tools());
    tools.extend(sessions::tools());
    tools.extend(definitions::tools());
    tools.extend(instances::tools());
    tools.extend(seeing::tools());
    tools.extend(leaves::tools());
    tools
});

/// Finds a tool by its name.
pub fn tool(name: &str) -> Option<&'static Tool> {
    TOOLS.iter().find(|tool| tool.name() == name)
}

/// What to look for, and which page of it.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ListIn {
    /// Part of the code, number or name.
    search: Option<String>,
    /// From 1.
    page: Option<i64>,
    /// 1 to 100; 20 when absent.
    page_size: Option<i64>,
}

impl ListIn {
    fn page(&self) -> Page {
        page(self.page, self.page_size)
    }
}

fn page(page: Option<i64>, page_size: Option<i64>) -> Page {
    Page::from(PageQuery { page, page_size })
}

/// A page of a list: rows in all, the page to ask for next, this page's rows.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rows<T> {
    count: i64,
    next_page: Option<i64>,
    results: Vec<T>,
}

/// By hand: the derived one refers to the row's schema and does not bring it along.
impl<T: ToSchema> PartialSchema for Rows<T> {
    fn schema() -> RefOr<Schema> {
        let whole = || ObjectBuilder::new().schema_type(Type::Integer);
        let next = ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::Integer, Type::Null]));
        let rows = ArrayBuilder::new().items(Ref::from_schema_name(T::name()));
        ObjectBuilder::new()
            .property("count", whole().description(Some("Rows in all.")))
            .property(
                "nextPage",
                next.description(Some("The page to ask for next; null: this is the last one.")),
            )
            .property("results", rows.description(Some("This page's rows.")))
            .required("count")
            .required("results")
            .into()
    }
}

impl<T: ToSchema> ToSchema for Rows<T> {
    fn schemas(parts: &mut Vec<(String, RefOr<Schema>)>) {
        parts.push((T::name().into_owned(), T::schema()));
        T::schemas(parts);
    }
}

impl<T> Rows<T> {
    fn new((count, results): (i64, Vec<T>), page: Page) -> Self {
        let number = page.offset() / page.limit() + 1;
        Self { count, next_page: (page.offset() + page.limit() < count).then_some(number + 1), results }
    }
}

/// What is answered as REST answers it, and described as an object and no more: its shape depends on what is asked.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Loose<T>(T);

impl<T> PartialSchema for Loose<T> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(SchemaType::new(Type::Object)).build().into()
    }
}

impl<T> ToSchema for Loose<T> {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Object")
    }
}

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
pub struct Done {
    /// Its place in the log of changes; null when nobody's permissions rest on it.
    rev: Option<i64>,
    /// False: it already was so.
    changed: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::collections::BTreeSet;

    fn json<T: Serialize>(value: &T) -> Value {
        serde_json::to_value(value).expect("plain data")
    }

    // FM6, FM8, FM9: every tool has a name that clients take, words, all hints, and schemas that say what it takes and answers.
    #[test]
    fn every_tool_is_described_in_full() {
        let mut names = BTreeSet::new();
        for tool in TOOLS.iter() {
            let shown = json(&tool.description);
            let name = tool.name();
            assert!(names.insert(name.to_owned()), "{name} twice");
            let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
            assert!(name.len() <= 64 && name.chars().all(plain), "{name}");
            assert!(shown["description"].as_str().is_some_and(|words| words.len() > 20), "{name}");
            for hint in ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"] {
                assert!(shown["annotations"][hint].is_boolean(), "{name}: {hint}");
            }
            assert_eq!(shown["annotations"]["openWorldHint"], false, "{name}");
            let (input, output) = (&shown["inputSchema"], &shown["outputSchema"]);
            assert_eq!(input["type"], "object", "{name}");
            assert_eq!(input["additionalProperties"], false, "{name}");
            assert_eq!(output["type"], "object", "{name}");
            for (argument, schema) in input["properties"].as_object().expect("properties") {
                assert!(!argument.contains('_'), "{name}: {argument}");
                assert!(schema.is_object(), "{name}: {argument}");
            }
        }
    }

    #[test]
    fn every_reference_of_a_schema_leads_somewhere() {
        fn references(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(members) => {
                    found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
                    members.values().for_each(|value| references(value, found));
                }
                Value::Array(items) => items.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        for tool in TOOLS.iter() {
            let shown = json(&tool.description);
            for schema in ["inputSchema", "outputSchema"] {
                let mut found = Vec::new();
                references(&shown[schema], &mut found);
                for reference in found {
                    let to = reference.strip_prefix('#').and_then(|path| shown[schema].pointer(path));
                    assert!(to.is_some(), "{}: {schema}: {reference}", tool.name());
                }
            }
        }
    }

    // FM10
    #[test]
    fn what_destroys_can_be_tried_first() {
        for tool in TOOLS.iter() {
            let shown = json(&tool.description);
            if shown["annotations"]["destructiveHint"] == true {
                assert!(tool.rehearses, "{}", tool.name());
            }
            // A broadcast counts whom it would reach, and has done so before there were rehearsals.
            let can_be_tried = tool.rehearses || tool.name() == "broadcastSystemNotification";
            assert_eq!(
                shown["inputSchema"]["properties"]["dryRun"].is_object(),
                can_be_tried,
                "{}",
                tool.name()
            );
        }
    }
}
