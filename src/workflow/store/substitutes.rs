//! The SQL of substitutes.

use crate::db::{Conn, DbError};
use crate::sql_all;
use livegrant_actors::CompanyId;

/// Substitutions of one company that count at one time at most; the newest win. Ten thousand people away at once.
const IN_FORCE_MAX: i64 = 10_000;

/// Lists who acts for whom now in a definition, `(account, substitute)`: what is said for the definition alone first, then
/// what is said for all, the newer before the older.
pub async fn in_force(
    conn: &mut Conn,
    company: CompanyId,
    definition: &str,
    now: i64,
) -> Result<Vec<(i64, i64)>, DbError> {
    sql_all!(
        conn,
        (i64, i64),
        "SELECT account_id, substitute_id FROM wf_substitute
          WHERE company_id = $1 AND (definition_code IS NULL OR definition_code = $2)
            AND (valid_from IS NULL OR valid_from <= $3) AND (valid_to IS NULL OR valid_to > $3)
          ORDER BY CASE WHEN definition_code IS NULL THEN 1 ELSE 0 END, id DESC LIMIT $4",
        company.0,
        definition,
        now,
        IN_FORCE_MAX
    )
}
