//! Approval numbers (S0-40): `AP`, the day, five digits: `AP2025091210001`.
//!
//! Invariants: unique in the whole database, over all companies; without gaps, because a number is taken in the
//! transaction that uses it. Its row is locked until that transaction ends, which lets the starts of one prefix go one
//! after the other: take the number as late as can be. The first of a day ends in `00001`; past `99999` the number gets a
//! sixth digit and stays unique, and sorts by length, then by text.

use super::store::numbers as store;
use crate::db::{DbError, Work};
use crate::zone::Zone;

/// Takes the next number of today, where the company is.
pub async fn next(work: &mut Work, zone: &Zone, prefix: &str) -> Result<String, DbError> {
    let day = zone.day(work.now()).strftime("%Y%m%d").to_string();
    let last = store::next(work.conn(), prefix, &day).await?;
    Ok(format!("{prefix}{day}{last:05}"))
}
