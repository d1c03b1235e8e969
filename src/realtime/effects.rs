//! What a log row does to tabs: a pure function from changes to the engine's messages (I8: derived from the log, never
//! from the handler). Whom it concerns is named by holder or account; the engine finds who of them is online.

use crate::policy::{Edit, LogRow, NoticeAudience, PolicyChange};
use livegrant_actors::{AccountId, Audience, Change, Effect, EndCode, Holder, NoticeView, Operator};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Answers the engine's changes of a row, in order.
pub fn of(row: &LogRow) -> Vec<Change> {
    row.changes
        .iter()
        .filter_map(|change| {
            let (effect, audience) = effect(row, change)?;
            Some(Change {
                rev: row.rev,
                accepted_at: row.at,
                operator: operator(row),
                reason: row.reason.as_str().into(),
                effect,
                audience,
            })
        })
        .collect()
}

/// Answers who may have come into the audience of a broadcast, or may have left it: what his role, position or organisation
/// was told is in his inbox from now on, or no more.
pub fn moved(row: &LogRow) -> Option<Audience> {
    let mut accounts = BTreeSet::new();
    for change in &row.changes {
        match change {
            PolicyChange::UserRoles { account, .. } | PolicyChange::AccountEdited { account } => {
                accounts.insert(*account);
            }
            PolicyChange::StaffPositions { account, .. } => accounts.extend(*account),
            // Nobody has written down who it was, and it is seldom.
            PolicyChange::RoleEdited { edit: Edit::Deleted, .. }
            | PolicyChange::PositionEdited { edit: Edit::Deleted | Edit::Rescoped, .. }
            | PolicyChange::OrganizationsMoved { .. } => return Some(Audience::Everyone),
            _ => {}
        }
    }
    (!accounts.is_empty()).then(|| Audience::Accounts(accounts.into_iter().collect()))
}

fn operator(row: &LogRow) -> Option<Operator> {
    (row.operator.0 != 0).then(|| Operator { id: row.operator, name: row.operator_name.as_str().into() })
}

fn effect(row: &LogRow, change: &PolicyChange) -> Option<(Effect, Audience)> {
    let refresh = Effect::Refresh { always: false };
    Some(match change {
        // Another organisation of one's own is another data scope (FC7).
        PolicyChange::UserRoles { account, .. }
        | PolicyChange::UserStatus { account, enabled: true }
        | PolicyChange::AccountEdited { account } => (refresh, only(*account)),
        PolicyChange::StaffPositions { account, .. } => (refresh, only((*account)?)),
        PolicyChange::RolePermissions { role, .. } | PolicyChange::RoleEdited { role, .. } => {
            (refresh, Audience::Holder(Holder::Role(*role)))
        }
        PolicyChange::PositionPermissions { position, .. }
        | PolicyChange::PositionEdited { position, .. } => {
            (refresh, Audience::Holder(Holder::Position(*position)))
        }
        PolicyChange::Catalogue { .. } => (refresh, Audience::Everyone),
        PolicyChange::SystemAdjusted => (Effect::Refresh { always: true }, Audience::Everyone),
        PolicyChange::SessionsEnded { account, sids, code, .. } => {
            let reason = reason_of(*code, &row.reason);
            // The list is whole: the conditional UPDATE answered every session that was active.
            (
                Effect::EndSessions { sids: Some(sids.clone()), keep: None, code: *code, reason },
                only(*account),
            )
        }
        PolicyChange::Notice { title, content, category, severity, id, audience, expires_at, message_id } => {
            let notice = NoticeView {
                id: if *id == 0 { row.rev.0 } else { *id },
                title: title.as_str().into(),
                content: content.as_str().into(),
                category: category.as_str().into(),
                severity: severity.as_str().into(),
                expires_at: *expires_at,
                message_id: (!message_id.is_empty()).then(|| message_id.as_str().into()),
            };
            (Effect::Notice(notice), listeners(audience))
        }
        // A disabled account's sessions end by a change of their own in the same row.
        PolicyChange::UserStatus { enabled: false, .. }
        // Told on its own topic.
        | PolicyChange::OrganizationsMoved { .. }
        | PolicyChange::NoticesOver { .. } => return None,
    })
}

fn listeners(audience: &NoticeAudience) -> Audience {
    match audience {
        NoticeAudience::Everyone => Audience::Everyone,
        NoticeAudience::Company(company) => Audience::Holder(Holder::Company(*company)),
        NoticeAudience::Role(role) => Audience::Holder(Holder::Role(*role)),
        NoticeAudience::Position(position) => Audience::Holder(Holder::Position(*position)),
        NoticeAudience::Accounts(accounts) => Audience::Accounts(accounts.as_slice().into()),
    }
}

fn only(account: AccountId) -> Audience {
    Audience::Accounts(Arc::from([account]))
}

/// Answers the reason that somebody gave for a session's end, else the code in words.
pub fn reason_of(code: EndCode, given: &str) -> Arc<str> {
    if given.is_empty() { words(code).into() } else { given.into() }
}

fn words(code: EndCode) -> &'static str {
    match code {
        EndCode::SessionKicked | EndCode::AllSessionsEnded => "ended by an administrator",
        EndCode::AccountDisabled => "the account was disabled",
        EndCode::PasswordReset => "the password was reset by an administrator",
        EndCode::PasswordChanged => "the password was changed",
        EndCode::TokenReuse => "a refresh token was used twice",
        EndCode::Logout => "signed out",
        EndCode::TooManySessions => "more sessions were opened than this account may have",
    }
}
