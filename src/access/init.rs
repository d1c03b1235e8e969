//! First data: the builtin permissions (`InitSystemPermissions`, S1-37), the default company and application, the preset
//! roles, the log's incarnation. Running it again changes nothing and duplicates nothing; what an administrator changed
//! in a preset role stays changed.

use super::builtin::{CODES, MENUS, PRESETS, Preset};
use crate::clock::guid;
use crate::core::Core;
use crate::db::{Author, Authority, Conn, Db, DbError, SystemTask, Work};
use crate::policy::{PolicyChange, Principal, store};
use crate::refusal::Refusal;
use crate::{sql_exec, sql_one, sql_opt};
use livegrant_actors::{CompanyId, Rev};

/// The company that everyone belongs to until tenants come.
pub const DEFAULT_COMPANY: i64 = 1;
/// The application that everyone signs in to until there are more.
pub const DEFAULT_APPLICATION: i64 = 1;

/// Puts the first data into an empty database; called by `livegrant migrate`.
pub async fn first_data(db: &Db) -> Result<(), Refusal> {
    let mut work = db.begin(&Author::system("first data")).await?;
    let now = work.now();
    let conn = work.conn();
    let fresh = store::meta(conn, "log_incarnation").await?.is_none();
    store::meta_or_insert(conn, "log_incarnation", &guid()).await?;
    sql_exec!(
        conn,
        "INSERT INTO company (name, created_at) SELECT '默认公司', CAST($1 AS BIGINT)
          WHERE NOT EXISTS (SELECT 1 FROM company)",
        now
    )?;
    sql_exec!(
        conn,
        "INSERT INTO t_application (code, name, created_at) SELECT 'livegrant', 'Livegrant', CAST($1 AS BIGINT)
          WHERE NOT EXISTS (SELECT 1 FROM t_application)",
        now
    )?;
    let added = insert_missing(conn).await?;
    if fresh {
        for preset in PRESETS {
            insert_preset(conn, now, preset).await?;
        }
    }
    if !fresh && !added.is_empty() {
        work.change(PolicyChange::SystemAdjusted);
    }
    work.commit(SystemTask::Bootstrap).await?;
    crate::leave::presets::install(db, CompanyId(DEFAULT_COMPANY)).await
}

/// `InitSystemPermissions` over REST: adds the builtin permissions that are missing. Answers the revision, when
/// something was added: then everyone who is online gets his set again (E16).
pub async fn init_system_permissions(core: &Core, by: &Principal) -> Result<Option<Rev>, Refusal> {
    by.require_platform()?;
    let mut work = core.db.begin(&by.author()).await?;
    let added = insert_missing(work.conn()).await?;
    if added.is_empty() {
        return Ok(None);
    }
    work.audit("authz_change", "permission", &added.join(","), "platform administrator").await?;
    finish(core, work, Authority::Stamp(&by.stamp())).await
}

/// Tells everyone who is online his whole set again, after an adjustment of the system (S3-29).
pub async fn adjust_system(core: &Core, by: &Principal, reason: &str) -> Result<Option<Rev>, Refusal> {
    by.require(crate::policy::SYSTEM_ADMIN)?;
    let mut work = core.db.begin(&by.author()).await?;
    work.because(reason);
    work.audit("authz_change", "system", "", crate::policy::SYSTEM_ADMIN).await?;
    finish(core, work, Authority::Stamp(&by.stamp())).await
}

async fn finish(core: &Core, mut work: Work, authority: Authority<'_>) -> Result<Option<Rev>, Refusal> {
    work.change(PolicyChange::SystemAdjusted);
    let committed = work.commit(authority).await?;
    Ok(core.settle(committed).await)
}

async fn insert_missing(conn: &mut Conn) -> Result<Vec<&'static str>, DbError> {
    let mut added = Vec::new();
    for (id, code, name, description, critical) in CODES {
        let done = sql_exec!(
            conn,
            "INSERT INTO sys_permission (id, code, name, description, kind, sort, builtin, critical)
             VALUES ($1, $2, $3, $4, 'api', $1, TRUE, $5) ON CONFLICT DO NOTHING",
            id,
            code,
            name,
            description,
            critical
        )?;
        added.extend((done > 0).then_some(*code));
    }
    for (id, code, name, parent, sort, route, icon) in MENUS {
        let (kind, level) = if parent.is_none() { ("menu", 1_i64) } else { ("button", 2) };
        let done = sql_exec!(
            conn,
            "INSERT INTO sys_permission (id, code, name, kind, parent_id, level, sort, route, icon, builtin)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, TRUE) ON CONFLICT DO NOTHING",
            id,
            code,
            name,
            kind,
            parent,
            level,
            sort,
            route,
            icon
        )?;
        added.extend((done > 0).then_some(*code));
    }
    Ok(added)
}

async fn insert_preset(
    conn: &mut Conn,
    now: i64,
    (code, name, reach, permissions): &Preset,
) -> Result<(), DbError> {
    let (role,) = sql_one!(
        conn,
        (i64,),
        "INSERT INTO sys_role (code, name, company_id, application_id, kind, data_scope, created_at, updated_at)
         VALUES ($1, $2, $3, 0, 'builtin', $4, $5, $5) RETURNING id",
        code,
        name,
        DEFAULT_COMPANY,
        reach,
        now
    )?;
    for permission in *permissions {
        let row = sql_opt!(conn, (i64,), "SELECT id FROM sys_permission WHERE code = $1", permission)?;
        let Some((permission,)) = row else { continue };
        sql_exec!(
            conn,
            "INSERT INTO sys_role_menu (role_id, permission_id, update_time, granted_by) VALUES ($1, $2, $3, 0)",
            role,
            permission,
            now
        )?;
    }
    Ok(())
}
