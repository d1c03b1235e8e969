//! Schema versions: paired migrations compiled into the binary, and the check that refuses to run on what does not fit.
//! A shipped migration is never edited; the checksum finds it out.
//!
//! A schema that is newer than this binary fits as long as nothing was taken away that it needs: migrations that only
//! add leave the entry `schema_min` of `sys_meta` alone, and one that takes something away raises it to the lowest
//! migration that a binary must know (`migrations/README.md`). So two versions run side by side during an upgrade, and
//! the older one can be started again. No migration goes back.

use super::{Conn, DbError, Pools};
use crate::{sql_all, sql_one, sql_opt};
use sqlx::migrate::{MigrateError, Migrator};
use std::collections::HashMap;

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// Brings the schema to this binary's version; a newer one that this binary fits stays as it is.
pub(super) async fn run(pools: &Pools) -> Result<(), DbError> {
    let done = match pools {
        Pools::Sqlite { writer, .. } => tolerant(&SQLITE).run(writer).await,
        Pools::Pg(pool) => tolerant(&POSTGRES).run(pool).await,
    };
    done.map_err(|cause| match cause {
        MigrateError::Execute(error) => DbError::from(error),
        MigrateError::VersionMismatch(version) => different(version),
        other => DbError::Schema(format!("the schema cannot be migrated: {other}; {RESTORE}")),
    })
}

/// The same migrations; what is newer than they has been looked at by [`fits`].
fn tolerant(ours: &Migrator) -> Migrator {
    Migrator { migrations: ours.migrations.clone(), ignore_missing: true, ..Migrator::DEFAULT }
}

const RESTORE: &str = "use the livegrant version that made it, or restore a backup";

fn different(version: i64) -> DbError {
    DbError::Schema(format!("migration {version} differs from this version's: {RESTORE}"))
}

/// Refuses a schema from which a newer livegrant has taken something that this one needs. No schema at all fits.
pub(super) async fn fits(conn: &mut Conn) -> Result<(), DbError> {
    let newest = match sql_one!(conn, (Option<i64>,), "SELECT max(version) FROM _sqlx_migrations") {
        Ok((newest,)) => newest.unwrap_or(0),
        // What is wrong with a record that cannot be read is said by whoever needs all of it.
        Err(DbError::Defect(_)) => return Ok(()),
        Err(other) => return Err(other),
    };
    let own = migrations_for(conn).iter().map(|migration| migration.version).max().unwrap_or(0);
    if newest <= own {
        return Ok(());
    }
    let needed = sql_opt!(conn, (String,), "SELECT value FROM sys_meta WHERE name = 'schema_min'")?;
    let needed = needed.map_or(Ok(0), |(value,)| value.parse::<i64>());
    match needed {
        Ok(needed) if needed <= own => {
            tracing::warn!(newest, own, "the schema is newer than this livegrant, and fits it");
            Ok(())
        }
        Ok(needed) => Err(DbError::Schema(format!(
            "the database was made by a newer livegrant (migration {newest}) and needs one that knows migration \
             {needed}, this one knows {own}: {RESTORE}"
        ))),
        Err(_) => Err(DbError::Schema(format!(
            "the database was made by a newer livegrant (migration {newest}) and its schema_min is no number: {RESTORE}"
        ))),
    }
}

fn migrations_for(conn: &Conn) -> &'static Migrator {
    if conn.is_sqlite() { &SQLITE } else { &POSTGRES }
}

/// Compares the migrations recorded in the database with the ones compiled in.
pub(super) async fn check(conn: &mut Conn) -> Result<(), DbError> {
    let migrator = migrations_for(conn);
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
    let mut found = 0;
    for (version, success, checksum) in &recorded {
        if !success {
            return Err(DbError::Schema(format!("migration {version} failed half way: restore a backup")));
        }
        match known.get(version) {
            Some(ours) if *ours != checksum.as_slice() => return Err(different(*version)),
            Some(_) => found += 1,
            None => {}
        }
    }
    if found < known.len() {
        return Err(DbError::Schema(
            "the database is older than this livegrant: run `livegrant migrate`".to_owned(),
        ));
    }
    fits(conn).await
}

/// PostgreSQL has a code for it, SQLite only words.
fn is_missing_table(cause: &sqlx::Error) -> bool {
    cause.as_database_error().is_some_and(|cause| match cause.code().as_deref() {
        Some("42P01") => true,
        Some("1") => cause.message().starts_with("no such table"),
        _ => false,
    })
}
