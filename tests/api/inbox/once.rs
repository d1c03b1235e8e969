//! A key sends once (FN18), and stands for one notice; the key of a request holds also where its answer was lost (FA7).

use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

use super::{LIST, counts, titles};
use crate::support::{Account, TestServer, ok, read, refused, served};

const SEND: &str = "/api/v1/notifications/message";
const BROADCAST: &str = "/api/v1/notifications/broadcast";

async fn keyed(by: &Account, key: &str, path: &str, body: &Value) -> (u16, Value) {
    let request = by.request(Method::POST, path).header("idempotency-key", key).json(body);
    read(request.send().await.expect("an answer")).await
}

/// What is left of a request whose answer was lost: nothing under its key, but what it has done.
async fn lose_answers(server: &TestServer) {
    let mut work = server.core.db.begin(&livegrant::db::Author::system("tests")).await.unwrap();
    livegrant::sql_exec!(work.conn(), "DELETE FROM sys_idempotency").unwrap();
    work.commit(livegrant::db::SystemTask::Upkeep).await.unwrap();
}

served! {
    // FA7, FN18: the same key with other words is somebody's mistake, not the first notice.
    async fn a_key_stands_for_one_notice(server: TestServer) {
        let sender = server.account("sender", &["notification:send", "notification:broadcast"]).await;
        let alice = server.account("alice", &[]).await;
        let body = json!({ "staffGuid": alice.guid, "title": "t", "content": "c", "idempotencyKey": "k" });
        ok(sender.post(SEND, body.clone()).await);
        let with = |name: &str, value: Value| { let mut other = body.clone(); other[name] = value; other };
        for other in [with("title", json!("other")), with("content", json!("other"))] {
            refused(sender.post(SEND, other).await, 422, "idempotency_conflict");
        }
        let mut approval = with("approvalId", json!("1"));
        approval["approvalState"] = json!("approved");
        refused(sender.post("/api/v1/notifications/approval", approval).await, 422, "idempotency_conflict");
        let told = json!({ "title": "t", "content": "c", "category": "x", "severity": "info", "idempotency_key": "k" });
        refused(sender.post(BROADCAST, told).await, 422, "idempotency_conflict");
        assert_eq!(ok(sender.post(SEND, body.clone()).await)["changed"], false);
        assert_eq!((counts(&alice).await, titles(&alice, LIST).await.as_str()), ((1, 1), "t"));
    }

    // FA7, S3-116
    async fn a_request_whose_answer_was_lost_sends_once(server: TestServer) {
        let sender = server.account("sender", &["notification:send", "notification:broadcast"]).await;
        let alice = server.account("alice", &[]).await;
        let one = json!({ "staffGuid": alice.guid, "title": "one", "content": "c" });
        let all = json!({ "title": "all", "content": "c", "category": "x", "severity": "info" });
        for (path, body) in [(SEND, &one), (BROADCAST, &all)] {
            let first = ok(keyed(&sender, path, path, body).await);
            lose_answers(&server).await;
            let again = ok(keyed(&sender, path, path, body).await);
            assert_eq!((&again["id"], &again["changed"]), (&first["id"], &json!(false)), "{path}");
            lose_answers(&server).await;
            let mut other = body.clone();
            other["title"] = json!("other");
            refused(keyed(&sender, path, path, &other).await, 422, "idempotency_conflict");
        }
        assert_eq!(counts(&alice).await, (2, 2));
        // A request's key is one for a day; then it is free for whatever it is used for.
        server.advance(Duration::from_hours(25)).await;
        let (sender, alice) = (server.signed_in("sender").await, server.signed_in("alice").await);
        assert_eq!(ok(keyed(&sender, SEND, SEND, &one).await)["changed"], true);
        assert_eq!(counts(&alice).await, (3, 3));
    }
}
