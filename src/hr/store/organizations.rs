//! The SQL of organisations: a tree of which every row knows the rows above it.

use crate::db::listing::{Conditions, Filter, Kind, List, Wanted};
use crate::db::{Conn, DbError};
use crate::hr::model::{Belongings, Organization};
use crate::{sql_all, sql_exec, sql_one, sql_opt};
use livegrant_actors::CompanyId;

/// The list of organisations.
pub const ORGANIZATIONS: List = List {
    columns: "o.id, o.guid, o.code, o.name, parent.guid AS parent_guid, o.path, o.level, o.sort, o.status,
        leader.guid AS leader_staff_guid, leader.name AS leader_name,
        (SELECT count(*) FROM hr_staff s WHERE s.org_id = o.id AND s.status <> 'left') AS staff, o.version",
    from: "hr_organization o LEFT JOIN hr_organization parent ON parent.id = o.parent_id
        LEFT JOIN hr_staff leader ON leader.id = o.leader_staff_id",
    search: &["o.code", "o.name"],
    filters: &[
        Filter::new("guid", "o.guid", Kind::Guid),
        Filter::new("code", "o.code", Kind::Text),
        Filter::new("name", "o.name", Kind::Text),
        Filter::new("level", "o.level", Kind::Number),
        Filter::new("status", "o.status", Kind::Number),
        Filter::new("leader_staff_guid", "leader.guid", Kind::Guid),
    ],
    orders: &[
        ("id", "o.id"),
        ("code", "o.code"),
        ("name", "o.name"),
        ("level", "o.level"),
        ("sort", "o.sort"),
        ("path", "o.path"),
        ("created_at", "o.created_at"),
        ("updated_at", "o.updated_at"),
    ],
    order: "o.level, o.sort, o.id",
    unique: "o.id",
};

/// Organisations of a company.
pub fn of_company(company: CompanyId) -> Conditions {
    Conditions::new("o.company_id = ?", [company.0.into()])
}

/// Adds that they lie below an organisation, so many levels at most; itself is not among them.
pub fn below(own: Conditions, path: &str, level: i64, depth: Option<i64>) -> Conditions {
    let mut own =
        own.and(Conditions::new("o.path LIKE ? AND o.path <> ?", [format!("{path}%").into(), path.into()]));
    if let Some(depth) = depth {
        own.push("o.level <= ?", [level.saturating_add(depth).into()]);
    }
    own
}

/// Lists organisations.
pub async fn organizations(
    conn: &mut Conn,
    own: Conditions,
    wanted: &Wanted,
) -> Result<(i64, Vec<Organization>), DbError> {
    ORGANIZATIONS.page(conn, own, wanted).await
}

/// Lists the first organisations from the top downwards.
pub async fn downwards(conn: &mut Conn, own: Conditions, rows: i64) -> Result<Vec<Organization>, DbError> {
    ORGANIZATIONS.first(conn, own, rows).await
}

/// Finds an organisation.
pub async fn organization(
    conn: &mut Conn,
    mut own: Conditions,
    guid: &str,
) -> Result<Option<Organization>, DbError> {
    own.push("o.guid = ?", [guid.into()]);
    ORGANIZATIONS.one(conn, own).await
}

/// Finds an organisation by its row.
pub async fn organization_of_row(
    conn: &mut Conn,
    mut own: Conditions,
    row: i64,
) -> Result<Option<Organization>, DbError> {
    own.push("o.id = ?", [row.into()]);
    ORGANIZATIONS.one(conn, own).await
}

/// Finds the row of an organisation by its code.
pub async fn organization_coded(
    conn: &mut Conn,
    company: CompanyId,
    code: &str,
) -> Result<Option<i64>, DbError> {
    let row = sql_opt!(
        conn,
        (i64,),
        "SELECT id FROM hr_organization WHERE company_id = $1 AND code = $2",
        company.0,
        code
    )?;
    Ok(row.map(|row| row.0))
}

/// What an organisation's row holds besides its keys and its place in the tree.
#[derive(Debug, Clone)]
pub struct OrganizationColumns<'a> {
    /// Unique in its company.
    pub code: &'a str,
    /// Display name.
    pub name: &'a str,
    /// Place among siblings; `None` on a new one: last.
    pub sort: Option<i64>,
    /// 1 enabled, 0 disabled.
    pub status: i64,
    /// The staff record of whoever leads it.
    pub leader: Option<i64>,
}

/// Inserts an organisation below another one, or at the top, and answers its row.
pub async fn insert_organization(
    conn: &mut Conn,
    company: CompanyId,
    guid: &str,
    new: &OrganizationColumns<'_>,
    parent: Option<i64>,
    now: i64,
) -> Result<i64, DbError> {
    let (id,) = sql_one!(
        conn,
        (i64,),
        "INSERT INTO hr_organization (guid, company_id, code, name, status, leader_staff_id, parent_id, sort, level, path,
            created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, CAST($7 AS BIGINT),
            coalesce($8, (SELECT max(sort) + 1 FROM hr_organization
                           WHERE company_id = $2 AND coalesce(parent_id, 0) = coalesce(CAST($7 AS BIGINT), 0)), 0),
            coalesce((SELECT level FROM hr_organization WHERE id = CAST($7 AS BIGINT)), 0) + 1, '', $9, $9) RETURNING id",
        guid,
        company.0,
        new.code,
        new.name,
        new.status,
        new.leader,
        parent,
        new.sort,
        now
    )?;
    sql_exec!(
        conn,
        "UPDATE hr_organization SET path = coalesce((SELECT above.path FROM hr_organization above WHERE above.id = $2), '/')
                || CAST(id AS TEXT) || '/'
          WHERE id = $1",
        id,
        parent
    )?;
    Ok(id)
}

/// Changes an organisation where its version still is the given one; 0 rows: somebody else was first.
pub async fn update_organization(
    conn: &mut Conn,
    id: i64,
    new: &OrganizationColumns<'_>,
    version: i64,
    now: i64,
) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE hr_organization SET code = $3, name = $4, sort = coalesce($5, sort), status = $6, leader_staff_id = $7,
                version = version + 1, updated_at = $8
          WHERE id = $1 AND version = $2",
        id,
        version,
        new.code,
        new.name,
        new.sort,
        new.status,
        new.leader,
        now
    )
}

/// Answers the deepest level at or below a path.
pub async fn deepest(conn: &mut Conn, company: CompanyId, path: &str) -> Result<i64, DbError> {
    let (level,) = sql_one!(
        conn,
        (Option<i64>,),
        "SELECT max(level) FROM hr_organization WHERE company_id = $1 AND path LIKE $2 || '%'",
        company.0,
        path
    )?;
    Ok(level.unwrap_or(0))
}

/// Hangs an organisation under another one, or at the top, and raises its version.
pub async fn hang(conn: &mut Conn, id: i64, parent: Option<i64>, now: i64) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE hr_organization SET parent_id = $2, version = version + 1, updated_at = $3 WHERE id = $1",
        id,
        parent,
        now
    )
}

/// Rewrites the paths and levels of everything at or below a path, in one statement.
pub async fn rewrite_paths(
    conn: &mut Conn,
    company: CompanyId,
    old: &str,
    new: &str,
    levels: i64,
) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE hr_organization SET path = $3 || substr(path, length($2) + 1), level = level + $4
          WHERE company_id = $1 AND path LIKE $2 || '%'",
        company.0,
        old,
        new,
        levels
    )
}

/// Gives an organisation a place among its siblings, and numbers all of them from 0.
pub async fn place(
    conn: &mut Conn,
    company: CompanyId,
    parent: Option<i64>,
    id: i64,
    position: i64,
) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE hr_organization SET sort = placed.place
           FROM (SELECT id, CASE WHEN id = $3 THEN $4 WHEN number - 1 >= $4 THEN number ELSE number - 1 END AS place
                   FROM (SELECT id, row_number() OVER (ORDER BY CASE WHEN id = $3 THEN 1 ELSE 0 END, sort, id) AS number
                           FROM hr_organization
                          WHERE company_id = $1 AND coalesce(parent_id, 0) = coalesce(CAST($2 AS BIGINT), 0)) AS numbered)
                AS placed
          WHERE hr_organization.id = placed.id AND hr_organization.sort <> placed.place",
        company.0,
        parent,
        id,
        position
    )
}

/// Counts the siblings under a parent.
pub async fn children(conn: &mut Conn, company: CompanyId, parent: Option<i64>) -> Result<i64, DbError> {
    let (count,) = sql_one!(
        conn,
        (i64,),
        "SELECT count(*) FROM hr_organization
          WHERE company_id = $1 AND coalesce(parent_id, 0) = coalesce(CAST($2 AS BIGINT), 0)",
        company.0,
        parent
    )?;
    Ok(count)
}

/// Lists what lies directly below an organisation.
pub async fn children_of(conn: &mut Conn, id: i64) -> Result<Vec<Organization>, DbError> {
    ORGANIZATIONS.first(conn, Conditions::new("o.parent_id = ?", [id.into()]), i64::from(i32::MAX)).await
}

/// Counts what belongs to an organisation.
pub async fn belongings(conn: &mut Conn, id: i64) -> Result<Belongings, DbError> {
    sql_one!(
        conn,
        Belongings,
        "SELECT (SELECT count(*) FROM hr_staff WHERE org_id = $1) AS staff,
                (SELECT count(*) FROM hr_position WHERE org_id = $1) AS positions,
                (SELECT count(*) FROM hr_organization WHERE parent_id = $1) AS organizations,
                (SELECT count(*) FROM sys_data_scope_org WHERE org_id = $1) AS data_scopes",
        id
    )
}

/// Moves all staff of an organisation to another one, or to none; answers everybody's record, account and whether the
/// person is still there.
pub async fn move_staff(
    conn: &mut Conn,
    from: i64,
    to: Option<i64>,
    now: i64,
) -> Result<Vec<(i64, Option<i64>, bool)>, DbError> {
    sql_all!(
        conn,
        (i64, Option<i64>, bool),
        "UPDATE hr_staff SET org_id = $2, version = version + 1, updated_at = $3 WHERE org_id = $1
         RETURNING id, account_id, status <> 'left'",
        from,
        to,
        now
    )
}

/// Moves all positions of an organisation to another one, or to none; answers them.
pub async fn move_positions(
    conn: &mut Conn,
    from: i64,
    to: Option<i64>,
    now: i64,
) -> Result<Vec<i64>, DbError> {
    let rows = sql_all!(
        conn,
        (i64,),
        "UPDATE hr_position SET org_id = $2, version = version + 1, updated_at = $3 WHERE org_id = $1 RETURNING id",
        from,
        to,
        now
    )?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Lets a person lead no organisation any more; answers how many he led.
pub async fn lead_no_more(conn: &mut Conn, staff: i64, now: i64) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE hr_organization SET leader_staff_id = NULL, version = version + 1, updated_at = $2
          WHERE leader_staff_id = $1",
        staff,
        now
    )
}

/// Finds a person who may lead: of the company, and still there.
pub async fn leader(conn: &mut Conn, company: CompanyId, guid: &str) -> Result<Option<i64>, DbError> {
    let row = sql_opt!(
        conn,
        (i64,),
        "SELECT id FROM hr_staff WHERE company_id = $1 AND guid = $2 AND status <> 'left'",
        company.0,
        guid
    )?;
    Ok(row.map(|row| row.0))
}

/// Deletes an organisation; refused as a reference while positions, staff or organisations belong to it.
pub async fn delete_organization(conn: &mut Conn, id: i64) -> Result<u64, DbError> {
    sql_exec!(conn, "DELETE FROM hr_organization WHERE id = $1", id)
}
