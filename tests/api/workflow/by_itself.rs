//! What happens by itself: delays, time limits, calls, instances that wait for instances. The clock stands until it is
//! moved.

use std::time::Duration;

use livegrant::workflow::timers::fire_due;
use livegrant::workflow::trigger::Client;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{agree, approve, define, history, instance, notices, start, todo};
use crate::support::{Setup, TestServer, ok, run_on_sqlite, served};

async fn minutes(server: &TestServer, minutes: u64) {
    server.advance(Duration::from_secs(60 * minutes)).await;
    let client = Client::new(Duration::from_secs(5));
    // Several look at the same moment, as nodes of a cluster do.
    let looks = (0..4).map(|_| fire_due(&server.core, &client));
    for looked in futures_util::future::join_all(looks).await {
        looked.expect("timers are looked for");
    }
}

served! {
    // FW24, FW38: fired once, however many look; what was decided in time is left alone.
    async fn delays_and_time_limits(server: TestServer) {
        let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
        let cy = server.account("cy", &[]).await;
        let limit = |action: Value, repeat: u32| json!({ "timeout": { "minutes": 2, "action": action, "repeat": repeat } });
        for (code, node) in [
            ("wait", json!({ "code": "w", "name": "等", "kind": "delay", "minutes": 2 })),
            ("yes", approve("one", &[&bob], limit(json!({ "kind": "approve" }), 0))),
            ("no", approve("one", &[&bob], limit(json!({ "kind": "reject" }), 0))),
            ("move", approve("one", &[&bob], limit(json!({ "kind": "transfer", "guid": cy.guid }), 0))),
            ("nag", approve("one", &[&bob], limit(json!({ "kind": "remind" }), 1))),
        ] {
            define(&server, code, json!({}), json!([]), json!([node])).await;
        }
        let mut guids = Vec::new();
        for code in ["wait", "yes", "no", "move", "nag"] {
            guids.push(start(&ann, code, json!({})).await.0);
        }
        minutes(&server, 1).await;
        for guid in &guids {
            assert_eq!(instance(&ann, guid).await["status"], json!("running"), "its time has not come");
        }
        minutes(&server, 1).await;
        let mut ends = Vec::new();
        for guid in &guids {
            ends.push(instance(&ann, guid).await["status"].as_str().unwrap().to_owned());
        }
        assert_eq!(ends, ["approved", "approved", "rejected", "running", "running"]);
        assert_eq!((todo(&cy).await.len(), todo(&bob).await.len()), (1, 1));
        let reminded = |told: &[(String, Value)]| told.iter().filter(|(_, data)| data["remind"] == json!(true)).count();
        assert_eq!(reminded(&notices(&server, &bob).await), 1);
        minutes(&server, 2).await;
        assert_eq!(reminded(&notices(&server, &bob).await), 2);
        minutes(&server, 4).await;
        assert_eq!(reminded(&notices(&server, &bob).await), 2, "repeated once, as the definition says");
        assert_eq!(history(&ann, &guids[0]).await, ["started", "elapsed"]);
        assert_eq!(history(&ann, &guids[3]).await.iter().filter(|line| *line == "escalated").count(), 1);
    }

    // FW38: the one waits for the other, and ends with it.
    async fn an_instance_waits_for_another(server: TestServer) {
        let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
        let boss = server.account("boss", &["workflow:admin"]).await;
        let inner = approve("in", &[&bob], json!({ "needs": { "comment_on_reject": false } }));
        define(&server, "inner", json!({}), json!([]), json!([inner])).await;
        let waits = json!({ "code": "sub", "name": "子流程", "kind": "subprocess", "definition": "inner" });
        define(&server, "outer", json!({}), json!([]), json!([waits])).await;
        for (verb, end) in [("approve", "approved"), ("reject", "rejected")] {
            let (guid, _) = start(&ann, "outer", json!({})).await;
            let task = crate::workflow::task(&bob).await;
            assert_eq!(instance(&ann, &guid).await["status"], json!("running"));
            ok(crate::workflow::act(&bob, &task, verb, json!({})).await);
            assert_eq!(instance(&ann, &guid).await["status"], json!(end));
        }
        let (guid, _) = start(&ann, "outer", json!({})).await;
        let end = json!({ "comment": "x" });
        ok(boss.post(&format!("/api/v1/workflows/instances/{guid}/terminate"), end).await);
        assert!(todo(&bob).await.is_empty(), "nobody waits for the other one any more");
    }
}

// FW38: a call is tried again until it is taken; an address that the settings do not name is never called.
#[test]
fn a_trigger_calls_until_it_is_heard() {
    run_on_sqlite(|database| async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let heard = tokio::spawn(async move {
            let mut bodies = Vec::new();
            for status in ["500 Broken", "204 Taken"] {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                let mut chunk = [0; 4096];
                // The body ends with the brace that began it.
                while !String::from_utf8_lossy(&request).ends_with('}') {
                    let read = socket.read(&mut chunk).await.unwrap();
                    assert!(read > 0, "the whole request comes");
                    request.extend_from_slice(&chunk[..read]);
                }
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                socket.write_all(answer.as_bytes()).await.unwrap();
                bodies.push(String::from_utf8(request).unwrap());
            }
            bodies
        });
        let setup = Setup::on(&database).with(|settings| {
            settings.workflow.triggers.insert("erp".to_owned(), url);
        });
        let body = async move |server: TestServer| {
            let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
            let call =
                |target: &str| json!({ "code": target, "name": target, "kind": "trigger", "target": target });
            let nodes = json!([call("erp"), call("nowhere"), approve("one", &[&bob], json!({}))]);
            define(&server, "call", json!({}), json!([]), nodes).await;
            let (guid, number) = start(&ann, "call", json!({})).await;
            minutes(&server, 0).await;
            minutes(&server, 3).await;
            let bodies = heard.await.unwrap();
            assert!(bodies.iter().all(|body| body.contains(&number)), "{bodies:?}");
            let key = |body: &String| {
                body.lines().find(|line| line.starts_with("idempotency-key")).map(str::to_owned)
            };
            assert_eq!(key(&bodies[0]), key(&bodies[1]), "a repetition can be told");
            let called = async {
                loop {
                    let done = history(&ann, &guid).await;
                    if done.iter().any(|line| line == "called") {
                        return done;
                    }
                    tokio::task::yield_now().await;
                }
            };
            let done = tokio::time::timeout(crate::support::PATIENCE, called).await.expect("it is logged");
            assert!(done.iter().any(|line| line == "call_failed"), "{done:?}");
            agree(&bob).await;
        };
        setup.run(body).await;
    });
}
