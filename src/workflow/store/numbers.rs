//! The SQL of approval numbers.

use crate::db::{Conn, DbError};
use crate::sql_one;

/// Takes the next number of a day; its row stays locked until the transaction ends, so that no number is given twice and
/// none is lost when the transaction is rolled back.
pub async fn next(conn: &mut Conn, prefix: &str, day: &str) -> Result<i64, DbError> {
    let (last,) = sql_one!(
        conn,
        (i64,),
        "INSERT INTO wf_sequence (prefix, day, last) VALUES ($1, $2, 1)
         ON CONFLICT (prefix, day) DO UPDATE SET last = wf_sequence.last + 1 RETURNING last",
        prefix,
        day
    )?;
    Ok(last)
}
