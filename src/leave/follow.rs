//! A request stands where its instance stands, changed in the same transaction (FW42).
//!
//! The row is found by the instance's business id, its guid. It locks nothing but that row: whoever moves an instance holds
//! the instance, and whoever sends a request holds the person, and then the instance.

use super::store::leaves as store;
use super::store::types::types;
use super::submit::FILLED;
use super::tell;
use crate::access::scope::covers_person;
use crate::db::{Conn, Work};
use crate::policy::DataScope;
use crate::refusal::Refusal;
use crate::workflow::business::{Answering, Business, Followed, Reached};
use livegrant_actors::{AccountId, CompanyId};

/// `business_type` of the instances.
pub const KIND: &str = "leave";

/// How requests follow: holders of `leave:approve` may decide on them beside those whose tasks they are (S1-14, S1-28),
/// holders of `leave:view` may look at them (S1-15, C24).
pub const BUSINESS: Business = Business {
    kind: KIND,
    follow: |work, followed| Box::pin(follow(work, followed)),
    decide: Some("leave:approve"),
    view: Some("leave:view"),
    owns: |conn, company, code| Box::pin(owns(conn, company, code)),
    fills: &FILLED,
    in_scope,
};

async fn owns(conn: &mut Conn, company: CompanyId, code: &str) -> Result<bool, Refusal> {
    let types = types(conn, company).await?;
    Ok(types.iter().any(|of| of.status == 1 && of.definition_code == code))
}

async fn follow(work: &mut Work, followed: Followed<'_>) -> Result<(), Refusal> {
    let (company, now) = (followed.company, work.now());
    let status = followed.status.word();
    let followers =
        store::follow(work.conn(), company, followed.business_id, followed.instance, status, now).await?;
    let row = store::leave(work.conn(), company, followed.business_id).await?;
    let (1, Some(row)) = (followers, row) else {
        let lost = format!("instance {} has no request {}", followed.instance, followed.business_id);
        return Err(Refusal::Defect(anyhow::anyhow!(lost)));
    };
    tell::changed(work, company, &row, status).await?;
    Ok(())
}

fn in_scope<'a>(conn: &'a mut Conn, wanted: Reached<'a>, scope: &'a DataScope) -> Answering<'a, bool> {
    Box::pin(async move {
        let Some(row) = store::leave(conn, wanted.company, wanted.business_id).await? else {
            return Ok(false);
        };
        let person = row.account_id.map(AccountId);
        Ok(covers_person(conn, scope, row.org_id, person, wanted.account).await?)
    })
}
