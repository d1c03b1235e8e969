//! Conditions of branches: fields that there are, values that can be compared with them, expressions that can be read.

use super::Faults;
use crate::workflow::expression::{Expression, FUNCTIONS};
use crate::workflow::form::{Field, FieldKind, Form};
use crate::workflow::graph::{Comparison, Condition};
use crate::workflow::variables::OF_INITIATOR;
use serde_json::Value;

/// Parts of one condition at most.
const PARTS_MAX: usize = 50;
/// Conditions in conditions at most.
const DEPTH_MAX: usize = 8;

/// Checks the condition of a branch.
pub fn check(at: &str, condition: &Condition, form: &Form, faults: &mut Faults) {
    let mut open = vec![(condition, 1)];
    let mut parts = 0;
    while let Some((part, depth)) = open.pop() {
        parts += 1;
        if parts > PARTS_MAX || depth > DEPTH_MAX {
            let detail = format!("at most {PARTS_MAX} parts, {DEPTH_MAX} in each other");
            faults.add(at, "condition", detail);
            return;
        }
        match part {
            Condition::All(inner) | Condition::Any(inner) => {
                if inner.is_empty() {
                    faults.add(at, "condition", "there is nothing in it");
                }
                open.extend(inner.iter().map(|one| (one, depth + 1)));
            }
            Condition::Field { field, op, value } => comparison(at, field, *op, value, form, faults),
            Condition::Expression(text) => expression(at, text, form, faults),
        }
    }
}

/// Checks an expression, of a condition or of an assignee rule.
pub fn expression(at: &str, text: &str, form: &Form, faults: &mut Faults) {
    let read = match Expression::read(text) {
        Ok(read) => read,
        Err(error) => return faults.add(at, "expression", error.to_string()),
    };
    for name in read.names() {
        let field = name.strip_prefix("form.").unwrap_or(&name);
        let of_form = name == "form" || form.field(field.split('.').next().unwrap_or(field)).is_some();
        if !of_form && name != "initiator" && !OF_INITIATOR.contains(&name.as_str()) {
            faults.add(at, "unknown_field", format!("there is no {name}"));
        }
    }
    for name in read.functions() {
        if !FUNCTIONS.contains(&name.as_str()) {
            faults.add(at, "expression", format!("there is no function {name}"));
        }
    }
}

fn comparison(at: &str, name: &str, op: Comparison, value: &Value, form: &Form, faults: &mut Faults) {
    let wrong = match form.field(name) {
        Some(field) => of_field(field, op, value),
        None if OF_INITIATOR.contains(&name) => {
            let many = !matches!(name, "initiator.guid" | "initiator.name" | "initiator.department");
            mismatch(op, value, many, Value::is_string, "a text")
        }
        None => return faults.add(at, "unknown_field", format!("the form has no field {name}")),
    };
    if let Some(detail) = wrong {
        faults.add(at, "condition", format!("{name}: {detail}"));
    }
}

fn of_field(field: &Field, op: Comparison, value: &Value) -> Option<String> {
    match &field.kind {
        FieldKind::Number { .. } => {
            if op == Comparison::Contains {
                return Some("a number contains nothing".to_owned());
            }
            mismatch(op, value, false, Value::is_number, "a number")
        }
        FieldKind::Bool => {
            if !matches!(op, Comparison::Eq | Comparison::Ne) {
                return Some("true and false are equal or not, nothing else".to_owned());
            }
            mismatch(op, value, false, Value::is_boolean, "true or false")
        }
        FieldKind::Choice { options, multiple } => {
            let option =
                |one: &Value| one.as_str().is_some_and(|one| options.iter().any(|option| option == one));
            mismatch(op, value, *multiple, option, "one of the options")
        }
        FieldKind::Text { .. } | FieldKind::Date => mismatch(op, value, false, Value::is_string, "a text"),
        FieldKind::Account { multiple } => mismatch(op, value, *multiple, Value::is_string, "a guid"),
        FieldKind::List { .. } => mismatch(op, value, true, Value::is_string, "a text"),
    }
}

/// Answers what does not fit between a field that holds one or `many`, a comparison and a value.
fn mismatch(
    op: Comparison,
    value: &Value,
    many: bool,
    fits: impl Fn(&Value) -> bool,
    what: &str,
) -> Option<String> {
    let list = |list: &Vec<Value>| !list.is_empty() && list.iter().all(&fits);
    let fine = match op {
        Comparison::In | Comparison::NotIn => value.as_array().is_some_and(list),
        Comparison::Gt | Comparison::Ge | Comparison::Lt | Comparison::Le if many => {
            return Some("a list is neither more nor less".to_owned());
        }
        Comparison::Eq | Comparison::Ne if many => value.as_array().is_some_and(list),
        Comparison::Contains if many => fits(value) || value.as_array().is_some_and(list),
        _ => fits(value),
    };
    let lists = matches!(op, Comparison::In | Comparison::NotIn)
        || (many && matches!(op, Comparison::Eq | Comparison::Ne));
    match (fine, lists) {
        (true, _) => None,
        (false, true) => Some(format!("the value must be a list, each {what}")),
        (false, false) => Some(format!("the value must be {what}")),
    }
}
