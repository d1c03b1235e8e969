//! Timed grants: enforced at their instant by every check and by the fence, told to tabs by a change of its own when the
//! instant has come (the system is its author). By the database's clock: a node whose clock is ahead must not take away
//! what somebody still has. Any number of nodes may run this: a row is taken by one only.

use super::PolicyChange;
use crate::db::{Author, Conn, Db, DbError, SystemTask, Work};
use crate::refusal::Refusal;
use crate::{sql_all, sql_exec, sql_one};
use livegrant_actors::{AccountId, PositionId, RoleId};
use std::future::Future;
use std::pin::Pin;

/// A person's position that begins or ends by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// The staff record.
    pub staff: i64,
    /// The person's account.
    pub account: Option<AccountId>,
    /// The position.
    pub position: PositionId,
    /// It begins; else it has ended.
    pub begins: bool,
}

/// What is done in the same transaction about positions that begin and end: their area has it told.
pub trait Tell: Sync {
    /// Called when the rows have been changed; the transaction is still open.
    fn tell<'a>(
        &'a self,
        work: &'a mut Work,
        moved: &'a [Moved],
    ) -> Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send + 'a>>;
}

/// Starts and ends the grants whose instant has come by the database's clock; answers how long the next one takes, ms, if
/// there is one.
pub async fn turn(db: &Db, about_positions: &dyn Tell) -> Result<Option<i64>, Refusal> {
    let now = db.now(&mut db.read().await?).await?;
    if due(&mut db.read().await?, now).await? {
        let mut work = db.begin(&Author::system("timed grants")).await?;
        let mut changes = Vec::new();
        for (account, role) in sql_all!(
            work.conn(),
            (i64, i64),
            "DELETE FROM sys_user_role WHERE valid_to <= $1 RETURNING account_id, role_id",
            now
        )? {
            let (account, removed) = (AccountId(account), vec![RoleId(role)]);
            changes.push(PolicyChange::UserRoles { account, added: Vec::new(), removed });
        }
        for (account, role) in sql_all!(
            work.conn(),
            (i64, i64),
            "UPDATE sys_user_role SET started = TRUE WHERE started = FALSE AND valid_from <= $1
             RETURNING account_id, role_id",
            now
        )? {
            let (account, added) = (AccountId(account), vec![RoleId(role)]);
            changes.push(PolicyChange::UserRoles { account, added, removed: Vec::new() });
        }
        let moved = positions(work.conn(), now).await?;
        changes.extend(moved.iter().map(change));
        if !changes.is_empty() {
            for change in changes {
                work.change(change);
            }
            work.because("time limit");
            about_positions.tell(&mut work, &moved).await?;
            work.commit(SystemTask::TimedGrant).await?;
        }
    }
    let next = next(&mut db.read().await?, now).await?;
    Ok(next.map(|next| next - now))
}

async fn positions(conn: &mut Conn, now: i64) -> Result<Vec<Moved>, DbError> {
    // Locks the people first, as every change of a person does: whose login it is must not change meanwhile.
    sql_exec!(
        conn,
        "UPDATE hr_staff SET updated_at = updated_at WHERE id IN (
            SELECT staff_id FROM hr_r_staff_position WHERE valid_to <= $1 OR (started = FALSE AND valid_from <= $1))",
        now
    )?;
    let ended = sql_all!(
        conn,
        (i64, i64, Option<i64>),
        "DELETE FROM hr_r_staff_position WHERE valid_to <= $1
         RETURNING staff_id, position_id, (SELECT account_id FROM hr_staff WHERE id = staff_id)",
        now
    )?;
    let started = sql_all!(
        conn,
        (i64, i64, Option<i64>),
        "UPDATE hr_r_staff_position SET started = TRUE WHERE started = FALSE AND valid_from <= $1
         RETURNING staff_id, position_id, (SELECT account_id FROM hr_staff WHERE id = staff_id)",
        now
    )?;
    let rows = ended.into_iter().map(|row| (row, false)).chain(started.into_iter().map(|row| (row, true)));
    Ok(rows
        .map(|((staff, position, account), begins)| Moved {
            staff,
            account: account.map(AccountId),
            position: PositionId(position),
            begins,
        })
        .collect())
}

fn change(moved: &Moved) -> PolicyChange {
    let position = vec![moved.position];
    let (added, removed) = if moved.begins { (position, Vec::new()) } else { (Vec::new(), position) };
    PolicyChange::StaffPositions { staff: moved.staff, account: moved.account, added, removed }
}

async fn due(conn: &mut Conn, now: i64) -> Result<bool, DbError> {
    let (rows,) = sql_one!(
        conn,
        (i64,),
        "SELECT (SELECT count(*) FROM sys_user_role WHERE valid_to <= $1 OR (started = FALSE AND valid_from <= $1))
              + (SELECT count(*) FROM hr_r_staff_position
                  WHERE valid_to <= $1 OR (started = FALSE AND valid_from <= $1))",
        now
    )?;
    Ok(rows > 0)
}

async fn next(conn: &mut Conn, now: i64) -> Result<Option<i64>, DbError> {
    let (next,) = sql_one!(
        conn,
        (Option<i64>,),
        "SELECT min(limit_at) FROM (
            SELECT min(valid_to) AS limit_at FROM sys_user_role WHERE valid_to > $1
            UNION ALL SELECT min(valid_from) FROM sys_user_role WHERE started = FALSE AND valid_from > $1
            UNION ALL SELECT min(valid_to) FROM hr_r_staff_position WHERE valid_to > $1
            UNION ALL SELECT min(valid_from) FROM hr_r_staff_position WHERE started = FALSE AND valid_from > $1
         ) AS limits",
        now
    )?;
    Ok(next)
}
