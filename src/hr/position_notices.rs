//! `position_change` (S0-41, E4, E30): whenever somebody comes into a position, out of it, or is in it otherwise than before,
//! his account is told in the same transaction, and a line is written into the person's history. Positions that begin or end
//! by time are told when they do.

use super::model::{LEAVING, StaffId};
use super::store::staff_positions as store;
use crate::clock::iso;
use crate::db::Work;
use crate::inbox::post::{Notice, post};
use crate::policy::timed::{Moved, Tell};
use crate::refusal::Refusal;
use livegrant_actors::{AccountId, CompanyId, MessageType, PositionId};
use std::future::Future;
use std::pin::Pin;

const TITLE: &str = "岗位变动通知";

/// What happened to a person's positions.
#[derive(Debug, Clone)]
pub struct Change<'a> {
    /// Who.
    pub staff: StaffId,
    /// Which position.
    pub position: PositionId,
    /// What the person was before, by name; empty: nothing that this replaces.
    pub old: &'a str,
    /// What the person is now, by name; empty: nothing.
    pub new: &'a str,
    /// 入职, 晋升, 调岗, 兼任, 降职 or 离任.
    pub change_type: &'a str,
    /// A time that it begins at later, in UTC milliseconds.
    pub from: Option<i64>,
    /// It ended because its time was over.
    pub over: bool,
}

impl Change<'_> {
    fn content(&self) -> String {
        let (old, new, kind) = (self.old, self.new, self.change_type);
        if let Some(from) = self.from {
            return format!("自{}起，您将任职“{new}”（{kind}）。", iso(from));
        }
        match (old.is_empty(), new.is_empty()) {
            (true, _) => format!("您已任职“{new}”（{kind}）。"),
            (false, _) if self.over => format!("您在“{old}”的任职已到期。"),
            (false, true) => format!("您不再担任“{old}”（{kind}）。"),
            (false, false) if old == new => format!("您在“{new}”的任职信息已更新（{kind}）。"),
            (false, false) if kind == LEAVING => format!("您不再担任“{old}”，现任“{new}”。"),
            (false, false) => format!("您的岗位由“{old}”变更为“{new}”（{kind}）。"),
        }
    }
}

/// Writes a line into the person's history and leaves the notice to be posted when the work commits.
pub async fn tell(
    work: &mut Work,
    company: CompanyId,
    account: Option<AccountId>,
    change: &Change<'_>,
) -> Result<(), Refusal> {
    let (now, by) = (work.now(), work.author().account);
    let (old, new) = (change.old, change.new);
    store::log(work.conn(), change.staff, change.position, (old, new), change.change_type, by, now).await?;
    let Some(account) = account else { return Ok(()) };
    let notice = Notice::new(MessageType::PositionChange, TITLE, change.content(), company)
        .with("oldPosition", old)
        .with("newPosition", new)
        .with("changeType", change.change_type);
    post(work, &[account], notice);
    Ok(())
}

/// Leaves a notice to the people who belong to another organisation because theirs has ended (E30). Their positions are
/// what they were.
pub fn organization_changed(
    work: &mut Work,
    company: CompanyId,
    accounts: &[AccountId],
    old: &str,
    new: Option<&str>,
) {
    let content = match new {
        Some(new) => format!("“{old}”已撤销，您现在属于“{new}”。"),
        None => format!("“{old}”已撤销，您现在直接属于公司。"),
    };
    let notice = Notice::new(MessageType::PositionChange, "所属组织变动通知", content, company)
        .with("oldPosition", "")
        .with("newPosition", "")
        .with("changeType", "调岗")
        .with("oldOrganization", old)
        .with("newOrganization", new.unwrap_or_default());
    post(work, accounts, notice);
}

/// Tells of the positions that begin and end by time.
#[derive(Debug, Clone, Copy)]
pub struct TellPositions;

impl Tell for TellPositions {
    fn tell<'a>(
        &'a self,
        work: &'a mut Work,
        moved: &'a [Moved],
    ) -> Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send + 'a>> {
        Box::pin(async move {
            for moved in moved {
                by_time(work, *moved).await?;
            }
            Ok(())
        })
    }
}

async fn by_time(work: &mut Work, moved: Moved) -> Result<(), Refusal> {
    let staff = StaffId(moved.staff);
    let Some((name, company)) = store::position_name(work.conn(), moved.position).await? else {
        return Ok(());
    };
    let held = store::held_by(work.conn(), staff).await?;
    let present = held.iter().find(|row| row.position_id == moved.position.0);
    let main = held.iter().find(|row| row.is_primary && row.started).map_or("", |row| row.name.as_str());
    let change = if moved.begins {
        let kind = present.map_or("", |row| row.change_type.as_str());
        let change_type = if kind.is_empty() { "兼任" } else { kind };
        Change { staff, position: moved.position, old: "", new: &name, change_type, from: None, over: false }
    } else {
        let change_type = LEAVING;
        Change { staff, position: moved.position, old: &name, new: main, change_type, from: None, over: true }
    };
    tell(work, company, moved.account, &change).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(old: &str, new: &str, change_type: &str) -> String {
        let (staff, position) = (StaffId(1), PositionId(1));
        Change { staff, position, old, new, change_type, from: None, over: false }.content()
    }

    #[test]
    fn a_notice_says_what_happened() {
        assert_eq!(content("", "前台接待", "入职"), "您已任职“前台接待”（入职）。");
        assert_eq!(content("前台接待", "前台主管", "晋升"), "您的岗位由“前台接待”变更为“前台主管”（晋升）。");
        assert_eq!(content("前台接待", "", "离任"), "您不再担任“前台接待”（离任）。");
        assert_eq!(content("前台主管", "前台接待", "离任"), "您不再担任“前台主管”，现任“前台接待”。");
        assert_eq!(content("前台接待", "前台接待", "调岗"), "您在“前台接待”的任职信息已更新（调岗）。");
    }
}
