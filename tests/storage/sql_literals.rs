//! Finds the SQL in the source: the literal of every `sql_*!(` macro and of every `sqlx::query*(` call, with its place.
//!
//! It reads Rust no further than it needs: comment lines are blank, a statement is the first text of its call. A call
//! without a text is an offence, because nobody could check it; only the macros' own definitions may have one.

use std::path::{Path, PathBuf};

/// Where a statement runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Where {
    Both,
    SqliteOnly,
    PostgresOnly,
}

/// One statement in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// `src/auth/store.rs:20`
    pub place: String,
    pub sql: String,
    pub runs: Where,
}

/// The files whose statements are in the arms of a `match` over the two databases.
const TWO_DIALECTS: [&str; 5] = [
    "src/db/fence.rs",
    "src/db/bulk.rs",
    "src/db/bulk_inbox.rs",
    "src/db/bulk_moves.rs",
    "src/db/bulk_mail.rs",
];
/// The file whose statements only PostgreSQL is ever sent.
const POSTGRES: &str = "src/db/postgres.rs";
/// The file that defines the macros: its `sqlx::query` calls hand over what a macro was given.
const MACROS: &str = "src/db/conn.rs";
/// The file that puts the statements of lists together: `listing.rs` here asks each list for everything.
const LISTS: &str = "src/db/listing.rs";

/// Finds the statements of all files under a folder.
pub fn of_folder(root: &Path, folder: &str) -> Result<Vec<Statement>, String> {
    let mut found = Vec::new();
    for path in rust_files(&root.join(folder)) {
        let name = path.strip_prefix(root).expect("it lies under the root").display().to_string();
        let source = std::fs::read_to_string(&path).map_err(|error| format!("{name}: {error}"))?;
        found.extend(of_file(&name, &source)?);
    }
    Ok(found)
}

/// Walks a folder for its Rust files, in order.
pub fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut entries: Vec<_> =
        std::fs::read_dir(folder).expect("the folder is there").map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// Finds the statements of one file.
pub fn of_file(name: &str, source: &str) -> Result<Vec<Statement>, String> {
    let code = without_comments(source);
    let mut found = Vec::new();
    for (at, _) in code.match_indices('(') {
        if !runs_sql(&code[..at]) {
            continue;
        }
        let place = format!("{name}:{}", code[..at].matches('\n').count() + 1);
        match first_text(call(&code[at..])) {
            Some(sql) => found.push(Statement { place, sql, runs: database_of(name, &code[..at]) }),
            None if name == MACROS || name == LISTS => {}
            None => return Err(format!("{place}: SQL that is not a literal cannot be checked")),
        }
    }
    Ok(found)
}

/// Answers whether the code ends with the name of a macro or function that takes SQL.
fn runs_sql(before: &str) -> bool {
    // `query_as::<_, Row>(`: the types stand between the name and the parenthesis.
    let name = match before.strip_suffix('>').and_then(|_| before.rfind("::<")) {
        Some(types) if !before[types..].contains(';') => &before[..types],
        _ => before,
    };
    let word = name.rsplit(|c: char| !(c.is_alphanumeric() || "_:!".contains(c))).next().unwrap_or("");
    let is_macro =
        word.ends_with('!') && word.rsplit("::").next().is_some_and(|word| word.starts_with("sql_"));
    let function = word.strip_prefix("sqlx::").unwrap_or("");
    is_macro || function.starts_with("query") || function == "raw_sql"
}

/// The arguments of a call, up to its closing parenthesis.
fn call(from_parenthesis: &str) -> &str {
    let (mut depth, mut in_text, mut escaped) = (0, false, false);
    for (at, c) in from_parenthesis.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_text => escaped = true,
            '"' => in_text = !in_text,
            '(' if !in_text => depth += 1,
            ')' if !in_text => {
                depth -= 1;
                if depth == 0 {
                    return &from_parenthesis[..at];
                }
            }
            _ => {}
        }
    }
    from_parenthesis
}

/// The first text literal, as Rust reads it.
fn first_text(code: &str) -> Option<String> {
    let mut chars = code[code.find('"')? + 1..].chars().peekable();
    let mut text = String::new();
    while let Some(c) = chars.next() {
        match c {
            '"' => return Some(text),
            '\\' => match chars.next()? {
                '\n' => while chars.next_if(|c| c.is_whitespace()).is_some() {},
                'n' => text.push('\n'),
                other => text.push(other),
            },
            other => text.push(other),
        }
    }
    None
}

fn database_of(name: &str, before: &str) -> Where {
    if name == POSTGRES {
        return Where::PostgresOnly;
    }
    if !TWO_DIALECTS.contains(&name) {
        return Where::Both;
    }
    match (before.rfind("Raw::Sqlite("), before.rfind("Raw::Pg(")) {
        (Some(sqlite), Some(postgres)) if sqlite > postgres => Where::SqliteOnly,
        (Some(_), None) => Where::SqliteOnly,
        (_, Some(_)) => Where::PostgresOnly,
        (None, None) => Where::Both,
    }
}

fn without_comments(source: &str) -> String {
    source
        .lines()
        .map(|line| if line.trim_start().starts_with("//") { "" } else { line })
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn statements_are_found_with_their_places() {
    let source = "//! sql_all!(x, \"no\")\nlet a = sql_one!(\n  conn, (i64,),\n  \"SELECT \\\"a\\\" \\\n     FROM b\", f(1)\n)?;\n\
        sqlx::query_as::<_, (i64, Option<i64>)>(\"SELECT 2\").bind(g(\"x\"));\nmy_query(\"no\");\n\
        crate::sql_exec!(c, \"DELETE\")";
    let found = of_file("src/a.rs", source).unwrap();
    let expected =
        [("src/a.rs:2", "SELECT \"a\" FROM b"), ("src/a.rs:7", "SELECT 2"), ("src/a.rs:9", "DELETE")];
    let found: Vec<_> = found.iter().map(|found| (found.place.as_str(), found.sql.as_str())).collect();
    assert_eq!(found, expected);
}

#[test]
fn sql_that_is_put_together_is_refused() {
    let made = of_file("src/a.rs", "let sql = format!(\"SELECT {x}\");\nsqlx::query(&sql).execute(c)");
    assert_eq!(made.unwrap_err(), "src/a.rs:2: SQL that is not a literal cannot be checked");
    assert_eq!(of_file(MACROS, "sqlx::query($sql)").unwrap(), []);
}

#[test]
fn the_arm_tells_the_database() {
    let source = "Raw::Pg(pg) => sqlx::query(\"SELECT 1\"), Raw::Sqlite(c) => sqlx::query(\"SELECT 2\")";
    let of = |name| of_file(name, source).unwrap().iter().map(|found| found.runs).collect::<Vec<_>>();
    assert_eq!(of(TWO_DIALECTS[0]), [Where::PostgresOnly, Where::SqliteOnly]);
    assert_eq!(of("src/b.rs"), [Where::Both, Where::Both]);
}
