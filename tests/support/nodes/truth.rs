//! What the database says in the end: computed anew from the plain rows, past the application and its memory.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use sqlx::{Connection, PgConnection};

use super::tab::Role;

/// What an account may do, as the rows say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effective {
    pub permissions: Vec<String>,
    pub roles: Vec<Role>,
}

impl Effective {
    /// The hash of this state (`docs/protocol.md`), with the menus of a tab: those are not compared.
    pub fn hash(&self, menu_version: &str) -> String {
        let permissions = self.permissions.iter().map(|code| format!("p {code}\n"));
        let roles = self.roles.iter().map(|(id, code, name)| format!("r {id} {code} {name}\n"));
        let text: String = permissions.chain(roles).chain([format!("m {menu_version}\n")]).collect();
        Sha256::digest(text)[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// See the head of this file.
#[derive(Debug, Clone, Default)]
pub struct Truth {
    pub epoch: String,
    pub revision: i64,
    /// Every revision of the log, in order.
    pub log: Vec<i64>,
    /// The revisions of notices.
    pub notices: Vec<i64>,
    /// Request ids, and `rev N` for log rows, in the order of their commits.
    pub commits: Vec<String>,
    pub accounts: BTreeMap<i64, Effective>,
    /// Whether a session is active.
    pub sessions: BTreeMap<String, bool>,
}

impl Truth {
    pub async fn read(url: &str) -> Self {
        let mut db = PgConnection::connect(url).await.expect("the database answers");
        let epoch = "SELECT value FROM sys_meta WHERE name = 'log_incarnation'";
        let epoch: String = sqlx::query_scalar(epoch).fetch_one(&mut db).await.expect("it has a name");
        let revision = sqlx::query_scalar("SELECT rev FROM policy_revision").fetch_one(&mut db).await;
        let log = sqlx::query_scalar("SELECT rev FROM policy_log ORDER BY rev").fetch_all(&mut db).await;
        let notices = "SELECT rev FROM policy_log WHERE EXISTS (
             SELECT FROM jsonb_array_elements(changes) AS change WHERE change ->> 'kind' = 'notice') ORDER BY rev";
        let notices = sqlx::query_scalar(notices).fetch_all(&mut db).await;
        let commits = "SELECT what FROM commit_order ORDER BY place";
        let commits = sqlx::query_scalar(commits).fetch_all(&mut db).await;
        let mut accounts = BTreeMap::<i64, Effective>::new();
        let held = "SELECT held.account_id, role.id, role.code, role.name
               FROM sys_user_role held JOIN sys_role role ON role.id = held.role_id AND role.status = 1
              ORDER BY held.account_id, role.id";
        let held: Vec<(i64, i64, String, String)> =
            sqlx::query_as(held).fetch_all(&mut db).await.expect("roles are readable");
        for (account, id, code, name) in held {
            accounts.entry(account).or_default().roles.push((id, code, name));
        }
        let may = "SELECT DISTINCT held.account_id, permission.code
               FROM sys_user_role held
               JOIN sys_role role ON role.id = held.role_id AND role.status = 1
               JOIN sys_role_menu carried ON carried.role_id = role.id
               JOIN sys_permission permission ON permission.id = carried.permission_id AND permission.status = 1
              ORDER BY held.account_id, permission.code";
        let may: Vec<(i64, String)> =
            sqlx::query_as(may).fetch_all(&mut db).await.expect("permissions are readable");
        for (account, code) in may {
            accounts.entry(account).or_default().permissions.push(code);
        }
        let sessions = "SELECT sid, state = 'active' FROM sys_session";
        let sessions: Vec<(String, bool)> =
            sqlx::query_as(sessions).fetch_all(&mut db).await.expect("sessions are readable");
        Self {
            epoch,
            revision: revision.expect("there is a revision"),
            log: log.expect("the log is readable"),
            notices: notices.expect("the log is readable"),
            commits: commits.expect("the order of commits was noted"),
            accounts,
            sessions: sessions.into_iter().collect(),
        }
    }
}
