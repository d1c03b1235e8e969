//! What a frame must look like, and a client that follows the frames as a page does.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Account, TestServer, ok};

/// The members of an object, sorted.
pub fn members(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

/// Checks the envelope (S3-43, S3-44) and goes on with its data.
#[track_caller]
pub fn data<'f>(frame: &'f Value, kind: &str, to: &Account, by: Option<&Account>) -> &'f Value {
    let expected = ["data", "messageId", "operator", "timestamp", "type", "userGuid", "userId"];
    assert_eq!(members(frame), expected, "{frame}");
    assert_eq!(frame["type"], kind, "{frame}");
    assert_eq!((&frame["userId"], &frame["userGuid"]), (&json!(to.id), &json!(to.guid)), "{frame}");
    assert!(frame["timestamp"].is_i64(), "{frame}");
    let id = uuid::Uuid::parse_str(frame["messageId"].as_str().expect("a text")).expect("a UUID");
    assert_eq!(id.get_version_num(), 7, "{frame}");
    let operator = by.map_or(Value::Null, |by| json!({ "id": by.id, "name": by.username }));
    assert_eq!(frame["operator"], operator, "{frame}");
    let expected: &[&str] = match kind {
        "PERMISSION_UPDATE" => &[
            "added",
            "dataScopeVersion",
            "epoch",
            "hash",
            "menuVersion",
            "permissionVersion",
            "permissions",
            "positions",
            "prevRev",
            "reason",
            "removed",
            "rev",
            "roles",
            "updateType",
        ],
        "ROLE_CHANGE" => &[
            "addedPositions",
            "addedRoles",
            "positions",
            "reason",
            "removedPositions",
            "removedRoles",
            "rev",
            "roles",
            "updateType",
        ],
        "FORCE_LOGOUT" => &["at", "code", "reason", "sid"],
        "SYSTEM_NOTICE" => &["category", "content", "id", "seq", "severity", "title"],
        other => panic!("no such type: {other}"),
    };
    assert_eq!(members(&frame["data"]), expected, "{frame}");
    &frame["data"]
}

/// The values of a list of texts.
pub fn texts(value: &Value) -> Vec<String> {
    serde_json::from_value(value.clone()).expect("a list of texts")
}

/// The codes of a list of roles or positions.
pub fn codes(value: &Value) -> Vec<&str> {
    value.as_array().expect("a list").iter().map(|row| row["code"].as_str().expect("a code")).collect()
}

/// A page's own copy of the permission state: it takes a difference only when it continues what it has (I9).
#[derive(Debug, Default, PartialEq)]
pub struct Copy {
    rev: i64,
    hash: String,
    permissions: BTreeSet<String>,
}

impl Copy {
    /// The copy that a snapshot gives.
    #[track_caller]
    pub fn of(snapshot: &Value) -> Self {
        let mut copy = Self::default();
        assert_eq!(snapshot["data"]["updateType"], "REPLACE", "{snapshot}");
        copy.follow(snapshot);
        copy
    }

    /// Takes a frame.
    #[track_caller]
    pub fn follow(&mut self, frame: &Value) {
        if frame["type"] != "PERMISSION_UPDATE" {
            return;
        }
        let data = &frame["data"];
        if data["updateType"] == "REPLACE" {
            assert_eq!(data["prevRev"], Value::Null, "{frame}");
            self.permissions = texts(&data["permissions"]).into_iter().collect();
        } else {
            assert_eq!(data["prevRev"], self.rev, "a gap: {frame}");
            for code in texts(&data["removed"]) {
                assert!(self.permissions.remove(&code), "{code} was not there: {frame}");
            }
            for code in texts(&data["added"]) {
                assert!(self.permissions.insert(code.clone()), "{code} was there: {frame}");
            }
        }
        assert_eq!(data["permissionVersion"], data["rev"], "{frame}");
        self.rev = data["rev"].as_i64().expect("a number");
        data["hash"].as_str().expect("a text").clone_into(&mut self.hash);
        assert_eq!(self.hash.len(), 16, "{frame}");
        assert!(self.permissions.iter().eq(texts(&data["permissions"]).iter()), "{self:?} is not {frame}");
    }

    /// The copy says what REST says: codes, revision and hash.
    pub async fn agrees(&self, account: &Account) {
        let me = ok(account.get("/api/accounts/users/me/").await);
        let rest = Self {
            rev: me["permission_version"].as_i64().expect("a number"),
            hash: me["hash"].as_str().expect("a text").to_owned(),
            permissions: texts(&me["permissions"]).into_iter().collect(),
        };
        assert_eq!(*self, rest);
    }

    /// The revision that it is at.
    pub fn rev(&self) -> i64 {
        self.rev
    }
}

impl TestServer {
    /// Makes a custom role of these codes as the platform administrator; answers its id.
    pub async fn role(&self, code: &str, codes: &[&str]) -> i64 {
        let admin = self.platform().await;
        let role = ok(admin.post("/api/v1/roles", json!({ "code": code, "name": code })).await);
        let id = role["id"].as_i64().expect("an id");
        if !codes.is_empty() {
            let body = json!({ "permissions": codes, "confirm": true });
            ok(admin.put(&format!("/api/v1/roles/{id}/permissions"), body).await);
        }
        id
    }

    /// Gives an account a role as the platform administrator; answers the revision.
    pub async fn give(&self, account: &Account, role: i64) -> Value {
        let path = format!("/api/v1/accounts/{}/roles/{role}", account.id);
        ok(self.platform().await.post(&path, json!({})).await)["rev"].clone()
    }

    /// Changes a role's codes as the platform administrator (`add` or `remove`); answers the revision.
    pub async fn change_role(&self, role: i64, how: &str, codes: &[&str]) -> Value {
        let body = json!({ "permissions": codes, "confirm": true });
        let path = format!("/api/v1/roles/{role}/permissions/{how}");
        ok(self.platform().await.post(&path, body).await)["rev"].clone()
    }
}
