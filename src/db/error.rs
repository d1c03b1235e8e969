//! What can go wrong between a use case and the database, in the few kinds that a caller can act on.
//! It deliberately does not carry constraint names: only PostgreSQL has them.

use thiserror::Error;

/// A database failure, told apart by what the caller can do about it.
#[derive(Debug, Error)]
pub enum DbError {
    /// A unique key already exists.
    #[error("a unique key already exists")]
    Duplicate,
    /// A referenced row does not exist, or a row to be deleted is still referenced.
    #[error("a referenced row is missing or still in use")]
    Reference,
    /// A deadlock or serialisation failure (40P01, 40001), a lock or a statement that took too long (55P03, 57014), or a busy
    /// file: the whole use case can be run again.
    #[error("the database asked for the transaction to be run again")]
    Again,
    /// No connection in time, or the server is away.
    #[error("the database is not reachable: {0}")]
    Unavailable(String),
    /// A text that the database cannot hold (PostgreSQL: a NUL character).
    #[error("a text has a character that cannot be stored")]
    BadText,
    /// The schema is missing, older, newer or damaged; the text says what to do.
    #[error("{0}")]
    Schema(String),
    /// Anything else: a defect.
    #[error("database failure: {0}")]
    Defect(#[source] sqlx::Error),
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(cause) => match cause.kind() {
                sqlx::error::ErrorKind::UniqueViolation => Self::Duplicate,
                sqlx::error::ErrorKind::ForeignKeyViolation => Self::Reference,
                _ => match cause.code().as_deref() {
                    // PostgreSQL: deadlock, serialisation, lock and statement timeout; SQLite: BUSY and its snapshot variant.
                    Some("40P01" | "40001" | "55P03" | "57014" | "5" | "517") => Self::Again,
                    Some(code) if is_damage(code) => Self::Schema(format!(
                        "the database is damaged ({}): restore a backup, or name another file in database.url",
                        cause.message()
                    )),
                    Some("22021") => Self::BadText,
                    // PostgreSQL: shutdown, "starting up", a transaction that idled too long, no place for a connection, and a
                    // server that has become a replica: read-only, or without a log of its own.
                    Some("57P01" | "57P02" | "57P03" | "25P03" | "53300" | "25006" | "55000") => {
                        Self::Unavailable(cause.message().to_owned())
                    }
                    _ => Self::Defect(error),
                },
            },
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::Tls(_) => Self::Unavailable(error.to_string()),
            _ => Self::Defect(error),
        }
    }
}

/// SQLite's CORRUPT and NOTADB, which have finer codes in their higher bits. PostgreSQL's codes have five characters.
fn is_damage(code: &str) -> bool {
    code.len() < 5 && code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 11 | 26))
}
