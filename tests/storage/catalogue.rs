//! Every SQL statement in the source is prepared on SQLite and on PostgreSQL; the few that exist for one database only,
//! in `src/db/{fence,bulk,postgres}.rs`, on that one. This is what checked queries would do if they knew two databases.
//!
//! Preparing finds wrong names, wrong grammar and types that do not fit. It does not run anything: what a statement means
//! is asked by the tests of the store functions.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqlSafeStr, SqliteConnection, Statement as _};
use std::collections::HashMap;
use std::path::Path;

use crate::house::House;
use crate::sql_literals::{Statement, Where, of_folder};
use crate::support::{self, TestDatabase};

/// What the database says of a statement: how many parameters it takes and how many columns it answers.
type Shape = (usize, usize);

fn statements() -> Vec<Statement> {
    let found =
        of_folder(Path::new(env!("CARGO_MANIFEST_DIR")), "src").unwrap_or_else(|offence| panic!("{offence}"));
    assert!(found.len() > 80, "only {} statements were found: does the search still work?", found.len());
    found
}

#[test]
fn every_statement_is_understood_by_both_databases() {
    let mut problems = Vec::new();
    let mut shapes: [HashMap<String, Shape>; 2] = Default::default();
    support::run_on_sqlite(async |database| {
        shapes[0] = prepare_all(&database, Where::PostgresOnly, &mut problems).await;
    });
    support::run_on_postgres(async |database| {
        shapes[1] = prepare_all(&database, Where::SqliteOnly, &mut problems).await;
    });
    let [sqlite, postgres] = shapes;
    for statement in statements().iter().filter(|statement| statement.runs == Where::Both) {
        let (one, other) = (sqlite.get(&statement.place), postgres.get(&statement.place));
        if one.is_some() && other.is_some() && one != other {
            problems.push(format!(
                "{}: SQLite sees {one:?} parameters and columns, PostgreSQL {other:?}",
                statement.place
            ));
        }
    }
    assert!(
        problems.is_empty(),
        "\n{} statements are not understood:\n{}\n",
        problems.len(),
        problems.join("\n")
    );
}

/// Prepares what runs on this database.
async fn prepare_all(
    database: &TestDatabase,
    not: Where,
    problems: &mut Vec<String>,
) -> HashMap<String, Shape> {
    let house = House::build(database).await;
    let mut connection = Bare::connect(database).await;
    let mut shapes = HashMap::new();
    for statement in statements().into_iter().filter(|statement| statement.runs != not) {
        match connection.prepare(&statement.sql).await {
            Ok(shape) => drop(shapes.insert(statement.place, shape)),
            Err(error) => problems.push(format!("{} on {}: {error}", statement.place, database.kind)),
        }
    }
    house.db.close().await;
    shapes
}

/// A connection past the application.
enum Bare {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Bare {
    async fn connect(database: &TestDatabase) -> Self {
        if database.kind == "SQLite" {
            Self::Sqlite(SqliteConnection::connect(&database.url).await.unwrap())
        } else {
            Self::Postgres(PgConnection::connect(&database.url).await.unwrap())
        }
    }

    async fn prepare(&mut self, sql: &str) -> Result<Shape, sqlx::Error> {
        let sql = AssertSqlSafe(sql).into_sql_str();
        Ok(match self {
            Self::Sqlite(connection) => {
                let statement = connection.prepare(sql).await?;
                let count = statement.parameters().map_or(0, |found| found.either(<[_]>::len, |count| count));
                (count, statement.columns().len())
            }
            Self::Postgres(connection) => {
                let statement = connection.prepare(sql).await?;
                let count = statement.parameters().map_or(0, |found| found.either(<[_]>::len, |count| count));
                (count, statement.columns().len())
            }
        })
    }
}

/// The negative control: what one database does not understand is told apart.
#[test]
fn a_statement_of_one_dialect_is_seen() {
    let right = "SELECT id, code FROM sys_role WHERE id = $1";
    support::run_on_sqlite(async |database| {
        let _house = House::build(&database).await;
        let mut sqlite = Bare::connect(&database).await;
        assert!(sqlite.prepare("SELECT now()").await.is_err());
        assert!(sqlite.prepare("SELECT status FROM sys_rolle").await.is_err());
        assert_eq!(sqlite.prepare(right).await.unwrap(), (1, 2));
    });
    support::run_on_postgres(async |database| {
        let _house = House::build(&database).await;
        let mut postgres = Bare::connect(&database).await;
        assert!(postgres.prepare("INSERT OR IGNORE INTO sys_meta VALUES ('a', 'b')").await.is_err());
        assert!(postgres.prepare("SELECT id FROM sys_role WHERE status = 'x'::text").await.is_err());
        assert_eq!(postgres.prepare(right).await.unwrap(), (1, 2));
    });
}
