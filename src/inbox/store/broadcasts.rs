//! The SQL of sending: whom an audience is, what somebody sent, what became of it.

use crate::db::{Author, Conn, DbError};
use crate::{sql_all, sql_exec, sql_one, sql_opt};
use livegrant_actors::{AccountId, CompanyId};
use serde_json::{Map, Value};
use sqlx::types::Json;

/// A broadcast that is to be stored; its revision is set by the commit.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the fields are the columns of the same name")]
pub struct NewBroadcast<'a> {
    pub message_id: &'a str,
    pub category: &'a str,
    pub severity: &'a str,
    pub title: &'a str,
    pub content: &'a str,
    pub payload: &'a Map<String, Value>,
    pub link: Option<&'a str>,
    pub audience: &'a str,
    pub audience_id: i64,
    pub company: CompanyId,
    pub idempotency_key: Option<&'a str>,
    pub expires_at: Option<i64>,
}

/// Stores a broadcast and answers its id.
pub async fn insert_broadcast(
    conn: &mut Conn,
    author: &Author,
    new: &NewBroadcast<'_>,
    now: i64,
) -> Result<i64, DbError> {
    let (id,) = sql_one!(
        conn,
        (i64,),
        "INSERT INTO sys_notification (message_id, type, category, severity, title, content, payload, link, sender_id,
            sender_name, audience, audience_id, company_id, idempotency_key, expires_at, created_at)
         VALUES ($1, 'system_notification', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) RETURNING id",
        new.message_id,
        new.category,
        new.severity,
        new.title,
        new.content,
        Json(new.payload),
        new.link,
        author.account.0,
        &author.name,
        new.audience,
        new.audience_id,
        new.company.0,
        new.idempotency_key,
        new.expires_at,
        now
    )?;
    Ok(id)
}

/// Something that was sent.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the fields are the columns of the same name")]
pub struct Sent {
    pub id: i64,
    pub message_id: String,
    #[sqlx(rename = "type")]
    pub kind: String,
    pub title: String,
    pub content: String,
    pub audience: String,
    pub company_id: i64,
    pub rev: Option<i64>,
    pub created_at: i64,
}

/// Finds what an account sent under a key (FN18).
pub async fn sent_by_key(conn: &mut Conn, sender: AccountId, key: &str) -> Result<Option<Sent>, DbError> {
    sql_opt!(
        conn,
        Sent,
        "SELECT id, message_id, type, title, content, audience, company_id, rev, created_at FROM sys_notification
          WHERE sender_id = $1 AND idempotency_key = $2",
        sender.0,
        key
    )
}

/// Frees a sender's key that was used before an instant; what was sent under it stays.
pub async fn forget_key(conn: &mut Conn, sender: AccountId, key: &str, before: i64) -> Result<u64, DbError> {
    sql_exec!(
        conn,
        "UPDATE sys_notification SET idempotency_key = NULL
          WHERE sender_id = $1 AND idempotency_key = $2 AND created_at < $3",
        sender.0,
        key,
        before
    )
}

/// Finds what an account sent.
pub async fn sent(conn: &mut Conn, sender: AccountId, id: i64) -> Result<Option<Sent>, DbError> {
    sql_opt!(
        conn,
        Sent,
        "SELECT id, message_id, type, title, content, audience, company_id, rev, created_at FROM sys_notification
          WHERE id = $2 AND sender_id = $1",
        sender.0,
        id
    )
}

/// Finds a notice by its message id.
pub async fn sent_as(conn: &mut Conn, message_id: &str) -> Result<Option<Sent>, DbError> {
    sql_opt!(
        conn,
        Sent,
        "SELECT id, message_id, type, title, content, audience, company_id, rev, created_at FROM sys_notification
          WHERE message_id = $1",
        message_id
    )
}

/// What an audience names: a role, a position or an organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Named {
    /// Its row.
    pub id: i64,
    /// Whose it is.
    #[sqlx(rename = "company_id")]
    pub company: i64,
    /// The organisation that it belongs to, or is; a role belongs to none.
    #[sqlx(rename = "org_id")]
    pub organization: Option<i64>,
}

/// Finds the role, position or organisation that an audience names, by id or guid.
pub async fn audience_named(
    conn: &mut Conn,
    kind: &str,
    id: i64,
    guid: &str,
) -> Result<Option<Named>, DbError> {
    sql_opt!(
        conn,
        Named,
        "SELECT id, company_id, CAST(NULL AS BIGINT) AS org_id FROM sys_role
          WHERE CAST($1 AS TEXT) = 'role' AND id = $2
         UNION ALL SELECT id, company_id, org_id FROM hr_position WHERE $1 = 'position' AND guid = $3
         UNION ALL SELECT id, company_id, id FROM hr_organization WHERE $1 = 'organization' AND guid = $3",
        kind,
        id,
        guid
    )
}

/// Lists who an audience is now: enabled accounts of the company (0: of all), at most so many, in order. Whom a position or
/// an organisation has is found once, from there to the people, not for each person.
pub async fn people_of(
    conn: &mut Conn,
    audience: &str,
    id: i64,
    company: CompanyId,
    limit: i64,
) -> Result<Vec<AccountId>, DbError> {
    let rows = sql_all!(
        conn,
        (i64,),
        "SELECT person.user_id FROM sys_login_user AS person
          WHERE person.status = 1 AND (CAST($3 AS BIGINT) = 0 OR person.company_id = $3)
            AND (CAST($1 AS TEXT) IN ('all', 'company')
                 OR ($1 = 'role' AND EXISTS (SELECT 1 FROM sys_user_role held
                      WHERE held.account_id = person.user_id AND held.role_id = $2 AND held.started))
                 OR ($1 = 'position' AND person.user_id IN (SELECT staff.account_id FROM hr_r_staff_position filled
                      JOIN hr_staff staff ON staff.id = filled.staff_id
                      WHERE filled.position_id = $2 AND filled.started AND staff.account_id IS NOT NULL))
                 OR ($1 = 'organization' AND person.user_id IN (
                     SELECT staff.account_id FROM hr_organization root
                       JOIN hr_organization own ON own.company_id = root.company_id
                        AND substr(own.path, 1, length(root.path)) = root.path
                       JOIN hr_staff staff ON staff.org_id = own.id
                      WHERE root.id = $2 AND staff.account_id IS NOT NULL AND staff.status <> 'left'
                     UNION
                     SELECT staff.account_id FROM hr_organization root
                       JOIN hr_organization own ON own.company_id = root.company_id
                        AND substr(own.path, 1, length(root.path)) = root.path
                       JOIN hr_position post ON post.org_id = own.id
                       JOIN hr_r_staff_position filled ON filled.position_id = post.id AND filled.started
                       JOIN hr_staff staff ON staff.id = filled.staff_id
                      WHERE root.id = $2 AND staff.account_id IS NOT NULL AND staff.status <> 'left')))
          ORDER BY person.user_id LIMIT $4",
        audience,
        id,
        company.0,
        limit
    )?;
    Ok(rows.into_iter().map(|(account,)| AccountId(account)).collect())
}

/// Counts who an audience is now.
pub async fn size_of(conn: &mut Conn, audience: &str, id: i64, company: CompanyId) -> Result<i64, DbError> {
    let (count,) = sql_one!(
        conn,
        (i64,),
        "SELECT count(*) FROM sys_login_user AS person
          WHERE person.status = 1 AND (CAST($3 AS BIGINT) = 0 OR person.company_id = $3)
            AND (CAST($1 AS TEXT) IN ('all', 'company')
                 OR ($1 = 'role' AND EXISTS (SELECT 1 FROM sys_user_role held
                      WHERE held.account_id = person.user_id AND held.role_id = $2 AND held.started))
                 OR ($1 = 'position' AND person.user_id IN (SELECT staff.account_id FROM hr_r_staff_position filled
                      JOIN hr_staff staff ON staff.id = filled.staff_id
                      WHERE filled.position_id = $2 AND filled.started AND staff.account_id IS NOT NULL))
                 OR ($1 = 'organization' AND person.user_id IN (
                     SELECT staff.account_id FROM hr_organization root
                       JOIN hr_organization own ON own.company_id = root.company_id
                        AND substr(own.path, 1, length(root.path)) = root.path
                       JOIN hr_staff staff ON staff.org_id = own.id
                      WHERE root.id = $2 AND staff.account_id IS NOT NULL AND staff.status <> 'left'
                     UNION
                     SELECT staff.account_id FROM hr_organization root
                       JOIN hr_organization own ON own.company_id = root.company_id
                        AND substr(own.path, 1, length(root.path)) = root.path
                       JOIN hr_position post ON post.org_id = own.id
                       JOIN hr_r_staff_position filled ON filled.position_id = post.id AND filled.started
                       JOIN hr_staff staff ON staff.id = filled.staff_id
                      WHERE root.id = $2 AND staff.account_id IS NOT NULL AND staff.status <> 'left')))",
        audience,
        id,
        company.0
    )?;
    Ok(count)
}

/// What became of a notice: for how many it is, to how many's tabs it was handed, by how many it was seen and read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the sentence above names them in order")]
pub struct Fate {
    pub sent: i64,
    pub delivered: i64,
    pub seen: i64,
    pub read: i64,
}

/// Tells what became of a notice to named people.
pub async fn fate(conn: &mut Conn, id: i64) -> Result<Fate, DbError> {
    sql_one!(
        conn,
        Fate,
        "SELECT count(*) AS sent, count(delivered_at) AS delivered, count(seen_at) AS seen, count(read_at) AS read
           FROM sys_notification_recipient WHERE notification_id = $1 OR latest_id = $1",
        id
    )
}

/// Tells what became of a broadcast among those whom it reaches now; whose tabs showed it is in its receipt.
pub async fn broadcast_fate(conn: &mut Conn, id: i64) -> Result<Fate, DbError> {
    sql_one!(
        conn,
        Fate,
        "SELECT count(*) AS sent, count(r.delivered_at) AS delivered,
                CAST(coalesce(sum(CASE WHEN r.account_id IS NOT NULL AND r.seen_at IS NOT NULL THEN 1
                                       WHEN r.account_id IS NULL AND b.rev <= coalesce(m.seen_up_to, 0) THEN 1
                                       ELSE 0 END), 0) AS BIGINT) AS seen,
                CAST(coalesce(sum(CASE WHEN r.account_id IS NOT NULL AND r.read_at IS NOT NULL THEN 1
                                       WHEN r.account_id IS NULL AND b.rev <= coalesce(m.read_up_to, 0) THEN 1
                                       ELSE 0 END), 0) AS BIGINT) AS read
           FROM sys_broadcast_reach b
           JOIN sys_login_user person ON person.user_id = b.account_id AND person.status = 1
            AND (b.company_id = 0 OR person.company_id = b.company_id)
           LEFT JOIN sys_notification_recipient r
             ON r.account_id = b.account_id AND r.notification_id = b.notification_id
           LEFT JOIN sys_notification_counter m ON m.account_id = b.account_id AND m.company_id = b.company_id
          WHERE b.notification_id = $1",
        id
    )
}
