//! Who gets what and who does not, where no other file of this folder says it: what is done to a person, to his inbox and
//! his preferences, and every way in which a process ends or a task changes hands.

use livegrant::access::init::DEFAULT_COMPANY;
use livegrant::db::{Author, SystemTask};
use livegrant_actors::Transport;
use serde_json::{Value, json};
use sqlx::types::Json;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::frames::codes;
use crate::support::{Account, Setup, Stream, Tab, TestServer, both_databases, ok, refused, served};

const NOTHING: Vec<Value> = Vec::new();

/// Opens a tab that listens to these topics.
async fn tab(server: &TestServer, account: &Account, topics: &str) -> Tab {
    let token = format!("Bearer {}", account.access);
    let headers = [("authorization", &*token), ("sec-websocket-protocol", "wsp.v1")];
    let mut tab = server.try_socket(&format!("?topics={topics}"), &headers).await.expect("a tab");
    let told = tab.next_of("CONNECTED").await;
    assert_eq!(told["data"]["refused"], json!([]), "{told}");
    tab
}

/// One person of a process and his tab.
struct Person {
    account: Account,
    tab: Tab,
}

/// A process that Bob or Cy decides; Ann starts it, Dan is informed, Fay comes in later, Eve looks on with every right.
struct Office {
    people: BTreeMap<&'static str, Person>,
}

impl Office {
    async fn open(server: &TestServer) -> Self {
        let mut people = BTreeMap::new();
        for name in ["ann", "bob", "cy", "dan", "eve", "fay"] {
            let codes: &[&str] = if name == "eve" { &["workflow:admin", "workflow:view"] } else { &[] };
            let account = server.account(name, codes).await;
            let tab = tab(server, &account, "approvals,notifications").await;
            people.insert(name, Person { account, tab });
        }
        let guids = ["bob", "cy"].map(|name| people[name].account.guid.clone());
        let graph = json!({ "nodes": [
            { "code": "start", "name": "发起", "kind": "start" },
            { "code": "one", "name": "部门", "kind": "approve", "assignees": [{ "kind": "users", "guids": guids }] },
        ] });
        let nobody = Json(json!({ "accounts": [], "roles": [], "positions": [], "organizations": [] }));
        let mut work = server.core.db.begin(&Author::system("tests")).await.unwrap();
        livegrant::sql_exec!(
            work.conn(),
            "INSERT INTO wf_definition (company_id, code, number, name, status, starters, managers, settings, form,
                graph, created_by, created_at, updated_at)
             VALUES ($1, 'paper', 1, '用章申请', 'published', $2, $2, $3, $3, $4, 0, 1, 1)",
            DEFAULT_COMPANY,
            &nobody,
            Json(json!({})),
            Json(&graph)
        )
        .unwrap();
        work.commit(SystemTask::Bootstrap).await.unwrap();
        Self { people }
    }

    fn account(&self, name: &str) -> &Account {
        &self.people[name].account
    }

    /// Starts one and informs Dan; answers its guid.
    async fn started(&mut self) -> String {
        let ann = self.account("ann");
        let made = ok(ann.post("/api/v1/workflows/instances", json!({ "definition": "paper" })).await);
        let guid = made["guid"].as_str().expect("a guid").to_owned();
        let path = format!("/api/v1/workflows/instances/{guid}/copy");
        ok(ann.post(&path, json!({ "staffGuids": [self.account("dan").guid] })).await);
        let open: Expected<'_> = ("bob", &["审批中"], &["pending"]);
        let expected =
            [("ann", &[][..], &["-", "-"][..]), open, ("cy", open.1, open.2), ("dan", &["审批中"], &["-"])];
        self.told("started", &expected).await;
        guid
    }

    /// Does something with the task that somebody has.
    async fn with_task(&self, name: &str, verb: &str, body: Value) {
        let list = ok(self.account(name).get("/api/v1/workflows/tasks").await);
        let task = list["results"][0]["guid"].as_str().expect("a task");
        ok(self.account(name).post(&format!("/api/v1/workflows/tasks/{task}/{verb}"), body).await);
    }

    /// Each of these people is told this and no more, in whatever order; what anybody else was told, or too much, is found
    /// when it is his turn, and in the end by [`Office::closed`].
    async fn told(&mut self, what: &str, expected: &[Expected<'_>]) {
        for (name, notices, tasks) in expected {
            let tab = &mut self.people.get_mut(name).expect("one of the people").tab;
            let (mut seen, mut moved) = (Vec::new(), Vec::new());
            while seen.len() < notices.len() || moved.len() < tasks.len() {
                let frame = tab.frame().await;
                note(&frame, &mut seen, &mut moved);
            }
            assert_eq!(
                (seen.as_slice(), moved.as_slice()),
                (&texts(notices)[..], &texts(tasks)[..]),
                "{what}: {name}"
            );
        }
    }

    /// Everybody is sent a last message: nothing is left before it.
    async fn closed(mut self, server: &TestServer) {
        let root = server.platform().await;
        let guids: Vec<_> = self.people.values().map(|person| &person.account.guid).collect();
        let body = json!({ "staffGuids": guids, "title": "完", "content": "完" });
        ok(root.post("/api/v1/notifications/message", body).await);
        for (name, person) in &mut self.people {
            let (mut seen, mut moved) = (Vec::new(), Vec::new());
            loop {
                let frame = person.tab.frame().await;
                if frame["type"] == "MESSAGE_NOTIFICATION" {
                    break;
                }
                note(&frame, &mut seen, &mut moved);
            }
            assert_eq!((seen, moved), (Vec::new(), Vec::new()), "{name}");
        }
    }
}

/// Notes the state that a notice says, or that of the task that moved in a list (`-`: the counts alone).
fn note(frame: &Value, notices: &mut Vec<String>, tasks: &mut Vec<String>) {
    let text = |field: &str| frame["data"][field].as_str().unwrap_or("-").to_owned();
    match frame["type"].as_str() {
        Some("APPROVAL_NOTICE") => notices.push(text("approvalState")),
        Some("APPROVAL_TASK") => tasks.push(text("taskState")),
        _ => {}
    }
}

/// One line of what is expected: who, notices, tasks.
type Expected<'a> = (&'static str, &'a [&'a str], &'a [&'a str]);

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

served! {
    // E17, E19: the start, and every end. The initiator, whoever is informed and whoever loses an open task are told; whoever
    // did it hears of his lists alone; whoever may see everything hears nothing.
    async fn every_end_is_told_to_those_whom_it_concerns(server: TestServer) {
        let mut office = Office::open(&server).await;
        let ann = office.account("ann").clone();
        ok(ann.post("/api/v1/workflows/instances", json!({ "definition": "paper" })).await);
        office.told("started", &[
            ("ann", &[], &["-"]),
            ("bob", &["审批中"], &["pending"]),
            ("cy", &["审批中"], &["pending"]),
        ]).await;
        office.with_task("bob", "approve", json!({})).await;
        office.told("approved", &[
            ("ann", &["已通过"], &["-"]),
            ("bob", &[], &["approved"]),
            ("cy", &["已通过"], &["cancelled"]),
        ]).await;

        office.started().await;
        office.with_task("bob", "reject", json!({ "comment": "材料不全" })).await;
        office.told("rejected", &[
            ("ann", &["已拒绝"], &["-"]),
            ("bob", &[], &["rejected"]),
            ("cy", &["已拒绝"], &["cancelled"]),
            ("dan", &["已拒绝"], &[]),
        ]).await;

        office.started().await;
        office.with_task("cy", "return", json!({ "comment": "请补充" })).await;
        office.told("returned", &[
            ("ann", &["已退回"], &["-"]),
            ("bob", &["已退回"], &["cancelled"]),
            ("cy", &[], &["returned"]),
            ("dan", &["已退回"], &[]),
        ]).await;

        let guid = office.started().await;
        ok(ann.post(&format!("/api/v1/workflows/instances/{guid}/withdraw"), json!({ "comment": "不用了" })).await);
        office.told("withdrawn", &[
            ("ann", &[], &["-"]),
            ("bob", &["已撤回"], &["cancelled"]),
            ("cy", &["已撤回"], &["cancelled"]),
            ("dan", &["已撤回"], &[]),
        ]).await;

        let guid = office.started().await;
        let path = format!("/api/v1/workflows/instances/{guid}/terminate");
        ok(office.account("eve").post(&path, json!({ "comment": "制度变更" })).await);
        office.told("cancelled: not the one who did it", &[
            ("ann", &["已取消"], &["-"]),
            ("bob", &["已取消"], &["cancelled"]),
            ("cy", &["已取消"], &["cancelled"]),
            ("dan", &["已取消"], &[]),
        ]).await;
        office.closed(&server).await;
    }

    // E18: a task that changes hands leaves one list and enters another; the rest of the house hears nothing.
    async fn a_task_that_changes_hands_moves_between_two_lists(server: TestServer) {
        let mut office = Office::open(&server).await;
        let fay = office.account("fay").guid.clone();
        for (verb, body, of_bob, has_it) in [
            ("transfer", json!({ "staffGuid": fay }), &["transferred"][..], false),
            ("delegate", json!({ "staffGuid": fay }), &["waiting"], false),
            ("add-sign", json!({ "position": "before", "staffGuids": [fay] }), &["waiting"], false),
            ("add-sign", json!({ "position": "parallel", "staffGuids": [fay] }), &[], true),
        ] {
            let guid = office.started().await;
            office.with_task("bob", verb, body.clone()).await;
            let what = format!("{verb} {body}");
            office.told(&what, &[("ann", &[], &["-"]), ("fay", &["审批中"], &["pending"]), ("bob", &[], of_bob)]).await;
            let path = format!("/api/v1/workflows/instances/{guid}/withdraw");
            ok(office.account("ann").post(&path, json!({})).await);
            let gone: Expected<'_> = ("cy", &["已撤回"], &["cancelled"]);
            let mut end = vec![("ann", &[][..], &["-"][..]), gone, ("fay", gone.1, gone.2), ("dan", gone.1, &[])];
            if has_it {
                end.push(("bob", gone.1, gone.2));
            }
            office.told(&what, &end).await;
        }
        office.closed(&server).await;
    }

    // E1: a role given and taken is one account's affair: neither other holders nor whoever gave it hear of it.
    async fn a_role_given_is_told_to_one_account(server: TestServer) {
        let root = server.platform().await;
        let desk = server.role("desk", &["org:view"]).await;
        let (alice, holder) = (server.account("alice", &[]).await, server.account("holder", &[]).await);
        let stranger = server.account("stranger", &["org:view"]).await;
        server.give(&holder, desk).await;
        let elsewhere = server.signed_in("alice").await;
        let mut hers = vec![server.tab(&alice).await, server.tab(&alice).await, server.tab(&elsewhere).await];
        let mut others = Vec::new();
        for account in [&holder, &stranger, root] {
            others.push(server.tab(account).await);
        }
        server.give(&alice, desk).await;
        for tab in &mut hers {
            let (roles, set) = (tab.frame().await, tab.frame().await);
            assert_eq!((&roles["type"], &set["type"]), (&json!("ROLE_CHANGE"), &json!("PERMISSION_UPDATE")));
            assert_eq!(codes(&roles["data"]["addedRoles"]), ["desk"]);
        }
        ok(root.delete(&format!("/api/v1/accounts/{}/roles/{desk}", alice.id)).await);
        let mark = server.mark().await;
        for tab in &mut hers {
            let seen = tab.until(&mark).await;
            assert_eq!(seen.len(), 2, "{seen:?}");
            assert_eq!(codes(&seen[0]["data"]["removedRoles"]), ["desk"]);
            assert_eq!(seen[1]["data"]["removed"], json!(["org:view"]));
        }
        for tab in &mut others {
            assert_eq!(tab.until(&mark).await, NOTHING);
        }
    }

    // E6: whoever leaves with his login, is disabled or gets another password is thrown out of all tabs; nobody else of any.
    async fn whoever_is_thrown_out_is_thrown_out_alone(server: TestServer) {
        let root = server.platform().await;
        let bob = server.account("bob", &[]).await;
        let mut others = [server.tab(&bob).await, server.tab(root).await];
        for (name, expected) in
            [("left", "account_disabled"), ("disabled", "account_disabled"), ("reset", "password_reset")]
        {
            let alice = server.account(name, &["org:view"]).await;
            let elsewhere = server.signed_in(name).await;
            let tabs = [server.tab(&alice).await, server.tab(&alice).await, server.tab(&elsewhere).await];
            let answer = match name {
                "left" => {
                    let body = json!({ "staff_no": name, "name": name, "account_id": alice.id });
                    let staff = ok(root.post("/api/v1/staff", body).await);
                    let guid = staff["guid"].as_str().expect("a guid");
                    root.delete(&format!("/api/v1/staff/{guid}?disable_account=true")).await
                }
                "disabled" => {
                    root.patch(&format!("/api/accounts/users/{}/", alice.id), json!({ "status": 0 })).await
                }
                _ => {
                    let path = format!("/api/v1/accounts/{}/reset-password", alice.id);
                    root.post(&path, json!({ "new_password": "another long one" })).await
                }
            };
            ok(answer);
            for tab in tabs {
                let (seen, code, _) = tab.end().await;
                let last = seen.last().expect("last words");
                assert_eq!((&last["type"], &last["data"]["code"]), (&json!("FORCE_LOGOUT"), &json!(expected)), "{name}");
                assert_eq!(code, 4501, "{name}");
            }
        }
        let mark = server.mark().await;
        for tab in &mut others {
            assert_eq!(tab.until(&mark).await, NOTHING);
        }
    }

    // E8: a refresh token that is used twice ends its own session; the account's other sessions and other people stay.
    async fn a_token_used_twice_ends_its_session_alone(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        let (elsewhere, bob) = (server.signed_in("alice").await, server.account("bob", &[]).await);
        let next = alice.carried_on(&ok(alice.refreshed().await));
        let tabs = [server.tab(&next).await, server.tab(&next).await];
        let mut others = [server.tab(&elsewhere).await, server.tab(&bob).await];
        server.advance(Duration::from_secs(31)).await;
        refused(alice.refreshed().await, 401, "token_reuse");
        for tab in tabs {
            let (seen, code, _) = tab.end().await;
            assert_eq!((&seen[0]["data"]["code"], code), (&json!("token_reuse"), 4501));
        }
        let mark = server.mark().await;
        for tab in &mut others {
            assert_eq!(tab.until(&mark).await, NOTHING);
        }
    }

    // E26: each move in an inbox is told to all tabs of its owner, the acting one too; to nobody else, though he got the same.
    async fn a_move_in_an_inbox_is_told_to_its_owner(server: TestServer) {
        let clerk = server.account("clerk", &["notification:send"]).await;
        let (alice, bob) = (server.account("alice", &[]).await, server.account("bob", &[]).await);
        let open = async |account: &Account| {
            let mut tab = tab(&server, account, "notifications").await;
            assert_eq!(state(&mut tab).await, json!("present"));
            tab
        };
        let mut hers = [open(&alice).await, open(&alice).await];
        let mut others = [open(&bob).await, open(&clerk).await];
        let mut plain = server.tab(&alice).await;
        let body = json!({ "staffGuids": [alice.guid, bob.guid], "title": "一", "content": "二" });
        ok(clerk.post("/api/v1/notifications/message", body).await);
        for tab in hers.iter_mut().chain(&mut others[..1]) {
            assert_eq!(state(tab).await, json!("new"));
        }
        let id = ok(alice.get("/api/v1/notifications").await)["results"][0]["id"].clone();
        let path = format!("/api/v1/notifications/{id}");
        let until = livegrant::clock::iso(server.clock.now_ms() + 3_600_000);
        for (verb, body, state) in [
            ("seen", json!({}), "seen"),
            ("read", json!({}), "read"),
            ("unread", json!({}), "unread"),
            ("archive", json!({}), "archived"),
            ("unarchive", json!({}), "unarchived"),
            ("snooze", json!({ "until": until }), "snoozed"),
            ("unsnooze", json!({}), "unsnoozed"),
            ("", Value::Null, "deleted"),
        ] {
            let answer = match verb {
                "" => alice.delete(&path).await,
                verb => alice.post(&format!("{path}/{verb}"), body).await,
            };
            assert!((200..300).contains(&answer.0), "{verb}: {answer:?}");
            for tab in &mut hers {
                let told = tab.next_of("NOTIFICATION_STATE").await["data"].clone();
                assert_eq!((&told["state"], &told["ids"]), (&json!(state), &json!([id])), "{verb}");
                assert!(told["unread"].is_i64() && told["unseen"].is_i64() && told["rev"].is_i64(), "{told}");
            }
        }
        // The next thing that each hears of is the next that came to him.
        let body = json!({ "staffGuids": [alice.guid, bob.guid, clerk.guid], "title": "三", "content": "四" });
        ok(server.platform().await.post("/api/v1/notifications/message", body).await);
        for tab in hers.iter_mut().chain(&mut others) {
            assert_eq!(state(tab).await, json!("new"));
        }
        let mark = server.mark().await;
        let seen = plain.until(&mark).await;
        assert!(seen.iter().all(|frame| frame["type"] != "NOTIFICATION_STATE"), "nobody asked for it there: {seen:?}");
    }
}

/// The word of the next `NOTIFICATION_STATE`.
async fn state(tab: &mut Tab) -> Value {
    tab.next_of("NOTIFICATION_STATE").await["data"]["state"].clone()
}

both_databases! {
    // E31: what somebody prefers is told to his own tabs that listen; what his company prefers, to the company's.
    async fn preferences_are_told_to_whom_they_are_for(database: TestDatabase) {
        Setup::on(&database).with_company("other").run(async |server| {
            let other = server.company("other").await;
            let alice = server.account("alice", &[]).await;
            let boss = server.account("boss", &["company:manage"]).await;
            let bob = server.account("bob", &[]).await;
            let eve = server.account_in(other, "eve", &[]).await;
            let listen = async |account: &Account, transport: Transport| {
                let topics = [("topics", "notifications")];
                let (mut stream, _) = Stream::open(&server, transport, account, &topics).await.expect("a stream");
                stream.next_of("NOTIFICATION_STATE").await;
                stream
            };
            let mut hers = vec![listen(&alice, Transport::WebSocket).await, listen(&alice, Transport::Sse).await];
            hers.push(listen(&server.signed_in("alice").await, Transport::Poll).await);
            let mut his = listen(&bob, Transport::WebSocket).await;
            let mut far = listen(&eve, Transport::Sse).await;
            let mut plain = server.tab(&alice).await;
            let choice = |enabled: bool| json!({ "preferences": [
                { "type": "message_notification", "channel": "toast", "enabled": enabled }] });
            ok(alice.ask("PUT", "/api/v1/notifications/preferences", &choice(false)).await);
            ok(alice.ask("PUT", "/api/v1/notifications/preferences", &choice(false)).await);
            ok(boss.ask("PUT", "/api/v1/notifications/tenant-preferences", &choice(false)).await);
            ok(eve.ask("PUT", "/api/v1/notifications/preferences", &choice(false)).await);
            let line = |company: bool| json!([{ "type": "message_notification", "channel": "toast", "enabled": false,
                "locked": false, "company": company }]);
            for stream in &mut hers {
                assert_eq!(told(stream).await, line(false), "{:?}: once, of two that said the same", stream.transport());
                assert_eq!(told(stream).await, line(true), "{:?}", stream.transport());
            }
            assert_eq!(told(&mut his).await, line(true), "his company's, and nothing of hers before it");
            assert_eq!(told(&mut far).await, line(false), "her own, and nothing of another company's before it");
            let mark = server.mark().await;
            let seen = plain.until(&mark).await;
            assert!(seen.iter().all(|frame| frame["type"] != "PREFERENCE"), "nobody asked for it there: {seen:?}");
        })
        .await;
    }
}

/// What the next `PREFERENCE` says.
async fn told(stream: &mut Stream) -> Value {
    stream.next_of("PREFERENCE").await["data"]["preferences"].clone()
}
