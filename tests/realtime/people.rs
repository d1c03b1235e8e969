//! What tabs are told of people and organisations: whom a change of positions reaches, on every transport and in which words,
//! and who hears that the tree of organisations changed (E4, E29, E30).

use std::time::Duration;

use livegrant::clock::iso;
use livegrant::realtime::topics;
use livegrant_actors::{CompanyId, Transport};
use serde_json::{Value, json};

use crate::support::{Account, Setup, Stream, TestServer, both_databases, ok, served};

const STREAMS: [Transport; 3] = [Transport::WebSocket, Transport::Sse, Transport::Poll];
/// S0-55: Chinese, four bytes a character, quotes.
const LOW: &str = "前台接待 “𠮷” \"🎉\"";
const HIGH: &str = "前台主管";

fn guid(body: &Value) -> String {
    body["guid"].as_str().expect("a guid").to_owned()
}

async fn position(by: &Account, code: &str, name: &str, carried: &[&str]) -> String {
    let guid = guid(&ok(by.post("/api/v1/positions", json!({ "code": code, "name": name })).await));
    for code in carried {
        ok(by.post(&format!("/api/v1/positions/{guid}/permissions/{code}"), json!({})).await);
    }
    guid
}

async fn person(by: &Account, account: &Account) -> String {
    let body = json!({ "staff_no": account.username, "name": account.username, "account_id": account.id });
    guid(&ok(by.post("/api/v1/staff", body).await))
}

async fn organization(by: &Account, code: &str, parent: Option<&str>) -> String {
    let body = json!({ "code": code, "name": code, "parent_guid": parent });
    guid(&ok(by.post("/api/v1/organizations", body).await))
}

/// Opens a stream on each transport that listens to a topic, and waits until each has its rights.
async fn listening(server: &TestServer, account: &Account, topic: &str) -> Vec<Stream> {
    let mut streams = Vec::new();
    for transport in STREAMS {
        let (mut stream, hello) =
            Stream::open(server, transport, account, &[("topics", topic)]).await.expect("a stream");
        assert_eq!(hello["data"]["refused"], json!([]), "{hello}");
        stream.next_of("PERMISSION_UPDATE").await;
        streams.push(stream);
    }
    streams
}

/// Old and new position and the type of the change, as the next `position_change` says them.
async fn change(stream: &mut Stream) -> [String; 3] {
    let told = stream.next_of("POSITION_CHANGE").await;
    // S0-15: the name of the event, exactly so.
    if stream.transport() == Transport::Sse {
        assert_eq!(told["event"], "position_change");
    }
    words(&told)
}

fn words(told: &Value) -> [String; 3] {
    ["oldPosition", "newPosition", "changeType"]
        .map(|field| told["data"][field].as_str().unwrap_or_else(|| panic!("{field}: {told}")).to_owned())
}

/// The frames of these kinds that come before a mark.
async fn of_kinds(stream: &mut Stream, mark: &str, kinds: &[&str]) -> Vec<Value> {
    let seen = stream.until(mark).await;
    seen.into_iter().filter(|frame| kinds.iter().any(|kind| frame["type"] == *kind)).collect()
}

served! {
    // S0-15, S0-31, S0-37, S0-41, S0-55, E4: assigned, promoted, taken out; on every transport, without a call of one's own, and
    // to nobody else.
    async fn a_change_of_positions_reaches_every_stream_of_its_person(server: TestServer) {
        let by = server.platform().await;
        let (alice, bob) = (server.account("alice", &[]).await, server.account("bob", &["staff:view"]).await);
        let low = position(by, "low", LOW, &["position:view"]).await;
        let high = position(by, "high", HIGH, &[]).await;
        let path = format!("/api/v1/staff/{}/positions", person(by, &alice).await);
        let mut streams = listening(&server, &alice, "notifications").await;
        let mut others = listening(&server, &bob, "notifications").await;
        let mut without = server.tab(&alice).await;

        ok(by.post(&path, json!({ "position_guid": low, "is_primary": true })).await);
        ok(by.post(&path, json!({ "position_guid": high, "is_primary": true, "change_type": "晋升" })).await);
        ok(by.delete(&format!("{path}/{high}")).await);
        ok(by.patch(&format!("{path}/{low}"), json!({ "is_primary": true, "change_type": "降职" })).await);
        ok(by.delete(&format!("{path}/{low}")).await);
        let expected =
            [["", LOW, "入职"], [LOW, HIGH, "晋升"], [HIGH, LOW, "离任"], [LOW, LOW, "降职"], [LOW, "", "离任"]];
        for stream in &mut streams {
            for words in &expected {
                assert_eq!(change(stream).await, *words, "{:?}", stream.transport());
            }
        }
        let mark = server.mark().await;
        for stream in &mut others {
            assert_eq!(of_kinds(stream, &mark, &["POSITION_CHANGE"]).await, Vec::<Value>::new());
        }
        // A socket that asked for no notices has what it may do and no more.
        let frames = without.until(&mark).await;
        assert!(frames.iter().any(|frame| frame["type"] == "ROLE_CHANGE"), "{frames:?}");
        assert!(frames.iter().all(|frame| frame["type"] != "POSITION_CHANGE"), "{frames:?}");
    }

    // S0-41, S0-5, E4: beside the notice the roles and the permissions, once each, when the set changed; the notice alone when
    // it did not.
    async fn roles_and_permissions_are_told_beside_it(server: TestServer) {
        let by = server.platform().await;
        let alice = server.account("alice", &[]).await;
        let desk = position(by, "desk", LOW, &["position:view"]).await;
        let path = format!("/api/v1/staff/{}/positions", person(by, &alice).await);
        let mut streams = listening(&server, &alice, "notifications").await;
        let kinds = ["POSITION_CHANGE", "ROLE_CHANGE", "PERMISSION_UPDATE"];
        ok(by.post(&path, json!({ "position_guid": desk })).await);
        for stream in &mut streams {
            let mut seen: Vec<Value> = Vec::new();
            while !kinds.iter().all(|kind| seen.iter().any(|frame| frame["type"] == *kind)) {
                seen.push(stream.frame().await);
            }
            let of = |kind: &str| seen.iter().filter(|frame| frame["type"] == kind).collect::<Vec<_>>();
            assert_eq!(kinds.map(|kind| of(kind).len()), [1, 1, 1], "{seen:?}");
            assert_eq!(of("PERMISSION_UPDATE")[0]["data"]["added"], json!(["position:view"]));
            assert_eq!(of("ROLE_CHANGE")[0]["data"]["addedPositions"][0]["name"], LOW);
            assert_eq!(words(of("POSITION_CHANGE")[0]), ["", LOW, "入职"]);
        }
        ok(by.patch(&format!("{path}/{desk}"), json!({ "is_primary": true, "change_type": "晋升" })).await);
        for stream in &mut streams {
            let first = loop {
                let frame = stream.frame().await;
                if kinds.iter().any(|kind| frame["type"] == *kind) {
                    break frame;
                }
            };
            assert_eq!(first["type"], "POSITION_CHANGE", "the set is the same: {first}");
            assert_eq!(words(&first), [LOW, LOW, "晋升"]);
        }
        let mark = server.mark().await;
        for stream in &mut streams {
            assert_eq!(of_kinds(stream, &mark, &kinds).await, Vec::<Value>::new());
        }
    }

    // S0-30, S0-36, S0-37: told by hand, to a list of people, with a payload of the same names.
    async fn a_notice_by_hand_reaches_the_people_of_its_list(server: TestServer) {
        let by = server.account("clerk", &["notification:send"]).await;
        let (alice, bob) = (server.account("alice", &[]).await, server.account("bob", &[]).await);
        let cy = server.account("cy", &[]).await;
        let mut streams = listening(&server, &alice, "notifications").await;
        streams.extend(listening(&server, &bob, "notifications").await);
        let mut others = listening(&server, &cy, "notifications").await;
        let body = json!({
            "staffGuids": [alice.guid, bob.guid], "title": "晋升通知", "content": "恭喜“🎉”",
            "oldPosition": LOW, "newPosition": HIGH, "changeType": "晋升",
        });
        ok(by.post("/api/v1/notifications/position-change", body).await);
        for stream in &mut streams {
            let told = stream.next_of("POSITION_CHANGE").await;
            assert_eq!((&told["data"]["title"], &told["data"]["content"]), (&json!("晋升通知"), &json!("恭喜“🎉”")));
            assert_eq!(words(&told), [LOW, HIGH, "晋升"]);
            assert_eq!(told["operator"]["name"], "clerk");
        }
        let mark = server.mark().await;
        for stream in &mut others {
            assert_eq!(of_kinds(stream, &mark, &["POSITION_CHANGE"]).await, Vec::<Value>::new());
        }
    }

    // S0-41, E30: whose organisation ends is told where he belongs now; whoever belongs elsewhere is not.
    async fn the_end_of_an_organisation_is_told_to_its_people(server: TestServer) {
        let by = server.platform().await;
        let (alice, bob) = (server.account("alice", &[]).await, server.account("bob", &[]).await);
        let (desk, hall) = (organization(by, "desk", None).await, organization(by, "hall", None).await);
        for (account, organization) in [(&alice, &desk), (&bob, &hall)] {
            let staff = person(by, account).await;
            ok(by.patch(&format!("/api/v1/staff/{staff}"), json!({ "organization_guid": organization })).await);
        }
        let mut hers = listening(&server, &alice, "notifications").await;
        let mut his = listening(&server, &bob, "notifications").await;
        ok(by.delete(&format!("/api/v1/organizations/{desk}?move_staff_to={hall}")).await);
        for stream in &mut hers {
            let told = stream.next_of("POSITION_CHANGE").await;
            assert_eq!(words(&told), ["", "", "调岗"]);
            assert_eq!(
                (&told["data"]["oldOrganization"], &told["data"]["newOrganization"]),
                (&json!("desk"), &json!("hall"))
            );
        }
        let mark = server.mark().await;
        for stream in &mut his {
            assert_eq!(of_kinds(stream, &mark, &["POSITION_CHANGE"]).await, Vec::<Value>::new());
        }
    }
}

both_databases! {
    // S0-41, E4: a position for a time is told when it begins and when it is over, though nobody does anything.
    async fn positions_that_begin_and_end_by_time_are_told_by_themselves(database: TestDatabase) {
        Setup::on(&database).run(async |server| {
            let by = server.platform().await;
            let alice = server.account("alice", &[]).await;
            let acting = position(by, "acting", "代理", &["position:view"]).await;
            let staff = person(by, &alice).await;
            let mut streams = listening(&server, &alice, "notifications").await;
            let at = |minutes: i64| iso(server.clock.now_ms() + minutes * 60_000);
            let body = json!({ "position_guid": acting, "valid_from": at(2), "valid_to": at(4), "change_type": "兼任" });
            ok(by.post(&format!("/api/v1/staff/{staff}/positions"), body).await);
            for expected in [["", "代理", "兼任"], ["", "代理", "兼任"], ["代理", "", "离任"]] {
                for stream in &mut streams {
                    assert_eq!(change(stream).await, expected, "{:?}", stream.transport());
                }
                server.advance(Duration::from_mins(2)).await;
            }
        })
        .await;
    }

    // E29, S0-1: made, changed, moved and ended organisations are told to the tabs of the company that show them and may.
    async fn organisations_are_told_to_who_may_see_them(database: TestDatabase) {
        Setup::on(&database).with_company("other").run(async |server| {
            let by = server.platform().await;
            let other = server.company("other").await;
            let alice = server.account("alice", &["org:view"]).await;
            let bob = server.account("bob", &["staff:view"]).await;
            let cy = server.account("cy", &["org:view"]).await;
            let eve = server.account_in(other, "eve", &["org:view"]).await;
            let topic = topics::organizations(CompanyId(1));
            let mut streams = listening(&server, &alice, &topic).await;
            let mut strangers = listening(&server, &eve, &topics::organizations(other)).await;
            for account in [&bob, &eve] {
                let (stream, hello) =
                    Stream::open(&server, Transport::Sse, account, &[("topics", &topic)]).await.expect("a stream");
                assert_eq!(hello["data"]["refused"], json!([topic]), "{}", account.username);
                strangers.push(stream);
            }
            let top = organization(by, "top", None).await;
            let below = organization(by, "below", None).await;
            let body = json!({ "name": "研发部 “𠮷”", "version": 1 });
            ok(by.patch(&format!("/api/v1/organizations/{below}"), body).await);
            let to = json!({ "parent_guid": top });
            ok(by.post(&format!("/api/v1/organizations/{below}/move"), to).await);
            ok(by.delete(&format!("/api/v1/organizations/{below}")).await);
            let expected = [
                ("created", &top, Value::Null),
                ("created", &below, Value::Null),
                ("updated", &below, Value::Null),
                ("moved", &below, json!(top)),
                ("deleted", &below, json!(top)),
            ];
            for stream in &mut streams {
                let mut versions = Vec::new();
                for (action, guid, parent) in &expected {
                    let told = stream.next_of("ORG_UPDATE").await;
                    let data = &told["data"];
                    assert_eq!(
                        (&data["action"], &data["guid"], &data["parentGuid"]),
                        (&json!(action), &json!(guid), parent),
                        "{told}"
                    );
                    assert!(data["path"].as_str().is_some_and(|path| !path.is_empty()), "{told}");
                    versions.push(data["version"].as_i64().expect("a version"));
                }
                assert!(versions[1..4].is_sorted_by(|one, next| one < next), "{versions:?}");
            }
            let mark = server.mark().await;
            for stream in &mut strangers {
                assert_eq!(of_kinds(stream, &mark, &["ORG_UPDATE"]).await, Vec::<Value>::new());
            }
            // Whoever may no longer is told no longer.
            server.change_role(alice.role, "remove", &["org:view"]).await;
            for stream in &mut streams {
                stream.next_of("PERMISSION_UPDATE").await;
            }
            let mut still = listening(&server, &cy, &topic).await;
            organization(by, "later", None).await;
            for stream in &mut still {
                stream.next_of("ORG_UPDATE").await;
            }
            let mark = server.mark().await;
            for stream in &mut streams {
                assert_eq!(of_kinds(stream, &mark, &["ORG_UPDATE"]).await, Vec::<Value>::new());
            }
        })
        .await;
    }
}
