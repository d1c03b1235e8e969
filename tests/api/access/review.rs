//! The access review: who holds what and why, and that a row's own words remove it.

use super::{another_company, fields, put_into_position};
use crate::support::{Account, ok, refused, served};
use reqwest::Method;
use serde_json::{Value, json};

const PATH: &str = "/api/v1/access/review";

async fn review(by: &Account, query: &str) -> Value {
    ok(by.get(&format!("{PATH}?{query}")).await)
}

/// Does what a row says: method, path and perhaps a body.
async fn obey(by: &Account, order: &Value) {
    let mut words = order.as_str().expect("an order").splitn(3, ' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let body = words.next().map_or(Value::Null, |body| serde_json::from_str(body).expect("a body"));
    ok(by.ask(method, path, &body).await);
}

served! {
    /// S1-45.
    async fn who_holds_what_is_listed_with_the_way_and_administrators_apart(server: TestServer) {
        let root = server.platform().await;
        let alice = server.account("alice", &["org:view", "session:kick"]).await;
        put_into_position(&server, &alice, "desk", &["org:view"]).await;
        let boss = server.account("boss", &["system:admin"]).await;
        let auditor = server.account("auditor", &["permission:view"]).await;
        another_company(&server).await;
        let all = review(&auditor, "").await;
        assert_eq!(
            fields(&all["results"], "permission"),
            ["system:admin", "session:kick", "org:view", "org:view", "permission:view"]
        );
        assert_eq!(fields(&all["results"], "kind"), ["role", "role", "position", "role", "role"]);
        assert_eq!(all["count"], 5);
        assert_eq!(fields(&all["administrators"], "username"), ["root", "boss"]);
        assert_eq!(fields(&all["administrators"], "kind"), ["platform", "role"]);
        let second = review(&auditor, "page_size=2&page=2").await;
        assert_eq!((&second["count"], &second["results"][0]), (&json!(5), &all["results"][2]));
        assert!(second["next"].is_string() && second["previous"].is_string());
        assert_eq!(review(&auditor, "page=9").await["count"], 5);
        let hers = review(&auditor, &format!("account={}&permission=org:view", alice.id)).await;
        assert_eq!(hers["count"], 2);
        assert_eq!(review(&auditor, &format!("account={}", boss.id)).await["count"], 1);
        refused(alice.get(PATH).await, 403, "NoPermissionError");
        refused(alice.get(&format!("{PATH}?format=csv")).await, 403, "NoPermissionError");
        refused(auditor.get(&format!("{PATH}?format=xml")).await, 400, "invalid");
        let role = format!("/api/v1/roles/{}", alice.role);
        ok(root.patch(&role, json!({ "status": 0 })).await);
        let row = review(&auditor, "permission=session:kick").await["results"][0].clone();
        assert_eq!((&row["counts"], &row["blocked_by"]), (&json!(false), &json!(["holder_off"])));
    }

    /// S1-45.
    async fn each_row_says_how_to_remove_it(server: TestServer) {
        let root = server.platform().await;
        let alice = server.account("alice", &["org:view", "role:view"]).await;
        put_into_position(&server, &alice, "desk", &["org:view", "position:view"]).await;
        let hers = format!("account={}", alice.id);
        let row = async |permission: &str, kind: &str| {
            let list = review(root, &format!("{hers}&permission={permission}")).await;
            list["results"].as_array().unwrap().iter().find(|row| row["kind"] == kind).unwrap().clone()
        };
        obey(root, &row("org:view", "role").await["remove_from_holder"]).await;
        assert_eq!(alice.codes().await, ["org:view", "position:view", "role:view"]);
        obey(root, &row("org:view", "position").await["remove_from_holder"]).await;
        assert_eq!(alice.codes().await, ["position:view", "role:view"]);
        obey(root, &row("position:view", "position").await["remove_from_account"]).await;
        assert_eq!(alice.codes().await, ["role:view"]);
        obey(root, &row("role:view", "role").await["remove_from_account"]).await;
        assert_eq!(alice.codes().await, [] as [&str; 0]);
        assert_eq!(review(root, &hers).await["count"], 0);
    }

    async fn the_file_holds_all_rows_and_no_formula(server: TestServer) {
        let root = server.platform().await;
        let alice = server.account("alice", &["org:view", "session:kick"]).await;
        let name = json!({ "display_name": "=cmd(\"x\"),y" });
        ok(root.patch(&format!("/api/accounts/users/{}/", alice.id), name).await);
        let request = root.request(Method::GET, &format!("{PATH}?format=csv"));
        let answer = request.send().await.expect("the server answers");
        assert_eq!(answer.headers()["content-type"], "text/csv; charset=utf-8");
        assert_eq!(answer.headers()["content-disposition"], "attachment; filename=\"access-review.csv\"");
        let bytes = answer.bytes().await.expect("the file ends");
        let text = String::from_utf8(bytes.to_vec()).expect("UTF-8");
        let lines: Vec<&str> = text.trim_start_matches('\u{feff}').lines().collect();
        assert!(lines[0].starts_with("\"account_id\",\"username\",\"display_name\",\"permission\","));
        assert!(lines[1].contains("\"root\"") && lines[1].contains("\"platform\""), "{}", lines[1]);
        assert_eq!(lines.len(), 4, "{text}");
        let hers = "\"alice\",\"'=cmd(\"\"x\"\"),y\",\"session:kick\"";
        assert!(lines[2].contains(hers), "critical ones first: {}", lines[2]);
        assert!(lines[3].contains("\"org:view\""), "{}", lines[3]);
    }
}
