//! The demo's organisations, positions and staff. Can be repeated: what is there already stays as it is.
//! No position repeats a permission of the role `desk`, so that a change of that role is seen in a browser; HR holds all
//! that a position carries, so that HR can put people into each.

use super::model::StaffId;
use super::store::organizations::{insert_organization, organization_coded};
use super::store::positions::{PositionColumns, carry, insert_position, position_coded};
use super::store::staff::{
    StaffColumns, insert_staff, person_of_username, staff_of_account, staff_of_number,
};
use super::store::staff_positions::{Hold, hold};
use crate::clock::guid;
use crate::db::{Author, Db, SystemTask};
use crate::policy::{Edit, PolicyChange};
use crate::refusal::Refusal;
use livegrant_actors::{AccountId, CompanyId};

/// Code and name.
const ORGANIZATIONS: [(&str, &str); 2] = [("front-office", "前台部"), ("people", "人事部")];

struct DemoPosition {
    code: &'static str,
    name: &'static str,
    organization: &'static str,
    is_manager: bool,
    permissions: &'static [&'static str],
}

const POSITIONS: [DemoPosition; 3] = [
    DemoPosition {
        code: "receptionist",
        name: "前台接待",
        organization: "front-office",
        is_manager: false,
        permissions: &["ticket:confirm"],
    },
    DemoPosition {
        code: "hr_specialist",
        name: "人事专员",
        organization: "people",
        is_manager: false,
        permissions: &["account:view", "ticket:confirm"],
    },
    DemoPosition {
        code: "desk_lead",
        name: "前台主管",
        organization: "front-office",
        is_manager: true,
        permissions: &["leave:approve", "leave:view"],
    },
];

struct DemoPerson {
    staff_no: &'static str,
    name: &'static str,
    username: &'static str,
    organization: &'static str,
    position: &'static str,
}

#[rustfmt::skip] // a table
const PEOPLE: [DemoPerson; 4] = [
    DemoPerson { staff_no: "E001", name: "何人事", username: "hr", organization: "people", position: "hr_specialist" },
    DemoPerson { staff_no: "E002", name: "马经理", username: "manager", organization: "front-office", position: "desk_lead" },
    DemoPerson { staff_no: "E003", name: "爱丽丝", username: "alice", organization: "front-office", position: "receptionist" },
    DemoPerson { staff_no: "E004", name: "鲍勃", username: "bob", organization: "front-office", position: "receptionist" },
];

/// Seeds what is missing; the accounts come first.
pub async fn seed(db: &Db, company: CompanyId) -> Result<(), Refusal> {
    for (code, name) in ORGANIZATIONS {
        organization(db, company, code, name).await?;
    }
    for demo in &POSITIONS {
        position(db, company, demo).await?;
    }
    for demo in &PEOPLE {
        person(db, company, demo).await?;
    }
    Ok(())
}

async fn organization(db: &Db, company: CompanyId, code: &str, name: &str) -> Result<(), Refusal> {
    let mut work = db.begin(&Author::system("demo data")).await?;
    if organization_coded(work.conn(), company, code).await?.is_none() {
        let now = work.now();
        insert_organization(work.conn(), company, &guid(), code, name, now).await?;
        work.commit(SystemTask::Bootstrap).await?;
    }
    Ok(())
}

async fn position(db: &Db, company: CompanyId, demo: &DemoPosition) -> Result<(), Refusal> {
    let mut work = db.begin(&Author::system("demo data")).await?;
    if position_coded(work.conn(), company, demo.code).await?.is_some() {
        return Ok(());
    }
    let now = work.now();
    let columns = PositionColumns {
        code: demo.code,
        name: demo.name,
        org_id: organization_coded(work.conn(), company, demo.organization).await?,
        is_manager: demo.is_manager,
        status: 1,
    };
    let id = insert_position(work.conn(), company, &guid(), &columns, now).await?;
    for code in demo.permissions {
        carry(work.conn(), id, code, now).await?;
    }
    work.change(PolicyChange::PositionEdited { position: id, edit: Edit::Made });
    work.commit(SystemTask::Bootstrap).await?;
    Ok(())
}

async fn person(db: &Db, company: CompanyId, demo: &DemoPerson) -> Result<(), Refusal> {
    let mut work = db.begin(&Author::system("demo data")).await?;
    if staff_of_number(work.conn(), company, demo.staff_no).await?.is_some() {
        return Ok(());
    }
    let Some(account) = person_of_username(work.conn(), company, demo.username).await? else { return Ok(()) };
    if staff_of_account(work.conn(), company, account).await?.is_some() {
        return Ok(());
    }
    let now = work.now();
    let columns = StaffColumns {
        staff_no: demo.staff_no,
        name: demo.name,
        mobile: "",
        email: "",
        status: "active",
        org_id: organization_coded(work.conn(), company, demo.organization).await?,
        account: Some(account),
    };
    let StaffId(staff) = insert_staff(work.conn(), company, &guid(), &columns, now).await?;
    if let Some(position) = position_coded(work.conn(), company, demo.position).await? {
        let entry = Hold { is_primary: true, change_type: "入职", from: None, to: None };
        hold(work.conn(), StaffId(staff), position, &entry, AccountId(0), now).await?;
        let (account, added) = (Some(account), vec![position]);
        work.change(PolicyChange::StaffPositions { staff, account, added, removed: Vec::new() });
    }
    work.commit(SystemTask::Bootstrap).await?;
    Ok(())
}
