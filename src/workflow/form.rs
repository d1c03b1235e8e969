//! The form of a definition: its fields, and whether what somebody filled in is one.
//!
//! Invariants: every field is bounded, so that a filled-in form is at most [`FIELDS_MAX`] × [`TEXT_MAX`] characters; what
//! the form does not know is refused with its name, never dropped. What people a field of the kind `account` names is
//! looked at where it is used.

use crate::refusal::Refusal;
use crate::text::{check_code, check_name};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Fields of a form at most: more is not filled in by anybody.
pub const FIELDS_MAX: usize = 100;
/// Longest text of a field, in characters.
pub const TEXT_MAX: usize = 5_000;
/// Entries of a list at most.
pub const LIST_MAX: usize = 200;
/// Options of a choice at most.
pub const OPTIONS_MAX: usize = 200;
/// Names that expressions need themselves, or that JavaScript forms trip over.
const RESERVED: [&str; 8] = ["form", "initiator", "true", "false", "null", "in", "has", "__proto__"];

/// A form.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Form {
    /// In their order.
    pub fields: Vec<Field>,
}

/// A field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Field {
    /// A letter, then letters, digits and `_`: up to 64 in all.
    pub code: String,
    /// For people.
    pub name: String,
    /// Must be filled in.
    #[serde(default)]
    pub required: bool,
    /// What it holds.
    #[serde(flatten)]
    pub kind: FieldKind,
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum FieldKind {
    /// A text.
    Text {
        /// Characters at most; 1,000 when absent, 5,000 at most.
        #[serde(default)]
        max_length: Option<usize>,
    },
    /// A number.
    Number {
        /// At least.
        #[serde(default)]
        min: Option<f64>,
        /// At most.
        #[serde(default)]
        max: Option<f64>,
        /// Whole numbers alone.
        #[serde(default)]
        whole: bool,
    },
    /// A day, `2025-09-12`, or an instant, `2025-09-12T09:00:00+08:00`.
    Date,
    /// True or false.
    Bool,
    /// One of a list of texts, or several.
    Choice {
        /// What can be chosen.
        options: Vec<String>,
        /// Several can be: the value is a list.
        #[serde(default)]
        multiple: bool,
    },
    /// A person: account or staff guid, or several.
    Account {
        /// Several can be: the value is a list.
        #[serde(default)]
        multiple: bool,
    },
    /// A list of texts.
    List {
        /// Entries at most; 200 when absent and at most.
        #[serde(default)]
        max_items: Option<usize>,
    },
}

/// Longest text of a field that says nothing else.
const TEXT_USUAL: usize = 1_000;

impl Form {
    /// Finds a field.
    pub fn field(&self, code: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.code == code)
    }
}

/// Checks what somebody filled in.
///
/// # Errors
/// The refusal names the field as `form.CODE`.
pub fn check(form: &Form, data: &Value) -> Result<(), Refusal> {
    let Some(given) = data.as_object() else {
        return Err(Refusal::invalid("form", "invalid", "an object of the form's fields"));
    };
    if let Some(unknown) = given.keys().find(|code| form.field(code).is_none()) {
        let shown: String = unknown.chars().take(64).collect();
        return Err(Refusal::invalid(format!("form.{shown}"), "unknown_field", "the form has no such field"));
    }
    form.fields.iter().try_for_each(|field| check_field(field, given))
}

fn check_field(field: &Field, given: &Map<String, Value>) -> Result<(), Refusal> {
    let wrong = |detail: &str| Err(Refusal::invalid(format!("form.{}", field.code), "invalid", detail));
    let value = given.get(&field.code).unwrap_or(&Value::Null);
    if is_blank(value) {
        return if field.required {
            Err(Refusal::invalid(format!("form.{}", field.code), "required", "must be filled in"))
        } else {
            Ok(())
        };
    }
    match field.kind.fault(value) {
        None => Ok(()),
        Some(detail) => wrong(&detail),
    }
}

/// Nothing was filled in.
fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

impl FieldKind {
    /// Answers what is wrong with a value.
    fn fault(&self, value: &Value) -> Option<String> {
        match self {
            Self::Text { max_length } => text_fault(value, max_length.unwrap_or(TEXT_USUAL).min(TEXT_MAX)),
            Self::Number { min, max, whole } => number_fault(value, *min, *max, *whole),
            Self::Date => {
                let known = value.as_str().is_some_and(is_date);
                (!known).then(|| "a day like 2025-09-12 or a time like 2025-09-12T09:00:00+08:00".to_owned())
            }
            Self::Bool => (!value.is_boolean()).then(|| "true or false".to_owned()),
            Self::Choice { options, multiple } => {
                let known =
                    |one: &Value| one.as_str().is_some_and(|one| options.iter().any(|option| option == one));
                several_fault(value, *multiple, options.len(), known, "one of the options")
            }
            Self::Account { multiple } => {
                let guid = |one: &Value| {
                    one.as_str().is_some_and(|one| crate::hr::resolve::parse_guid("", one).is_ok())
                };
                several_fault(value, *multiple, LIST_MAX, guid, "a guid of an account or of staff")
            }
            Self::List { max_items } => {
                let most = max_items.unwrap_or(LIST_MAX).min(LIST_MAX);
                let Some(list) = value.as_array() else { return Some("a list of texts".to_owned()) };
                if list.len() > most {
                    return Some(format!("at most {most} entries"));
                }
                list.iter().find_map(|one| text_fault(one, TEXT_USUAL))
            }
        }
    }
}

fn text_fault(value: &Value, most: usize) -> Option<String> {
    let Some(text) = value.as_str() else { return Some("a text".to_owned()) };
    if text.chars().count() > most {
        return Some(format!("at most {most} characters"));
    }
    let forbidden = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t');
    text.chars().any(forbidden).then(|| "no control characters but line ends and tabs".to_owned())
}

fn number_fault(value: &Value, min: Option<f64>, max: Option<f64>, whole: bool) -> Option<String> {
    let Some(number) = value.as_f64() else { return Some("a number".to_owned()) };
    if whole && number.fract() != 0.0 {
        return Some("a whole number".to_owned());
    }
    if let Some(min) = min.filter(|min| number < *min) {
        return Some(format!("at least {min}"));
    }
    max.filter(|max| number > *max).map(|max| format!("at most {max}"))
}

fn several_fault(
    value: &Value,
    multiple: bool,
    most: usize,
    known: impl Fn(&Value) -> bool,
    what: &str,
) -> Option<String> {
    match value.as_array() {
        Some(_) if !multiple => Some(what.to_owned()),
        Some(list) if list.len() > most => Some(format!("at most {most} entries")),
        Some(list) => (!list.iter().all(known)).then(|| format!("a list, each {what}")),
        None if multiple => Some(format!("a list, each {what}")),
        None => (!known(value)).then(|| what.to_owned()),
    }
}

fn is_date(text: &str) -> bool {
    text.parse::<jiff::civil::Date>().is_ok_and(|_| text.len() == 10)
        || crate::clock::parse_iso(text).is_some()
}

/// Lists what is wrong with a form itself: `(field, detail)`.
pub fn faults(form: &Form) -> Vec<(String, String)> {
    let mut found = Vec::new();
    if form.fields.len() > FIELDS_MAX {
        found.push(("form.fields".to_owned(), format!("at most {FIELDS_MAX} fields")));
    }
    for (place, field) in form.fields.iter().take(FIELDS_MAX).enumerate() {
        let at = format!("form.fields[{place}]");
        if !is_name(&field.code) || RESERVED.contains(&field.code.as_str()) {
            let detail = "a letter, then letters, digits and `_`, up to 64; not a word of expressions";
            found.push((format!("{at}.code"), detail.to_owned()));
        } else if form.fields[..place].iter().any(|other| other.code == field.code) {
            found.push((format!("{at}.code"), format!("there are two fields {}", field.code)));
        }
        if check_name("name", &field.name).is_err() {
            found.push((format!("{at}.name"), "1 to 100 characters".to_owned()));
        }
        if let Some(detail) = field.kind.own_fault() {
            found.push((at, detail));
        }
    }
    found
}

impl FieldKind {
    fn own_fault(&self) -> Option<String> {
        match self {
            Self::Text { max_length: Some(most) } if !(1..=TEXT_MAX).contains(most) => {
                Some(format!("max_length is 1 to {TEXT_MAX}"))
            }
            Self::Number { min: Some(min), max: Some(max), .. } if min > max => {
                Some("min is more than max".to_owned())
            }
            Self::List { max_items: Some(most) } if !(1..=LIST_MAX).contains(most) => {
                Some(format!("max_items is 1 to {LIST_MAX}"))
            }
            Self::Choice { options, .. } => {
                let named = options.iter().all(|option| check_name("options", option).is_ok());
                let once =
                    options.iter().enumerate().all(|(place, option)| !options[..place].contains(option));
                let fits = (1..=OPTIONS_MAX).contains(&options.len()) && named && once;
                (!fits).then(|| format!("1 to {OPTIONS_MAX} different options of 1 to 100 characters"))
            }
            _ => None,
        }
    }
}

fn is_name(code: &str) -> bool {
    check_code(code).is_ok()
        && code.starts_with(|first: char| first.is_ascii_alphabetic())
        && code.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn form() -> Form {
        let fields = json!([
            { "code": "why", "name": "事由", "type": "text", "required": true, "max_length": 10 },
            { "code": "days", "name": "天数", "type": "number", "min": 0.5, "max": 30 },
            { "code": "count", "name": "数", "type": "number", "whole": true },
            { "code": "start", "name": "始", "type": "date" },
            { "code": "urgent", "name": "急", "type": "bool" },
            { "code": "kind", "name": "类", "type": "choice", "options": ["年假", "病假"] },
            { "code": "kinds", "name": "类", "type": "choice", "options": ["a", "b"], "multiple": true },
            { "code": "who", "name": "谁", "type": "account" },
            { "code": "all", "name": "谁", "type": "account", "multiple": true },
            { "code": "list", "name": "列", "type": "list", "max_items": 2 },
        ]);
        serde_json::from_value(json!({ "fields": fields })).unwrap()
    }

    #[test]
    fn what_is_filled_in_is_checked_by_its_field() {
        let guid = "6f1c2a34-0000-4000-8000-00000000abcd";
        let fine = [
            json!({}),
            json!({ "why": "\"引号\" 🌴\n2" }),
            json!({ "days": 0.5, "count": 3.0, "start": "2025-09-12", "urgent": false }),
            json!({ "start": "2025-09-12T09:00:00+08:00", "kind": "年假", "kinds": ["b", "a"] }),
            json!({ "who": guid, "all": [guid], "list": ["x", "y"], "days": null, "kinds": [] }),
        ];
        let with_reason = |data: &Value| {
            let mut data = data.clone();
            data.as_object_mut().unwrap().entry("why").or_insert(json!("x"));
            data
        };
        for data in fine {
            assert!(check(&form(), &with_reason(&data)).is_ok(), "{data}");
        }
        let wrong = [
            ("why", "invalid", json!({ "why": "x".repeat(11) })),
            ("why", "invalid", json!({ "why": "长".repeat(10_000) })),
            ("why", "invalid", json!({ "why": "a\u{0}" })),
            ("why", "invalid", json!({ "why": 7 })),
            ("why", "required", json!({ "why": "  " })),
            ("days", "invalid", json!({ "days": 0.4 })),
            ("days", "invalid", json!({ "days": 31 })),
            ("days", "invalid", json!({ "days": "3" })),
            ("count", "invalid", json!({ "count": 1.5 })),
            ("start", "invalid", json!({ "start": "2025-02-30" })),
            ("start", "invalid", json!({ "start": "tomorrow" })),
            ("urgent", "invalid", json!({ "urgent": "yes" })),
            ("kind", "invalid", json!({ "kind": "事假" })),
            ("kind", "invalid", json!({ "kind": ["年假"] })),
            ("kinds", "invalid", json!({ "kinds": "a" })),
            ("kinds", "invalid", json!({ "kinds": ["a", "c"] })),
            ("who", "invalid", json!({ "who": "alice" })),
            ("all", "invalid", json!({ "all": vec![guid; 201] })),
            ("list", "invalid", json!({ "list": ["a", "b", "c"] })),
            ("list", "invalid", json!({ "list": [1] })),
            ("gone", "unknown_field", json!({ "gone": 1 })),
        ];
        for (field, expected, data) in wrong {
            match check(&form(), &with_reason(&data)) {
                Err(Refusal::Invalid { field: named, code, .. }) => {
                    assert_eq!(
                        (named.as_str(), code),
                        (format!("form.{field}").as_str(), expected),
                        "{data}"
                    );
                }
                other => panic!("{data}: {other:?}"),
            }
        }
        assert!(check(&form(), &json!({})).is_err(), "what is required is missing");
        assert!(check(&form(), &json!([])).is_err());
    }

    #[test]
    fn a_form_itself_can_be_wrong() {
        assert_eq!(faults(&form()), []);
        let of = |field: Value| faults(&serde_json::from_value(json!({ "fields": [field] })).unwrap());
        for bad in [
            json!({ "code": "1a", "name": "x", "type": "bool" }),
            json!({ "code": "a-b", "name": "x", "type": "bool" }),
            json!({ "code": "initiator", "name": "x", "type": "bool" }),
            json!({ "code": "a", "name": "", "type": "bool" }),
            json!({ "code": "a", "name": "x", "type": "choice", "options": [] }),
            json!({ "code": "a", "name": "x", "type": "choice", "options": ["a", "a"] }),
            json!({ "code": "a", "name": "x", "type": "text", "max_length": 5_001 }),
            json!({ "code": "a", "name": "x", "type": "number", "min": 2, "max": 1 }),
            json!({ "code": "a", "name": "x", "type": "list", "max_items": 0 }),
        ] {
            assert_eq!(of(bad.clone()).len(), 1, "{bad}");
        }
        let twice = json!({ "code": "a", "name": "x", "type": "bool" });
        let form: Form = serde_json::from_value(json!({ "fields": [twice, twice] })).unwrap();
        assert_eq!(faults(&form).len(), 1);
        let many = Form { fields: vec![form.fields[0].clone(); FIELDS_MAX + 1] };
        assert!(faults(&many).iter().any(|(at, _)| at == "form.fields"));
        assert!(
            serde_json::from_value::<Field>(json!({ "code": "a", "name": "x", "type": "text", "typ": 1 }))
                .is_err()
        );
    }
}
