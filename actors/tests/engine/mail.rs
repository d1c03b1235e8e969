//! What comes to an account's inbox: each revision once, in order, whatever is lost, late or said twice on its way (I10).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use livegrant_actors::bus::memory::MemoryHub;
use livegrant_actors::{
    AccountId, Answer, CloseReason, CompanyId, Content, InboxEvent, MessageType, NodeId, Observer, TabInfo,
    Transport, Want, Wanted, Wishes,
};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use crate::client::{ALL, Client};
use crate::support::{World, until};

/// Keeps what tabs ask; the test answers.
#[derive(Default)]
struct Asked(Mutex<Vec<Want>>);

impl Observer for Asked {
    fn opened(&self, _: AccountId, _: &TabInfo) {}
    fn closed(&self, _: AccountId, _: &TabInfo, _: CloseReason) {}
    fn wants(&self, want: Want) -> bool {
        self.0.lock().unwrap().push(want);
        true
    }
}

impl Asked {
    /// Waits for the questions of tabs that want to be placed, and takes them.
    async fn places(&self, count: usize) -> Vec<Want> {
        let is_place = |want: &Want| matches!(want.wanted, Wanted::Place { .. });
        until("tabs have asked", || {
            self.0.lock().unwrap().iter().filter(|want| is_place(want)).count() >= count
        })
        .await;
        let mut asked = self.0.lock().unwrap();
        let (places, others) = asked.drain(..).partition(is_place);
        *asked = others;
        places
    }

    fn none(&self) -> bool {
        self.0.lock().unwrap().iter().all(|want| !matches!(want.wanted, Wanted::Place { .. }))
    }
}

fn world(asked: &Arc<Asked>, change: impl FnOnce(&mut livegrant_actors::EngineConfig)) -> World {
    let world = World::watched(Arc::clone(asked) as _, change);
    world.policy.set(7, 0, &["a"], &[]);
    world
}

fn raw(data: &Value) -> Arc<RawValue> {
    Arc::from(to_raw_value(data).unwrap())
}

fn event(number: i64) -> InboxEvent {
    InboxEvent {
        kind: MessageType::MessageNotification,
        data: raw(&json!({"title": "加班🎉", "n": number})),
        operator: None,
        message_id: format!("notice-{number}").into(),
    }
}

fn content(number: i64) -> Arc<Content> {
    Arc::new(Content { notification: number, event: Some(event(number)), change: None, accepted_at: 0 })
}

async fn came(world: &World, rev: i64) {
    world.engine.mail_here(&[(AccountId(7), rev)], Some(&content(rev))).await.unwrap();
}

/// Answers a tab's question as a database would in which everything up to `rev` has come.
async fn answer(world: &World, want: &Want, rev: i64) {
    let Wanted::Place { connection, has } = &want.wanted else { panic!("not a tab's question: {want:?}") };
    let missed = (has.unwrap_or(rev) + 1..=rev).map(|rev| (rev, event(rev))).collect();
    let state = [(MessageType::NotificationState, raw(&json!({"rev": rev, "inboxRev": rev})))];
    let answer = Answer {
        account: want.account,
        company: want.company,
        to: Some(connection.clone()),
        has: *has,
        rev,
        missed,
        forgotten: None,
        state: state.into(),
    };
    world.engine.answer(vec![answer]).await.unwrap();
}

async fn open(world: &World, asked: &Asked, transport: Transport, rev: i64) -> Client {
    let mut client = world.join(transport, &world.login(7, "s1"), listening(None)).await;
    world.message(&mut client, "PERMISSION_UPDATE").await;
    answer(world, &asked.places(1).await[0], rev).await;
    assert_eq!(world.message(&mut client, "NOTIFICATION_STATE").await["data"]["inboxRev"], rev);
    client
}

fn listening(resume: Option<&str>) -> Wishes {
    let resume = resume.map(|place| place.parse().unwrap());
    Wishes { control: true, topics: vec!["notifications".to_owned()], resume, ..Wishes::default() }
}

/// The numbers of the notices up to the next word on how the inbox stands.
async fn told(world: &World, client: &mut Client) -> Vec<i64> {
    let mut numbers = Vec::new();
    loop {
        let message = world.any(client).await;
        match message["type"].as_str().unwrap() {
            "MESSAGE_NOTIFICATION" => numbers.push(message["data"]["n"].as_i64().unwrap()),
            "NOTIFICATION_STATE" => return numbers,
            other => assert_ne!(other, "RESYNC"),
        }
    }
}

#[actix_rt::test]
async fn each_revision_is_told_once_whatever_order_it_comes_in() {
    for transport in ALL {
        let asked = Arc::new(Asked::default());
        let world = world(&asked, |_| {});
        world.policy.topics.lock().unwrap().insert("notifications");
        let mut client = open(&world, &asked, transport, 3).await;
        came(&world, 4).await;
        assert_eq!(world.message(&mut client, "MESSAGE_NOTIFICATION").await["messageId"], "notice-4");
        // Said twice, and an old one: nothing.
        for rev in [4, 2] {
            came(&world, rev).await;
        }
        assert!(asked.none());
        // 5 is late: the tab asks, and is told nothing until it is answered.
        for rev in [6, 5, 7] {
            came(&world, rev).await;
        }
        let want = asked.places(1).await.remove(0);
        assert!(matches!(want.wanted, Wanted::Place { has: Some(4), .. }), "{want:?}");
        // An answer from before 7 does not place it.
        answer(&world, &want, 6).await;
        assert_eq!(told(&world, &mut client).await, [5, 6], "{transport:?}");
        let want = asked.places(1).await.remove(0);
        assert!(matches!(want.wanted, Wanted::Place { has: Some(6), .. }), "{want:?}");
        answer(&world, &want, 7).await;
        assert_eq!(told(&world, &mut client).await, [7]);
        came(&world, 8).await;
        assert_eq!(world.message(&mut client, "MESSAGE_NOTIFICATION").await["data"]["n"], 8);
        assert!(asked.none());
    }
}

#[actix_rt::test]
async fn who_comes_back_is_told_what_it_missed_and_its_sibling_nothing_again() {
    for transport in ALL {
        let asked = Arc::new(Asked::default());
        let world = world(&asked, |_| {});
        world.policy.topics.lock().unwrap().insert("notifications");
        let mut stayed = open(&world, &asked, transport, 3).await;
        came(&world, 4).await;
        // Its place, as its client keeps it.
        let back = listening(Some("epoch:0:{\"a\"}[]:0.2"));
        let mut client = world.join(transport, &world.login(7, "s1"), back).await;
        let hello = world.message(&mut client, "CONNECTED").await;
        assert_eq!((&hello["data"]["resume"], &hello["data"]["inboxRev"]), (&json!("current"), &json!(2)));
        let want = asked.places(1).await.remove(0);
        // What comes meanwhile comes once.
        came(&world, 5).await;
        answer(&world, &want, 4).await;
        assert_eq!(told(&world, &mut client).await, [3, 4], "{transport:?}");
        let want = asked.places(1).await.remove(0);
        answer(&world, &want, 5).await;
        assert_eq!(told(&world, &mut client).await, [5]);
        for number in [4, 5] {
            assert_eq!(world.message(&mut stayed, "MESSAGE_NOTIFICATION").await["data"]["n"], number);
        }
        came(&world, 6).await;
        for client in [&mut stayed, &mut client] {
            assert_eq!(world.message(client, "MESSAGE_NOTIFICATION").await["data"]["n"], 6);
        }
    }
}

/// I10: a tab is told what comes from its first moment on, and nothing from before.
#[actix_rt::test]
async fn a_new_tab_is_told_what_comes_while_it_asks() {
    for transport in ALL {
        for late_answer in [false, true] {
            let asked = Arc::new(Asked::default());
            let world = world(&asked, |_| {});
            world.policy.topics.lock().unwrap().insert("notifications");
            let mut client = world.join(transport, &world.login(7, "s1"), listening(None)).await;
            world.message(&mut client, "PERMISSION_UPDATE").await;
            let want = asked.places(1).await.remove(0);
            assert!(matches!(want.wanted, Wanted::Place { has: None, .. }), "{want:?}");
            for rev in [5, 4] {
                came(&world, rev).await;
            }
            // Read before they were committed, or after: either way the two are told.
            answer(&world, &want, if late_answer { 5 } else { 3 }).await;
            if !late_answer {
                assert_eq!(told(&world, &mut client).await, [0; 0]);
            }
            let want = asked.places(1).await.remove(0);
            assert!(matches!(want.wanted, Wanted::Place { has: Some(3), .. }), "{want:?}");
            answer(&world, &want, 5).await;
            assert_eq!(told(&world, &mut client).await, [4, 5], "{transport:?} {late_answer}");
            came(&world, 6).await;
            assert_eq!(world.message(&mut client, "MESSAGE_NOTIFICATION").await["data"]["n"], 6);
            assert!(asked.none());
        }
    }
}

/// A failover lost commits: what was told is told no more, and what comes then is.
#[actix_rt::test]
async fn an_inbox_that_went_back_is_followed() {
    for transport in ALL {
        let asked = Arc::new(Asked::default());
        let world = world(&asked, |_| {});
        world.policy.topics.lock().unwrap().insert("notifications");
        let mut stayed = open(&world, &asked, transport, 100).await;
        came(&world, 101).await;
        // A new tab asks, and is told an older place than its sibling has: nobody asks for ever.
        let mut client = world.join(transport, &world.login(7, "s1"), listening(None)).await;
        answer(&world, &asked.places(1).await[0], 95).await;
        assert_eq!(told(&world, &mut client).await, [0; 0]);
        let want = asked.places(1).await.remove(0);
        assert!(matches!(want.wanted, Wanted::Place { has: Some(101), .. }), "{want:?}");
        answer(&world, &want, 95).await;
        assert_eq!(told(&world, &mut stayed).await, [101], "as before; {transport:?}");
        came(&world, 96).await;
        for client in [&mut stayed, &mut client] {
            assert_eq!(world.message(client, "MESSAGE_NOTIFICATION").await["data"]["n"], 96);
        }
        assert!(asked.none());
        // Its client's place is of before.
        let back = listening(Some("epoch:0:{\"a\"}[]:0.101"));
        let mut late = world.join(transport, &world.login(7, "s1"), back).await;
        let want = asked.places(1).await.remove(0);
        answer(&world, &want, 96).await;
        assert_eq!(told(&world, &mut late).await, [0; 0]);
        came(&world, 97).await;
        assert_eq!(world.message(&mut late, "MESSAGE_NOTIFICATION").await["data"]["n"], 97);
        // And one of another log.
        let back = listening(Some("other:0:{\"a\"}[]:0.2"));
        let _other = world.join(transport, &world.login(7, "s1"), back).await;
        let want = asked.places(1).await.remove(0);
        assert!(matches!(want.wanted, Wanted::Place { has: None, .. }), "{want:?}");
    }
}

#[actix_rt::test]
async fn an_event_streams_id_says_how_much_of_the_inbox_was_told() {
    let asked = Arc::new(Asked::default());
    let world = world(&asked, |_| {});
    let mut client = open(&world, &asked, Transport::Sse, 41).await;
    let place = client.position.clone().expect("it was told where it is");
    assert!(place.contains(":0.41"), "{place}");
    came(&world, 42).await;
    world.message(&mut client, "MESSAGE_NOTIFICATION").await;
    let place = client.position.clone().expect("it was told where it is");
    assert!(place.contains(":0.42"), "{place}");
}

#[actix_rt::test]
async fn a_plain_socket_asks_too_and_hears_only_what_it_knows() {
    let asked = Arc::new(Asked::default());
    let world = world(&asked, |_| {});
    let mut tab = world.open(&world.login(7, "s1")).await;
    answer(&world, &asked.places(1).await[0], 3).await;
    came(&world, 4).await;
    let notice = InboxEvent { kind: MessageType::SystemNotice, ..event(5) };
    let content = Content { notification: 5, event: Some(notice), change: None, accepted_at: 0 };
    world.engine.mail_here(&[(AccountId(7), 5)], Some(&Arc::new(content))).await.unwrap();
    let message = tab.message().await;
    assert_eq!((&message["type"], &message["messageId"]), (&json!("SYSTEM_NOTICE"), &json!("notice-5")));
    tab.hears_nothing().await;
}

#[actix_rt::test]
async fn counts_are_wanted_once_a_company_and_told_to_whoever_has_the_change() {
    let asked = Arc::new(Asked::default());
    let world = world(&asked, |_| {});
    world.policy.topics.lock().unwrap().insert("notifications");
    let mut one = open(&world, &asked, Transport::Sse, 3).await;
    let mut two = open(&world, &asked, Transport::Poll, 3).await;
    came(&world, 4).await;
    for client in [&mut one, &mut two] {
        world.message(client, "MESSAGE_NOTIFICATION").await;
    }
    let wants: Vec<Want> = std::mem::take(&mut *asked.0.lock().unwrap());
    let [Want { account: AccountId(7), company, wanted: Wanted::Counts { rev: 4, tabs: 2, .. } }] = &*wants
    else {
        panic!("not one question for both: {wants:?}");
    };
    let state = |rev: i64| [(MessageType::NotificationState, raw(&json!({"rev": rev})))];
    let to = |company, rev| Answer {
        account: AccountId(7),
        company,
        to: None,
        has: None,
        rev,
        missed: Arc::new([]),
        forgotten: None,
        state: state(rev).into(),
    };
    // Neither another company's nor one of a change that they have not been told.
    world.engine.answer(vec![to(CompanyId(2), 4), to(*company, 5), to(*company, 4)]).await.unwrap();
    for client in [&mut one, &mut two] {
        assert_eq!(world.message(client, "NOTIFICATION_STATE").await["data"]["rev"], 4);
    }
}

#[actix_rt::test]
async fn a_tab_that_did_not_read_asks_for_what_it_lost() {
    let asked = Arc::new(Asked::default());
    let world = world(&asked, |config| {
        config.outbox_frames = 4;
        config.sweep_interval = Duration::from_millis(20);
    });
    let mut client = open(&world, &asked, Transport::Poll, 0).await;
    // Nobody polls: four wait, the rest is owed.
    for rev in 1..=9 {
        came(&world, rev).await;
    }
    for number in 1..=4 {
        assert_eq!(world.message(&mut client, "MESSAGE_NOTIFICATION").await["data"]["n"], number);
    }
    let want = asked.places(1).await.remove(0);
    assert!(matches!(want.wanted, Wanted::Place { has: Some(4), .. }), "{want:?}");
    answer(&world, &want, 9).await;
    for number in 5..=8 {
        assert_eq!(world.message(&mut client, "MESSAGE_NOTIFICATION").await["data"]["n"], number);
    }
    let want = asked.places(1).await.remove(0);
    assert!(matches!(want.wanted, Wanted::Place { has: Some(8), .. }), "{want:?}");
    answer(&world, &want, 9).await;
    assert_eq!(told(&world, &mut client).await, [9]);
}

#[actix_rt::test]
async fn what_is_too_much_to_tell_again_is_said_to_be_missing() {
    let asked = Arc::new(Asked::default());
    let world = world(&asked, |_| {});
    let mut client =
        world.join(Transport::Sse, &world.login(7, "s1"), listening(Some("epoch:0:x:0.2"))).await;
    let want = asked.places(1).await.remove(0);
    let Wanted::Place { connection, has } = &want.wanted else { unreachable!("only those were kept") };
    let answer = Answer {
        account: want.account,
        company: want.company,
        to: Some(connection.clone()),
        has: *has,
        rev: 9,
        missed: [(9, event(9))].into(),
        forgotten: Some(8),
        state: Arc::new([]),
    };
    world.engine.answer(vec![answer]).await.unwrap();
    let resync = world.message(&mut client, "RESYNC").await;
    let field = |name: &str| resync["data"][name].clone();
    assert_eq!((field("of"), field("from"), field("to")), (json!("inbox"), json!(3), json!(8)));
    assert_eq!(world.message(&mut client, "MESSAGE_NOTIFICATION").await["data"]["n"], 9);
}

#[actix_rt::test]
async fn a_question_that_nobody_answers_is_asked_again() {
    let asked = Arc::new(Asked::default());
    let world = world(&asked, |config| config.sweep_interval = Duration::from_millis(20));
    let _tab = world.open(&world.login(7, "s1")).await;
    asked.places(1).await;
    world.pass(Duration::from_secs(6));
    asked.places(1).await;
}

#[actix_rt::test]
async fn another_nodes_tabs_hear_it_over_the_bus_and_too_much_of_it_as_a_revision() {
    let hub = MemoryHub::default();
    let here = World::on(hub.join(NodeId(1)), |_| {});
    let asked = Arc::new(Asked::default());
    let there = World::watched_on(hub.join(NodeId(2)), Arc::clone(&asked) as _, |_| {});
    there.policy.set(7, 0, &["a"], &[]);
    let mut client = open(&there, &asked, Transport::Sse, 3).await;
    until("its channel is heard", || {
        hub.lines_on(livegrant_actors::bus::Channel::Account(AccountId(7))) == 1
    })
    .await;
    here.engine.mail_elsewhere(&[(AccountId(7), 4)], &content(4)).await;
    assert_eq!(there.message(&mut client, "MESSAGE_NOTIFICATION").await["messageId"], "notice-4");
    let large = InboxEvent { data: raw(&json!({"title": "x".repeat(600_000)})), ..event(5) };
    let large = Content { notification: 5, event: Some(large), change: None, accepted_at: 0 };
    here.engine.mail_elsewhere(&[(AccountId(7), 5)], &Arc::new(large)).await;
    let want = asked.places(1).await.remove(0);
    assert!(matches!(want.wanted, Wanted::Place { has: Some(4), .. }), "{want:?}");
}
