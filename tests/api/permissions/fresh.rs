//! Makes what an operation of the table needs: something fresh for each `{name}` of its path and body.

use serde_json::{Value, json};

use crate::support::{TestServer, ok};

/// A process in which the platform administrator decides.
pub fn definition(code: &str) -> Value {
    let decides = json!([{ "kind": "role", "code": "only.root" }]);
    let nodes = json!([
        { "code": "start", "name": "s", "kind": "start" },
        { "code": "a", "name": "a", "kind": "approve", "assignees": decides },
    ]);
    json!({ "code": code, "name": "d", "category": "c", "form": { "fields": [] }, "graph": { "nodes": nodes } })
}

/// Makes what a path and body name and puts its ids in their places.
pub async fn fill(server: &TestServer, number: usize, path: &str, body: &Value) -> (String, Value) {
    let admin = server.platform().await;
    let mut text = json!({ "path": path, "body": body }).to_string();
    let wanted = |name: &str, text: &str| text.contains(&format!("{{{name}}}"));
    let mut put = |name: &str, value: &Value| {
        let bare = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        // An integer in the body stands without quotes.
        if !value.is_string() {
            text = text.replace(&format!("\"{{{name}}}\""), &bare);
        }
        text = text.replace(&format!("{{{name}}}"), &bare);
    };
    put("n", &json!(number.to_string()));
    let template = json!({ "path": path, "body": body }).to_string();
    let code = format!("made.{number}");
    if wanted("org", &template) {
        let org = json!({ "code": code, "name": "o" });
        put("org", &ok(admin.post("/api/v1/organizations", org).await)["guid"]);
    }
    for name in ["position", "carrying", "held"] {
        if wanted(name, &template) {
            let new = json!({ "code": format!("{code}.{name}"), "name": "p" });
            let guid = ok(admin.post("/api/v1/positions", new).await)["guid"].clone();
            if name == "carrying" {
                let path = format!("/api/v1/positions/{}/permissions/org:view", guid.as_str().unwrap());
                ok(admin.post(&path, json!({})).await);
            }
            put(name, &guid);
            if name == "held" {
                put_into(server, &code, &guid, &mut put).await;
            }
        }
    }
    if wanted("staff", &template) && !wanted("held", &template) {
        let new = json!({ "staff_no": code, "name": "s" });
        put("staff", &ok(admin.post("/api/v1/staff", new).await)["guid"]);
    }
    if wanted("permission", &template) {
        let new = json!({ "code": format!("made:{number}"), "name": "p", "kind": "api" });
        put("permission", &ok(admin.post("/api/v1/permissions", new).await)["id"]);
    }
    if wanted("role", &template) {
        put("role", &ok(admin.post("/api/v1/roles", json!({ "code": code, "name": "r" })).await)["id"]);
    }
    for state in ["draft", "published", "suspended"] {
        if wanted(state, &template) {
            ok(admin.post("/api/v1/workflows/definitions", definition(&code)).await);
            let orders: &[&str] = match state {
                "draft" => &[],
                "published" => &["publish"],
                _ => &["publish", "suspend"],
            };
            for order in orders {
                ok(admin.post(&format!("/api/v1/workflows/definitions/{code}/{order}"), json!({})).await);
            }
            put(state, &json!(code));
        }
    }
    if wanted("heir", &template) {
        put("heir", &json!(server.account(&format!("{code}.heir"), &[]).await.guid));
    }
    if ["account", "own", "session", "person"].iter().any(|name| wanted(name, &template)) {
        let account = server.account(&code, &["org:view"]).await;
        put("person", &json!(account.guid));
        put("account", &json!(account.id));
        put("own", &json!(account.role));
        put("session", &json!(account.sid));
    }
    let mut filled: Value = serde_json::from_str(&text).expect("still JSON");
    (filled["path"].as_str().expect("a path").to_owned(), filled["body"].take())
}

/// Makes somebody who is in the position.
async fn put_into(server: &TestServer, code: &str, position: &Value, put: &mut impl FnMut(&str, &Value)) {
    let admin = server.platform().await;
    let staff =
        ok(admin.post("/api/v1/staff", json!({ "staff_no": code, "name": "s" })).await)["guid"].clone();
    let path = format!("/api/v1/staff/{}/positions", staff.as_str().unwrap());
    ok(admin.post(&path, json!({ "position_guid": position })).await);
    put("staff", &staff);
}
