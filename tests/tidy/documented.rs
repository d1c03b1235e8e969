//! What a user can meet is written down, and what is written down exists: settings in `config/base.toml`, codes in `docs/protocol.md`.

use std::collections::BTreeMap;

use livegrant::settings::Settings;

use crate::code::{Texts, blank, without_tests};
use crate::tree::{Offence, Tree};

const BASE: &str = "config/base.toml";
const CLOSE_CODES: &str = "actors/src/protocol/close.rs";
const PROTOCOL: &str = "docs/protocol.md";

/// Every setting stands in `config/base.toml`, below a comment that explains it.
pub fn settings(tree: &Tree) -> Vec<Offence> {
    let Some(base) = tree.file(BASE) else { return vec![Offence::new(BASE, 0, "is missing")] };
    let mut explained = BTreeMap::new();
    let (mut section, mut above) = ("", "");
    for line in base.text.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if let Some((key, _)) = line.split_once(" = ")
            && !line.starts_with('#')
        {
            explained.insert(format!("{section}.{key}"), above.starts_with("# "));
        }
        above = line;
    }
    let mut offences = Vec::new();
    for key in keys_of(&serde_json::to_value(Settings::default()).expect("settings are plain data")) {
        match explained.get(&key) {
            None => offences.push(Offence::new(BASE, 0, format!("does not hold {key}"))),
            Some(false) => offences.push(Offence::new(BASE, 0, format!("has no comment above {key}"))),
            Some(true) => {}
        }
    }
    offences
}

/// Where settings are named by their variables.
const DEPLOYMENT: [&str; 5] = ["deploy/", "docs/", "scripts/", "config/", "README.md"];

/// Every `LIVEGRANT__SECTION__KEY` that a deployment sets or a text names is a setting.
pub fn variables(tree: &Tree) -> Vec<Offence> {
    let known = keys_of(&serde_json::to_value(Settings::default()).expect("settings are plain data"));
    let mut offences = Vec::new();
    for file in DEPLOYMENT.iter().flat_map(|folder| tree.under(folder)) {
        for (number, line) in file.text.lines().enumerate() {
            for rest in line.split("LIVEGRANT__").skip(1) {
                let end = rest.find(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
                let name = &rest[..end.unwrap_or(rest.len())];
                // `LIVEGRANT__…` and `LIVEGRANT__SECTION__KEY` speak of all settings.
                let key = name.to_lowercase().replacen("__", ".", 1);
                if !name.is_empty() && name != "SECTION__KEY" && !known.contains(&key) {
                    let problem = format!("LIVEGRANT__{name}: there is no setting {key}");
                    offences.push(Offence::new(&file.path, number + 1, problem));
                }
            }
        }
    }
    offences
}

fn keys_of(settings: &serde_json::Value) -> Vec<String> {
    let sections = settings.as_object().expect("settings are sections");
    let keys = sections.iter().flat_map(|(section, keys)| {
        let keys = keys.as_object().expect("a section is keys");
        keys.keys().map(move |key| format!("{section}.{key}"))
    });
    keys.collect()
}

/// Every close code of the engine's table (`Reason => 4001`) stands in the protocol's documentation.
pub fn close_codes(tree: &Tree) -> Vec<Offence> {
    let Some(table) = tree.file(CLOSE_CODES) else { return vec![Offence::new(CLOSE_CODES, 0, "is missing")] };
    let code = blank(without_tests(&table.text), Texts::Blank);
    let mut codes = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let Some((_, given)) = line.split_once("=>") else { continue };
        let given = given.trim().trim_end_matches(',');
        if given.parse::<u16>().is_ok() {
            codes.push((CLOSE_CODES, number + 1, given.to_owned()));
        }
    }
    if codes.is_empty() {
        return vec![Offence::new(CLOSE_CODES, 0, "holds no close code: where is the table?")];
    }
    missing_from_protocol(tree, &codes)
}

/// Every error code that a use case or `web/problem.rs` can answer with stands in the protocol's documentation.
///
/// Codes are found where `Refusal` is made (`code: "x"`, `conflict("x", ..)`, `invalid(field, "x", ..)`) and, in
/// `web/problem.rs`, behind `=>`, `code:` and `StatusCode::NAME,`.
pub fn error_codes(tree: &Tree) -> Vec<Offence> {
    let mut codes = Vec::new();
    for file in tree.under("src/").filter(|file| file.has_extension(&["rs"])) {
        let code = blank(without_tests(&file.text), Texts::Keep);
        let is_problem = file.path == "src/web/problem.rs";
        if !is_problem && !code.contains("Refusal") {
            continue;
        }
        for (at, text) in texts(&code) {
            let before = code[..at].trim_end();
            let refusal = statement_before(before).contains("Refusal::")
                || (file.path == "src/refusal.rs" && statement_before(before).contains("Self::"));
            let made = refusal
                && (before.ends_with("code:")
                    || before.ends_with("conflict(")
                    || is_second_of_invalid(before));
            let answered = is_problem
                && (before.ends_with("=>") || before.ends_with("code:") || follows_a_status(before));
            if (made || answered) && looks_like_a_code(text) {
                let line = code[..at].matches('\n').count() + 1;
                codes.push((file.path.as_str(), line, text.to_owned()));
            }
        }
    }
    if codes.is_empty() {
        return vec![Offence::new("src/web/problem.rs", 0, "no error code was found: where are they?")];
    }
    missing_from_protocol(tree, &codes)
}

fn missing_from_protocol(tree: &Tree, codes: &[(&str, usize, String)]) -> Vec<Offence> {
    let documented = tree.file(PROTOCOL).map_or("", |file| file.text.as_str());
    let is_documented = |code: &str| documented.contains(&format!("`{code}`"));
    let mut missing = BTreeMap::new();
    for (path, line, code) in codes.iter().filter(|(_, _, code)| !is_documented(code)) {
        missing
            .entry(code)
            .or_insert_with(|| Offence::new(path, *line, format!("`{code}` is not in {PROTOCOL}")));
    }
    missing.into_values().collect()
}

/// The texts of a file with the places where they begin.
fn texts(code: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut rest = 0;
    while let Some(open) = code[rest..].find('"').map(|at| rest + at) {
        let bytes = code.as_bytes();
        let mut close = open + 1;
        while close < bytes.len() && bytes[close] != b'"' {
            close += if bytes[close] == b'\\' { 2 } else { 1 };
        }
        let Some(text) = code.get(open + 1..close) else { break };
        found.push((open, text));
        rest = close + 1;
    }
    found
}

/// What stands between the last `;`, `=>` or end of a block and the end of `before`.
fn statement_before(before: &str) -> &str {
    let start = before.rfind([';']).map_or(0, |at| at + 1);
    let arm = before.rfind("=>").map_or(0, |at| at + 2);
    &before[start.max(arm)..]
}

fn is_second_of_invalid(before: &str) -> bool {
    let Some(call) = before.rfind("invalid(") else { return false };
    let arguments = &before[call + "invalid(".len()..];
    arguments.ends_with(',') && arguments.matches(',').count() == 1
}

fn follows_a_status(before: &str) -> bool {
    let Some(status) = before.rfind("StatusCode::") else { return false };
    let after = &before[status + "StatusCode::".len()..];
    after.strip_suffix(',').is_some_and(|name| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
}

fn looks_like_a_code(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(offences: &[Offence]) -> Vec<String> {
        offences.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_setting_that_nobody_explained_is_seen() {
        let real = include_str!("../../config/base.toml");
        let broken =
            real.replace("workers = 0", "worker = 0").replace("# Port to listen on", "#Port to listen on");
        let offences = problems(&settings(&Tree::of(&[(BASE, &broken)])));
        let expected = [
            "config/base.toml:1: has no comment above server.port",
            "config/base.toml:1: does not hold server.workers",
        ];
        assert_eq!(offences, expected);
    }

    #[test]
    fn a_variable_that_is_no_setting_is_seen() {
        let text = "LIVEGRANT__SERVER__PORT=1 LIVEGRANT__SERVER__PROT: 2\nLIVEGRANT__SECTION__KEY, LIVEGRANT__…\n${LIVEGRANT__DATABASE__URL:-x}LIVEGRANT__NOTHING";
        let offences = variables(&Tree::of(&[("deploy/a.yaml", text), ("src/a.rs", "LIVEGRANT__X__Y")]));
        let expected = [
            "deploy/a.yaml:1: LIVEGRANT__SERVER__PROT: there is no setting server.prot",
            "deploy/a.yaml:3: LIVEGRANT__NOTHING: there is no setting nothing",
        ];
        assert_eq!(problems(&offences), expected);
    }

    #[test]
    fn a_close_code_without_documentation_is_seen() {
        let tree = Tree::of(&[
            (
                CLOSE_CODES,
                "/// 4000–4499 reconnect\nSelf::A => 4001,\nSelf::B => 4002, // x\n(4000..4500)\n#[cfg(test)]\n4999",
            ),
            (PROTOCOL, "| `4001` | expired |"),
        ]);
        assert_eq!(
            problems(&close_codes(&tree)),
            ["actors/src/protocol/close.rs:3: `4002` is not in docs/protocol.md"]
        );
        assert_eq!(close_codes(&Tree::of(&[])).len(), 1);
    }

    #[test]
    fn an_error_code_without_documentation_is_seen() {
        let tree = Tree::of(&[
            (
                "src/hr/hire.rs",
                "return Err(Refusal::conflict(\"a_conflict\", \"words\"));\nRefusal::invalid(\"field\", \"a_value\", \"words\");",
            ),
            (
                "src/auth/login.rs",
                "Err(Refusal::Unauthenticated {\n code: \"a_refusal\", detail: \"x\".into() });\nRole { code: \"desk\" };",
            ),
            ("src/refusal.rs", "enum Refusal {}\nSelf::Unavailable { code: \"an_outage\", detail }"),
            (
                "src/web/problem.rs",
                "Refusal::Denied { .. } => (StatusCode::FORBIDDEN, \"NoPermissionError\"),\nRefusal::Again => \"known\",",
            ),
            (PROTOCOL, "`known`"),
        ]);
        let expected = [
            "src/web/problem.rs:1: `NoPermissionError` is not in docs/protocol.md",
            "src/hr/hire.rs:1: `a_conflict` is not in docs/protocol.md",
            "src/auth/login.rs:2: `a_refusal` is not in docs/protocol.md",
            "src/hr/hire.rs:2: `a_value` is not in docs/protocol.md",
            "src/refusal.rs:2: `an_outage` is not in docs/protocol.md",
        ];
        assert_eq!(problems(&error_codes(&tree)), expected);
    }
}
