//! Definitions of workflows: what they consist of, and how an instance finds its own.
//!
//! A definition has a code and versions of it, numbered from 1. A version is a draft until it is published, and never
//! changed afterwards (FW26); of one code at most one is published or suspended, and at most one is a draft. Instances
//! stay on the version that they started on. Everything is data: a new process needs neither new code nor a restart (S0-6).

mod audited;
pub mod draft;
pub mod known;
pub mod lifecycle;
pub mod model;
pub mod read;
pub mod rights;
pub mod simulate;

pub use model::{Definition, ProcessSettings, Resume, Status, Withdraw};

use super::store::definitions as store;
use crate::db::Conn;
use crate::refusal::Refusal;
use livegrant_actors::CompanyId;

/// Finds the published version of a code, which new instances start on.
pub async fn published(
    conn: &mut Conn,
    company: CompanyId,
    code: &str,
) -> Result<Option<Definition>, Refusal> {
    let row = store::of_status(conn, company, code, Status::Published.word()).await?;
    row.map(Definition::try_from).transpose()
}

/// Finds the version of a code that takes instances, or would if it were not suspended.
pub async fn live(conn: &mut Conn, company: CompanyId, code: &str) -> Result<Option<Definition>, Refusal> {
    if let Some(definition) = published(conn, company, code).await? {
        return Ok(Some(definition));
    }
    let row = store::of_status(conn, company, code, Status::Suspended.word()).await?;
    row.map(Definition::try_from).transpose()
}

/// Reads a version by its row, whatever has become of it: instances stay on theirs.
pub async fn by_id(conn: &mut Conn, id: i64) -> Result<Option<Definition>, Refusal> {
    store::by_id(conn, id).await?.map(Definition::try_from).transpose()
}
