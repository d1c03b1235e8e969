//! The office of load tests: organisations of ten people, the first of whom leads the others. What `src/loadtest.rs` asks of
//! this area. Can be repeated: what is there stays.

use super::model::StaffId;
use super::store::organizations::organization_coded;
use super::store::positions::position_coded;
use super::store::staff::staff_of_account;
use super::store::staff_positions::{Hold, hold};
use crate::clock::guid;
use crate::db::{Author, Db, SystemTask, Work};
use crate::policy::{Edit, PolicyChange};
use crate::refusal::Refusal;
use crate::sql_one;
use livegrant_actors::{AccountId, CompanyId, PositionId};

/// People of one organisation.
const PEOPLE: u32 = 10;

/// Gives an account its seat, by its number from 1 on; answers whether it leads the others of its organisation.
pub async fn seat(db: &Db, company: CompanyId, account: AccountId, number: u32) -> Result<bool, Refusal> {
    let leads = (number - 1).is_multiple_of(PEOPLE);
    let mut work = db.begin(&Author::system("load test")).await?;
    if staff_of_account(work.conn(), company, account).await?.is_some() {
        return Ok(leads);
    }
    let code = format!("load-{:06}", (number - 1) / PEOPLE);
    let org = organization(&mut work, company, &code).await?;
    let now = work.now();
    let (staff,) = sql_one!(
        work.conn(),
        (i64,),
        "INSERT INTO hr_staff (guid, company_id, staff_no, name, org_id, account_id, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7) RETURNING id",
        guid(),
        company.0,
        format!("load-{number:06}"),
        format!("Load test {number}"),
        org,
        account.0,
        now
    )?;
    if leads {
        let position = position(&mut work, company, &code, org).await?;
        let entry = Hold { is_primary: true, change_type: "入职", from: None, to: None };
        hold(work.conn(), StaffId(staff), position, &entry, AccountId(0), now).await?;
        let (account, added) = (Some(account), vec![position]);
        work.change(PolicyChange::StaffPositions { staff, account, added, removed: Vec::new() });
    }
    work.commit(SystemTask::Bootstrap).await?;
    Ok(leads)
}

async fn organization(work: &mut Work, company: CompanyId, code: &str) -> Result<i64, Refusal> {
    if let Some(id) = organization_coded(work.conn(), company, code).await? {
        return Ok(id);
    }
    let now = work.now();
    let (id,) = sql_one!(
        work.conn(),
        (i64,),
        "INSERT INTO hr_organization (guid, company_id, code, name, path, created_at, updated_at)
         VALUES ($1, $2, $3, $3, '', $4, $4) RETURNING id",
        guid(),
        company.0,
        code,
        now
    )?;
    crate::sql_exec!(
        work.conn(),
        "UPDATE hr_organization SET path = '/' || CAST(id AS TEXT) || '/' WHERE id = $1",
        id
    )?;
    Ok(id)
}

async fn position(work: &mut Work, company: CompanyId, code: &str, org: i64) -> Result<PositionId, Refusal> {
    if let Some(id) = position_coded(work.conn(), company, code).await? {
        return Ok(id);
    }
    let now = work.now();
    let (id,) = sql_one!(
        work.conn(),
        (i64,),
        "INSERT INTO hr_position (guid, company_id, code, name, org_id, is_manager, created_at, updated_at)
         VALUES ($1, $2, $3, $3, $4, TRUE, $5, $5) RETURNING id",
        guid(),
        company.0,
        code,
        org,
        now
    )?;
    work.change(PolicyChange::PositionEdited { position: PositionId(id), edit: Edit::Made });
    Ok(PositionId(id))
}
