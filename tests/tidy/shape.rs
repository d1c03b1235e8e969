//! The shape of files and folders.

use std::collections::BTreeSet;

use crate::tree::{File, Offence, Tree};

/// A file past this is two files.
const MAX_LINES: usize = 500;

/// No source file is longer than 500 lines.
pub fn files_are_short(tree: &Tree) -> Vec<Offence> {
    let sources =
        tree.files.iter().filter(|file| file.has_extension(&["rs", "js", "mjs", "ts", "vue", "css"]));
    sources
        .filter_map(|file| {
            let lines = file.text.lines().count();
            let problem = format!("has {lines} lines, more than {MAX_LINES}: split it by concept");
            (lines > MAX_LINES).then(|| Offence::new(&file.path, MAX_LINES + 1, problem))
        })
        .collect()
}

/// Every Rust file begins by saying what it is for.
pub fn files_have_a_header(tree: &Tree) -> Vec<Offence> {
    let silent = |file: &&File| !file.text.starts_with("//! ");
    tree.rust().filter(silent).map(|file| Offence::new(&file.path, 1, "does not begin with `//! `")).collect()
}

const MIGRATIONS: [&str; 2] = ["migrations/sqlite/", "migrations/postgres/"];

/// Every migration is there for both databases, under the same name.
pub fn migrations_are_paired(tree: &Tree) -> Vec<Offence> {
    let names = MIGRATIONS.map(|folder| {
        tree.under(folder).map(|file| file.path[folder.len()..].to_owned()).collect::<BTreeSet<_>>()
    });
    if names.iter().all(BTreeSet::is_empty) {
        return vec![Offence::new("migrations", 0, "there is no migration: where are they?")];
    }
    let missing = |from: usize, to: usize| {
        names[from].difference(&names[to]).map(move |name| {
            let problem = format!("has no {name}, which {} has", MIGRATIONS[from]);
            Offence::new(MIGRATIONS[to], 0, problem)
        })
    };
    missing(0, 1).chain(missing(1, 0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_seen() {
        let long = "x\n".repeat(501);
        let tree =
            Tree::of(&[("src/a.rs", &long), ("docs/a.md", &long), ("src/page/a.js", &"x\n".repeat(500))]);
        assert_eq!(files_are_short(&tree).len(), 1);
    }

    #[test]
    fn a_file_without_a_header_is_seen() {
        let tree = Tree::of(&[("src/a.rs", "use x;"), ("src/b.rs", "//! Says it."), ("src/c.rs", "")]);
        assert_eq!(files_have_a_header(&tree).len(), 2);
    }

    #[test]
    fn a_migration_for_one_database_is_seen() {
        let tree = Tree::of(&[
            ("migrations/sqlite/0001_core.sql", ""),
            ("migrations/postgres/0001_core.sql", ""),
            ("migrations/sqlite/0002_more.sql", ""),
            ("migrations/postgres/0002_mores.sql", ""),
        ]);
        let paths: Vec<_> = migrations_are_paired(&tree).into_iter().map(|offence| offence.path).collect();
        assert_eq!(paths, ["migrations/postgres/", "migrations/sqlite/"]);
        assert_eq!(migrations_are_paired(&Tree::of(&[])).len(), 1);
    }
}
