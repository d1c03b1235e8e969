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
