//! Accounts and sessions: their shapes and their rules, without IO.

use crate::clock::iso;
use crate::refusal::Refusal;
use livegrant_actors::{AccountId, CompanyId, SessionId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The values of an account's `role` (S2-47): a view of the grant of the builtin role of that code.
pub const ACCOUNT_ROLES: [&str; 4] = ["user", "admin", "manager", "employee"];

/// Longest password: Argon2 reads it whole, so it has to end somewhere (OWASP asks for at least 64).
const PASSWORD_MAX: usize = 256;

/// A row of `sys_login_user`, without its password.
#[expect(missing_docs, reason = "the fields are the columns of the same name")]
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct AccountRow {
    pub user_id: i64,
    pub guid: String,
    pub company_id: i64,
    pub username: String,
    pub email: String,
    pub phone: String,
    pub display_name: String,
    pub department: String,
    pub role: Option<String>,
    pub status: i64,
    pub is_platform: bool,
    pub must_change_password: bool,
    pub permission_version: i64,
    pub last_login_at: Option<i64>,
    pub version: i64,
    pub created_at: i64,
    pub updated_at: i64,
}

/// An account as REST shows it (S2-46).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AccountView {
    /// Integer id; `userId` of the realtime envelope.
    pub id: i64,
    /// 36-character id.
    pub guid: String,
    /// Login name.
    pub username: String,
    /// Name for people.
    pub display_name: String,
    /// Address for mail.
    pub email: String,
    /// Telephone number.
    pub phone: String,
    /// Department, free text.
    pub department: String,
    /// `user`, `admin`, `manager`, `employee` or null (S2-47).
    pub role: Option<String>,
    /// 1 enabled, 0 disabled.
    pub status: i64,
    /// A platform administrator.
    pub is_platform: bool,
    /// The password was set by an administrator and should be changed.
    pub must_change_password: bool,
    /// ISO 8601.
    pub last_login_at: Option<String>,
    /// For optimistic locking.
    pub version: i64,
    /// ISO 8601.
    pub created_at: String,
    /// ISO 8601.
    pub updated_at: String,
}

impl From<AccountRow> for AccountView {
    fn from(row: AccountRow) -> Self {
        Self {
            id: row.user_id,
            guid: row.guid,
            username: row.username,
            display_name: row.display_name,
            email: row.email,
            phone: row.phone,
            department: row.department,
            role: row.role,
            status: row.status,
            is_platform: row.is_platform,
            must_change_password: row.must_change_password,
            last_login_at: row.last_login_at.map(iso),
            version: row.version,
            created_at: iso(row.created_at),
            updated_at: iso(row.updated_at),
        }
    }
}

/// A new account.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// Login name: 1 to 64 characters without spaces.
    pub username: String,
    /// First password.
    pub password: String,
    /// Name for people.
    #[serde(default)]
    pub display_name: String,
    /// Address for mail.
    #[serde(default)]
    pub email: String,
    /// Telephone number.
    #[serde(default)]
    pub phone: String,
    /// Department, free text.
    #[serde(default)]
    pub department: String,
    /// `user`, `admin`, `manager` or `employee`; grants the builtin role of that code.
    #[serde(default)]
    pub role: Option<String>,
}

impl NewAccount {
    /// An account with nothing but a name and a password.
    pub fn named(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            username: username.into(),
            password: password.into(),
            display_name: String::new(),
            email: String::new(),
            phone: String::new(),
            department: String::new(),
            role: None,
        }
    }
}

/// What of an account is to change; what is absent stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountPatch {
    /// Name for people.
    pub display_name: Option<String>,
    /// Address for mail.
    pub email: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
    /// Department.
    pub department: Option<String>,
    /// One of the four roles; replaces the former one.
    pub role: Option<String>,
    /// 1 enables, 0 disables: all sessions end at once.
    pub status: Option<i64>,
    /// The version that was read; a different one now is refused.
    pub version: Option<i64>,
}

/// Which active sessions are meant; the administrator's list and the bulk end use the same one.
#[expect(missing_docs, reason = "the fields are the columns of the same name")]
#[derive(Debug, Clone, Default)]
pub struct SessionFilter {
    pub company: Option<CompanyId>,
    pub account: Option<AccountId>,
    pub sid: Option<SessionId>,
    /// Part of the login name or display name.
    pub search: Option<String>,
    /// A session to leave alone.
    pub keep: Option<SessionId>,
}

/// A row of `sys_session`.
#[expect(missing_docs, reason = "the fields are the columns of the same name")]
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct SessionRow {
    pub sid: String,
    pub account_id: i64,
    pub username: String,
    pub client: String,
    pub device: String,
    pub ip: String,
    pub issued_at: i64,
    pub last_seen_at: i64,
    pub expires_at: i64,
}

/// A live session as REST shows it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SessionView {
    /// Its id.
    pub sid: String,
    /// Whose it is.
    pub account_id: i64,
    /// Whose it is, by login name.
    pub username: String,
    /// `web`, `mini`, `mcp` or `service`.
    pub client: String,
    /// The browser, as it calls itself.
    pub device: String,
    /// The address that signed in.
    pub ip: String,
    /// ISO 8601.
    pub issued_at: String,
    /// The last refresh, ISO 8601.
    pub last_seen_at: String,
    /// ISO 8601.
    pub expires_at: String,
    /// The session that asks.
    pub current: bool,
}

impl SessionView {
    /// Shows a row to the holder of session `own`.
    pub fn of(row: SessionRow, own: &str) -> Self {
        Self {
            current: row.sid == own,
            sid: row.sid,
            account_id: row.account_id,
            username: row.username,
            client: row.client,
            device: row.device,
            ip: row.ip,
            issued_at: iso(row.issued_at),
            last_seen_at: iso(row.last_seen_at),
            expires_at: iso(row.expires_at),
        }
    }
}

/// Checks a login name.
pub fn check_username(username: &str) -> Result<(), Refusal> {
    let fits = (1..=64).contains(&username.chars().count()) && !username.contains(char::is_whitespace);
    let free_of_controls = !username.chars().any(char::is_control);
    if fits && free_of_controls {
        return Ok(());
    }
    Err(Refusal::invalid("username", "invalid", "1 to 64 characters without spaces"))
}

/// Checks a new password: length only (ASVS 6.2: no composition rules), and not the login name itself.
pub fn check_password(field: &str, password: &str, username: &str, min: usize) -> Result<(), Refusal> {
    let length = password.chars().count();
    if length < min || length > PASSWORD_MAX {
        let detail = format!("{min} to {PASSWORD_MAX} characters");
        return Err(Refusal::invalid(field, "password_length", detail));
    }
    if password.to_lowercase() == username.to_lowercase() {
        return Err(Refusal::invalid(field, "password_weak", "the password must not be the login name"));
    }
    Ok(())
}

/// Checks an account's role value.
pub fn check_role(role: &str) -> Result<(), Refusal> {
    if ACCOUNT_ROLES.contains(&role) {
        return Ok(());
    }
    Err(Refusal::invalid("role", "invalid", format!("one of {}", ACCOUNT_ROLES.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_passwords_have_limits() {
        assert!(check_username("张三").is_ok());
        assert!(check_username("").is_err());
        assert!(check_username("two words").is_err());
        assert!(check_password("password", "short", "a", 8).is_err());
        assert!(check_password("password", "Alice-Alice", "alice-alice", 8).is_err());
        assert!(check_password("password", &"长".repeat(64), "a", 8).is_ok());
        assert!(check_role("root").is_err());
    }
}
