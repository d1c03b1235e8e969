//! What the integration tests share: fresh databases, and tests that run once on each kind of database.
//!
//! A test binary takes it in with `#[path = "../support/mod.rs"] mod support;`.
//! Every test gets a database of its own, empty, and gone afterwards; nothing is shared and nothing is skipped.
//! `server` starts the whole application on one, `caller`, `tab` and `stream` are its clients, `rows` what its tables
//! hold.

#![allow(
    dead_code,
    unused_imports,
    unused_macros,
    clippy::allow_attributes,
    reason = "each binary uses a part"
)]

mod caller;
mod database;
mod dice;
pub mod matrix;
mod postgres;
pub mod redis;
mod rows;
mod server;
mod stream;
mod tab;

pub use self::caller::{Account, Caller, answer, ok, read, refused};
pub use self::database::{TestDatabase, run, run_on_postgres, run_on_sqlite};
pub use self::dice::Dice;
pub use self::server::{PASSWORD, PATIENCE, Setup, TestServer};
pub(crate) use self::server::{served, served_once};
pub use self::stream::Stream;
pub use self::tab::{Event, Tab};

/// Makes two tests of one body, `NAME::on_sqlite` and `NAME::on_postgres`, each with an empty database of its own.
///
/// ```ignore
/// both_databases! {
///     async fn a_role_is_found_again(database: TestDatabase) {
///         let db = Db::open(&database.settings().database, Clock::system()).await.unwrap();
///     }
/// }
/// ```
macro_rules! both_databases {
    ($($(#[$meta:meta])* async fn $name:ident($database:ident: TestDatabase) $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports, clippy::allow_attributes, reason = "a body may need nothing of its file")]
            use super::*;

            async fn body($database: $crate::support::TestDatabase) $body

            #[test]
            fn on_sqlite() {
                $crate::support::run_on_sqlite(body);
            }

            #[test]
            fn on_postgres() {
                $crate::support::run_on_postgres(body);
            }
        }
    )+};
}
pub(crate) use both_databases;
