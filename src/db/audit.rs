//! One line of the audit log (S1-46): what was done, on what, through which permission, with which result.
//! It says how a line is written, not when: a unit of work holds its newest line back until the commit.

use super::{Author, Conn, DbError};
use crate::sql_exec;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sqlx::types::Json;

/// A line that is not written yet.
#[derive(Debug)]
pub(crate) struct Line {
    /// UTC milliseconds.
    pub at: i64,
    /// Action, resource, resource id, permission code, result, address, request id, client: as the table has them.
    pub texts: [String; 8],
    /// What was before and what is now, as far as they differ.
    pub diff: Option<Value>,
}

impl Line {
    /// Makes a line; `what` is action, resource, resource id, permission code and result.
    pub fn new(at: i64, author: &Author, what: [&str; 5]) -> Self {
        let [action, resource, id, permission, result] = what.map(str::to_owned);
        let (ip, request, client) = (author.ip.clone(), author.request_id.clone(), author.client.clone());
        Self { at, texts: [action, resource, id, permission, result, ip, request, client], diff: None }
    }

    /// Adds what was before and what is now (FC5).
    #[must_use]
    pub fn with(self, diff: Option<Value>) -> Self {
        Self { diff, ..self }
    }

    /// Answers the texts with the diff as the last of them.
    pub fn texts_and_diff(&self) -> Vec<Option<String>> {
        let diff = self.diff.as_ref().map(Value::to_string);
        self.texts.iter().cloned().map(Some).chain([diff]).collect()
    }

    /// Writes the line.
    pub async fn write(&self, conn: &mut Conn, author: &Author) -> Result<(), DbError> {
        let [action, resource, id, permission, result, ip, request, client] = &self.texts;
        sql_exec!(
            conn,
            "INSERT INTO sys_audit_log (at, actor_id, company_id, action, resource, resource_id, permission_code, result,
                ip, request_id, client, diff)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            self.at,
            author.account.0,
            author.company.0,
            action,
            resource,
            id,
            permission,
            result,
            ip,
            request,
            client,
            self.diff.as_ref().map(Json)
        )?;
        Ok(())
    }
}

/// Writes one line at once.
pub(crate) async fn write_audit(
    conn: &mut Conn,
    now: i64,
    author: &Author,
    what: [&str; 5],
) -> Result<(), DbError> {
    Line::new(now, author, what).write(conn, author).await
}

/// Longest text of a value in a diff, in characters. 500: a name, a reason or a list of codes is shorter; the row stays
/// below a database page.
const VALUE_MAX: usize = 500;

/// Answers `{"before": {…}, "after": {…}}` with the fields in which two states differ; a state that is missing is null, and
/// then the other is shown whole. `None`: there is no difference.
pub(crate) fn difference<B: Serialize, A: Serialize>(before: Option<&B>, after: Option<&A>) -> Option<Value> {
    let (before, after) = (fields(before), fields(after));
    let differs = |own: &Option<Map<String, Value>>, other: &Option<Map<String, Value>>| {
        own.as_ref().map(|own| {
            let differing = own.iter().filter(|(name, value)| {
                // Without the other state everything differs but what is empty.
                other.as_ref().map_or(!value.is_null(), |other| other.get(*name) != Some(*value))
            });
            differing.map(|(name, value)| (name.clone(), shortened(value))).collect::<Map<_, _>>()
        })
    };
    let (old, new) = (differs(&before, &after), differs(&after, &before));
    let is_empty = |side: &Option<Map<String, Value>>| side.as_ref().is_none_or(Map::is_empty);
    (!is_empty(&old) || !is_empty(&new)).then(|| json!({ "before": old, "after": new }))
}

fn fields<T: Serialize>(state: Option<&T>) -> Option<Map<String, Value>> {
    match serde_json::to_value(state) {
        Ok(Value::Object(fields)) => Some(fields),
        _ => None,
    }
}

fn shortened(value: &Value) -> Value {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(_) | Value::Object(_) => value.to_string(),
        short => return short.clone(),
    };
    if text.chars().count() <= VALUE_MAX {
        return value.clone();
    }
    Value::String(text.chars().take(VALUE_MAX).chain("…".chars()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_has_what_differs_on_both_sides() {
        let (before, after) = (json!({ "name": "前台", "sort": 1 }), json!({ "name": "前厅", "sort": 1 }));
        let expected = json!({ "before": { "name": "前台" }, "after": { "name": "前厅" } });
        assert_eq!(difference(Some(&before), Some(&after)), Some(expected));
        assert_eq!(difference(Some(&before), Some(&before)), None);
    }

    #[test]
    fn what_is_new_or_gone_is_shown_whole() {
        let state = json!({ "name": "前台", "leader": null });
        let whole = json!({ "before": null, "after": { "name": "前台" } });
        assert_eq!(difference(None::<&()>, Some(&state)), Some(whole));
        let whole = json!({ "before": { "name": "前台" }, "after": null });
        assert_eq!(difference(Some(&state), None::<&()>), Some(whole));
    }

    #[test]
    fn a_long_value_is_cut() {
        let diff = difference(None::<&()>, Some(&json!({ "x": "长".repeat(600) }))).expect("a difference");
        assert_eq!(diff["after"]["x"].as_str().map(|text| text.chars().count()), Some(501));
    }
}
