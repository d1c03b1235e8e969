//! Titles and summaries of instances (FW31): a text with names in braces, filled in when an instance starts.
//! `{name}` is the definition's, `{initiator.name}` and `{initiator.department}` the initiator's, `{FIELD}` the form's.
//! What is not there or not filled in leaves nothing. There is no way to write a brace; nobody has asked for one.

use super::form::Form;
use super::variables::Variables;
use serde_json::Value;

/// Longest template, in characters.
const TEMPLATE_MAX: usize = 200;
/// Longest text that comes out, in characters; longer ones are cut. What a list and a notice show in a line or two.
pub const FILLED_MAX: usize = 200;

const OWN: [&str; 3] = ["name", "initiator.name", "initiator.department"];

enum Piece<'t> {
    Text(&'t str),
    Name(&'t str),
}

fn pieces(template: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, later)) = after.split_once('}') else { break };
        found.push(Piece::Text(before));
        found.push(Piece::Name(name));
        rest = later;
    }
    found.push(Piece::Text(rest));
    found
}

/// Fills a template in.
pub fn fill(template: &str, definition: &str, variables: &Variables) -> String {
    let value = |name: &str| match name {
        "name" => definition.to_owned(),
        _ => variables.get(name).map(|value| shown(&value)).unwrap_or_default(),
    };
    let filled: String = pieces(template)
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.to_owned(),
            Piece::Name(name) => value(name),
        })
        .collect();
    let line = filled.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(FILLED_MAX).collect()
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(shown).collect::<Vec<_>>().join(", "),
        Value::Number(number) => number
            .as_f64()
            .filter(|it| it.fract() == 0.0 && it.abs() < 1e15)
            .map_or_else(|| number.to_string(), |whole| format!("{whole:.0}")),
        other => other.to_string(),
    }
}

/// Lists what is wrong with a template.
pub fn faults(template: &str, form: &Form) -> Vec<String> {
    let mut found = Vec::new();
    if template.chars().count() > TEMPLATE_MAX || template.chars().any(char::is_control) {
        found.push(format!("at most {TEMPLATE_MAX} characters and no control characters"));
    }
    for piece in pieces(template) {
        match piece {
            Piece::Name(name) if !OWN.contains(&name) && form.field(name).is_none() => {
                found.push(format!("there is nothing that {{{name}}} stands for"));
            }
            Piece::Text(text) if text.contains(['{', '}']) => {
                found.push("a brace has no partner".to_owned());
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::variables::Initiator;
    use serde_json::json;

    #[test]
    fn names_are_filled_in_and_what_is_missing_leaves_nothing() {
        // FW31
        let initiator = Initiator { name: "爱丽丝 \"A\"".to_owned(), ..Initiator::default() };
        let form = json!({ "days": 3.0, "half": 1.5, "who": ["a", "b"], "why": "two\nlines 🌴" });
        let variables = Variables { form: form.as_object().cloned().unwrap(), initiator };
        let cases = [
            ("{initiator.name}的{name}", "爱丽丝 \"A\"的请假"),
            ("{days} 天, {half}, {who}", "3 天, 1.5, a, b"),
            ("{why} {nothing}!", "two lines 🌴 !"),
            ("{days", "{days"),
            ("", ""),
        ];
        for (template, expected) in cases {
            assert_eq!(fill(template, "请假", &variables), expected, "{template}");
        }
        assert_eq!(fill(&"长".repeat(300), "", &variables).chars().count(), FILLED_MAX);
    }

    #[test]
    fn a_template_names_what_there_is() {
        let form: Form =
            serde_json::from_value(json!({ "fields": [{ "code": "days", "name": "D", "type": "number" }] }))
                .unwrap();
        assert_eq!(
            faults("{name} {initiator.name} {days} {initiator.department}", &form),
            Vec::<String>::new()
        );
        for bad in ["{day}", "{initiator.guid}", "{days", "days}", "a\nb"] {
            assert_eq!(faults(bad, &form).len(), 1, "{bad}");
        }
        assert_eq!(faults(&"x".repeat(201), &form).len(), 1);
    }
}
