//! The demo's organisations, positions and staff: a little company of three levels with somebody at the head of each part,
//! so that alice's and bob's leave goes to the manager and the manager's to HR. Can be repeated: what is there already stays
//! as it is.
//! No position repeats a permission of the role `desk`, so that a change of that role is seen in a browser; HR holds all
//! that a position carries, so that HR can put people into each.

use super::model::StaffId;
use super::store::organizations::{
    OrganizationColumns, insert_organization, of_company, organization_coded, organization_of_row,
    update_organization,
};
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

/// Code, name, the organisation above, and the personnel number of whoever leads it.
const ORGANIZATIONS: [(&str, &str, Option<&str>, Option<&str>); 6] = [
    ("headquarters", "总公司", None, Some("E001")),
    ("operations", "运营中心", Some("headquarters"), None),
    ("people", "人事部", Some("headquarters"), Some("E001")),
    ("it", "信息部", Some("headquarters"), Some("E005")),
    ("audit", "审计部", Some("headquarters"), Some("E006")),
    ("front-office", "前台部", Some("operations"), Some("E002")),
];

struct DemoPosition {
    code: &'static str,
    name: &'static str,
    organization: &'static str,
    is_manager: bool,
    level: i64,
    data_scope: &'static str,
    permissions: &'static [&'static str],
}

#[rustfmt::skip] // a table
const POSITIONS: [DemoPosition; 6] = [
    DemoPosition { code: "receptionist", name: "前台接待", organization: "front-office", is_manager: false, level: 1,
        data_scope: "self", permissions: &["ticket:confirm"] },
    DemoPosition { code: "hr_specialist", name: "人事专员", organization: "people", is_manager: false, level: 1,
        data_scope: "all", permissions: &["account:view", "ticket:confirm"] },
    DemoPosition { code: "desk_lead", name: "前台主管", organization: "front-office", is_manager: true, level: 3,
        data_scope: "own_and_below", permissions: &["leave:approve", "leave:view"] },
    DemoPosition { code: "hr_director", name: "人事总监", organization: "headquarters", is_manager: true, level: 5,
        data_scope: "all", permissions: &[] },
    DemoPosition { code: "it_lead", name: "信息主管", organization: "it", is_manager: true, level: 3,
        data_scope: "all", permissions: &[] },
    DemoPosition { code: "auditor", name: "审计主管", organization: "audit", is_manager: true, level: 3,
        data_scope: "all", permissions: &[] },
];

struct DemoPerson {
    staff_no: &'static str,
    name: &'static str,
    username: &'static str,
    organization: &'static str,
    /// The first is the main one.
    positions: &'static [&'static str],
}

#[rustfmt::skip] // a table
const PEOPLE: [DemoPerson; 6] = [
    DemoPerson { staff_no: "E001", name: "何人事", username: "hr", organization: "people",
        positions: &["hr_specialist", "hr_director"] },
    DemoPerson { staff_no: "E002", name: "马经理", username: "manager", organization: "front-office", positions: &["desk_lead"] },
    DemoPerson { staff_no: "E003", name: "爱丽丝", username: "alice", organization: "front-office", positions: &["receptionist"] },
    DemoPerson { staff_no: "E004", name: "鲍勃", username: "bob", organization: "front-office", positions: &["receptionist"] },
    DemoPerson { staff_no: "E005", name: "艾德明", username: "admin", organization: "it", positions: &["it_lead"] },
    DemoPerson { staff_no: "E006", name: "沈审计", username: "auditor", organization: "audit", positions: &["auditor"] },
];

/// Seeds what is missing; the accounts come first.
pub async fn seed(db: &Db, company: CompanyId) -> Result<(), Refusal> {
    for (code, name, above, _) in ORGANIZATIONS {
        organization(db, company, code, name, above).await?;
    }
    for demo in &POSITIONS {
        position(db, company, demo).await?;
    }
    for demo in &PEOPLE {
        person(db, company, demo).await?;
    }
    for (code, _, _, staff_no) in ORGANIZATIONS {
        if let Some(staff_no) = staff_no {
            head(db, company, code, staff_no).await?;
        }
    }
    Ok(())
}

async fn organization(
    db: &Db,
    company: CompanyId,
    code: &str,
    name: &str,
    above: Option<&str>,
) -> Result<(), Refusal> {
    let mut work = db.begin(&Author::system("demo data")).await?;
    if organization_coded(work.conn(), company, code).await?.is_some() {
        return Ok(());
    }
    let parent = match above {
        Some(code) => organization_coded(work.conn(), company, code).await?,
        None => None,
    };
    let now = work.now();
    let columns = OrganizationColumns { code, name, sort: None, status: 1, leader: None };
    insert_organization(work.conn(), company, &guid(), &columns, parent, now).await?;
    work.commit(SystemTask::Bootstrap).await?;
    Ok(())
}

/// Puts somebody at the head of an organisation that nobody leads.
async fn head(db: &Db, company: CompanyId, code: &str, staff_no: &str) -> Result<(), Refusal> {
    let mut work = db.begin(&Author::system("demo data")).await?;
    let Some(row) = organization_coded(work.conn(), company, code).await? else { return Ok(()) };
    let Some(StaffId(leader)) = staff_of_number(work.conn(), company, staff_no).await? else { return Ok(()) };
    let Some(found) = organization_of_row(work.conn(), of_company(company), row).await? else {
        return Ok(());
    };
    if found.leader_staff_guid.is_some() {
        return Ok(());
    }
    let now = work.now();
    let columns = OrganizationColumns {
        code: &found.code,
        name: &found.name,
        sort: None,
        status: found.status,
        leader: Some(leader),
    };
    update_organization(work.conn(), row, &columns, found.version, now).await?;
    work.commit(SystemTask::Bootstrap).await?;
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
        level: demo.level,
        headcount: None,
        data_scope: demo.data_scope,
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
        hired_at: None,
    };
    let StaffId(staff) = insert_staff(work.conn(), company, &guid(), &columns, now).await?;
    let mut added = Vec::new();
    for code in demo.positions {
        let Some(position) = position_coded(work.conn(), company, code).await? else { continue };
        let (is_primary, change_type) = if added.is_empty() { (true, "入职") } else { (false, "兼任") };
        let entry = Hold { is_primary, change_type, from: None, to: None };
        hold(work.conn(), StaffId(staff), position, &entry, AccountId(0), now).await?;
        added.push(position);
    }
    work.change(PolicyChange::AccountEdited { account });
    if !added.is_empty() {
        let (account, removed) = (Some(account), Vec::new());
        work.change(PolicyChange::StaffPositions { staff, account, added, removed });
    }
    work.commit(SystemTask::Bootstrap).await?;
    Ok(())
}
