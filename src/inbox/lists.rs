//! Reading one's inbox: pages, one notice, counts for several filters at once. Being signed in is all that it takes: nobody
//! reads another one's. A session sees the feed of its company and what belongs to none (FN19).

use super::feed::{self, Standing};
use super::model::{NoticeKind, Place};
use super::store::lists::{self as store, Before, FeedFilter, FeedRow};
use crate::clock::iso;
use crate::core::Core;
use crate::db::paging::{Page, like};
use crate::policy::Principal;
use crate::refusal::Refusal;
use crate::text::check_text;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

/// Most filters that one call counts for: the tabs of a page, with room.
pub const COUNTS_MAX: usize = 20;

/// What to list, in the words of a query; also a bulk's `filter`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, IntoParams, ToSchema)]
#[serde(default)]
pub struct Filter {
    /// `unseen`, `seen` (and unread), `unread`, `read`, `archived` or `snoozed`; without it what lies in the inbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// `position_change`, `approval_notice`, `message_notification` or `system_notification`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    #[param(rename = "type")]
    pub kind: Option<String>,
    /// For example `维护`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// For example `leave`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// True: only unread ones; false: only read ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<bool>,
    /// True: only read ones; false: only unread ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_read: Option<bool>,
    /// True: what was put away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
    /// True: what was put off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snoozed: Option<bool>,
    /// Only this company's; 0: only what belongs to none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company: Option<i64>,
    /// Part of title or content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
}

impl Filter {
    /// Reads it; a place that nothing in it names is `otherwise`.
    ///
    /// # Errors
    /// The refusal names the field; words that contradict each other are refused, too.
    pub fn parse(&self, by: &Principal, otherwise: Place) -> Result<FeedFilter, Refusal> {
        let mut place = match (self.archived, self.snoozed) {
            (Some(true), Some(true)) => return Err(contradicting("snoozed")),
            (Some(true), _) => Some(Place::Archive),
            (_, Some(true)) => Some(Place::Snoozed),
            (Some(false), _) | (_, Some(false)) => Some(Place::Inbox),
            (None, None) => None,
        };
        let mut unread = self.unread;
        if let Some(is_read) = self.is_read {
            if unread == Some(is_read) {
                return Err(contradicting("is_read"));
            }
            unread = Some(!is_read);
        }
        let wanted = match self.state.as_deref() {
            None => (None, None, None),
            Some("unseen") => (None, Some(true), Some(true)),
            Some("seen") => (None, Some(true), Some(false)),
            Some("unread") => (None, Some(true), None),
            Some("read") => (None, Some(false), None),
            Some("archived") => (Some(Place::Archive), None, None),
            Some("snoozed") => (Some(Place::Snoozed), None, None),
            Some(_) => {
                let detail = "unseen, seen, unread, read, archived or snoozed";
                return Err(Refusal::invalid("state", "invalid", detail));
            }
        };
        let elsewhere = wanted.0.is_some() && place.is_some() && wanted.0 != place;
        let otherwise_read = wanted.1.is_some() && unread.is_some() && wanted.1 != unread;
        if elsewhere || otherwise_read {
            return Err(contradicting("state"));
        }
        place = wanted.0.or(place);
        unread = wanted.1.or(unread);
        if let Some(kind) = &self.kind
            && NoticeKind::named(kind).is_none()
        {
            let names: Vec<_> = NoticeKind::ALL.iter().map(|kind| kind.name()).collect();
            return Err(Refusal::invalid("type", "invalid", names.join(", ")));
        }
        for (field, text) in [("category", &self.category), ("tag", &self.tag), ("search", &self.search)] {
            text.as_deref().map_or(Ok(()), |text| check_text(field, text))?;
        }
        if self.company.is_some_and(|company| company != 0 && company != by.company().0) {
            return Err(Refusal::invalid("company", "invalid", "0 or the company that you work in"));
        }
        Ok(FeedFilter {
            account: by.account(),
            company: by.company(),
            place: place.unwrap_or(otherwise) as i64,
            unread,
            unseen: wanted.2,
            kind: self.kind.clone(),
            category: self.category.clone(),
            tag: self.tag.clone(),
            search: self.search.as_deref().map(like),
            only: self.company,
        })
    }
}

/// Reads the filter of a body, where a member that nobody knows must not be passed over: it would find too much.
///
/// # Errors
/// Names the member.
pub fn strict<'de, D: Deserializer<'de>>(body: D) -> Result<Option<Filter>, D::Error> {
    let Some(members) = Option::<Map<String, Value>>::deserialize(body)? else { return Ok(None) };
    strict_filter(members).map(Some).map_err(serde::de::Error::custom)
}

fn strict_filter(members: Map<String, Value>) -> Result<Filter, String> {
    const KNOWN: [&str; 10] =
        ["state", "type", "category", "tag", "unread", "is_read", "archived", "snoozed", "company", "search"];
    if let Some(unknown) = members.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        return Err(format!("unknown filter `{unknown}`, expected one of {}", KNOWN.join(", ")));
    }
    serde_json::from_value(Value::Object(members)).map_err(|error| error.to_string())
}

/// Reads a JSON list of filters.
///
/// # Errors
/// The refusal names the field `filters`.
pub fn parse_filters(text: &str) -> Result<Vec<Filter>, Refusal> {
    let parsed = serde_json::from_str::<Vec<Map<String, Value>>>(text)
        .map_err(|error| error.to_string())
        .and_then(|list| list.into_iter().map(strict_filter).collect());
    parsed.map_err(|error| Refusal::invalid("filters", "invalid", format!("a list of filters: {error}")))
}

fn contradicting(field: &str) -> Refusal {
    Refusal::invalid(field, "invalid", "contradicts another filter of this request")
}

/// Who sent a notice.
#[derive(Debug, Serialize, ToSchema)]
pub struct From {
    /// The account; 0: the system.
    id: i64,
    /// Its login name then.
    name: String,
}

/// One notice as its account has it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Item {
    id: i64,
    /// The same on every copy of it, on every way.
    message_id: String,
    #[serde(rename = "type")]
    kind: String,
    category: String,
    /// `info`, `warning` or `critical`; `data` has the sender's word.
    severity: String,
    title: String,
    content: String,
    /// The fields of its kind.
    #[schema(value_type = Object)]
    data: Map<String, Value>,
    link: Option<String>,
    /// Buttons.
    #[schema(value_type = Vec<Object>)]
    actions: Vec<Value>,
    tag: String,
    from: From,
    /// 0: it belongs to no company.
    company_id: i64,
    /// How often it was told: more than once where notices were merged.
    count: i64,
    /// `unseen`, `seen`, `read`, `archived` or `snoozed`.
    state: &'static str,
    is_read: bool,
    /// It went to everybody of an audience.
    broadcast: bool,
    /// When it last came, ISO 8601.
    at: String,
    created_at: String,
    expires_at: Option<String>,
    seen_at: Option<String>,
    read_at: Option<String>,
    archived_at: Option<String>,
    snoozed_until: Option<String>,
}

impl std::convert::From<FeedRow> for Item {
    fn from(row: FeedRow) -> Self {
        let state = match (row.archived_at, row.snoozed_until, row.read_at, row.seen_at) {
            (Some(_), ..) => "archived",
            (_, Some(_), ..) => "snoozed",
            (_, _, Some(_), _) => "read",
            (.., Some(_)) => "seen",
            _ => "unseen",
        };
        Self {
            id: row.id,
            message_id: row.message_id,
            kind: row.kind,
            category: row.category,
            severity: row.severity,
            title: row.title,
            content: row.content,
            data: row.payload.0,
            link: row.link,
            actions: row.actions.0,
            tag: row.tag,
            from: From { id: row.sender_id, name: row.sender_name },
            company_id: row.company_id,
            count: row.count,
            state,
            is_read: row.read_at.is_some(),
            broadcast: row.broadcast,
            at: iso(row.at),
            created_at: iso(row.created_at),
            expires_at: row.expires_at.map(iso),
            seen_at: row.seen_at.map(iso),
            read_at: row.read_at.map(iso),
            archived_at: row.archived_at.map(iso),
            snoozed_until: row.snoozed_until.map(iso),
        }
    }
}

/// A page by cursor, newest first: stable while new ones arrive (FN9).
#[derive(Debug)]
pub struct Feed {
    /// The page.
    pub rows: Vec<FeedRow>,
    /// Where the next one begins; `None`: there is none.
    pub next: Option<String>,
    /// Where the inbox stands.
    pub standing: Standing,
}

/// Lists from a cursor on, `limit` at most.
pub async fn feed(
    core: &Core,
    by: &Principal,
    filter: &Filter,
    cursor: Option<&str>,
    limit: i64,
) -> Result<Feed, Refusal> {
    let filter = filter.parse(by, Place::Inbox)?;
    let before = cursor.map_or(Ok(store::NEWEST), parse_cursor)?;
    let mut conn = core.db.read().await?;
    let mut rows = store::page(&mut conn, &filter, before, limit + 1, 0).await?;
    let standing = feed::standing(&mut conn, by.account(), by.company()).await?;
    let more = rows.len() as i64 > limit;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(|row| format!("{}-{}", row.at, row.id));
    Ok(Feed { rows, next, standing })
}

fn parse_cursor(text: &str) -> Result<Before, Refusal> {
    let place = text.split_once('-').and_then(|(at, id)| Some((at.parse().ok()?, id.parse().ok()?)));
    place.ok_or_else(|| Refusal::invalid("cursor", "invalid", "not a cursor of this list"))
}

/// Lists a page by its number, with the count of all (S2-43).
pub async fn page(
    core: &Core,
    by: &Principal,
    filter: &Filter,
    page: Page,
) -> Result<(i64, Vec<FeedRow>, Standing), Refusal> {
    let filter = filter.parse(by, Place::Inbox)?;
    let mut conn = core.db.read().await?;
    let count = store::total(&mut conn, &filter).await?;
    let rows = store::page(&mut conn, &filter, store::NEWEST, page.limit(), page.offset()).await?;
    Ok((count, rows, feed::standing(&mut conn, by.account(), by.company()).await?))
}

/// Reads one notice of the caller's.
pub async fn get(core: &Core, by: &Principal, id: i64) -> Result<FeedRow, Refusal> {
    let row = store::one(&mut core.db.read().await?, by.account(), by.company(), id).await?;
    row.ok_or(Refusal::NotFound { what: "notification" })
}

/// What is unseen and unread of what one filter finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Counted {
    /// Not yet shown in an opened list.
    pub unseen: i64,
    /// Not yet read.
    pub unread: i64,
}

/// Counts for several filters in one call (FN8), and says where the whole inbox stands.
pub async fn counts(
    core: &Core,
    by: &Principal,
    filters: &[Filter],
) -> Result<(Standing, Vec<Counted>), Refusal> {
    if filters.len() > COUNTS_MAX {
        return Err(Refusal::invalid("filters", "too_many", format!("at most {COUNTS_MAX} filters")));
    }
    let mut conn = core.db.read().await?;
    let mut counted = Vec::with_capacity(filters.len());
    for (at, filter) in filters.iter().enumerate() {
        let parsed = filter.parse(by, Place::Inbox).map_err(|refusal| within(refusal, at))?;
        let (unseen, unread) = store::counts(&mut conn, &parsed).await?;
        counted.push(Counted { unseen, unread });
    }
    Ok((feed::standing(&mut conn, by.account(), by.company()).await?, counted))
}

/// Names the filter whose field is wrong.
fn within(refusal: Refusal, at: usize) -> Refusal {
    match refusal {
        Refusal::Invalid { code, field, detail } => {
            Refusal::Invalid { code, field: format!("filters[{at}].{field}"), detail }
        }
        other => other,
    }
}
