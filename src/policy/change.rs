//! The policy changes that the log knows, and the two rules that hang on each: which scopes it raises (I2) and how it
//! reads in `sys_permission_change_log` (S3-31, C14). Pure data: no SQL, no delivery.

use super::Scope;
use livegrant_actors::{AccountId, CompanyId, EndCode, PositionId, RoleId, SessionId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One thing that changed in the policy; a transaction may hold several.
#[expect(missing_docs, reason = "each variant's sentence names its fields")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PolicyChange {
    /// Roles were given to or taken from an account (E1).
    UserRoles { account: AccountId, added: Vec<RoleId>, removed: Vec<RoleId> },
    /// A role's permissions changed (E2).
    RolePermissions { role: RoleId, added: Vec<String>, removed: Vec<String> },
    /// A role was made, renamed, switched or deleted.
    RoleEdited { role: RoleId, edit: Edit },
    /// A position's permissions changed (E3).
    PositionPermissions { position: PositionId, added: Vec<String>, removed: Vec<String> },
    /// A position was made, renamed, switched or deleted.
    PositionEdited { position: PositionId, edit: Edit },
    /// Staff was put into or taken out of positions (E4); `account` is the person's account, if there is one.
    StaffPositions {
        staff: i64,
        account: Option<AccountId>,
        added: Vec<PositionId>,
        removed: Vec<PositionId>,
    },
    /// Organisations of a company came to lie elsewhere in its tree: what reaches "everything below" reaches something else.
    OrganizationsMoved { company: CompanyId },
    /// A menu, button or other permission of the catalogue changed (E5).
    Catalogue { permissions: Vec<String>, edit: Edit },
    /// A system-level adjustment: everyone who is online gets his whole set again (E16).
    SystemAdjusted,
    /// An account was enabled, disabled or made (E6).
    UserStatus { account: AccountId, enabled: bool },
    /// What other tables show of an account changed (name, platform flag, staff link): its grants are read again.
    AccountEdited { account: AccountId },
    /// Sessions ended (E7, E8, I12). `all` also covers sessions that nobody listed.
    SessionsEnded {
        account: AccountId,
        sids: Vec<SessionId>,
        all: bool,
        keep: Option<SessionId>,
        code: EndCode,
    },
    /// A notice to everyone of an audience (E27); it takes a revision so that every node shows it in order. `id` is its
    /// row, 0 in rows of before there were inboxes; `severity` is in the sender's word.
    Notice {
        title: String,
        content: String,
        category: String,
        severity: String,
        #[serde(default)]
        id: i64,
        #[serde(default)]
        message_id: String,
        #[serde(default)]
        audience: NoticeAudience,
        #[serde(default)]
        expires_at: Option<i64>,
    },
    /// Notices to everyone are over: they leave the lists and counts of all who did not keep them.
    NoticesOver { ids: Vec<i64> },
}

/// Whose tabs a notice to everyone is shown in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeAudience {
    /// Everybody's.
    #[default]
    Everyone,
    /// Of those whose session works in the company.
    Company(CompanyId),
    /// Of those who hold the role.
    Role(RoleId),
    /// Of those in the position.
    Position(PositionId),
    /// Of these accounts: the people of an organisation when it was sent.
    Accounts(Vec<AccountId>),
}

/// What was done to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edit {
    /// A new row.
    Made,
    /// Name, code or display data.
    Renamed,
    /// Enabled or disabled.
    Switched,
    /// What its permissions reach: its data scope, or the organisation that it belongs to.
    Rescoped,
    /// Gone.
    Deleted,
}

impl PolicyChange {
    /// Makes a notice to everyone that has no row in the inbox.
    pub fn notice(title: &str, content: &str, category: &str, severity: &str) -> Self {
        Self::Notice {
            title: title.to_owned(),
            content: content.to_owned(),
            category: category.to_owned(),
            severity: severity.to_owned(),
            id: 0,
            message_id: String::new(),
            audience: NoticeAudience::Everyone,
            expires_at: None,
        }
    }

    /// Answers the scopes whose epochs this change raises. Every change that can take something from someone raises at
    /// least one scope of that person's stamp (I2; property-tested in `effective.rs`).
    pub fn scopes(&self) -> Vec<Scope> {
        match self {
            Self::UserRoles { account, .. }
            | Self::UserStatus { account, .. }
            | Self::AccountEdited { account } => {
                vec![Scope::Account(*account)]
            }
            Self::RolePermissions { role, .. } | Self::RoleEdited { role, .. } => vec![Scope::Role(*role)],
            Self::PositionPermissions { position, .. } | Self::PositionEdited { position, .. } => {
                vec![Scope::Position(*position)]
            }
            Self::StaffPositions { account, .. } => account.map(Scope::Account).into_iter().collect(),
            Self::OrganizationsMoved { company } => vec![Scope::Organizations(*company)],
            Self::Catalogue { .. } | Self::SystemAdjusted => vec![Scope::Catalogue],
            Self::SessionsEnded { account, sids, all, .. } => {
                let mut scopes: Vec<Scope> = sids.iter().cloned().map(Scope::Session).collect();
                if *all {
                    scopes.push(Scope::Account(*account));
                }
                scopes
            }
            Self::Notice { .. } | Self::NoticesOver { .. } => Vec::new(),
        }
    }

    /// Answers the `change_type` of the change log, or `None` for what is not a permission change.
    pub fn change_type(&self) -> Option<&'static str> {
        Some(match self {
            Self::UserRoles { .. } => "USER_ROLE",
            Self::RolePermissions { .. } | Self::RoleEdited { .. } => "ROLE_PERMISSION",
            Self::PositionPermissions { .. } | Self::PositionEdited { .. } => "POSITION_PERMISSION",
            Self::StaffPositions { .. } => "USER_POSITION",
            Self::Catalogue { .. } | Self::SystemAdjusted => "MENU_PERMISSION",
            Self::UserStatus { .. } | Self::SessionsEnded { .. } => "USER_STATUS",
            Self::AccountEdited { .. }
            | Self::OrganizationsMoved { .. }
            | Self::Notice { .. }
            | Self::NoticesOver { .. } => return None,
        })
    }

    /// Answers the account, role and position columns of the change log.
    pub fn targets(&self) -> (Option<AccountId>, Option<RoleId>, Option<PositionId>) {
        match self {
            Self::UserRoles { account, added, removed } => {
                // One role given or taken is also found by its role (idx_role_time).
                let only = if added.len() + removed.len() == 1 {
                    added.first().or(removed.first()).copied()
                } else {
                    None
                };
                (Some(*account), only, None)
            }
            Self::RolePermissions { role, .. } | Self::RoleEdited { role, .. } => (None, Some(*role), None),
            Self::PositionPermissions { position, .. } | Self::PositionEdited { position, .. } => {
                (None, None, Some(*position))
            }
            Self::StaffPositions { account, added, removed, .. } => {
                (*account, None, added.first().or(removed.first()).copied())
            }
            Self::UserStatus { account, .. }
            | Self::AccountEdited { account }
            | Self::SessionsEnded { account, .. } => (Some(*account), None, None),
            Self::OrganizationsMoved { .. }
            | Self::Catalogue { .. }
            | Self::SystemAdjusted
            | Self::Notice { .. }
            | Self::NoticesOver { .. } => (None, None, None),
        }
    }
}

/// Answers all scopes that a transaction's changes raise, sorted, each once.
pub fn raised(changes: &[PolicyChange]) -> Vec<Scope> {
    changes.iter().flat_map(PolicyChange::scopes).collect::<BTreeSet<_>>().into_iter().collect()
}
