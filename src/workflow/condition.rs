//! When a branch is taken (FW17, FW18): comparisons as data, and expressions (`expression.rs`).
//!
//! Invariants: typed and total. Numbers are compared with numbers, texts with texts (ISO dates are texts that sort), lists
//! with what is in them; a field that is missing, null or of another kind does not hold, whatever the comparison, `ne` and
//! `not_in` included. Only an expression that cannot be read is an error.

use super::expression::{self, ExpressionError};
use super::graph::{Comparison, Condition};
use super::variables::Variables;
use serde_json::Value;
use std::cmp::Ordering;

/// Why a condition could not be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// An expression is no expression, or costs too much.
    #[error(transparent)]
    Expression(#[from] ExpressionError),
}

/// Answers whether a condition holds.
///
/// # Errors
/// An expression that is none, or costs too much.
pub fn holds(condition: &Condition, variables: &Variables) -> Result<bool, ConditionError> {
    match condition {
        Condition::All(parts) => {
            for part in parts {
                if !holds(part, variables)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Condition::Any(parts) => {
            for part in parts {
                if holds(part, variables)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Condition::Field { field, op, value } => {
            Ok(variables.get(field).is_some_and(|found| compare(&found, *op, value)))
        }
        Condition::Expression(text) => Ok(expression::holds(text, variables)?),
    }
}

fn compare(found: &Value, op: Comparison, value: &Value) -> bool {
    if found.is_null() {
        return false;
    }
    match op {
        Comparison::Eq => equal(found, value),
        Comparison::Ne => !value.is_null() && !equal(found, value),
        Comparison::Gt => order(found, value) == Some(Ordering::Greater),
        Comparison::Ge => matches!(order(found, value), Some(Ordering::Greater | Ordering::Equal)),
        Comparison::Lt => order(found, value) == Some(Ordering::Less),
        Comparison::Le => matches!(order(found, value), Some(Ordering::Less | Ordering::Equal)),
        Comparison::In => value.as_array().is_some_and(|list| meets(found, list)),
        Comparison::NotIn => value.as_array().is_some_and(|list| !meets(found, list)),
        Comparison::Contains => contains(found, value),
    }
}

/// Numbers are equal by value, `3` and `3.0` too; everything else by content.
fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(_), Value::Number(_)) => order(one, other) == Some(Ordering::Equal),
        _ => one == other,
    }
}

fn order(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => match (one.as_i64(), other.as_i64()) {
            (Some(one), Some(other)) => Some(one.cmp(&other)),
            _ => one.as_f64()?.partial_cmp(&other.as_f64()?),
        },
        (Value::String(one), Value::String(other)) => Some(one.cmp(other)),
        _ => None,
    }
}

/// A value is in the list, or something of a list of values is.
fn meets(found: &Value, list: &[Value]) -> bool {
    match found {
        Value::Array(all) => all.iter().any(|one| list.iter().any(|other| equal(one, other))),
        one => list.iter().any(|other| equal(one, other)),
    }
}

fn contains(found: &Value, value: &Value) -> bool {
    match (found, value) {
        (Value::Array(all), Value::Array(parts)) => {
            parts.iter().all(|part| all.iter().any(|one| equal(one, part)))
        }
        (Value::Array(all), part) => all.iter().any(|one| equal(one, part)),
        (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::variables::Initiator;
    use proptest::prelude::*;
    use serde_json::json;

    fn variables() -> Variables {
        let form = json!({
            "days": 3, "half": 2.5, "kind": "病假 🤒", "start": "2025-09-12", "urgent": true, "none": null,
            "who": ["a", "b"], "empty": [], "counts": [1, 2],
        });
        let initiator = Initiator {
            department: "front".to_owned(),
            roles: vec!["desk".to_owned(), "lead".to_owned()],
            ..Initiator::default()
        };
        Variables { form: form.as_object().cloned().unwrap(), initiator }
    }

    #[test]
    fn comparisons_are_typed_and_what_is_missing_does_not_hold() {
        // FW18
        let cases = [
            ("days", "eq", json!(3), true),
            ("days", "eq", json!(3.0), true),
            ("days", "eq", json!("3"), false),
            ("days", "ne", json!("3"), true),
            ("days", "gt", json!(2.9), true),
            ("days", "gt", json!(3), false),
            ("days", "ge", json!(3), true),
            ("half", "lt", json!(3), true),
            ("half", "le", json!(2.5), true),
            ("days", "gt", json!("2"), false),
            ("days", "in", json!([1, 3]), true),
            ("days", "not_in", json!([1, 2]), true),
            ("days", "in", json!(3), false),
            ("days", "contains", json!(3), false),
            ("kind", "eq", json!("病假 🤒"), true),
            ("kind", "contains", json!("假"), true),
            ("kind", "contains", json!("年"), false),
            ("start", "ge", json!("2025-09-01"), true),
            ("start", "lt", json!("2025-09-12"), false),
            ("urgent", "eq", json!(true), true),
            ("urgent", "gt", json!(false), false),
            ("who", "contains", json!("a"), true),
            ("who", "contains", json!(["b", "a"]), true),
            ("who", "contains", json!(["a", "c"]), false),
            ("who", "in", json!(["b", "x"]), true),
            ("who", "not_in", json!(["x"]), true),
            ("who", "eq", json!(["a", "b"]), true),
            ("who", "gt", json!("a"), false),
            ("counts", "contains", json!(2.0), true),
            ("empty", "not_in", json!(["x"]), true),
            ("initiator.department", "eq", json!("front"), true),
            ("initiator.roles", "contains", json!("lead"), true),
            ("initiator.positions", "contains", json!("lead"), false),
            ("none", "eq", json!(null), false),
            ("none", "ne", json!(1), false),
            ("gone", "ne", json!(1), false),
            ("gone", "not_in", json!([1]), false),
            ("initiator.gone", "eq", json!(""), false),
        ];
        let variables = variables();
        for (field, op, value, expected) in cases {
            let text = json!({ "field": { "field": field, "op": op, "value": value } });
            let condition: Condition = serde_json::from_value(text.clone()).unwrap();
            assert_eq!(holds(&condition, &variables), Ok(expected), "{text}");
        }
    }

    #[test]
    fn all_and_any_stop_where_they_know() {
        let read = |text: serde_json::Value| serde_json::from_value::<Condition>(text).unwrap();
        let (yes, no) = (json!({ "expression": "true" }), json!({ "expression": "false" }));
        let broken = json!({ "expression": "1 +" });
        let variables = variables();
        for (condition, expected) in [
            (json!({ "all": [yes, yes] }), Some(true)),
            (json!({ "all": [no, broken] }), Some(false)),
            (json!({ "any": [yes, broken] }), Some(true)),
            (json!({ "any": [no, { "all": [yes, { "expression": "days == 3" }] }] }), Some(true)),
            (json!({ "any": [no, broken] }), None),
        ] {
            assert_eq!(holds(&read(condition.clone()), &variables).ok(), expected, "{condition}");
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 12, 4, |inner| proptest::collection::vec(inner, 0..4).prop_map(Value::from))
    }

    proptest! {
        #[test]
        fn nothing_panics_and_opposites_exclude_each_other(found in values(), value in values()) {
            let both = |one, other| !(compare(&found, one, &value) && compare(&found, other, &value));
            prop_assert!(both(Comparison::Eq, Comparison::Ne));
            prop_assert!(both(Comparison::Gt, Comparison::Le));
            prop_assert!(both(Comparison::Lt, Comparison::Ge));
            prop_assert!(both(Comparison::In, Comparison::NotIn));
            compare(&found, Comparison::Contains, &value);
        }
    }
}
