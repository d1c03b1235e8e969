//! What comes to an inbox without having been sent just now: what a role, a position or an organisation was told, for whoever
//! comes into it, and what was put off (FN3, FN5, FN13).

use livegrant_actors::Transport;
use serde_json::{Value, json};
use std::time::Duration;

use crate::inbox::{STREAMS, counts, open, send};
use crate::support::{Setup, Stream, both_databases, ok, served};

served! {
    /// FN13: comes back as new, also for a client that passes over whatever id it knows; at once and when it is told again.
    async fn what_was_put_off_comes_again_under_an_id_of_its_own(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        let topics = ("topics", "notifications");
        let (mut stream, _) = Stream::open(&server, Transport::Sse, &alice, &[topics]).await.expect("a stream");
        let state = stream.next_of("PERMISSION_UPDATE").await["data"].clone();
        send(&server, &[&alice], "later").await;
        let first = stream.next_of("MESSAGE_NOTIFICATION").await;
        let rev = loop {
            let state = stream.next_of("NOTIFICATION_STATE").await;
            if counts(&state) == (1, 1) {
                break state["data"]["inboxRev"].clone();
            }
        };
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let place = format!("{}:{}:{}:0.{rev}", text(&state["epoch"]), state["rev"], text(&state["hash"]));
        let path = format!("/api/v1/notifications/{}", first["data"]["id"]);
        ok(alice.post(&format!("{path}/snooze"), json!({ "preset": "hour" })).await);
        server.clock.advance(Duration::from_secs(1));
        ok(alice.post(&format!("{path}/unsnooze"), json!({})).await);
        let again = stream.next_of("MESSAGE_NOTIFICATION").await;
        assert_eq!((&again["data"]["id"], &again["data"]["title"]), (&first["data"]["id"], &json!("later")));
        assert_ne!(again["messageId"], first["messageId"]);
        assert!(text(&again["messageId"]).starts_with(&text(&first["messageId"])));
        let query = [topics, ("resume", &*place)];
        let (mut back, _) = Stream::open(&server, Transport::WebSocket, &alice, &query).await.expect("a stream");
        assert_eq!(back.next_of("MESSAGE_NOTIFICATION").await["messageId"], again["messageId"]);
    }
}

both_databases! {
    /// FN3, FN5: who comes into a role, a position or an organisation has what it was told, who leaves it has it no more; open
    /// tabs show it at once. Without such a broadcast nothing is said.
    async fn open_tabs_follow_who_comes_into_an_audience_and_who_leaves_it(database: TestDatabase) {
        Setup::on(&database).run(async |server| {
            let (root, alice) = (server.platform().await, server.account("alice", &[]).await);
            let made = async |path: &str, body: Value| ok(root.post(path, body).await);
            let guid = |row: Value| row["guid"].as_str().expect("a guid").to_owned();
            let role = made("/api/v1/roles", json!({ "code": "crew", "name": "crew" })).await["id"].clone();
            let held = format!("/api/v1/accounts/{}/roles/{role}", alice.id);
            let mut streams = Vec::new();
            for transport in STREAMS {
                streams.push(open(&server, transport, &alice).await.0);
            }
            made(&held, json!({})).await;
            ok(root.delete(&held).await);
            let end = server.mark().await;
            for stream in &mut streams {
                // `until` passes over how the inbox stands: looked at frame by frame.
                loop {
                    let frame = stream.frame().await;
                    assert_ne!(frame["type"], "NOTIFICATION_STATE", "nobody was told anything");
                    if frame["data"]["title"] == *end {
                        break;
                    }
                }
            }
            let top = guid(made("/api/v1/organizations", json!({ "code": "top", "name": "t" })).await);
            let far = guid(made("/api/v1/organizations", json!({ "code": "far", "name": "f" })).await);
            let desk = guid(made("/api/v1/positions", json!({ "code": "desk", "name": "d" })).await);
            let person = json!({ "staff_no": "a", "name": "a", "account_id": alice.id, "organization_guid": far });
            let staff = guid(made("/api/v1/staff", person).await);
            let audiences = [
                json!({ "kind": "role", "id": role }),
                json!({ "kind": "position", "guid": desk }),
                json!({ "kind": "organization", "guid": top }),
            ];
            for audience in audiences {
                let body = json!({ "title": "t", "content": "c", "category": "x", "severity": "info", "audience": audience });
                made("/api/v1/notifications/broadcast", body).await;
            }
            let mut told = async |expected: i64| {
                for stream in &mut streams {
                    while counts(&stream.next_of("NOTIFICATION_STATE").await).1 != expected {}
                }
            };
            made(&held, json!({})).await;
            told(1).await;
            // He is told of his position by a notice of its own.
            let filled = format!("/api/v1/staff/{staff}/positions");
            made(&filled, json!({ "position_guid": desk })).await;
            told(3).await;
            let elsewhere = |parent: Option<&str>| json!({ "parentGuid": parent });
            made(&format!("/api/v1/organizations/{far}/move"), elsewhere(Some(&top))).await;
            told(4).await;
            made(&format!("/api/v1/organizations/{far}/move"), elsewhere(None)).await;
            told(3).await;
            ok(root.patch(&format!("/api/v1/staff/{staff}"), json!({ "organization_guid": top })).await);
            told(4).await;
            ok(root.delete(&held).await);
            told(3).await;
            ok(root.delete(&format!("{filled}/{desk}")).await);
            told(3).await;
        })
        .await;
    }
}
