//! Who is online, and who is not to be any more (S0-51).

use crate::auth::end_sessions::kick;
use crate::auth::model::SessionFilter;
use crate::mcp::scope::Scope;
use crate::mcp::tool::Kind::{DestroysOnce, Reads};
use crate::mcp::tool::{Nothing, Tool, tool};
use crate::realtime::http::online::{OnlineOut, online};
use crate::text::{check_name, check_text};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Most accounts that one answer lists: some hundred kilobytes with their tabs.
const LIMIT_MAX: usize = 500;

/// Whom to list.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct OnlineIn {
    /// Of this company; all that the account may see when absent, which is its own but for administrators of the platform.
    company_id: Option<i64>,
    /// Part of the login name or display name.
    search: Option<String>,
    /// 1 to 500; 100 when absent.
    #[schema(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// Who is online on all nodes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct OnlineRows {
    /// How many fit the search; `results` may be fewer.
    count: usize,
    /// The accounts with their tabs.
    results: Vec<OnlineOut>,
    /// Nodes that did not answer in time: what hangs there is missing here.
    silent_nodes: Vec<String>,
}

/// Whom to sign out.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct LogoutIn {
    /// Guid of the person's account or staff record (C12).
    staff_guid: String,
    /// Why; the person is shown it.
    reason: String,
}

/// What was ended.
#[derive(Debug, Serialize, ToSchema)]
struct EndedOut {
    /// Its place in the log of changes.
    rev: Option<i64>,
    /// How many sessions.
    ended: usize,
}

/// The tools of sessions.
pub(super) fn tools() -> Vec<Tool> {
    let list = tool::<OnlineIn, Nothing, OnlineRows, _, _>(
        ("listOnlineUsers", "Who is online"),
        "Lists who has the application open now, on any node, with every open tab. Needs session:view.",
        (Reads, Scope::Notify, &["session:view"]),
        |call, asked, _| async move {
            let (mut results, silent_nodes) = online(&call.core, &call.by).await?;
            let search = asked.search.unwrap_or_default().to_lowercase();
            let fits = |text: &str| text.to_lowercase().contains(&search);
            let of = |company: i64| asked.company_id.is_none_or(|wanted| wanted == company);
            results.retain(|person| {
                of(person.company_id) && (fits(&person.username) || fits(&person.display_name))
            });
            let count = results.len();
            results.truncate(asked.limit.unwrap_or(100).clamp(1, LIMIT_MAX));
            Ok(OnlineRows { count, results, silent_nodes })
        },
    );
    let logout = tool::<LogoutIn, Nothing, EndedOut, _, _>(
        ("forceUserLogout", "Sign a person out"),
        "Ends all sessions of a person on every node at once and shows the reason in the open tabs; the caller's own session \
         stays. Repeating it is harmless. Needs session:kick.",
        (DestroysOnce, Scope::Org, &["session:kick"]),
        |call, asked, _| async move {
            call.by.require("session:kick")?;
            check_name("reason", &asked.reason)?;
            check_text("reason", &asked.reason)?;
            let account = call.account(&asked.staff_guid, "session:kick").await?;
            let ended = call
                .write(move |core, by| {
                    let reason = asked.reason.clone();
                    let filter = SessionFilter { account: Some(account), ..SessionFilter::default() };
                    async move { kick(&core, &by, filter, &reason).await }
                })
                .await?;
            Ok(EndedOut { rev: ended.rev.map(|rev| rev.0), ended: ended.ended })
        },
    );
    vec![list, logout.rehearsed()]
}
