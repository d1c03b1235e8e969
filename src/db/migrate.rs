//! Schema versions: paired migrations compiled into the binary, and the check that refuses to run on anything else.
//! A shipped migration is never edited; the checksum finds it out.

use super::{Conn, DbError, Pools};
use crate::sql_all;
use sqlx::migrate::{MigrateError, Migrator};
use std::collections::HashMap;

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

pub(super) async fn run(pools: &Pools) -> Result<(), DbError> {
    let done = match pools {
        Pools::Sqlite { writer, .. } => SQLITE.run(writer).await,
        Pools::Pg(pool) => POSTGRES.run(pool).await,
    };
    done.map_err(|cause| match cause {
        MigrateError::Execute(error) => DbError::from(error),
        MigrateError::VersionMissing(version) => newer(version),
        MigrateError::VersionMismatch(version) => different(version),
        other => DbError::Schema(format!("the schema cannot be migrated: {other}; {RESTORE}")),
    })
}

const RESTORE: &str = "use the livegrant version that made it, or restore a backup";

fn newer(version: i64) -> DbError {
    DbError::Schema(format!("the database was made by a newer livegrant (migration {version}): {RESTORE}"))
}

fn different(version: i64) -> DbError {
    DbError::Schema(format!("migration {version} differs from this version's: {RESTORE}"))
}

/// Compares the migrations recorded in the database with the ones compiled in.
pub(super) async fn check(conn: &mut Conn) -> Result<(), DbError> {
    let migrator = if conn.is_sqlite() { &SQLITE } else { &POSTGRES };
    let empty =
        || DbError::Schema("the database has no livegrant schema: run `livegrant migrate`".to_owned());
    let recorded: Vec<(i64, bool, Vec<u8>)> =
        match sql_all!(conn, (i64, bool, Vec<u8>), "SELECT version, success, checksum FROM _sqlx_migrations")
        {
            Ok(rows) => rows,
            Err(DbError::Defect(cause)) if is_missing_table(&cause) => return Err(empty()),
            Err(DbError::Defect(cause)) => {
                return Err(DbError::Schema(format!(
                    "the record of migrations cannot be read ({cause}): {RESTORE}"
                )));
            }
            Err(other) => return Err(other),
        };
    if recorded.is_empty() {
        return Err(empty());
    }
    let known: HashMap<i64, &[u8]> = migrator.iter().map(|m| (m.version, &*m.checksum)).collect();
    for (version, success, checksum) in &recorded {
        match known.get(version) {
            None => return Err(newer(*version)),
            Some(_) if !success => {
                return Err(DbError::Schema(format!(
                    "migration {version} failed half way: restore a backup"
                )));
            }
            Some(ours) if *ours != checksum.as_slice() => return Err(different(*version)),
            Some(_) => {}
        }
    }
    if recorded.len() < known.len() {
        return Err(DbError::Schema(
            "the database is older than this livegrant: run `livegrant migrate`".to_owned(),
        ));
    }
    Ok(())
}

/// PostgreSQL has a code for it, SQLite only words.
fn is_missing_table(cause: &sqlx::Error) -> bool {
    cause.as_database_error().is_some_and(|cause| match cause.code().as_deref() {
        Some("42P01") => true,
        Some("1") => cause.message().starts_with("no such table"),
        _ => false,
    })
}
