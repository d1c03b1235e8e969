//! Titles and summaries of instances, from the templates of their definitions (FW31); `template.rs` says what one may name.

use super::variables::Variables;
use serde_json::Value;

/// Longest title, in characters: one line of a list.
const TITLE_MAX: usize = 200;

/// Fills a template in. What the form does not have leaves nothing.
pub fn fill(template: &str, definition: &str, variables: &Variables) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, behind)) = after.split_once('}') else { break };
        text.push_str(before);
        match name {
            "name" => text.push_str(definition),
            name => text.push_str(&shown(variables.get(name).as_ref())),
        }
        rest = behind;
    }
    text.push_str(rest);
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(TITLE_MAX).collect()
}

fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(list)) => list.iter().map(|one| shown(Some(one))).collect::<Vec<_>>().join(", "),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    // FW31
    #[test]
    fn a_template_shows_the_form_and_who_started() {
        let mut variables = Variables::default();
        variables.initiator.name = "王小明 \"Ming\"".to_owned();
        variables.form.insert("days".to_owned(), json!(2.5));
        variables.form.insert("why".to_owned(), json!("看病😷"));
        let filled = fill("{initiator.name} · {name}：{days}天 {why}{gone} {", "请假申请", &variables);
        assert_eq!(filled, "王小明 \"Ming\" · 请假申请：2.5天 看病😷 {");
        variables.form.insert("why".to_owned(), json!("长\n".repeat(300)));
        assert_eq!(fill("{why}", "", &variables).chars().count(), TITLE_MAX);
    }
}
