//! `LEAVE_UPDATE` on the topic `leave:{staffGuid}` (E21): whoever shows somebody's leave learns that a request has changed.
//! It says what changed and where it stands now, never why somebody is away.

use super::store::leaves::{LeaveRow, approvers};
use crate::access::holders;
use crate::clock::iso;
use crate::db::{DbError, Work};
use crate::realtime::signal::signal;
use crate::realtime::topics;
use livegrant_actors::{AccountId, Audience, CompanyId, MessageType};
use serde::Serialize;
use std::collections::BTreeSet;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LeaveUpdate<'a> {
    guid: &'a str,
    staff_guid: &'a str,
    action: &'a str,
    status: &'a str,
    start_at: String,
    end_at: String,
    version: i64,
}

/// Leaves the message to be sent when the work commits: to whoever it is for and wrote it, to those who decide or have
/// decided on it, and to those whom `leave:view` lets reach the person (FC7).
pub async fn changed(
    work: &mut Work,
    company: CompanyId,
    row: &LeaveRow,
    action: &str,
) -> Result<(), DbError> {
    let data = LeaveUpdate {
        guid: &row.guid,
        staff_guid: &row.staff_guid,
        action,
        status: &row.status,
        start_at: iso(row.start_at),
        end_at: iso(row.end_at),
        version: row.version,
    };
    let mut accounts: BTreeSet<i64> = row.account_id.into_iter().chain([row.created_by]).collect();
    if let Some(instance) = row.instance_id {
        accounts.extend(approvers(work.conn(), instance).await?);
    }
    let now = work.now();
    let viewers = holders::reaching(work.conn(), company, "leave:view", row.org_id, now).await?;
    accounts.extend(viewers.into_iter().map(|account| account.0));
    let audience = Audience::Accounts(accounts.into_iter().map(AccountId).collect());
    signal(work, MessageType::LeaveUpdate, Some(&topics::leaves(&row.staff_guid)), audience, &data).await
}
