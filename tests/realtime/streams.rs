//! Event streams and long polls of the running application (S0-11 to S0-22, S3-127), and what every transport promises
//! alike.

use std::time::Duration;

use livegrant_actors::Transport;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Event, Setup, Stream, both_databases, ok, refused, served, served_once};

const ALL: [Transport; 3] = [Transport::WebSocket, Transport::Sse, Transport::Poll];

served! {
    /// The same messages to every transport; each acknowledges, and the receipt counts them.
    async fn one_change_on_every_transport(server: TestServer) {
        let alice = server.account("alice", &["org:view"]).await;
        let role = server.role("extra", &["staff:view"]).await;
        let mut streams = Vec::new();
        for transport in ALL {
            let (mut stream, hello) = Stream::open(&server, transport, &alice, &[]).await.expect("a stream");
            assert_eq!((&hello["data"]["resume"], &hello["data"]["sid"]), (&json!("snapshot"), &json!(alice.sid)));
            stream.next_of("PERMISSION_UPDATE").await;
            streams.push(stream);
        }
        let rev = server.give(&alice, role).await;
        let mut ids = Vec::new();
        for stream in &mut streams {
            let change = stream.next_of("ROLE_CHANGE").await;
            assert_eq!(change["data"]["addedRoles"][0]["code"], "extra");
            let update = stream.next_of("PERMISSION_UPDATE").await;
            assert_eq!((&update["data"]["added"], &update["data"]["rev"]), (&json!(["staff:view"]), &rev));
            ids.push(update["messageId"].clone());
            stream.ack(&alice, rev.as_i64().unwrap()).await;
        }
        ids.dedup();
        assert_eq!(ids.len(), 1, "one message for the account");
        let path = format!("/api/v1/changes/{rev}/receipt");
        let receipt = async || ok(server.platform().await.get(&path).await);
        while receipt().await["tabs_acked"] != 3 {
            tokio::task::yield_now().await;
        }
    }

    /// 204 tells a browser to stay away for good (I12); other clients are told why.
    async fn a_kicked_stream_ends_and_its_next_try_is_answered_with_nothing(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        let mut streams = Vec::new();
        for transport in ALL {
            streams.push(Stream::open(&server, transport, &alice, &[]).await.expect("a stream").0);
        }
        let path = format!("/api/v1/sessions/{}?reason=bye", alice.sid);
        ok(server.platform().await.delete(&path).await);
        for stream in streams {
            let transport = stream.transport();
            let (seen, code) = stream.end().await;
            let last = seen.last().expect("the last words");
            assert_eq!((&last["type"], &last["data"]["reason"]), (&json!("FORCE_LOGOUT"), &json!("bye")));
            assert_eq!(code, 4501, "{transport:?}");
        }
        let again = Stream::open(&server, Transport::Sse, &alice, &[]).await.map(|_| "opened");
        assert_eq!(again, Err((204, Value::Null)));
        let plain = alice.get("/api/v1/events").await;
        refused(plain, 401, "session_revoked");
        let poll = Stream::open(&server, Transport::Poll, &alice, &[]).await.map(|_| "opened");
        refused(poll.expect_err("no stream"), 401, "session_revoked");
    }

    /// S0-22, C1, C12.
    async fn a_user_guid_is_well_formed_and_ones_own(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        let bob = server.account("bob", &[]).await;
        let staff = json!({ "staff_no": "1", "name": "Alice", "account_id": alice.id });
        let staff = ok(server.platform().await.post("/api/v1/staff", staff).await);
        let staff = staff["guid"].as_str().expect("a guid");
        for transport in ALL {
            for own in [&*alice.guid, staff, &alice.guid.to_uppercase()] {
                Stream::open(&server, transport, &alice, &[("userGuid", own)]).await.expect("one's own");
            }
            let other = Stream::open(&server, transport, &alice, &[("userGuid", &bob.guid)]).await.map(|_| "opened");
            refused(other.expect_err("not one's own"), 403, "guid_mismatch");
            for bad in ["", "1", "not-a-guid", "5e79d2e9-9af4-44b8-ae4a-0b286fcb7d4"] {
                let answer = Stream::open(&server, transport, &alice, &[("userGuid", bad)]).await.map(|_| "opened");
                let problem = refused(answer.expect_err("malformed"), 400, "invalid");
                assert!(problem["errors"]["userGuid"].is_array(), "{problem}");
            }
        }
    }

    /// Nothing is asked from the database for a tab that comes back with what holds.
    async fn who_resumes_is_told_exactly_what_is_missing(server: TestServer) {
        let alice = server.account("alice", &["org:view"]).await;
        let role = server.role("extra", &["staff:view"]).await;
        for transport in ALL {
            let (mut stream, hello) = Stream::open(&server, transport, &alice, &[]).await.expect("a stream");
            let state = stream.next_of("PERMISSION_UPDATE").await["data"].clone();
            let text = |value: &Value| value.as_str().expect("a text").to_owned();
            let place =
                format!("{}:{}:{}:{}", text(&state["epoch"]), state["rev"], text(&state["hash"]), hello["data"]["inboxSeq"]);
            drop(stream);
            let resume = [("resume", &*place)];
            let (mut stream, hello) = Stream::open(&server, transport, &alice, &resume).await.expect("a stream");
            assert_eq!(hello["data"]["resume"], "current", "{transport:?}");
            let mark = server.mark().await;
            assert_eq!(stream.until(&mark).await, Vec::<Value>::new());
            drop(stream);

            server.give(&alice, role).await;
            let (mut stream, hello) = Stream::open(&server, transport, &alice, &resume).await.expect("a stream");
            assert_eq!(hello["data"]["resume"], "diff");
            let missed = stream.until(&mark).await;
            let kinds: Vec<_> = missed.iter().map(|frame| frame["type"].as_str().expect("a type")).collect();
            assert_eq!(kinds, ["ROLE_CHANGE", "PERMISSION_UPDATE"], "and then the notice of before");
            assert_eq!(missed[1]["data"]["added"], json!(["staff:view"]));
            assert_eq!(missed[1]["data"]["prevRev"], state["rev"]);
            let path = format!("/api/v1/accounts/{}/roles/{role}", alice.id);
            ok(server.platform().await.delete(&path).await);
        }
    }
}

served_once! {
    /// S0-13: headers at once; heartbeats, types and caching as proxies and browsers need them.
    async fn an_event_stream_is_introduced_to_proxies_and_browsers(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        let (stream, _) = Stream::open(&server, Transport::Sse, &alice, &[]).await.expect("a stream");
        let head = stream.head.to_lowercase();
        for line in [
            "http/1.1 200 ok\r\n",
            "\r\ncontent-type: text/event-stream; charset=utf-8\r\n",
            "\r\ncache-control: no-store, no-transform\r\n",
            "\r\nx-accel-buffering: no\r\n",
            "\r\nconnection: close\r\n",
            "\r\nx-request-id: ",
            "\r\nx-content-type-options: nosniff\r\n",
        ] {
            assert!(head.contains(line), "{line:?} is missing in {head}");
        }
        assert!(!head.contains("content-length") && !head.contains("transfer-encoding"), "{head}");
    }

    /// Native clients give back the id of the last event; what another server made is no reason to refuse.
    async fn the_last_event_id_is_where_a_stream_goes_on(server: TestServer) {
        let alice = server.account("alice", &["org:view"]).await;
        let (mut stream, _) = Stream::open(&server, Transport::Sse, &alice, &[]).await.expect("a stream");
        stream.next_of("PERMISSION_UPDATE").await;
        let id = stream.last_event_id.clone().expect("an event has an id");
        let bearer = format!("Bearer {}", alice.access);
        let come_back = async |id: &str| {
            let headers = [("authorization", &*bearer), ("last-event-id", id)];
            let mut stream =
                Stream::open_with(&server, Transport::Sse, &alice, &[], &headers).await.expect("a stream");
            stream.next_of("CONNECTED").await["data"]["resume"].clone()
        };
        assert_eq!(come_back(&id).await, "current");
        assert_eq!(come_back("of-another-server").await, "snapshot");
        let resume = Stream::open(&server, Transport::Sse, &alice, &[("resume", "nonsense")]).await.map(|_| "opened");
        refused(resume.expect_err("a claim that cannot be read"), 400, "invalid");
    }

    /// C5: a browser's own reconnect knows no close codes; two tabs must not take each other's place for ever.
    async fn a_replaced_stream_that_comes_back_by_itself_is_kept_away(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        let bearer = format!("Bearer {}", alice.access);
        let mut streams = Vec::new();
        for _ in 0..6 {
            streams.push(Stream::open(&server, Transport::Sse, &alice, &[]).await.expect("a stream").0);
        }
        let mut first = streams.remove(0);
        while let Event::Frame(_) = first.event().await {}
        let headers = [("authorization", &*bearer), ("last-event-id", first.last_event_id.as_deref().expect("an id"))];
        let again = async || Stream::open_with(&server, Transport::Sse, &alice, &[], &headers).await.map(|_| "opened");
        assert_eq!(again().await, Err((204, Value::Null)));
        assert_eq!(again().await, Ok("opened"), "somebody who asks once more means it");
    }

    /// S0-21, S0-14: whoever hangs up is gone; what he says meanwhile is nobody's concern.
    async fn a_stream_that_is_hung_up_is_gone_from_the_online_list(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        let admin = server.platform().await;
        let count = async || ok(admin.get("/api/v1/connections").await)["count"].as_i64().expect("a number");
        let (stream, _) = Stream::open(&server, Transport::Sse, &alice, &[]).await.expect("a stream");
        let rows = ok(admin.get("/api/v1/connections").await);
        assert_eq!(rows["results"][0]["transport"], "sse");
        drop(stream);
        while count().await > 0 {
            tokio::task::yield_now().await;
        }
    }

    /// The connection that asked is the engine's; others of the same client live on (keep-alive, pipelining).
    async fn an_event_stream_may_come_after_other_requests_on_its_connection(server: TestServer) {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let alice = server.account("alice", &[]).await;
        let host = server.url().replace("http://", "");
        let mut socket = tokio::net::TcpStream::connect(&host).await.expect("the server listens");
        let first = format!("GET /healthz HTTP/1.1\r\nhost: {host}\r\n\r\n");
        let second =
            format!("GET /api/v1/events HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\n\r\n", alice.access);
        socket.write_all(first.as_bytes()).await.expect("it is taken");
        let mut text = String::new();
        let mut chunk = [0; 4096];
        while !text.contains("200 OK") {
            let read = socket.read(&mut chunk).await.expect("an answer");
            text.push_str(&String::from_utf8_lossy(&chunk[..read]));
        }
        socket.write_all(second.as_bytes()).await.expect("it is taken");
        while !text.contains("event: permission_update\n") {
            let read = socket.read(&mut chunk).await.expect("events");
            assert!(read > 0, "cut: {text}");
            text.push_str(&String::from_utf8_lossy(&chunk[..read]));
        }
    }

    async fn the_same_door_for_every_stream(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        let nobody = server.anonymous();
        for path in ["/api/v1/events", "/api/v1/poll"] {
            refused(nobody.get(path).await, 401, "token_missing");
            refused(nobody.bearing("made-up").get(path).await, 401, "token_invalid");
            refused(nobody.get(&format!("{path}?ticket=made-up")).await, 401, "ticket_invalid");
            let strange = alice.request(Method::GET, path).header("origin", "https://elsewhere.example");
            refused(crate::support::answer(strange).await, 403, "origin_refused");
            refused(alice.get(&format!("{path}?integrity=rot13")).await, 400, "invalid");
            let topics = ["x"; 17].join(",");
            refused(alice.get(&format!("{path}?topics={topics}")).await, 400, "too_many");
        }
        let ticket = ok(alice.post("/api/auth/stream-ticket/", json!({})).await);
        let ticket = ticket["ticket"].as_str().expect("a text");
        let mut stream = Stream::open_with(&server, Transport::Sse, &alice, &[("ticket", ticket)], &[]).await.expect("a stream");
        stream.next_of("PERMISSION_UPDATE").await;
    }

    async fn a_poll_of_somebody_elses_tab_is_not_found(server: TestServer) {
        let (alice, bob) = (server.account("alice", &[]).await, server.account("bob", &[]).await);
        let (stream, _) = Stream::open(&server, Transport::Poll, &alice, &[]).await.expect("a stream");
        for caller in [&bob, &server.signed_in("alice").await] {
            let path = format!("/api/v1/poll?connection={}&wait=0", stream.connection);
            refused(caller.get(&path).await, 404, "not_found");
            let ack = json!({ "connectionId": stream.connection, "permissionVersion": 1 });
            refused(caller.post("/api/v1/events/ack", ack).await, 404, "not_found");
        }
    }

    /// C29: a plain socket knows four types, `wsp.v1` is answered and adds to them, topics add what they name (S3-83).
    async fn a_plain_socket_gets_four_types_and_no_more(server: TestServer) {
        let alice = server.account("alice", &["session:view"]).await;
        let mut plain = server.socket(&alice).await;
        let first = plain.frame().await;
        assert_eq!(first["type"], "PERMISSION_UPDATE", "no introduction");
        let topics = [("topics", "receipts,admin:presence,org:1")];
        let (_, hello) = Stream::open(&server, Transport::WebSocket, &alice, &topics).await.expect("a stream");
        assert_eq!(hello["data"]["topics"], json!(["receipts", "admin:presence"]));
        assert_eq!(hello["data"]["refused"], json!(["org:1"]));
    }

    /// S3-71: a topic is asked for, a right decides, at subscribe and after every change (S3-69).
    async fn presence_is_heard_only_with_the_right_to_see_sessions(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        let role = server.role("watcher", &["session:view"]).await;
        let (mut stream, hello) =
            Stream::open(&server, Transport::WebSocket, &alice, &[("topics", "admin:presence")]).await.expect("a stream");
        assert_eq!(hello["data"]["refused"], json!(["admin:presence"]));
        server.give(&alice, role).await;
        stream.next_of("PERMISSION_UPDATE").await;
        stream.next_of("PERMISSION_UPDATE").await;
        stream.say(json!({ "type": "subscribe", "topics": ["admin:presence", "policy"] })).await;
        let told = stream.next_of("SUBSCRIBED").await;
        assert_eq!((&told["data"]["topics"], &told["data"]["refused"]), (&json!(["admin:presence"]), &json!(["policy"])));
        ok(server.platform().await.delete(&format!("/api/v1/accounts/{}/roles/{role}", alice.id)).await);
        let told = stream.next_of("SUBSCRIBED").await;
        assert_eq!((&told["data"]["topics"], &told["data"]["refused"]), (&json!([]), &json!(["admin:presence"])));
    }

    /// S3-75.
    async fn a_message_that_is_said_again_is_passed_over(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        let (mut stream, _) = Stream::open(&server, Transport::WebSocket, &alice, &[]).await.expect("a stream");
        stream.next_of("PERMISSION_UPDATE").await;
        for n in [1, 1, 2, 1] {
            stream.say(json!({ "type": "snapshot", "n": n })).await;
        }
        stream.say(json!({ "type": "subscribe", "topics": [], "n": 3 })).await;
        let mut snapshots = 0;
        loop {
            match stream.frame().await {
                frame if frame["type"] == "SUBSCRIBED" => break,
                frame if frame["type"] == "PERMISSION_UPDATE" => snapshots += 1,
                _ => {}
            }
        }
        assert_eq!(snapshots, 2, "once for each number");
    }
}

both_databases! {
    /// S3-92 to S3-95: enforced at once, told together; what must not wait does not.
    async fn changes_in_quick_succession_are_told_as_one(database: TestDatabase) {
        let setup = Setup::on(&database).with(|settings| settings.realtime.merge_window_ms = 1000);
        setup.run(async |server| {
            let alice = server.account("alice", &[]).await;
            let mut tab = server.tab(&alice).await;
            let roles = [server.role("one", &["org:view"]).await, server.role("two", &["staff:view"]).await, server.role("three", &["position:view"]).await];
            for role in roles {
                server.give(&alice, role).await;
            }
            assert_eq!(alice.codes().await, ["org:view", "position:view", "staff:view"], "all are enforced");
            assert_eq!(tab.next_of("PERMISSION_UPDATE").await["data"]["added"], json!(["org:view"]));
            server.advance(Duration::from_secs(1)).await;
            let rest = tab.next_of("PERMISSION_UPDATE").await;
            assert_eq!(rest["data"]["added"], json!(["position:view", "staff:view"]));
            ok(server.platform().await.delete(&format!("/api/v1/accounts/{}/roles/{}", alice.id, roles[0])).await);
            ok(server.platform().await.delete(&format!("/api/v1/sessions/{}", alice.sid)).await);
            let (seen, code, _) = tab.end().await;
            assert_eq!(code, 4501);
            assert_eq!(seen.last().expect("last words")["type"], "FORCE_LOGOUT");
        })
        .await;
    }

    /// C4: for sites that must show it (S3-76).
    async fn encrypted_payloads_need_a_client_that_can_open_them(database: TestDatabase) {
        use livegrant::settings::PayloadEncryption;
        let setup = Setup::on(&database)
            .with(|settings| settings.realtime.payload_encryption = PayloadEncryption::Aes256Gcm);
        setup.run(async |server| {
            let alice = server.account("alice", &["org:view"]).await;
            let bearer = format!("Bearer {}", alice.access);
            let plain = server.try_socket("", &[("authorization", &bearer)]).await.map(|_| "opened");
            refused(plain.expect_err("a plain client"), 400, "protocol_required");
            for transport in ALL {
                let (mut stream, hello) = Stream::open(&server, transport, &alice, &[]).await.expect("a stream");
                assert_eq!(hello["data"]["dataKey"].as_str().expect("a key").len(), 44);
                let sealed = stream.next_of("PERMISSION_UPDATE").await;
                assert_eq!(sealed["data"]["enc"], "aes-256-gcm");
                assert!(!sealed.to_string().contains("org:view"));
            }
        })
        .await;
    }

    /// The tab is told before, and a refresh anywhere keeps it; else it is closed to come back (S3-67, S3-68, E34).
    async fn a_token_near_its_end_is_announced(database: TestDatabase) {
        Setup::on(&database).run(async |server| {
            let alice = server.account("alice", &[]).await;
            for transport in ALL {
                let alice = server.signed_in("alice").await;
                let (mut stream, hello) = Stream::open(&server, transport, &alice, &[]).await.expect("a stream");
                server.advance(Duration::from_secs(15 * 60 - 59)).await;
                let warning = stream.next_of("TOKEN_EXPIRING").await;
                assert_eq!(warning["data"]["expiresAt"], hello["data"]["expiresAt"]);
                let alice = alice.carried_on(&ok(alice.refreshed().await));
                server.advance(Duration::from_mins(2)).await;
                let mark = server.mark().await;
                if transport != Transport::Poll {
                    stream.until(&mark).await;
                    server.advance(Duration::from_mins(15)).await;
                    let (_, code) = stream.end().await;
                    assert_eq!(code, 4001, "{transport:?}");
                }
                drop(alice);
            }
            drop(alice);
        })
        .await;
    }

    /// S3-86: what nothing goes over but heartbeats is closed and may come back.
    async fn an_idle_tab_is_closed(database: TestDatabase) {
        let setup = Setup::on(&database).with(|settings| {
            settings.realtime.idle_timeout_seconds = 60;
            settings.realtime.checkpoint_seconds = 86_400;
        });
        setup.run(async |server| {
            let alice = server.account("alice", &[]).await;
            for transport in ALL {
                let (mut stream, _) = Stream::open(&server, transport, &alice, &[]).await.expect("a stream");
                stream.next_of("PERMISSION_UPDATE").await;
                if transport != Transport::WebSocket {
                    stream.next_of("NOTIFICATION_STATE").await;
                }
                server.advance(Duration::from_secs(61)).await;
                assert!(matches!(stream.event().await, Event::Closed(4008, _)), "{transport:?}");
            }
        })
        .await;
    }
}
