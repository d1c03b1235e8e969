//! Random changes of the policy, each a real transaction: the rows change as the areas change them, and the change says
//! in the log what it was. The same seed makes the same changes.

use livegrant::access::store as access_store;
use livegrant::auth::end_sessions;
use livegrant::auth::model::SessionFilter;
use livegrant::db::{SystemTask, Work};
use livegrant::policy::{Edit, EndCode, HolderId, PolicyChange};
use livegrant::{sql_all, sql_exec, sql_one};
use livegrant_actors::{AccountId, PositionId, RoleId, SessionId};

pub use crate::support::Dice;

use crate::house::{
    COMPANY, FAR, House, insert_account, insert_position, insert_session, insert_staff, permission_id, place,
};

/// From and to.
type Period = (Option<i64>, Option<i64>);

/// For good, not yet, no longer, for long.
const PERIODS: [Period; 5] =
    [(None, None), (None, None), (Some(FAR), None), (None, Some(2)), (Some(1), Some(FAR))];

/// Who and what the changes are about.
#[derive(Debug, Default, Clone)]
pub struct Stage {
    pub accounts: Vec<AccountId>,
    pub sessions: Vec<SessionId>,
    roles: Vec<RoleId>,
    positions: Vec<PositionId>,
    staff: Vec<i64>,
    permissions: Vec<i64>,
    made: usize,
}

impl Stage {
    /// Puts accounts, roles, positions, staff and sessions of its own into the database.
    pub async fn build(house: &House, name: &str) -> Self {
        let mut stage = Self::default();
        let mut work = house.work().await;
        let conn = work.conn();
        for number in 0..6 {
            let account = insert_account(conn, &format!("{name}-{number}")).await;
            stage.accounts.push(account);
            stage.staff.push(insert_staff(conn, &format!("{name}-{number}"), account).await);
            stage.sessions.push(insert_session(conn, account).await);
            stage.positions.push(insert_position(conn, &format!("{name}-{number}")).await);
            let code = format!("{name}-{number}");
            stage.roles.push(access_store::insert_role(conn, COMPANY, &code, &code, 1).await.unwrap());
        }
        for code in
            ["org:view", "org:update", "staff:view", "menu:organization", "menu:staff", "system:admin"]
        {
            stage.permissions.push(permission_id(conn, code).await);
        }
        work.change(PolicyChange::SystemAdjusted);
        work.commit(SystemTask::Bootstrap).await.unwrap();
        stage
    }

    /// Commits one transaction with one change or two.
    pub async fn step(&mut self, house: &House, dice: &mut Dice) {
        let mut work = house.work().await;
        for _ in 0..=dice.below(2) {
            self.change(&mut work, dice).await;
        }
        work.commit(SystemTask::Bootstrap).await.unwrap();
    }

    async fn change(&mut self, work: &mut Work, dice: &mut Dice) {
        match dice.below(16) {
            0..3 => {
                let (account, role) = (dice.pick(&self.accounts), dice.pick(&self.roles));
                give_or_take_role(work, account, role, dice.pick(&PERIODS)).await;
            }
            3..5 => self.grant_or_revoke(work, dice).await,
            5 => self.edit_role(work, dice).await,
            6 => self.edit_position(work, dice).await,
            7..9 => self.place_staff(work, dice).await,
            9 => self.edit_catalogue(work, dice).await,
            10 => self.edit_account(work, dice).await,
            11 => self.link_staff(work, dice).await,
            12 => self.end_sessions(work, dice).await,
            13 => {
                let account = dice.pick(&self.accounts);
                self.sessions.push(insert_session(work.conn(), account).await);
            }
            14 => work.change(PolicyChange::SystemAdjusted),
            _ => {
                work.change(PolicyChange::notice("t", "c", "x", "info"));
            }
        }
    }

    async fn grant_or_revoke(&self, work: &mut Work, dice: &mut Dice) {
        let permission = dice.pick(&self.permissions);
        let role = HolderId::Role(dice.pick(&self.roles));
        let position = HolderId::Position(dice.pick(&self.positions));
        let holder = dice.pick(&[role, position]);
        let conn = work.conn();
        if access_store::grant(conn, holder, permission, AccountId(0), 1).await.unwrap() == 0 {
            access_store::revoke(conn, holder, permission).await.unwrap();
        }
        let (added, removed) = (Vec::new(), Vec::new());
        work.change(match holder {
            HolderId::Role(role) => PolicyChange::RolePermissions { role, added, removed },
            HolderId::Position(position) => PolicyChange::PositionPermissions { position, added, removed },
        });
    }

    async fn edit_role(&mut self, work: &mut Work, dice: &mut Dice) {
        let role = dice.pick(&self.roles);
        let conn = work.conn();
        let edit = match dice.below(3) {
            0 => {
                sql_exec!(conn, "UPDATE sys_role SET status = 1 - status WHERE id = $1", role.0).unwrap();
                Edit::Switched
            }
            1 => {
                let name = self.new_name();
                sql_exec!(conn, "UPDATE sys_role SET name = $2 WHERE id = $1", role.0, name).unwrap();
                Edit::Renamed
            }
            _ => {
                access_store::delete_role(conn, role).await.unwrap();
                self.roles.retain(|other| *other != role);
                let name = self.new_name();
                let next = access_store::insert_role(conn, COMPANY, &name, &name, 1).await.unwrap();
                self.roles.push(next);
                work.change(PolicyChange::RoleEdited { role: next, edit: Edit::Made });
                Edit::Deleted
            }
        };
        work.change(PolicyChange::RoleEdited { role, edit });
    }

    async fn edit_position(&mut self, work: &mut Work, dice: &mut Dice) {
        let position = dice.pick(&self.positions);
        let conn = work.conn();
        let edit = if dice.below(2) == 0 {
            sql_exec!(conn, "UPDATE hr_position SET status = 1 - status WHERE id = $1", position.0).unwrap();
            Edit::Switched
        } else {
            sql_exec!(conn, "DELETE FROM hr_r_staff_position WHERE position_id = $1", position.0).unwrap();
            sql_exec!(conn, "DELETE FROM hr_r_position_permission WHERE position_id = $1", position.0)
                .unwrap();
            sql_exec!(conn, "DELETE FROM hr_position WHERE id = $1", position.0).unwrap();
            self.positions.retain(|other| *other != position);
            let next = insert_position(conn, &self.new_name()).await;
            self.positions.push(next);
            work.change(PolicyChange::PositionEdited { position: next, edit: Edit::Made });
            Edit::Deleted
        };
        work.change(PolicyChange::PositionEdited { position, edit });
    }

    async fn place_staff(&self, work: &mut Work, dice: &mut Dice) {
        let (staff, position) = (dice.pick(&self.staff), dice.pick(&self.positions));
        let conn = work.conn();
        let (mut added, mut removed) = (Vec::new(), Vec::new());
        if place(conn, staff, position).await > 0 {
            added.push(position);
        } else {
            let sql = sql_exec!(
                conn,
                "DELETE FROM hr_r_staff_position WHERE staff_id = $1 AND position_id = $2",
                staff,
                position.0
            );
            sql.unwrap();
            removed.push(position);
        }
        let account = account_of(work, staff).await;
        work.change(PolicyChange::StaffPositions { staff, account, added, removed });
    }

    async fn edit_catalogue(&mut self, work: &mut Work, dice: &mut Dice) {
        let name = self.new_name();
        let permission = dice.pick(&self.permissions);
        let conn = work.conn();
        let edit = match dice.below(4) {
            0 => {
                sql_exec!(conn, "UPDATE sys_permission SET status = 1 - status WHERE id = $1", permission)
                    .unwrap();
                Edit::Switched
            }
            1 if self.permissions.len() > 6 => {
                let own = self.permissions.pop().expect("there are more than six");
                sql_exec!(conn, "DELETE FROM sys_role_menu WHERE permission_id = $1", own).unwrap();
                sql_exec!(conn, "DELETE FROM hr_r_position_permission WHERE permission_id = $1", own)
                    .unwrap();
                sql_exec!(conn, "DELETE FROM sys_permission WHERE id = $1", own).unwrap();
                Edit::Deleted
            }
            2 if self.permissions.len() > 6 => {
                let own = self.permissions[6];
                sql_exec!(conn, "UPDATE sys_permission SET code = $2, route = $2 WHERE id = $1", own, &name)
                    .unwrap();
                Edit::Renamed
            }
            _ => {
                let made = sql_one!(
                    conn,
                    (i64,),
                    "INSERT INTO sys_permission (code, name, kind) VALUES ($1, $1, 'menu') RETURNING id",
                    &name
                );
                self.permissions.push(made.unwrap().0);
                Edit::Made
            }
        };
        work.change(PolicyChange::Catalogue { permissions: vec![name], edit });
    }

    async fn edit_account(&mut self, work: &mut Work, dice: &mut Dice) {
        let account = dice.pick(&self.accounts);
        let name = self.new_name();
        let conn = work.conn();
        match dice.below(3) {
            0 => {
                let (status,) = sql_one!(
                    conn,
                    (i64,),
                    "UPDATE sys_login_user SET status = 1 - status WHERE user_id = $1 RETURNING status",
                    account.0
                )
                .unwrap();
                work.change(PolicyChange::UserStatus { account, enabled: status == 1 });
                if status == 0 {
                    let filter = SessionFilter { account: Some(account), ..SessionFilter::default() };
                    end_sessions::end(work, &filter, EndCode::AccountDisabled).await.unwrap();
                }
                return;
            }
            1 => sql_exec!(
                conn,
                "UPDATE sys_login_user SET is_platform = NOT is_platform WHERE user_id = $1",
                account.0
            ),
            _ => sql_exec!(
                conn,
                "UPDATE sys_login_user SET display_name = $2 WHERE user_id = $1",
                account.0,
                name
            ),
        }
        .unwrap();
        work.change(PolicyChange::AccountEdited { account });
    }

    /// Takes a person from an account, or gives him one that has nobody: both accounts are told.
    async fn link_staff(&self, work: &mut Work, dice: &mut Dice) {
        let staff = dice.pick(&self.staff);
        if let Some(account) = account_of(work, staff).await {
            sql_exec!(work.conn(), "UPDATE hr_staff SET account_id = NULL WHERE id = $1", staff).unwrap();
            work.change(PolicyChange::AccountEdited { account });
            return;
        }
        let account = dice.pick(&self.accounts);
        let linked =
            sql_all!(work.conn(), (i64,), "SELECT id FROM hr_staff WHERE account_id = $1", account.0)
                .unwrap();
        if linked.is_empty() {
            let sql =
                sql_exec!(work.conn(), "UPDATE hr_staff SET account_id = $2 WHERE id = $1", staff, account.0);
            sql.unwrap();
            work.change(PolicyChange::AccountEdited { account });
        }
    }

    async fn end_sessions(&self, work: &mut Work, dice: &mut Dice) {
        let one = SessionFilter { sid: Some(dice.pick(&self.sessions)), ..SessionFilter::default() };
        let all = SessionFilter { account: Some(dice.pick(&self.accounts)), ..SessionFilter::default() };
        let filter = if dice.below(2) == 0 { one } else { all };
        end_sessions::end(work, &filter, EndCode::SessionKicked).await.unwrap();
    }

    fn new_name(&mut self) -> String {
        self.made += 1;
        format!("made-{}-{}", self.accounts[0], self.made)
    }
}

/// Gives the role for a period, or takes it when it is held.
pub async fn give_or_take_role(work: &mut Work, account: AccountId, role: RoleId, period: Period) {
    let (from, to) = period;
    let (mut added, mut removed) = (Vec::new(), Vec::new());
    if access_store::give_role(work.conn(), account, role, from, to, AccountId(0), 1).await.unwrap() > 0 {
        added.push(role);
    } else {
        access_store::take_role(work.conn(), account, role).await.unwrap();
        removed.push(role);
    }
    work.change(PolicyChange::UserRoles { account, added, removed });
}

async fn account_of(work: &mut Work, staff: i64) -> Option<AccountId> {
    let (account,) =
        sql_one!(work.conn(), (Option<i64>,), "SELECT account_id FROM hr_staff WHERE id = $1", staff)
            .unwrap();
    account.map(AccountId)
}
