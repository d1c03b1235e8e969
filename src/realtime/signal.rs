//! Signals: messages of a topic that tell a committed change to whoever shows it (`ORG_UPDATE`, `APPROVAL_TASK` …). A row in
//! `sys_outbox` is written in the transaction of the change, published after the commit and then deleted (I6).

use crate::db::{DbError, Errand, Signal, Work};
use crate::sql_one;
use livegrant_actors::{Audience, MessageType, Operator};
use serde::Serialize;
use serde_json::value::to_raw_value;
use sqlx::types::Json;
use std::sync::Arc;

/// Leaves a message of a topic to be published when the work commits.
pub async fn signal(
    work: &mut Work,
    kind: MessageType,
    topic: Option<&str>,
    audience: Audience,
    data: &impl Serialize,
) -> Result<(), DbError> {
    let defect = |error: serde_json::Error| DbError::Defect(sqlx::Error::Encode(error.into()));
    let data: Arc<serde_json::value::RawValue> = Arc::from(to_raw_value(data).map_err(defect)?);
    let author = work.author();
    let operator =
        (author.account.0 != 0).then(|| Operator { id: author.account, name: author.name.as_str().into() });
    let now = work.now();
    let (row,) = sql_one!(
        work.conn(),
        (i64,),
        "INSERT INTO sys_outbox (kind, topic, audience, data, operator, created_at)
         VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
        kind.label(),
        topic,
        Json(&audience),
        Json(&*data),
        operator.as_ref().map(Json),
        now
    )?;
    let topic = topic.map(Arc::from);
    work.errand(Errand::Signal(Arc::new(Signal { row, kind, topic, audience, data, operator })));
    Ok(())
}
