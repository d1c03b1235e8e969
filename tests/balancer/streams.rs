//! Everything a client uses goes through a balancer, and reaches it from whichever node the change was saved on.

use reqwest::Method;
use serde_json::json;

use crate::behind_each;
use crate::cluster::Cluster;
use crate::support::{Tab, answer, ok, read, refused};
use crate::wire::Events;

behind_each! {
    /// S2-63.
    async fn requests_and_refusals_come_through_as_they_are(cluster: Cluster) {
        let admin = cluster.signed_in("admin").await;
        let me = ok(admin.get("/api/accounts/users/me/").await);
        assert_eq!(me["username"], "admin");
        let anonymous = cluster.anonymous(&cluster.front());
        refused(anonymous.get("/api/accounts/users/me/").await, 401, "token_missing");
        // Above the node's limit and below the balancer's: the node says it in its own words.
        let body = json!({ "username": "x".repeat(270_000), "password": "x" });
        // A balancer that is still sending when the node has said no may find the connection closed, and answers 502, or nothing.
        let mut tries = 0;
        loop {
            match anonymous.request(Method::POST, "/api/auth/login/").json(&body).send().await {
                Ok(answer) if answer.status() != 502 => {
                    refused(read(answer).await, 413, "too_large");
                    break;
                }
                _ => {}
            }
            tries += 1;
            assert!(tries < 10, "the node's own words never come through");
        }
        let long = anonymous.request(Method::POST, "/api/auth/login/").body("x".repeat(400_000));
        assert_eq!(long.send().await.unwrap().status(), 413);
        for path in ["/metrics", "/readyz"] {
            let answer = anonymous.request(Method::GET, path).send().await.unwrap();
            assert_eq!(answer.status(), 404, "{path} is not for everyone");
        }
    }

    /// S2-63, S3-120.
    async fn a_socket_hears_what_was_saved_on_the_other_node(cluster: Cluster) {
        let (admin, alice) = (cluster.signed_in("admin").await, cluster.signed_in("alice").await);
        let mut tab = open(cluster, &alice.access).await;
        let other = 1 - cluster.node_with_a_tab().await;
        let rev = cluster.change_at(other, &admin, "remove").await;
        let update = tab.next_of("PERMISSION_UPDATE").await;
        assert_eq!((update["data"]["rev"].as_i64(), &update["data"]["removed"]), (Some(rev), &json!(["org:view"])));
    }

    async fn a_handshake_that_is_refused_is_an_ordinary_answer(cluster: Cluster) {
        let anonymous = cluster.anonymous(&cluster.front());
        let handshake = |path: &str, protocol: &str| {
            let request = anonymous.request(Method::GET, path).header("connection", "Upgrade");
            let request = request.header("upgrade", protocol).header("sec-websocket-version", "13");
            request.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        };
        refused(answer(handshake("/ws/permission", "websocket")).await, 401, "token_missing");
        // nginx makes ordinary requests of these, HAProxy passes them on and the node refuses them.
        for (path, protocol) in [("/healthz", "websocket"), ("/healthz", "h2c"), ("/ws/permission", "h2c")] {
            let (status, body) = answer(handshake(path, protocol)).await;
            assert!(status == 200 || body["code"] == "not_found" || body["code"] == "handshake_invalid", "{status} {body}");
            assert_eq!(anonymous.get("/healthz").await.0, 200);
        }
    }

    /// S2-63.
    async fn an_event_comes_when_it_is_there(cluster: Cluster) {
        let (admin, alice) = (cluster.signed_in("admin").await, cluster.signed_in("alice").await);
        // Nothing follows the state for 15 s: whoever buffered the head or the first events would hold them back.
        let mut events = Events::open(&cluster.front(), &alice).await;
        let head = events.head.to_lowercase();
        assert!(head.contains(" 200 ") && head.contains("content-type: text/event-stream"), "{head}");
        let connection = events.next_of("connected").await["connectionId"].clone();
        events.next_of("permission_update").await;
        let other = 1 - cluster.node_with_a_tab().await;
        for way in ["remove", "add", "remove"] {
            let rev = cluster.change_at(other, &admin, way).await;
            assert_eq!(events.next_of("permission_update").await["rev"], rev);
        }
        // The acknowledgement is another request, and finds the stream's node.
        let said = json!({ "connectionId": connection, "permissionVersion": 1 });
        let (status, problem) = alice.post("/api/v1/events/ack", said).await;
        assert_eq!(status, 204, "{problem}");
    }

    async fn a_poll_waits_for_its_answer(cluster: Cluster) {
        let (admin, alice) = (cluster.signed_in("admin").await, cluster.signed_in("alice").await);
        let first = ok(alice.get("/api/v1/poll").await);
        let mut cursor = first["cursor"].as_u64().unwrap();
        let connection = first["connectionId"].as_str().unwrap().to_owned();
        let other = 1 - cluster.node_with_a_tab().await;
        for way in ["remove", "add", "remove"] {
            let path = format!("/api/v1/poll?connection={connection}&cursor={cursor}");
            let (body, rev) = tokio::join!(alice.get(&path), cluster.change_at(other, &admin, way));
            let mut body = ok(body);
            cursor = body["cursor"].as_u64().unwrap();
            // The first poll may end with how the inbox stands.
            while !body["messages"].to_string().contains("PERMISSION_UPDATE") {
                body = ok(alice.get(&format!("/api/v1/poll?connection={connection}&cursor={cursor}")).await);
                cursor = body["cursor"].as_u64().unwrap();
            }
            assert!(body["messages"].to_string().contains(&format!("\"rev\":{rev},")), "{body}");
        }
    }
}

/// Opens a tab at the balancer and takes its first frame.
pub async fn open(cluster: &Cluster, token: &str) -> Tab {
    let bearer = format!("Bearer {token}");
    let tab = Tab::open(&format!("{}/ws/permission", cluster.front()), &[("authorization", &bearer)]).await;
    let mut tab = tab.unwrap_or_else(|(status, problem)| panic!("no socket: {status} {problem}"));
    tab.next_of("PERMISSION_UPDATE").await;
    tab
}
