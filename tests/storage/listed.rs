//! Every `pub async fn` of every area's store is called by a test in this folder, on both databases.
//!
//! A call counts when it stands in `store_AREA.rs` here (or `store_AREA_*.rs`) as `AREA_store::NAME(`, or as
//! `AREA_store::FILE::NAME(` where the store is a folder: each file imports the store that it tests under that name.
//! Whether the test is any good, this cannot know.

use std::path::Path;

use crate::sql_literals::rust_files;

/// The store functions of the source: `auth_store::account_named`, `hr_store::staff::hold`.
fn store_functions(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for path in rust_files(&root.join("src")) {
        let name = path.strip_prefix(root.join("src")).unwrap().with_extension("");
        let parts: Vec<_> = name.iter().map(|part| part.to_str().unwrap()).collect();
        let module = match parts[..] {
            [area, "store"] | [area, "store", "mod"] => format!("{area}_store"),
            [area, "store", part] => format!("{area}_store::{part}"),
            _ => continue,
        };
        let source = std::fs::read_to_string(&path).unwrap();
        found.extend(functions(&source).map(|function| format!("{module}::{function}")));
    }
    found
}

fn functions(source: &str) -> impl Iterator<Item = &str> {
    source
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("pub async fn ")?.split(['(', '<']).next())
}

/// The code of the tests here, without comments, with one blank for any white space.
fn tests(root: &Path) -> String {
    let files = rust_files(&root.join("tests/storage"));
    let contracts = files.iter().filter(|path| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("store_"))
    });
    let sources = contracts.map(|path| std::fs::read_to_string(path).unwrap());
    let code: String = sources.collect::<Vec<_>>().join("\n");
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join(" ")
}

fn missing<'a>(functions: &'a [String], tests: &str) -> Vec<&'a str> {
    let is_called = |function: &&String| {
        let call = format!("{function}(");
        let starts_a_path =
            |at: usize| !tests[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
        tests.match_indices(&call).any(|(at, _)| starts_a_path(at))
    };
    functions.iter().filter(|function| !is_called(function)).map(String::as_str).collect()
}

#[test]
fn every_store_function_is_called_in_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let functions = store_functions(root);
    assert!(functions.len() > 40, "only {} store functions were found", functions.len());
    let missing = missing(&functions, &tests(root));
    assert!(missing.is_empty(), "\nno test in tests/storage calls\n{}\n", missing.join("\n"));
}

#[test]
fn a_function_that_no_test_calls_is_seen() {
    let source = "pub async fn a(x: u8) {}\n  pub async fn bb<'c>() {}\npub fn no() {}\nasync fn no() {}";
    let functions: Vec<_> = functions(source).map(|name| format!("x_store::{name}")).collect();
    assert_eq!(functions, ["x_store::a", "x_store::bb"]);
    assert_eq!(missing(&functions, "x_store::a(1); y::x_store::bb()"), ["x_store::bb"]);
    assert_eq!(missing(&functions, "x_store::abb(1); x_store::bb()"), ["x_store::a"]);
}
