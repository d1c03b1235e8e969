//! Whether a template of titles and summaries can be filled in (FW31); `title.rs` fills it in when an instance starts.
//! `{name}` is the definition's, `{initiator.name}` and `{initiator.department}` the initiator's, `{FIELD}` the form's.
//! There is no way to write a brace; nobody has asked for one.

use super::form::Form;

/// Longest template, in characters: what comes out is cut at as many.
const TEMPLATE_MAX: usize = 200;

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
    use serde_json::json;

    #[test]
    fn a_template_names_what_there_is() {
        // FW31
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
