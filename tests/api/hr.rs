//! Organisations, positions and staff: what each use case does, refuses, gives and takes.

mod demo;
mod notices;
mod organizations;
mod positions;
mod sole_administrator;
mod staff;
mod staff_positions;
mod tree;

use serde_json::{Value, json};

use crate::support::{Account, TestServer, ok, refused};

/// A guid that nothing has.
const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

/// The guid of what was answered.
fn guid(body: &Value) -> String {
    body["guid"].as_str().expect("a guid").to_owned()
}

async fn organization(by: &Account, code: &str) -> String {
    guid(&ok(by.post("/api/v1/organizations", json!({ "code": code, "name": code })).await))
}

/// Makes a position that carries these codes.
async fn position(by: &Account, code: &str, permissions: &[&str]) -> String {
    let guid = guid(&ok(by.post("/api/v1/positions", json!({ "code": code, "name": code })).await));
    for permission in permissions {
        ok(by
            .post(&format!("/api/v1/positions/{guid}/permissions/{permission}"), json!({ "confirm": true }))
            .await);
    }
    guid
}

/// Makes a staff record that is linked to an account.
async fn person(by: &Account, account: &Account) -> String {
    let body = json!({ "staff_no": account.username, "name": account.username, "account_id": account.id });
    guid(&ok(by.post("/api/v1/staff", body).await))
}

/// Puts a person into a position for good.
async fn put(by: &Account, staff: &str, position: &str) {
    let path = format!("/api/v1/staff/{staff}/positions");
    ok(by.post(&path, json!({ "position_guid": position })).await);
}

/// Asks each request; every one is denied for want of a permission, and no row is another one afterwards (S1-27).
async fn denied(server: &TestServer, by: &Account, requests: &[(&str, String, Value)]) {
    let before = server.rows().await;
    for (method, path, body) in requests {
        let answer = by.ask(method, path, body).await;
        assert_eq!(answer.0, 403, "{method} {path}: {}", answer.1);
        refused(answer, 403, "NoPermissionError");
    }
    assert_eq!(server.rows().await, before, "a denied request changed something");
}

/// Asks each request; every one is refused as said, the field is named, and no row is another one afterwards.
async fn faulty(server: &TestServer, by: &Account, requests: &[(&str, String, Value, u16, &str, &str)]) {
    let before = server.rows().await;
    for (method, path, body, status, code, field) in requests {
        let answer = by.ask(method, path, body).await;
        assert_eq!(
            (answer.0, &answer.1["code"]),
            (*status, &json!(code)),
            "{method} {path} {body}: {}",
            answer.1
        );
        let problem = refused(answer, *status, code);
        if !field.is_empty() {
            assert!(problem["errors"][field].is_array(), "{method} {path} {body}: {problem}");
        }
    }
    assert_eq!(server.rows().await, before, "a refused request changed something");
}
