//! What comes to an inbox reaches the tabs of whoever has it, and nobody else's; what a tab missed it gets when it comes
//! back; what nobody was told is found by looking (E25 to E28, I6, I10).

use livegrant::clock::Clock;
use livegrant::db::{
    Author, Closing, Db, DbError, Errand, LastWrite, Mail, StateChange, SystemTask, Work, Writing,
};
use livegrant::inbox::post::{self, Notice};
use livegrant::policy::{NoticeAudience, PolicyChange};
use livegrant::realtime::signal::signal;
use livegrant::realtime::topics;
use livegrant::{sql_exec, sql_one};
use livegrant_actors::{AccountId, Audience, CompanyId, Holder, MessageType, Transport};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

use crate::nodes::{Nodes, at, until};
use crate::support::{
    Account, Setup, Stream, Tab, TestServer, both_databases, ok, run_on_postgres, served, served_once,
};

pub const STREAMS: [Transport; 3] = [Transport::WebSocket, Transport::Sse, Transport::Poll];
/// S0-55: Chinese, four bytes a character, quotes.
const TITLE: &str = "“加班”申请🎉 已通过 𠮷";

/// Leaves a message for people in a work.
pub fn post(work: &mut Work, to: &[&Account], title: &str) {
    let to: Vec<AccountId> = to.iter().map(|account| AccountId(account.id)).collect();
    let notice =
        Notice::new(MessageType::MessageNotification, title, "内容", CompanyId(0)).with("from", "root");
    post::post(work, &to, notice);
}

/// Sends a message to people on a node.
pub async fn send(server: &TestServer, to: &[&Account], title: &str) {
    let mut work = server.core.db.begin(&Author::system("tests")).await.unwrap();
    post(&mut work, to, title);
    work.commit(SystemTask::Upkeep).await.unwrap();
}

/// Marks everything in an inbox as read, as one change.
#[derive(Debug)]
struct Mark([AccountId; 1]);

impl LastWrite for Mark {
    fn accounts(&self) -> &[AccountId] {
        &self.0
    }

    fn write(self: Box<Self>, closing: Closing<'_>) -> Writing<'_> {
        Box::pin(mark(self.0[0], closing))
    }
}

async fn mark(account: AccountId, closing: Closing<'_>) -> Result<(), DbError> {
    let Closing { conn, now, errands, .. } = closing;
    sql_exec!(
        conn,
        "UPDATE sys_notification_recipient SET seen_at = coalesce(seen_at, $2), read_at = coalesce(read_at, $2)
          WHERE account_id = $1",
        account.0,
        now
    )?;
    sql_exec!(
        conn,
        "UPDATE sys_notification_counter SET unseen = 0, unread = 0 WHERE account_id = $1",
        account.0
    )?;
    let (rev,) = sql_one!(
        conn,
        (i64,),
        "UPDATE sys_inbox SET rev = rev + 1, changed_at = $2 WHERE account_id = $1 RETURNING rev",
        account.0,
        now
    )?;
    let change = Some(StateChange { state: "read", ids: Some(vec![1]), filter: None });
    errands.push(Errand::Mail(Arc::new(Mail { to: vec![(account, rev)], event: None, change })));
    Ok(())
}

/// Marks everything in somebody's inbox as read, on a node.
pub async fn mark_all(server: &TestServer, account: &Account) {
    let mut work = server.core.db.begin(&Author::system("tests")).await.unwrap();
    work.write_last(Mark([AccountId(account.id)]));
    work.commit(SystemTask::OwnInbox).await.unwrap();
}

/// Opens a stream that listens to the inbox, and waits until it knows how that stands.
pub async fn open(server: &TestServer, transport: Transport, account: &Account) -> (Stream, Value) {
    let topics = [("topics", "notifications")];
    let (mut stream, _) = Stream::open(server, transport, account, &topics).await.expect("a stream");
    let state = stream.next_of("NOTIFICATION_STATE").await;
    (stream, state["data"].clone())
}

pub fn counts(frame: &Value) -> (i64, i64) {
    let number = |name: &str| frame["data"][name].as_i64().expect("a number");
    (number("unseen"), number("unread"))
}

async fn plain(server: &TestServer, account: &Account, protocol: Option<&str>) -> Tab {
    let bearer = format!("Bearer {}", account.access);
    let mut headers = vec![("authorization", &*bearer)];
    headers.extend(protocol.map(|name| ("sec-websocket-protocol", name)));
    let mut tab = server.try_socket("", &headers).await.expect("a socket");
    tab.next_of("PERMISSION_UPDATE").await;
    tab
}

served! {
    /// S0-15 to S0-19, S0-55, S2-76, S3-116, C29, E25, E28: on every transport, in order, with one id; not on plain sockets, and
    /// not to anybody else.
    async fn a_message_reaches_every_stream_of_its_person_and_nobody_elses(server: TestServer) {
        let (alice, bob) = (server.account("alice", &[]).await, server.account("bob", &[]).await);
        let mut streams = Vec::new();
        for transport in STREAMS {
            let (stream, present) = open(&server, transport, &alice).await;
            assert_eq!((&present["unseen"], &present["unread"], &present["state"]), (&json!(0), &json!(0), &json!("present")));
            streams.push(stream);
        }
        let (mut strange, _) = open(&server, Transport::Sse, &bob).await;
        let mut deaf = [plain(&server, &alice, None).await, plain(&server, &alice, Some("wsp.v1")).await];
        send(&server, &[&alice], TITLE).await;
        let mut ids = Vec::new();
        for stream in &mut streams {
            let event = stream.next_of("MESSAGE_NOTIFICATION").await;
            assert_eq!((&event["data"]["title"], &event["data"]["content"]), (&json!(TITLE), &json!("内容")));
            assert_eq!(event["data"]["from"], "root");
            ids.push(event["messageId"].clone());
            let item = stream.next_of("NOTIFICATION").await;
            assert_eq!((&item["data"]["item"]["title"], &item["data"]["item"]["type"]), (&json!(TITLE), &json!("message_notification")));
            let state = stream.next_of("NOTIFICATION_STATE").await;
            assert_eq!(counts(&state), (1, 1));
            assert_eq!((&state["data"]["state"], &state["data"]["inboxRev"]), (&json!("new"), &json!(1)));
            assert_eq!(state["data"]["ids"], json!([event["data"]["id"]]));
        }
        ids.dedup();
        assert_eq!(ids.len(), 1, "one id for all copies");
        let end = server.mark().await;
        assert_eq!(strange.until(&end).await, Vec::<Value>::new());
        for tab in &mut deaf {
            assert_eq!(tab.until(&end).await, Vec::<Value>::new());
        }
    }

    /// FN3 to FN6, C28: what is done in one tab is told to all, with the counts of the server.
    async fn a_mark_is_told_to_every_tab_with_absolute_counts(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        let elsewhere = server.signed_in("alice").await;
        let mut streams = Vec::new();
        for (transport, session) in STREAMS.iter().zip([&alice, &alice, &elsewhere]) {
            streams.push(open(&server, *transport, session).await.0);
        }
        send(&server, &[&alice], "one").await;
        send(&server, &[&alice], "two").await;
        mark_all(&server, &alice).await;
        for stream in &mut streams {
            let mut rev = 0;
            let last = loop {
                let state = stream.next_of("NOTIFICATION_STATE").await;
                let told = state["data"]["rev"].as_i64().unwrap();
                assert!(told >= rev, "in the order of their revisions");
                rev = told;
                if state["data"]["state"] == "read" {
                    assert_eq!(state["data"]["ids"], json!([1]));
                    break counts(&state);
                }
            };
            assert_eq!(last, (0, 0));
        }
    }

    /// S0-20, S3-115: exactly what came since its place, in order; nothing for whoever missed nothing.
    async fn who_comes_back_gets_exactly_what_it_missed(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        for transport in STREAMS {
            let topics = ("topics", "notifications");
            let (mut stream, _) = Stream::open(&server, transport, &alice, &[topics]).await.expect("a stream");
            let state = stream.next_of("PERMISSION_UPDATE").await["data"].clone();
            let rev = stream.next_of("NOTIFICATION_STATE").await["data"]["inboxRev"].clone();
            let text = |name: &str| state[name].as_str().expect("a text").to_owned();
            let place = format!("{}:{}:{}:0.{rev}", text("epoch"), state["rev"], text("hash"));
            drop(stream);
            for title in ["one", "two", "three"] {
                send(&server, &[&alice], title).await;
            }
            // An old stream that the server has not missed yet is no reason to tell anything twice.
            for _ in 0..2 {
                let (mut stream, hello) =
                    Stream::open(&server, transport, &alice, &[topics, ("resume", &place)]).await.expect("a stream");
                assert_eq!(hello["data"]["inboxRev"], rev, "{transport:?}");
                for title in ["one", "two", "three"] {
                    assert_eq!(stream.next_of("MESSAGE_NOTIFICATION").await["data"]["title"], title);
                }
                let state = stream.next_of("NOTIFICATION_STATE").await;
                assert_eq!(state["data"]["inboxRev"].as_i64(), rev.as_i64().map(|rev| rev + 3));
                let id = stream.last_event_id.clone();
                drop(stream);
                let Some(id) = id else { continue };
                let (mut stream, _) =
                    Stream::open(&server, transport, &alice, &[topics, ("resume", &id)]).await.expect("a stream");
                let state = stream.frame().await;
                assert_eq!(state["type"], "NOTIFICATION_STATE", "it has everything: {state}");
                assert_eq!(state["data"]["state"], "present");
            }
        }
    }

    /// FN20: noted once a tab has taken it; not before, and not for somebody who is away.
    async fn what_reached_a_tab_is_noted(server: TestServer) {
        let (alice, bob) = (server.account("alice", &[]).await, server.account("bob", &[]).await);
        let (mut stream, _) = open(&server, Transport::Sse, &alice).await;
        send(&server, &[&alice, &bob], "one").await;
        stream.next_of("NOTIFICATION_STATE").await;
        let delivered = async |account: &Account| {
            let (count,) = sql_one!(
                &mut server.core.db.read().await.unwrap(),
                (i64,),
                "SELECT count(*) FROM sys_notification_recipient WHERE account_id = $1 AND delivered_at IS NOT NULL",
                account.id
            )
            .unwrap();
            count == 1
        };
        until("it is noted", async || delivered(&alice).await).await;
        assert!(!delivered(&bob).await);
    }

    /// E29: told to whoever listens and may, and its row is gone afterwards.
    async fn a_topics_message_is_told_and_its_row_deleted(server: TestServer) {
        let alice = server.account("alice", &["org:view"]).await;
        let bob = server.account("bob", &[]).await;
        let company = CompanyId(1);
        let topic = topics::organizations(company);
        let topics = [("topics", &*topic)];
        let (mut tab, hello) = Stream::open(&server, Transport::WebSocket, &alice, &topics).await.expect("a stream");
        assert_eq!(hello["data"]["topics"], json!([topic]));
        let (mut other, hello) = Stream::open(&server, Transport::WebSocket, &bob, &topics).await.expect("a stream");
        assert_eq!(hello["data"]["refused"], json!([topic]));
        let mut work = server.core.db.begin(&Author::system("tests")).await.unwrap();
        let audience = Audience::Holder(Holder::Company(company));
        let data = json!({"action": "updated", "name": "研发部"});
        signal(&mut work, MessageType::OrgUpdate, Some(&topic), audience, &data).await.unwrap();
        work.commit(SystemTask::Upkeep).await.unwrap();
        let told = tab.next_of("ORG_UPDATE").await;
        assert_eq!(told["data"], data);
        assert!(told["messageId"].as_str().unwrap().starts_with("outbox-"));
        until("the row is deleted", async || left(&server).await == 0).await;
        let end = server.mark().await;
        let seen = other.until(&end).await;
        assert!(seen.iter().all(|frame| frame["type"] != "ORG_UPDATE"));
    }
}

async fn left(server: &TestServer) -> i64 {
    let mut conn = server.core.db.read().await.unwrap();
    sql_one!(&mut conn, (i64,), "SELECT count(*) FROM sys_outbox").unwrap().0
}

served_once! {
    /// E27, FN15: after a broadcast everybody online is told how his inbox stands, in the background.
    async fn a_broadcast_is_followed_by_the_counts_of_everybody(server: TestServer) {
        let mut streams = Vec::new();
        for name in ["alice", "bob", "carol"] {
            let account = server.account(name, &[]).await;
            streams.push(open(&server, Transport::Sse, &account).await);
        }
        server.mark().await;
        for (stream, before) in &mut streams {
            stream.next_of("SYSTEM_NOTICE").await;
            let state = stream.next_of("NOTIFICATION_STATE").await;
            assert!(state["data"]["rev"].as_i64() > before["rev"].as_i64(), "{state}");
        }
    }
}

both_databases! {
    /// FN17: nobody has a row of a broadcast that he left alone, and still his open tabs are told that it is over.
    async fn open_tabs_are_counted_again_when_a_broadcast_is_over(database: TestDatabase) {
        let setup = Setup::on(&database).with(|settings| settings.inbox.look_ms = 20);
        setup.run(async |server| {
            let alice = server.account("alice", &[]).await;
            let mut streams = Vec::new();
            for transport in STREAMS {
                streams.push(open(&server, transport, &alice).await.0);
            }
            let over = livegrant::clock::iso(server.clock.now_ms() + 60_000);
            let body = json!({ "title": "soon over", "content": "c", "category": "x", "severity": "info", "expires_at": over });
            ok(server.platform().await.post("/api/v1/notifications/broadcast", body).await);
            for stream in &mut streams {
                while counts(&stream.next_of("NOTIFICATION_STATE").await) != (1, 1) {}
            }
            server.advance(Duration::from_secs(61)).await;
            for stream in &mut streams {
                while counts(&stream.next_of("NOTIFICATION_STATE").await) != (0, 0) {}
            }
        })
        .await;
    }

    /// E27, I9: whom a broadcast was for still holds when it is told again, after a restart too; what is past is not.
    async fn a_broadcast_to_a_company_is_told_again_to_its_people_alone(database: TestDatabase) {
        let setup = || Setup::on(&database);
        let server = TestServer::start(setup().with_company("other")).await;
        let other = server.company("other").await;
        let (alice, bob) = (server.account("alice", &[]).await, server.account_in(other, "bob", &[]).await);
        let mut places = Vec::new();
        for account in [&alice, &bob] {
            let (mut stream, hello) = Stream::open(&server, Transport::WebSocket, account, &[]).await.expect("a stream");
            let state = stream.next_of("PERMISSION_UPDATE").await["data"].clone();
            let text = |name: &str| state[name].as_str().expect("a text").to_owned();
            let seq = &hello["data"]["inboxSeq"];
            places.push(format!("{}:{}:{}:{seq}", text("epoch"), state["rev"], text("hash")));
        }
        let now = server.clock.now_ms();
        let mut work = server.core.db.begin(&Author::system("tests")).await.unwrap();
        work.change(notice("for the other company", NoticeAudience::Company(other), None));
        let committed = work.commit(SystemTask::Bootstrap).await.unwrap();
        server.core.settle(committed).await;
        let mut work = server.core.db.begin(&Author::system("tests")).await.unwrap();
        work.change(notice("past", NoticeAudience::Everyone, Some(now)));
        let committed = work.commit(SystemTask::Bootstrap).await.unwrap();
        server.core.settle(committed).await;
        let check = async |server: &TestServer| {
            for (account, place, expected) in [(&alice, &places[0], 0), (&bob, &places[1], 1)] {
                let account = at(server, account);
                let resume = [("resume", &**place)];
                let (mut stream, _) =
                    Stream::open(server, Transport::WebSocket, &account, &resume).await.expect("a stream");
                let end = server.mark().await;
                let seen = stream.until(&end).await;
                let titles = seen.iter().map(|frame| frame["data"]["title"].as_str().unwrap_or_default());
                let meant = titles.clone().filter(|title| *title == "for the other company").count();
                assert_eq!(meant, expected, "{}", account.username);
                assert!(titles.clone().all(|title| title != "past"));
            }
        };
        // Told, and not only committed.
        let mut tab = server.tab(&alice).await;
        let end = server.mark().await;
        tab.until(&end).await;
        check(&server).await;
        let server = server.restarted(setup()).await;
        check(&server).await;
        server.stop().await;
    }
}

fn notice(title: &str, audience: NoticeAudience, expires_at: Option<i64>) -> PolicyChange {
    PolicyChange::Notice {
        title: title.to_owned(),
        content: "c".to_owned(),
        category: "system".to_owned(),
        severity: "info".to_owned(),
        id: 0,
        message_id: String::new(),
        audience,
        expires_at,
    }
}

#[test]
fn a_message_on_one_node_reaches_the_tabs_on_the_other_by_the_bus() {
    run_on_postgres(async |database| {
        let nodes = Nodes::start(&database).await;
        let alice = nodes.one.account("alice", &[]).await;
        let there = at(&nodes.two, &alice);
        let mut ids = Vec::new();
        let mut streams = [
            open(&nodes.one, Transport::Sse, &alice).await.0,
            open(&nodes.two, Transport::Sse, &there).await.0,
        ];
        for (server, title) in [(&nodes.one, "from one"), (&nodes.two, "from two")] {
            send(server, &[&alice], title).await;
            for stream in &mut streams {
                let event = stream.next_of("MESSAGE_NOTIFICATION").await;
                assert_eq!(event["data"]["title"], title);
                ids.push(event["messageId"].clone());
            }
        }
        assert_eq!((&ids[0], &ids[2]), (&ids[1], &ids[3]), "every copy has one id");
        mark_all(&nodes.two, &alice).await;
        for stream in &mut streams {
            while counts(&stream.next_of("NOTIFICATION_STATE").await) != (0, 0) {}
        }
        nodes.stop().await;
    });
}

/// I6: nothing hears of anything here: neither the bus nor the process that committed says a word.
#[test]
fn what_nobody_was_told_is_found_by_looking() {
    run_on_postgres(async |database| {
        Setup::on(&database)
            .run(async |server| {
                let alice = server.account("alice", &["org:view"]).await;
                let mut streams = Vec::new();
                for transport in STREAMS {
                    streams.push(open(&server, transport, &alice).await.0);
                }
                let topic = topics::organizations(CompanyId(1));
                let (mut listener, _) =
                    Stream::open(&server, Transport::WebSocket, &alice, &[("topics", &topic)])
                        .await
                        .expect("a stream");
                // A process that dies between its commits and its rounds.
                let dying = Db::open(&database.settings().database, Clock::manual(server.clock.now_ms()))
                    .await
                    .unwrap();
                for title in ["one", "two"] {
                    let mut work = dying.begin(&Author::system("tests")).await.unwrap();
                    post(&mut work, &[&alice], title);
                    let audience = Audience::Accounts([AccountId(alice.id)].into());
                    let data = json!({ "name": title });
                    signal(&mut work, MessageType::OrgUpdate, Some(&topic), audience, &data).await.unwrap();
                    work.commit(SystemTask::Upkeep).await.unwrap();
                }
                drop(dying);
                for stream in &mut streams {
                    for title in ["one", "two"] {
                        assert_eq!(stream.next_of("MESSAGE_NOTIFICATION").await["data"]["title"], title);
                    }
                    while counts(&stream.next_of("NOTIFICATION_STATE").await) != (2, 2) {}
                }
                // Younger messages of topics may still be on their way.
                server.advance(Duration::from_secs(6)).await;
                for title in ["one", "two"] {
                    assert_eq!(listener.next_of("ORG_UPDATE").await["data"]["name"], title);
                }
                until("the rows are deleted", async || left(&server).await == 0).await;
            })
            .await;
    });
}
