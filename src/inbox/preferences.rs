//! What reaches people where (FN10, FN24): a kind of notice times a channel, the company's locked word over the account's own
//! over the company's default over "yes". Muted in the application means: the notice is in the inbox, marked seen, and no
//! tab is told an event. What people must not miss cannot be switched off, and is refused by the name of its field.
//! Mail and webhooks are chosen here but not sent by this version, and the list says so.

use super::model::NoticeKind;
use super::store::preferences::{self as store, PreferenceRow};
use crate::core::Core;
use crate::policy::Principal;
use crate::realtime::signal::signal;
use crate::realtime::topics::NOTIFICATIONS;
use crate::refusal::Refusal;
use livegrant_actors::{AccountId, Audience, Holder, MessageType};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// The channels, and whether this version sends through them.
const CHANNELS: [(&str, bool); 4] = [("in_app", true), ("toast", true), ("email", false), ("webhook", false)];
/// Kinds of messages that take or give rights, or end a session: nobody can mute them, on any channel.
const MANDATORY: [&str; 6] =
    ["FORCE_LOGOUT", "PERMISSION_UPDATE", "ROLE_CHANGE", "force_logout", "permission_update", "role_change"];

/// One choice.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// `position_change`, `approval_notice`, `message_notification` or `system_notification`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `in_app`, `toast`, `email` or `webhook`.
    pub channel: String,
    /// Whether it reaches people so.
    pub enabled: bool,
    /// Of a company's choice: nobody may choose otherwise.
    #[serde(default)]
    pub locked: bool,
}

/// Choices to store; what is not named stays.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Choices {
    /// At most one for each kind and channel.
    pub preferences: Vec<Choice>,
}

/// What holds for one kind and channel.
#[expect(clippy::struct_excessive_bools, reason = "each is a column of its own")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Preference {
    /// The kind.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The channel.
    pub channel: &'static str,
    /// Whether it reaches people so.
    pub enabled: bool,
    /// The company allows no other choice.
    pub locked: bool,
    /// It cannot be switched off.
    pub mandatory: bool,
    /// False: it may be chosen, but this version sends nothing through the channel.
    pub configured: bool,
    /// `default`, `company` or `own`: who says so.
    pub source: &'static str,
}

/// Lists what holds for the caller.
pub async fn own(core: &Core, by: &Principal) -> Result<Vec<Preference>, Refusal> {
    let rows = store::preferences(&mut core.db.read().await?, by.account(), by.company()).await?;
    Ok(effective(&rows))
}

/// Lists what holds for everybody of the caller's company who chose nothing.
pub async fn of_company(core: &Core, by: &Principal) -> Result<Vec<Preference>, Refusal> {
    by.require("company:manage")?;
    let rows = store::preferences(&mut core.db.read().await?, AccountId(0), by.company()).await?;
    Ok(effective(&rows))
}

fn effective(rows: &[PreferenceRow]) -> Vec<Preference> {
    let mut list = Vec::new();
    for kind in NoticeKind::ALL {
        for (channel, configured) in CHANNELS {
            let find = |own: bool| {
                rows.iter().find(|row| {
                    (row.account_id != 0) == own && row.kind == kind.name() && row.channel == channel
                })
            };
            let (company, own) = (find(false), find(true));
            let mandatory = is_mandatory(kind, channel);
            let locked = company.is_some_and(|row| row.locked);
            let (enabled, source) = match (company, own) {
                _ if mandatory => (true, "default"),
                (Some(row), _) if row.locked => (row.enabled, "company"),
                (_, Some(row)) => (row.enabled, "own"),
                (Some(row), None) => (row.enabled, "company"),
                (None, None) => (configured, "default"),
            };
            list.push(Preference {
                kind: kind.name(),
                channel,
                enabled,
                locked,
                mandatory,
                configured,
                source,
            });
        }
    }
    list
}

fn is_mandatory(kind: NoticeKind, channel: &str) -> bool {
    channel == "in_app" && !kind.can_be_muted()
}

/// Stores choices of the caller's own.
pub async fn choose(core: &Core, by: &Principal, new: &Choices) -> Result<Vec<Preference>, Refusal> {
    for (at, choice) in new.preferences.iter().enumerate() {
        if choice.locked {
            let field = field(at, "locked");
            return Err(Refusal::invalid(field, "invalid", "only a company locks"));
        }
    }
    let rows = checked(new, by.account())?;
    let mut work = core.db.begin(&by.author()).await?;
    let now = work.now();
    let there = store::preferences(work.conn(), AccountId(0), by.company()).await?;
    for (at, row) in rows.iter().enumerate() {
        let locked = there
            .iter()
            .any(|company| company.locked && (&company.kind, &company.channel) == (&row.kind, &row.channel));
        if locked {
            return Err(Refusal::Conflict {
                code: "preference_locked",
                field: Some(field(at, "type")),
                detail: "your company allows no other choice".to_owned(),
            });
        }
    }
    let diff = stored(&mut work, by, &rows, now).await?;
    if !diff.is_empty() {
        let audience = Audience::Accounts(Arc::from([by.account()]));
        let data = Changed { preferences: diff };
        signal(&mut work, MessageType::Preference, Some(NOTIFICATIONS), audience, &data).await?;
    }
    work.commit(&by.stamp()).await?;
    own(core, by).await
}

/// Stores choices for the caller's whole company.
pub async fn choose_for_company(
    core: &Core,
    by: &Principal,
    new: &Choices,
) -> Result<Vec<Preference>, Refusal> {
    by.require("company:manage")?;
    let rows = checked(new, AccountId(0))?;
    let mut work = core.db.begin(&by.author()).await?;
    let now = work.now();
    let diff = stored(&mut work, by, &rows, now).await?;
    if !diff.is_empty() {
        let audience = Audience::Holder(Holder::Company(by.company()));
        let data = Changed { preferences: diff };
        signal(&mut work, MessageType::Preference, Some(NOTIFICATIONS), audience, &data).await?;
        work.audit("notification_preferences", "company", &by.company().0.to_string(), "company:manage")
            .await?;
    }
    work.commit(&by.stamp()).await?;
    of_company(core, by).await
}

/// `data` of a `PREFERENCE`: what was changed (E31).
#[derive(Debug, Serialize)]
struct Changed {
    preferences: Vec<ChangedOne>,
}

#[derive(Debug, Serialize)]
struct ChangedOne {
    #[serde(rename = "type")]
    kind: String,
    channel: String,
    enabled: bool,
    locked: bool,
    /// The company's choice, or the account's own.
    company: bool,
}

async fn stored(
    work: &mut crate::db::Work,
    by: &Principal,
    rows: &[PreferenceRow],
    now: i64,
) -> Result<Vec<ChangedOne>, Refusal> {
    let mut diff = Vec::new();
    for row in rows {
        if store::prefer(work.conn(), by.company(), row, now).await? > 0 {
            diff.push(ChangedOne {
                kind: row.kind.clone(),
                channel: row.channel.clone(),
                enabled: row.enabled,
                locked: row.locked,
                company: row.account_id == 0,
            });
        }
    }
    Ok(diff)
}

fn checked(new: &Choices, account: AccountId) -> Result<Vec<PreferenceRow>, Refusal> {
    let most = NoticeKind::ALL.len() * CHANNELS.len();
    if new.preferences.len() > most {
        return Err(Refusal::invalid("preferences", "too_many", format!("at most {most} preferences")));
    }
    let mut rows: Vec<PreferenceRow> = Vec::new();
    for (at, choice) in new.preferences.iter().enumerate() {
        let row = check(at, choice, account)?;
        if rows.iter().any(|other| (&other.kind, &other.channel) == (&row.kind, &row.channel)) {
            return Err(Refusal::invalid(
                field(at, "type"),
                "invalid",
                "this kind and channel are named twice",
            ));
        }
        rows.push(row);
    }
    Ok(rows)
}

fn check(at: usize, choice: &Choice, account: AccountId) -> Result<PreferenceRow, Refusal> {
    let off = !choice.enabled;
    let refuse = |detail: &str| Err(Refusal::invalid(field(at, "type"), "cannot_be_muted", detail));
    if MANDATORY.contains(&choice.kind.as_str()) {
        return refuse("what changes rights or ends sessions is always told");
    }
    let Some(kind) = NoticeKind::named(&choice.kind) else {
        let names: Vec<_> = NoticeKind::ALL.iter().map(|kind| kind.name()).collect();
        return Err(Refusal::invalid(field(at, "type"), "invalid", names.join(", ")));
    };
    if !CHANNELS.iter().any(|(channel, _)| *channel == choice.channel) {
        let names: Vec<_> = CHANNELS.iter().map(|(channel, _)| *channel).collect();
        let field = field(at, "channel");
        return Err(Refusal::invalid(field, "invalid", names.join(", ")));
    }
    if off && is_mandatory(kind, &choice.channel) {
        return refuse("system notices reach everybody alike");
    }
    Ok(PreferenceRow {
        account_id: account.0,
        kind: kind.name().to_owned(),
        channel: choice.channel.clone(),
        enabled: choice.enabled,
        locked: choice.locked,
    })
}

fn field(at: usize, name: &str) -> String {
    format!("preferences[{at}].{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(account_id: i64, enabled: bool, locked: bool) -> PreferenceRow {
        let (kind, channel) = ("approval_notice".to_owned(), "in_app".to_owned());
        PreferenceRow { account_id, kind, channel, enabled, locked }
    }

    #[test]
    fn the_companys_locked_word_is_over_ones_own_over_the_companys() {
        // FN10: rows, what holds, who says so.
        let table: [(&[PreferenceRow], bool, &str); 5] = [
            (&[], true, "default"),
            (&[row(0, false, false)], false, "company"),
            (&[row(0, false, false), row(7, true, false)], true, "own"),
            (&[row(0, true, true), row(7, false, false)], true, "company"),
            (&[row(7, false, false)], false, "own"),
        ];
        for (rows, enabled, source) in table {
            let found = effective(rows);
            let found = found.iter().find(|p| p.kind == "approval_notice" && p.channel == "in_app");
            assert_eq!(found.map(|p| (p.enabled, p.source)), Some((enabled, source)), "{rows:?}");
        }
    }

    #[test]
    fn what_changes_rights_cannot_be_muted() {
        for kind in MANDATORY.into_iter().chain(["system_notification"]) {
            let (kind, channel) = (kind.to_owned(), "in_app".to_owned());
            let choice = Choice { kind, channel, enabled: false, locked: false };
            let refused = check(3, &choice, AccountId(7));
            let Err(Refusal::Invalid { code, field, .. }) = refused else { panic!("{choice:?}") };
            assert_eq!((code, field.as_str()), ("cannot_be_muted", "preferences[3].type"));
        }
    }
}
