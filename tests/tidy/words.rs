//! Words that must not stand in the project.
//!
//! The words are put together with `concat!` so that this file does not offend.

use crate::code::{Texts, blank};
use crate::tree::{File, Offence, Tree};

/// No test is switched off: it is mended or removed.
pub fn no_ignored_tests(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for file in tree.rust() {
        find(&file.path, &blank(&file.text, Texts::Blank), &[concat!("#[", "ignore")], &mut offences);
    }
    for file in tree.files.iter().filter(|file| is_script(file)) {
        let words = [
            concat!("test.", "skip"),
            concat!("it.", "skip"),
            concat!("describe.", "skip"),
            concat!("skip", ": true"),
        ];
        find(&file.path, &file.text, &words, &mut offences);
    }
    offences
}

/// The places where a test may wait for time to pass, and why nothing else would do.
const MAY_SLEEP: [(&str, &str); 1] = [(
    "actors/tests/engine/support.rs",
    "looks again, with a deadline, for conditions that no future announces",
)];

/// A test waits for what it needs, not for a time that is too short on one machine and too long on another.
pub fn tests_do_not_sleep(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for file in &tree.files {
        if MAY_SLEEP.iter().any(|(path, _)| *path == file.path) {
            continue;
        }
        let words = [concat!("sleep", "("), concat!("waitFor", "Timeout(")];
        if file.has_extension(&["rs"]) {
            let code = blank(&file.text, Texts::Blank);
            let start = if file.path.contains("tests/") { Some(0) } else { code.find("#[cfg(test)]") };
            let Some(start) = start else { continue };
            let tests = "\n".repeat(code[..start].matches('\n').count()) + &code[start..];
            find(&file.path, &tests, &words, &mut offences);
        } else if is_script(file) && file.path.contains("tests/") {
            find(&file.path, &file.text, &words, &mut offences);
        }
    }
    offences
}

/// What is not done is an issue, not a comment.
pub fn nothing_is_left_to_do(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for file in tree.files.iter().filter(|file| !is_lock(file)) {
        find(
            &file.path,
            &file.text,
            &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")],
            &mut offences,
        );
    }
    offences
}

/// No path of somebody's machine, no host of a package registry: the project is the same everywhere.
pub fn no_machine_is_named(tree: &Tree) -> Vec<Offence> {
    let words = [
        concat!("/ro", "ot/"),
        concat!("/wo", "rk/"),
        concat!("/ho", "me/"),
        concat!("/Us", "ers/"),
        concat!("index.", "crates.io"),
        concat!("static.", "crates.io"),
        concat!("registry.", "npmjs.org"),
        concat!("registry.", "npmmirror"),
        concat!("pypi", ".org"),
        concat!("python", "hosted.org"),
        concat!("deb.", "debian.org"),
    ];
    let mut offences = Vec::new();
    for file in tree.files.iter().filter(|file| file.path != "Cargo.lock") {
        find(&file.path, &file.text, &words, &mut offences);
    }
    offences
}

fn is_script(file: &File) -> bool {
    file.has_extension(&["js", "mjs", "ts", "vue"])
}

/// Lock files hold hashes, and hashes hold any word.
fn is_lock(file: &File) -> bool {
    file.path.ends_with("Cargo.lock") || file.path.ends_with("package-lock.json")
}

/// A word counts where no letter, digit or underscore stands before or after it.
fn find(path: &str, text: &str, words: &[&str], offences: &mut Vec<Offence>) {
    let touches = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    for (number, line) in text.lines().enumerate() {
        for word in words {
            let found = line.match_indices(word).any(|(at, _)| {
                let begins_inside =
                    word.starts_with(char::is_alphanumeric) && touches(line[..at].chars().next_back());
                let goes_on =
                    word.ends_with(char::is_alphanumeric) && touches(line[at + word.len()..].chars().next());
                !begins_inside && !goes_on
            });
            if found {
                offences.push(Offence::new(path, number + 1, format!("holds `{word}`")));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(offences: &[Offence]) -> Vec<(&str, usize)> {
        offences.iter().map(|offence| (offence.path.as_str(), offence.line)).collect()
    }

    #[test]
    fn a_test_that_is_switched_off_is_seen() {
        let tree = Tree::of(&[
            ("src/a.rs", concat!("// #[", "ignore]\n#[test]\n#[", "ignore = \"slow\"]\nfn f() {}")),
            ("tests/browser/a.test.js", concat!("test.", "skip('x')")),
        ]);
        assert_eq!(lines(&no_ignored_tests(&tree)), [("src/a.rs", 3), ("tests/browser/a.test.js", 1)]);
    }

    #[test]
    fn a_test_that_sleeps_is_seen() {
        let sleep = concat!("sle", "ep(x)");
        let tree = Tree::of(&[
            ("src/a.rs", &format!("{sleep}\n#[cfg(test)]\n{sleep}")),
            ("tests/api/a.rs", &format!("// {sleep}\ntokio::time::{sleep}")),
            ("tests/browser/a.js", sleep),
            ("src/page/a.js", sleep),
        ]);
        let expected = [("src/a.rs", 3), ("tests/api/a.rs", 2), ("tests/browser/a.js", 1)];
        assert_eq!(lines(&tests_do_not_sleep(&tree)), expected);
    }

    #[test]
    fn unfinished_work_is_seen() {
        let tree =
            Tree::of(&[("docs/a.md", concat!("x\n- TO", "DO: y")), ("src/a.rs", concat!("// MASTO", "DON"))]);
        assert_eq!(lines(&nothing_is_left_to_do(&tree)), [("docs/a.md", 2)]);
    }

    #[test]
    fn a_machine_is_seen() {
        let tree = Tree::of(&[
            ("Makefile", concat!("x:\n\tcd /ro", "ot/project")),
            ("tests/browser/package-lock.json", concat!("https://registry.", "npmjs.org/x")),
            ("Cargo.lock", concat!("https://index.", "crates.io/")),
        ]);
        let expected = [("Makefile", 2), ("tests/browser/package-lock.json", 1)];
        assert_eq!(lines(&no_machine_is_named(&tree)), expected);
    }
}
