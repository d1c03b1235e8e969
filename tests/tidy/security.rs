//! `docs/security.md` names the tests that hold each of its lines: they exist, and no line is without.

use std::collections::BTreeSet;

use crate::code::{Texts, blank};
use crate::tree::{File, Offence, Tree};

const SECURITY: &str = "docs/security.md";

/// The tables with a column of tests.
const TABLES: [&str; 3] = ["Practices", "Classes of attack on socket servers", "Bugs that others had"];

/// Every test in the last column exists; a line without one says why (`no test`).
pub fn tests_exist(tree: &Tree) -> Vec<Offence> {
    let Some(document) = tree.file(SECURITY) else { return vec![Offence::new(SECURITY, 0, "is missing")] };
    let tests: BTreeSet<&str> = tree.rust().flat_map(tests_of).collect();
    let mut offences = Vec::new();
    let mut missing: BTreeSet<&str> = TABLES.into();
    let mut section = "";
    for (number, line) in document.text.lines().enumerate() {
        if let Some(title) = line.strip_prefix("## ") {
            section = title;
        }
        let is_row = TABLES.contains(&section) && line.starts_with("| ");
        let Some((_, last)) = line.trim_end_matches(" |").rsplit_once(" | ").filter(|_| is_row) else {
            continue;
        };
        if last == "Held by" {
            missing.remove(section);
            continue;
        }
        let names: Vec<_> = last.split('`').skip(1).step_by(2).filter(|name| is_a_name(name)).collect();
        if names.is_empty() && !last.contains("no test") {
            offences.push(Offence::new(SECURITY, number + 1, "names no test, and does not say why"));
        }
        for name in names.into_iter().filter(|name| !tests.contains(name)) {
            offences.push(Offence::new(SECURITY, number + 1, format!("`{name}` is no test")));
        }
    }
    offences.extend(
        missing.into_iter().map(|table| Offence::new(SECURITY, 0, format!("has no tests for {table}"))),
    );
    offences
}

/// Functions without arguments, or with what the macros of `tests/support` hand over, in files with tests.
fn tests_of(file: &File) -> impl Iterator<Item = &str> {
    let whole = file.path.contains("tests/")
        || ["/tests.rs", "/properties.rs"].iter().any(|end| file.path.ends_with(end));
    let start = if whole { Some(0) } else { file.text.find("#[cfg(test)]") };
    // Blanked text has its characters at other places, so names are looked up in it and taken from the file.
    let code = start.map(|start| blank(&file.text[start..], Texts::Blank)).unwrap_or_default();
    let named: BTreeSet<String> = code.split("fn ").skip(1).filter_map(name_of_test).collect();
    let names = start.map_or("", |start| &file.text[start..]).split("fn ").skip(1);
    names.filter_map(|rest| rest.split('(').next()).filter(move |name| named.contains(*name))
}

fn name_of_test(after: &str) -> Option<String> {
    let (name, arguments) = after.split_once('(')?;
    let handed = ["", "server: TestServer", "database: TestDatabase"];
    let arguments = arguments.split_once(')')?.0.trim();
    // A property takes what it is told, between lines of its own.
    let takes = handed.contains(&arguments) || arguments.contains(" in ");
    (takes && is_a_name(name)).then(|| name.to_owned())
}

fn is_a_name(text: &str) -> bool {
    text.contains('_') && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    const TESTS: &str = "served! {\n async fn served_test(server: TestServer) {}\n}\n#[test]\nfn plain_test() {}\n\
                         fn no_helper(name: &str) {}\nproptest! { fn a_property(bytes in stream(), n in 1..2) {} }";

    fn document(practice: &str) -> String {
        let rows = TABLES.map(|table| {
            let row = if table == "Practices" { practice } else { "`plain_test`" };
            format!("## {table}\n\n| # | What | Held by |\n|---|---|---|\n| 1 | x `no_word` | {row} |\n")
        });
        rows.concat()
    }

    fn problems(practice: &str) -> Vec<String> {
        let tree = Tree::of(&[(SECURITY, &document(practice)), ("tests/a.rs", TESTS)]);
        tests_exist(&tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_test_that_was_renamed_is_seen() {
        assert_eq!(problems("`served_test`, `plain_test`, `a_property`"), Vec::<String>::new());
        assert_eq!(
            problems("`plain_test`, `renamed_test`"),
            [format!("{SECURITY}:5: `renamed_test` is no test")]
        );
        assert_eq!(problems("`no_helper`"), [format!("{SECURITY}:5: `no_helper` is no test")]);
    }

    #[test]
    fn a_line_without_a_test_is_seen_unless_it_says_why() {
        assert_eq!(problems("nothing").len(), 1);
        assert_eq!(problems("no test: the proxy's affair"), Vec::<String>::new());
    }

    #[test]
    fn a_table_without_the_column_is_seen() {
        let tree = Tree::of(&[(SECURITY, "## Practices\n")]);
        assert_eq!(tests_exist(&tree).len(), 3);
        assert_eq!(tests_exist(&Tree::of(&[])).len(), 1);
    }
}
