//! The inbox: what each route does, refuses, answers and tells the tabs.

mod hostile;
mod lists;
mod moves;
mod once;
mod preferences;
mod scopes;
mod sending;
mod time;

use serde_json::{Value, json};

use crate::support::{Account, ok};

const LIST: &str = "/api/v1/notifications";

/// Sends a message and answers the notice's id.
async fn tell(by: &Account, to: &Account, title: &str) -> i64 {
    let body = json!({ "staffGuid": to.guid, "title": title, "content": "内容" });
    let sent = ok(by.post("/api/v1/notifications/message", body).await);
    assert_eq!((&sent["recipients"], &sent["changed"]), (&json!(1), &json!(true)), "{sent}");
    sent["id"].as_i64().expect("an id")
}

/// Tells everybody and answers the notice's id.
async fn shout(by: &Account, title: &str) -> i64 {
    let body = json!({ "title": title, "content": "c", "category": "维护", "severity": "信息" });
    ok(by.post("/api/v1/notifications/broadcast", body).await)["id"].as_i64().expect("an id")
}

/// The titles of a list.
async fn titles(by: &Account, path: &str) -> String {
    let body = ok(by.get(path).await);
    let rows = body["results"].as_array().expect("rows");
    rows.iter().map(|row| row["title"].as_str().expect("a title")).collect::<Vec<_>>().join(" ")
}

/// Unseen and unread.
async fn counts(by: &Account) -> (i64, i64) {
    let body = ok(by.get("/api/v1/notifications/counts").await);
    of(&body)
}

fn of(counts: &Value) -> (i64, i64) {
    (counts["unseen"].as_i64().expect("unseen"), counts["unread"].as_i64().expect("unread"))
}
