//! Whom a sender reaches: what lies outside the data scope of his permission is not there for him (FC7), and what a platform
//! administrator sends into another company is found there.

use serde_json::{Value, json};

use super::{LIST, counts, titles};
use crate::support::{Account, Setup, both_databases, ok, refused, served};

const SEND: &str = "/api/v1/notifications/message";
const BROADCAST: &str = "/api/v1/notifications/broadcast";

async fn made(by: &Account, path: &str, body: Value) -> String {
    ok(by.post(path, body).await)["guid"].as_str().expect("a guid").to_owned()
}

/// `north` with `port` below it, and `south`, each with a position.
async fn land(by: &Account) -> [(String, String); 3] {
    let mut land: Vec<(String, String)> = Vec::new();
    for (code, above) in [("north", None), ("port", Some(0)), ("south", None)] {
        let above: Option<&String> = above.map(|at: usize| &land[at].0);
        let body = json!({ "code": code, "name": code, "parentGuid": above });
        let organization = made(by, "/api/v1/organizations", body).await;
        let body = json!({ "code": code, "name": code, "organization_guid": organization });
        land.push((organization, made(by, "/api/v1/positions", body).await));
    }
    land.try_into().expect("three")
}

/// Makes the person of an account and puts him into the organisation's position.
async fn settle(by: &Account, account: &Account, (organization, position): &(String, String)) -> String {
    let body = json!({ "staff_no": account.username, "name": account.username, "account_id": account.id,
        "organization_guid": organization });
    let staff = made(by, "/api/v1/staff", body).await;
    ok(by.post(&format!("/api/v1/staff/{staff}/positions"), json!({ "position_guid": position })).await);
    staff
}

fn message(to: &Value) -> Value {
    let mut body = json!({ "title": "t", "content": "c" });
    body.as_object_mut().expect("an object").extend(to.as_object().expect("an object").clone());
    body
}

/// The three sendings to people.
fn sendings(guids: &[&str]) -> [(String, Value); 3] {
    let to = json!({ "staffGuids": guids });
    let mut position = message(&to);
    (position["oldPosition"], position["newPosition"]) = (json!("a"), json!("b"));
    let mut approval = message(&to);
    (approval["approvalId"], approval["approvalState"]) = (json!("1"), json!("approved"));
    [
        (SEND.to_owned(), message(&to)),
        ("/api/v1/notifications/position-change".to_owned(), position),
        ("/api/v1/notifications/approval".to_owned(), approval),
    ]
}

async fn rescope(by: &Account, sender: &Account, scope: &str) {
    ok(by.patch(&format!("/api/v1/roles/{}", sender.role), json!({ "data_scope": scope })).await);
}

served! {
    // FC7, S1-25: out of reach is answered like nobody, and nobody is told.
    async fn a_sender_reaches_the_people_of_his_scope(server: TestServer) {
        let root = server.platform().await;
        let [north, port, south] = land(root).await;
        let sender = server.account("sender", &["notification:send", "notification:broadcast"]).await;
        let (pete, sue) = (server.account("pete", &[]).await, server.account("sue", &[]).await);
        let loner = server.account("loner", &[]).await;
        let own = settle(root, &sender, &north).await;
        let of_pete = settle(root, &pete, &port).await;
        let of_sue = settle(root, &sue, &south).await;
        rescope(root, &sender, "own_and_below").await;
        let nobody = livegrant::clock::guid();
        for (path, body) in sendings(&[&of_pete, &own, &pete.guid]) {
            assert_eq!(ok(sender.post(&path, body).await)["recipients"], 2, "{path}");
        }
        assert_eq!(counts(&pete).await, (4, 4), "and his position");
        for outside in [&of_sue, &sue.guid, &loner.guid, &nobody] {
            for (path, body) in sendings(&[&of_pete, outside]) {
                let problem = refused(sender.post(&path, body).await, 400, "unknown_account");
                let said = json!({ "staffGuids[1]": ["there is no such person in your company"] });
                assert_eq!(problem["errors"], said, "{path} {problem}");
            }
        }
        let broadcast = |audience: &Value| {
            json!({ "title": "b", "content": "c", "category": "x", "severity": "info", "audience": audience })
        };
        for (audience, told) in [
            (json!({ "kind": "organization", "guid": north.0 }), 2),
            (json!({ "kind": "organization", "guid": port.0 }), 1),
            (json!({ "kind": "position", "guid": port.1 }), 1),
        ] {
            let sent = ok(sender.post(SEND, message(&json!({ "audience": audience }))).await);
            assert_eq!(sent["recipients"], told, "{audience}");
            let mut body = broadcast(&audience);
            body["dry_run"] = json!(true);
            assert_eq!(ok(sender.post(BROADCAST, body).await)["recipients"], told, "{audience}");
        }
        for (audience, code) in [
            (json!({ "kind": "organization", "guid": south.0 }), "unknown_organization"),
            (json!({ "kind": "organization", "guid": nobody }), "unknown_organization"),
            (json!({ "kind": "position", "guid": south.1 }), "unknown_position"),
            (json!({ "kind": "position", "guid": nobody }), "unknown_position"),
            (json!({ "kind": "role", "id": sue.role }), "out_of_scope"),
            (json!({ "kind": "role", "id": 987_654 }), "out_of_scope"),
        ] {
            refused(sender.post(SEND, message(&json!({ "audience": audience }))).await, 400, code);
            refused(sender.post(BROADCAST, broadcast(&audience)).await, 400, code);
        }
        for everybody in [json!({ "kind": "all" }), json!({ "kind": "company" }), Value::Null] {
            refused(sender.post(BROADCAST, broadcast(&everybody)).await, 400, "out_of_scope");
        }
        // The own organisation is not what lies below it; the own record is nobody else.
        rescope(root, &sender, "own").await;
        let whole = json!({ "audience": { "kind": "organization", "guid": north.0 } });
        refused(sender.post(SEND, message(&whole)).await, 400, "unknown_organization");
        let post = json!({ "audience": { "kind": "position", "guid": north.1 } });
        assert_eq!(ok(sender.post(SEND, message(&post)).await)["recipients"], 1);
        rescope(root, &sender, "self").await;
        assert_eq!(ok(sender.post(SEND, message(&json!({ "staffGuid": own }))).await)["recipients"], 1);
        refused(sender.post(SEND, message(&json!({ "staffGuid": of_pete }))).await, 400, "unknown_account");
        assert_eq!((counts(&sue).await, counts(&loner).await), ((1, 1), (0, 0)), "nothing but her position");
        rescope(root, &sender, "all").await;
        ok(sender.post(SEND, message(&json!({ "staffGuids": [of_sue, loner.guid] }))).await);
        ok(sender.post(BROADCAST, broadcast(&Value::Null)).await);
        assert_eq!((counts(&sue).await, counts(&loner).await), ((3, 3), (2, 2)));
    }
}

both_databases! {
    async fn a_message_into_another_company_is_found_there(database: TestDatabase) {
        Setup::on(&database).with_company("other").run(async |server| {
            let root = server.platform().await;
            let other = server.company("other").await;
            let bob = server.account_in(other, "bob", &["notification:send"]).await;
            let body = message(&json!({ "audience": { "kind": "role", "id": bob.role } }));
            assert_eq!(ok(root.post(SEND, body).await)["recipients"], 1);
            assert_eq!((counts(&bob).await, titles(&bob, LIST).await.as_str()), ((1, 1), "t"));
            // Nobody else sends there.
            let alice = server.account("alice", &["notification:send"]).await;
            let body = message(&json!({ "audience": { "kind": "role", "id": bob.role } }));
            refused(alice.post(SEND, body).await, 400, "unknown_role");
        }).await;
    }
}
