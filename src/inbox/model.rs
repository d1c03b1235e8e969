//! The words and rules of the inbox, without IO: where a notice may be and what moves it (FN1), which kinds can be muted
//! (FN10), what a notice's texts may look like, the seed's words for severities and states (C27).

use super::post::Notice;
use crate::refusal::Refusal;
use livegrant_actors::MessageType;
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use std::sync::Arc;
use utoipa::ToSchema;

/// The kinds of notices that people have in their inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoticeKind {
    /// `position_change`.
    Position,
    /// `approval_notice`.
    Approval,
    /// `message_notification`.
    Message,
    /// `system_notification`.
    System,
}

impl NoticeKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Position, Self::Approval, Self::Message, Self::System];

    /// The name of its event, and its `type` in lists.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Position => "position_change",
            Self::Approval => "approval_notice",
            Self::Message => "message_notification",
            Self::System => "system_notification",
        }
    }

    /// Its type of message.
    pub const fn message(self) -> MessageType {
        match self {
            Self::Position => MessageType::PositionChange,
            Self::Approval => MessageType::ApprovalNotice,
            Self::Message => MessageType::MessageNotification,
            Self::System => MessageType::SystemNotice,
        }
    }

    /// Finds a kind by its name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Finds the kind of a type of message.
    pub fn of(message: MessageType) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.message() == message)
    }

    /// System notices reach everybody alike: one row and one frame for all.
    pub const fn can_be_muted(self) -> bool {
        !matches!(self, Self::System)
    }
}

/// Where a notice is for one account, and what it did with it. Times are UTC milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the fields are the columns of the same name")]
pub struct State {
    pub seen_at: Option<i64>,
    pub read_at: Option<i64>,
    pub archived_at: Option<i64>,
    pub snoozed_until: Option<i64>,
    pub deleted_at: Option<i64>,
}

/// Where a notice lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Among what counts.
    Inbox = 0,
    /// Put away; kept for ever.
    Archive = 1,
    /// Put off; comes back as new.
    Snoozed = 2,
    /// Gone for good.
    Gone = 3,
}

impl State {
    /// Where it lies; the column `place` says the same.
    pub const fn place(&self) -> Place {
        match (self.deleted_at, self.archived_at, self.snoozed_until) {
            (Some(_), _, _) => Place::Gone,
            (None, Some(_), _) => Place::Archive,
            (None, None, Some(_)) => Place::Snoozed,
            (None, None, None) => Place::Inbox,
        }
    }

    /// What it adds to the counts: unseen, unread.
    pub const fn counts(&self) -> (i64, i64) {
        let here = matches!(self.place(), Place::Inbox);
        let unread = here && self.read_at.is_none();
        ((unread && self.seen_at.is_none()) as i64, unread as i64)
    }
}

/// What somebody does with a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// The list was opened with it.
    Seen,
    /// Read; seen with it.
    Read,
    /// Unread again; it stays seen.
    Unread,
    /// Put away, also from a snooze.
    Archive,
    /// Back from the archive, as it was.
    Unarchive,
    /// Put off until an instant.
    Snooze(i64),
    /// Back from a snooze, as new.
    Unsnooze,
    /// Gone for good.
    Delete,
}

/// What a move does to one of the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Nothing.
    Keep,
    /// Stamps it where it is empty.
    Stamp,
    /// Empties it.
    Clear,
    /// Sets it.
    Set(i64),
}

impl Turn {
    /// As the statement takes it: 0 keep, 1 stamp, 2 set, and the value to set.
    pub const fn bind(self) -> (i64, Option<i64>) {
        match self {
            Self::Keep => (0, None),
            Self::Stamp => (1, None),
            Self::Clear => (2, None),
            Self::Set(value) => (2, Some(value)),
        }
    }

    const fn of(self, value: Option<i64>, now: i64) -> Option<i64> {
        match (self, value) {
            (Self::Keep, _) | (Self::Stamp, Some(_)) => value,
            (Self::Stamp, None) => Some(now),
            (Self::Clear, _) => None,
            (Self::Set(set), _) => Some(set),
        }
    }
}

/// What a move does to the columns seen, read, archived, snoozed and deleted, in this order.
pub type Turns = [Turn; 5];

impl Move {
    /// What it does to the columns: one rule for a single notice and for many.
    pub const fn turns(self) -> Turns {
        use Turn::{Clear, Keep, Set, Stamp};
        match self {
            Self::Seen => [Stamp, Keep, Keep, Keep, Keep],
            Self::Read => [Stamp, Stamp, Keep, Keep, Keep],
            Self::Unread => [Stamp, Clear, Keep, Keep, Keep],
            Self::Archive => [Keep, Keep, Stamp, Clear, Keep],
            Self::Unarchive => [Keep, Keep, Clear, Keep, Keep],
            Self::Snooze(until) => [Stamp, Keep, Keep, Set(until), Keep],
            Self::Unsnooze => [Clear, Clear, Keep, Clear, Keep],
            // Out of the archive, whose rows stay for ever.
            Self::Delete => [Keep, Keep, Clear, Clear, Stamp],
        }
    }

    /// What state events call it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Read => "read",
            Self::Unread => "unread",
            Self::Archive => "archived",
            Self::Unarchive => "unarchived",
            Self::Snooze(_) => "snoozed",
            Self::Unsnooze => "unsnoozed",
            Self::Delete => "deleted",
        }
    }

    /// Where it looks when it is asked for all, and no place is named.
    pub const fn from_place(self) -> Place {
        match self {
            Self::Unarchive => Place::Archive,
            Self::Unsnooze => Place::Snoozed,
            _ => Place::Inbox,
        }
    }

    /// Moves; `None`: it is so already. Something deleted is not there; something archived cannot be put off.
    ///
    /// # Errors
    /// `not_found`, or the conflict `archived`.
    pub fn apply(self, state: State, now: i64) -> Result<Option<State>, Refusal> {
        let place = state.place();
        match (self, place) {
            (_, Place::Gone) => return Err(Refusal::NotFound { what: "notification" }),
            (Self::Snooze(_), Place::Archive) => {
                return Err(Refusal::conflict("archived", "take it out of the archive first"));
            }
            (Self::Unsnooze, other) if other != Place::Snoozed => return Ok(None),
            _ => {}
        }
        let [seen, read, archived, snoozed, deleted] = self.turns();
        let next = State {
            seen_at: seen.of(state.seen_at, now),
            read_at: read.of(state.read_at, now),
            archived_at: archived.of(state.archived_at, now),
            snoozed_until: snoozed.of(state.snoozed_until, now),
            deleted_at: deleted.of(state.deleted_at, now),
        };
        Ok((next != state).then_some(next))
    }
}

/// When a snooze that is asked for by a preset ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// In one hour.
    Hour,
    /// In three hours.
    Later,
    /// In 24 hours.
    Tomorrow,
    /// In seven days.
    NextWeek,
}

impl Preset {
    /// When, from now.
    pub const fn until(self, now: i64) -> i64 {
        const HOUR: i64 = 3_600_000;
        now + match self {
            Self::Hour => HOUR,
            Self::Later => 3 * HOUR,
            Self::Tomorrow => 24 * HOUR,
            Self::NextWeek => 7 * 24 * HOUR,
        }
    }
}

/// The id under which a notice is told that comes again, now: under its first one a client would pass over it.
pub fn told_again(message_id: &str, at: i64) -> String {
    format!("{message_id}-{at}")
}

/// Longest snooze: a year. Beyond, retention would take it first.
pub const SNOOZE_MAX_MS: i64 = 366 * 24 * 3600 * 1000;
/// Longest content, in characters: it travels to every tab.
pub const CONTENT_MAX: usize = 2_000;
/// Longest link, in characters: what browsers and proxies take as a path.
pub const LINK_MAX: usize = 1_000;
/// Longest key of an idempotent sending: UUIDs have 36 characters.
pub const KEY_MAX: usize = 128;

/// Checks a title and a content.
pub fn check_words(title: &str, content: &str) -> Result<(), Refusal> {
    crate::text::check_name("title", title)?;
    if content.trim().is_empty() || content.chars().count() > CONTENT_MAX || content.contains('\0') {
        return Err(Refusal::invalid("content", "invalid", format!("1 to {CONTENT_MAX} characters")));
    }
    Ok(())
}

/// Checks where a click leads: a path of this site, or an address that a browser opens safely.
pub fn check_link(link: &str) -> Result<(), Refusal> {
    let path = link.starts_with('/') && !link.starts_with("//") && !link.starts_with("/\\");
    let safe = path || link.starts_with("https://");
    if !safe || link.chars().count() > LINK_MAX || link.chars().any(|c| c.is_control() || c.is_whitespace()) {
        let detail = format!("a path of this site or an https address, at most {LINK_MAX} characters");
        return Err(Refusal::invalid("link", "invalid", detail));
    }
    Ok(())
}

/// Checks the key of an idempotent sending.
pub fn check_key(key: &str) -> Result<(), Refusal> {
    if (1..=KEY_MAX).contains(&key.chars().count()) && !key.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Refusal::invalid("idempotency_key", "invalid", format!("1 to {KEY_MAX} characters")))
}

/// Answers the code of a severity in either of its words (C27).
pub fn severity(word: &str) -> Result<&'static str, Refusal> {
    match word {
        "信息" | "info" => Ok("info"),
        "警告" | "warning" => Ok("warning"),
        "严重" | "critical" => Ok("critical"),
        _ => Err(Refusal::invalid("severity", "invalid", "信息, 警告, 严重, info, warning or critical")),
    }
}

/// The states of an approval: the code, and the seed's word (C27).
pub const APPROVAL_STATES: [(&str, &str); 7] = [
    ("pending", "审批中"),
    ("approved", "已通过"),
    ("rejected", "已拒绝"),
    ("returned", "已退回"),
    ("withdrawn", "已撤回"),
    ("cancelled", "已取消"),
    ("expired", "已超时"),
];

/// Answers the code of an approval's state in either of its words.
pub fn approval_state(word: &str) -> Result<&'static str, Refusal> {
    let found = APPROVAL_STATES.iter().find(|(code, seed)| *code == word || *seed == word);
    found.map(|(code, _)| *code).ok_or_else(|| {
        let words: Vec<_> = APPROVAL_STATES.iter().map(|(code, seed)| format!("{seed} ({code})")).collect();
        Refusal::invalid("approvalState", "invalid", words.join(", "))
    })
}

/// An event's `data`: title and content on top, then the fields of its kind (S0-29).
pub fn event_data(notice: &Notice, id: i64, count: i64) -> Result<Arc<RawValue>, serde_json::Error> {
    let mut data = notice.data.clone();
    data.insert("title".to_owned(), json!(notice.title));
    data.insert("content".to_owned(), json!(notice.content));
    data.insert("id".to_owned(), json!(id));
    if let Some(link) = &notice.link {
        data.insert("link".to_owned(), json!(link));
    }
    if count > 1 {
        data.insert("count".to_owned(), json!(count));
    }
    if !notice.actions.is_empty() {
        data.insert("actions".to_owned(), json!(notice.actions));
    }
    to_raw_value(&data).map(Arc::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: State =
        State { seen_at: None, read_at: None, archived_at: None, snoozed_until: None, deleted_at: None };

    fn after(moves: &[Move]) -> State {
        moves.iter().fold(NEW, |state, what| what.apply(state, 7).expect("allowed").unwrap_or(state))
    }

    #[test]
    fn each_move_leads_where_it_says() {
        use Move::{Archive, Delete, Read, Seen, Snooze, Unarchive, Unread, Unsnooze};
        // FN1: moves, place, unseen and unread.
        let table: [(&[Move], Place, (i64, i64)); 13] = [
            (&[], Place::Inbox, (1, 1)),
            (&[Seen], Place::Inbox, (0, 1)),
            (&[Read], Place::Inbox, (0, 0)),
            (&[Read, Unread], Place::Inbox, (0, 1)),
            (&[Unread], Place::Inbox, (0, 1)),
            (&[Archive], Place::Archive, (0, 0)),
            (&[Archive, Unarchive], Place::Inbox, (1, 1)),
            (&[Read, Archive, Unarchive], Place::Inbox, (0, 0)),
            (&[Snooze(9)], Place::Snoozed, (0, 0)),
            (&[Read, Snooze(9), Unsnooze], Place::Inbox, (1, 1)),
            (&[Snooze(9), Archive, Unarchive], Place::Inbox, (0, 1)),
            (&[Read, Unsnooze], Place::Inbox, (0, 0)),
            (&[Archive, Delete], Place::Gone, (0, 0)),
        ];
        for (moves, place, counts) in table {
            let state = after(moves);
            assert_eq!((state.place(), state.counts()), (place, counts), "{moves:?}");
        }
    }

    #[test]
    fn what_is_so_already_is_no_change_and_what_is_gone_is_not_there() {
        for (moves, again) in [
            (Move::Seen, Move::Seen),
            (Move::Read, Move::Seen),
            (Move::Archive, Move::Archive),
            (Move::Snooze(9), Move::Snooze(9)),
            (Move::Seen, Move::Unsnooze),
            (Move::Seen, Move::Unarchive),
        ] {
            assert_eq!(again.apply(after(&[moves]), 8).expect("allowed"), None, "{moves:?} {again:?}");
        }
        let gone = after(&[Move::Delete]);
        for what in [Move::Seen, Move::Read, Move::Unarchive, Move::Unsnooze, Move::Delete, Move::Snooze(9)] {
            assert!(matches!(what.apply(gone, 8), Err(Refusal::NotFound { .. })), "{what:?}");
        }
        let refused = Move::Snooze(9).apply(after(&[Move::Archive]), 8);
        assert!(matches!(refused, Err(Refusal::Conflict { code: "archived", .. })));
    }

    #[test]
    fn nothing_is_read_and_unseen() {
        let all = [
            Move::Seen,
            Move::Read,
            Move::Unread,
            Move::Archive,
            Move::Unarchive,
            Move::Snooze(9),
            Move::Unsnooze,
        ];
        for one in all {
            for two in all {
                for three in all {
                    let moves = [one, two, three];
                    let state = moves
                        .iter()
                        .fold(NEW, |state, what| what.apply(state, 7).unwrap_or_default().unwrap_or(state));
                    assert!(state.read_at.is_none() || state.seen_at.is_some(), "{moves:?}: {state:?}");
                }
            }
        }
    }

    #[test]
    fn the_seeds_words_and_the_codes_are_one() {
        // C27
        assert_eq!(severity("严重").expect("known"), "critical");
        assert!(severity("fatal").is_err());
        for (code, word) in APPROVAL_STATES {
            assert_eq!(
                (approval_state(code).expect("known"), approval_state(word).expect("known")),
                (code, code)
            );
        }
        assert!(approval_state("ok").is_err());
    }

    #[test]
    fn a_link_leads_nowhere_dangerous() {
        for link in ["/inbox", "/a?b=c#d", "https://example.org/x"] {
            assert!(check_link(link).is_ok(), "{link}");
        }
        for link in
            ["javascript:alert(1)", "//evil.example", "/\\evil.example", "http://x", "", "/a b", "data:x"]
        {
            assert!(check_link(link).is_err(), "{link}");
        }
    }
}
