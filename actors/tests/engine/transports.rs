//! The contract of every transport: one suite, run on WebSocket, event stream and long poll alike.

use std::time::Duration;

use livegrant_actors::{Audience, Effect, NoticeView, Position, Publication, Transport, Wishes};
use serde_json::{Value, json};

use crate::client::{ALL, Client};
use crate::support::{World, accounts, until};

fn notice(seq: i64) -> Effect {
    Effect::Notice(NoticeView {
        id: seq,
        title: "维护".into(),
        content: format!("notice {seq}").into(),
        category: "维护".into(),
        severity: "信息".into(),
        ..NoticeView::default()
    })
}

fn resume(position: Option<String>) -> Wishes {
    let position: Position = position.expect("it was told where it is").parse().unwrap();
    Wishes { resume: Some(position), ..Wishes::default() }
}

async fn at_snapshot(world: &World, transport: Transport) -> Client {
    let login = world.login(7, "s1");
    let mut client = world.join(transport, &login, Wishes::default()).await;
    world.message(&mut client, "PERMISSION_UPDATE").await;
    client
}

#[actix_rt::test]
async fn a_tab_is_introduced_and_told_the_whole_state() {
    for transport in ALL {
        let world = World::new();
        world.policy.set(7, 3, &["a"], &[1]);
        let mut client = world.join(transport, &world.login(7, "s1"), Wishes::default()).await;
        let hello = world.message(&mut client, "CONNECTED").await;
        assert_eq!((&hello["data"]["resume"], &hello["data"]["sid"]), (&json!("snapshot"), &json!("s1")));
        assert_eq!(hello["data"]["connectionId"], client.id.as_str());
        let snapshot = world.message(&mut client, "PERMISSION_UPDATE").await;
        assert_eq!((&snapshot["data"]["permissions"], &snapshot["data"]["rev"]), (&json!(["a"]), &json!(3)));
    }
}

#[actix_rt::test]
async fn one_change_is_one_message_on_every_transport() {
    let world = World::new();
    world.policy.set(7, 1, &["a"], &[]);
    let login = world.login(7, "s1");
    let mut clients = Vec::new();
    for transport in ALL {
        let mut client = world.join(transport, &login, Wishes::default()).await;
        world.message(&mut client, "PERMISSION_UPDATE").await;
        clients.push(client);
    }
    world.policy.set(7, 2, &["a", "b"], &[]);
    world.refresh(2, accounts(&[7])).await;
    let mut ids = Vec::new();
    for client in &mut clients {
        let update = world.message(client, "PERMISSION_UPDATE").await;
        assert_eq!((&update["data"]["added"], &update["data"]["prevRev"]), (&json!(["b"]), &json!(1)));
        assert_eq!(update["operator"]["name"], "admin");
        ids.push(update["messageId"].clone());
        world.applied(client, 2).await;
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "one message, whatever the wire");
    until("all three have acknowledged", || {
        world
            .engine
            .receipt(livegrant_actors::Rev(2))
            .is_some_and(|receipt| receipt.accounts[0].tabs_acked == 3)
    })
    .await;
}

#[actix_rt::test]
async fn who_comes_back_with_what_holds_is_told_nothing() {
    for transport in ALL {
        let world = World::new();
        world.policy.set(7, 3, &["a"], &[]);
        let first = at_snapshot(&world, transport).await;
        let position = first.leave();
        let mut client = world.join(transport, &world.login(7, "s1"), resume(position)).await;
        assert_eq!(
            world.message(&mut client, "CONNECTED").await["data"]["resume"],
            "current",
            "{transport:?}"
        );
        // Nothing came between: the next thing is the next change, relative to what it had.
        world.policy.set(7, 4, &[], &[]);
        world.refresh(4, accounts(&[7])).await;
        let update = world.message(&mut client, "PERMISSION_UPDATE").await;
        assert_eq!(
            (&update["data"]["updateType"], &update["data"]["prevRev"]),
            (&json!("REMOVE"), &json!(3))
        );
    }
}

#[actix_rt::test]
async fn who_comes_back_with_a_state_of_late_is_told_the_difference() {
    for transport in ALL {
        let world = World::new();
        world.policy.set(7, 3, &["a", "b"], &[1]);
        let first = at_snapshot(&world, transport).await;
        let position = first.leave();
        world.policy.set(7, 4, &["b"], &[1]);
        world.policy.set(7, 5, &["b"], &[]);
        let mut client = world.join(transport, &world.login(7, "s1"), resume(position)).await;
        assert_eq!(world.message(&mut client, "CONNECTED").await["data"]["resume"], "diff");
        assert_eq!(world.message(&mut client, "ROLE_CHANGE").await["data"]["removedRoles"][0]["id"], 1);
        let update = world.message(&mut client, "PERMISSION_UPDATE").await["data"].clone();
        assert_eq!(
            (&update["removed"], &update["prevRev"], &update["rev"]),
            (&json!(["a"]), &json!(3), &json!(5))
        );
    }
}

#[actix_rt::test]
async fn who_names_what_was_never_his_gets_the_whole() {
    for transport in ALL {
        let world = World::new();
        world.policy.set(7, 3, &["a"], &[]);
        for claim in ["epoch:3:nonsense:0", "other:3:{\"a\"}[]:0"] {
            let mut client = world.join(transport, &world.login(7, "s1"), resume(Some(claim.into()))).await;
            assert_eq!(
                world.message(&mut client, "CONNECTED").await["data"]["resume"],
                "snapshot",
                "{claim}"
            );
            assert_eq!(world.message(&mut client, "PERMISSION_UPDATE").await["data"]["reason"], "snapshot");
        }
    }
}

#[actix_rt::test]
async fn notices_that_were_missed_are_told_once_and_in_order() {
    for transport in ALL {
        let world = World::new();
        world.policy.set(7, 1, &["a"], &[]);
        let mut first = at_snapshot(&world, transport).await;
        world.apply(2, notice(2), Audience::Everyone).await;
        assert_eq!(world.message(&mut first, "SYSTEM_NOTICE").await["data"]["title"], "维护");
        let position = first.leave();
        world.apply(3, notice(3), Audience::Everyone).await;
        world.apply(4, notice(4), Audience::Everyone).await;
        let mut client = world.join(transport, &world.login(7, "s1"), resume(position)).await;
        for seq in [3, 4] {
            assert_eq!(world.message(&mut client, "SYSTEM_NOTICE").await["data"]["id"], seq, "{transport:?}");
        }
        world.apply(5, notice(5), Audience::Everyone).await;
        assert_eq!(world.message(&mut client, "SYSTEM_NOTICE").await["data"]["id"], 5, "none twice");
    }
}

#[actix_rt::test]
async fn notices_beyond_the_window_are_admitted_as_missing() {
    for transport in ALL {
        let world = World::with(|config| config.notices_kept = 2);
        world.policy.set(7, 1, &["a"], &[]);
        let mut first = at_snapshot(&world, transport).await;
        world.apply(2, notice(2), Audience::Everyone).await;
        world.message(&mut first, "SYSTEM_NOTICE").await;
        let position = first.leave();
        for seq in 3..=6 {
            world.apply(seq, notice(seq), Audience::Everyone).await;
        }
        let mut client = world.join(transport, &world.login(7, "s1"), resume(position)).await;
        let resync = world.message(&mut client, "RESYNC").await["data"].clone();
        assert_eq!(resync, with(&resync, &json!({"from": 3, "to": 6, "reason": "window"})));
        for seq in [5, 6] {
            assert_eq!(world.message(&mut client, "SYSTEM_NOTICE").await["data"]["id"], seq);
        }
    }
}

/// Gives `value` with these fields: an event's data has the envelope's as well.
fn with(value: &Value, fields: &Value) -> Value {
    let mut value = value.clone();
    for (name, field) in fields.as_object().unwrap() {
        value[name] = field.clone();
    }
    value
}

#[actix_rt::test]
async fn a_kick_is_the_last_word_on_every_transport() {
    for transport in ALL {
        let world = World::new();
        world.policy.set(7, 1, &["a"], &[]);
        let mut client = at_snapshot(&world, transport).await;
        world.end(2, 7, None, None).await;
        let kick = world.message(&mut client, "FORCE_LOGOUT").await;
        assert_eq!(
            (&kick["data"]["reason"], &kick["data"]["code"]),
            (&json!("kicked"), &json!("session_kicked"))
        );
        assert_eq!(world.closing(&mut client).await, 4501, "{transport:?}");
    }
}

/// S2-73, S3-83.
#[actix_rt::test]
async fn topics_are_heard_by_right_and_the_right_is_asked_again() {
    for transport in ALL {
        let world = World::new();
        world.policy.set(7, 1, &["a"], &[]);
        world.policy.topics.lock().unwrap().insert("receipts");
        let topics = vec!["receipts".to_owned(), "secret".to_owned()];
        let wishes = Wishes { topics, ..Wishes::default() };
        let mut client = world.join(transport, &world.login(7, "s1"), wishes).await;
        let hello = world.message(&mut client, "CONNECTED").await["data"].clone();
        assert_eq!((&hello["topics"], &hello["refused"]), (&json!(["receipts"]), &json!(["secret"])));
        world.engine.publish(publication("secret", "no")).await.unwrap();
        world.engine.publish(publication("receipts", "yes")).await.unwrap();
        assert_eq!(world.message(&mut client, "RECEIPT").await["data"]["what"], "yes");

        world.policy.topics.lock().unwrap().clear();
        world.policy.set(7, 2, &["a", "b"], &[]);
        world.refresh(2, accounts(&[7])).await;
        let told = world.message(&mut client, "SUBSCRIBED").await["data"].clone();
        assert_eq!((&told["topics"], &told["refused"]), (&json!([]), &json!(["receipts"])));
        world.engine.publish(publication("receipts", "too late")).await.unwrap();
        world.end(3, 7, None, None).await;
        let next = world.heard(&mut client).await;
        assert!(matches!(&next, crate::client::Heard::Message(m) if m["type"] == "FORCE_LOGOUT"), "{next:?}");
    }
}

fn publication(topic: &str, what: &str) -> Publication {
    Publication {
        kind: livegrant_actors::MessageType::Receipt,
        topic: Some(topic.into()),
        audience: Audience::Everyone,
        data: serde_json::value::to_raw_value(&json!({"what": what})).unwrap().into(),
        operator: None,
        message_id: None,
    }
}

#[actix_rt::test]
async fn a_token_that_ends_is_announced_and_a_refresh_in_time_keeps_the_tab() {
    for transport in ALL {
        let world = World::swept();
        world.policy.set(7, 1, &["a"], &[]);
        let end = world.now() + 90_000;
        let login = world.login(7, "s1");
        let mut client = world.join_until(transport, &login, Wishes::default(), end).await;
        world.message(&mut client, "PERMISSION_UPDATE").await;
        world.pass(Duration::from_secs(31));
        let warning = world.message(&mut client, "TOKEN_EXPIRING").await;
        assert_eq!(warning["data"]["expiresAt"], end);
        world.engine.extend(livegrant_actors::AccountId(7), &"s1".into(), end + 90_000).await;
        world.pass(Duration::from_secs(55));
        // Near the old end, and only heard of the state: a checkpoint or the next change.
        world.policy.set(7, 2, &[], &[]);
        world.refresh(2, accounts(&[7])).await;
        world.message(&mut client, "PERMISSION_UPDATE").await;
        world.applied(&mut client, 2).await;
        world.pass(Duration::from_secs(40));
        assert_eq!(world.message(&mut client, "TOKEN_EXPIRING").await["data"]["expiresAt"], end + 90_000);
        world.applied(&mut client, 2).await;
        world.pass(Duration::from_secs(55));
        assert_eq!(world.closing(&mut client).await, 4001, "{transport:?}");
    }
}

#[actix_rt::test]
async fn an_idle_tab_is_told_where_it_stands() {
    for transport in ALL {
        let world = World::with(|config| {
            config.sweep_interval = Duration::from_millis(20);
            config.checkpoint_interval = Duration::from_secs(20);
        });
        world.policy.set(7, 1, &["a"], &[]);
        let mut client = at_snapshot(&world, transport).await;
        world.pass(Duration::from_secs(20));
        let place = world.message(&mut client, "CHECKPOINT").await;
        assert_eq!((&place["data"]["rev"], &place["data"]["inboxSeq"]), (&json!(1), &json!(0)));
    }
}

#[actix_rt::test]
async fn the_tab_that_was_idle_longest_makes_room_and_must_not_come_back() {
    for transport in ALL {
        let world = World::with(|config| config.max_tabs_per_account = 2);
        world.policy.set(7, 1, &["a"], &[]);
        let login = world.login(7, "s1");
        let mut first = world.join(transport, &login, Wishes::default()).await;
        world.message(&mut first, "PERMISSION_UPDATE").await;
        world.pass(Duration::from_secs(1));
        let mut second = world.join(transport, &login, Wishes::default()).await;
        world.message(&mut second, "PERMISSION_UPDATE").await;
        world.pass(Duration::from_secs(1));
        world.applied(&mut first, 1).await;
        until("the first has spoken", || world.engine.stats().tabs == 2).await;
        world.refresh(9, accounts(&[8])).await;
        if transport == Transport::WebSocket {
            first.hears_nothing().await;
        }
        let _third = world.join(transport, &login, Wishes::default()).await;
        assert_eq!(world.closing(&mut second).await, 4509, "the first was active since");
    }
}

#[actix_rt::test]
async fn a_full_account_never_holds_more_than_its_tabs_over_all_transports() {
    let world = World::with(|config| config.max_tabs_per_account = 3);
    world.policy.set(7, 1, &["a"], &[]);
    let login = world.login(7, "s1");
    let mut kept = Vec::new();
    for transport in ALL.into_iter().chain(ALL) {
        kept.push(world.join(transport, &login, Wishes::default()).await);
    }
    let online = world.engine.online().await;
    assert_eq!(online[0].tabs.len(), 3);
    assert_eq!(world.closed("replaced"), 3);
}

/// S3-74, S3-76.
#[actix_rt::test]
async fn signed_and_encrypted_messages_open_with_the_keys_of_the_introduction() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

    for transport in ALL {
        let world = World::new();
        world.policy.set(7, 1, &["secret:code"], &[]);
        let wishes = Wishes { signed: true, encrypted: true, ..Wishes::default() };
        let mut client = world.join(transport, &world.login(7, "s1"), wishes).await;
        let hello = world.message(&mut client, "CONNECTED").await["data"].clone();
        let key = |name: &str| STANDARD.decode(hello[name].as_str().unwrap()).unwrap();
        assert_ne!(key("hashKey"), key("dataKey"));
        let sealed = world.message(&mut client, "PERMISSION_UPDATE").await;
        assert!(!sealed.to_string().contains("secret:code"), "{sealed}");
        let (signature, data) = match transport {
            Transport::Sse => (&sealed["data"]["envelopeHash"], &sealed["data"]),
            Transport::WebSocket | Transport::Poll => (&sealed["hash"], &sealed["data"]),
        };
        assert_eq!(signature.as_str().unwrap().len(), 64);
        let part = |name: &str| STANDARD.decode(data[name].as_str().unwrap()).unwrap();
        let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key("dataKey")).unwrap());
        let nonce = Nonce::try_assume_unique_for_key(&part("iv")).unwrap();
        let mut text = part("ct");
        let id = sealed["messageId"].as_str().unwrap();
        let opened =
            cipher.open_in_place(nonce, Aad::from(id), &mut text).expect("the key of the introduction");
        let opened: Value = serde_json::from_slice(opened).unwrap();
        assert_eq!(opened["permissions"], json!(["secret:code"]));
    }
}

#[actix_rt::test]
async fn a_session_that_has_ended_meanwhile_is_told_nothing_but_its_end() {
    for transport in ALL {
        let world = World::new();
        world.policy.set(7, 1, &["a"], &[]);
        let login = world.login(7, "s1");
        let mut client = world.join(transport, &login, Wishes::default()).await;
        world.message(&mut client, "PERMISSION_UPDATE").await;
        login.active.store(false, std::sync::atomic::Ordering::SeqCst);
        world.policy.set(7, 2, &["a", "b"], &[]);
        world.refresh(2, accounts(&[7])).await;
        world.apply(3, notice(3), Audience::Everyone).await;
        world.end(4, 7, None, None).await;
        let next = world.heard(&mut client).await;
        assert!(matches!(&next, crate::client::Heard::Message(m) if m["type"] == "FORCE_LOGOUT"), "{next:?}");
    }
}

#[actix_rt::test]
async fn a_message_is_followed_to_each_tab() {
    let world = World::new();
    world.policy.set(7, 1, &["a"], &[]);
    let login = world.login(7, "s1");
    let mut clients = Vec::new();
    for transport in ALL {
        let mut client = world.join(transport, &login, Wishes::default()).await;
        world.message(&mut client, "PERMISSION_UPDATE").await;
        clients.push(client);
    }
    world.policy.set(7, 2, &[], &[]);
    world.refresh(2, accounts(&[7])).await;
    let mut id = String::new();
    for client in &mut clients {
        id = world.message(client, "PERMISSION_UPDATE").await["messageId"].as_str().unwrap().to_owned();
    }
    world.applied(&mut clients[1], 2).await;
    let trace = world.engine.trace(&id).await.expect("it is remembered");
    assert_eq!((trace.account.0, trace.rev.unwrap().0), (7, 2));
    let tabs: Vec<_> =
        trace.tabs.iter().map(|tab| (tab.transport.label(), &*tab.state, tab.acknowledged)).collect();
    assert_eq!(tabs, [("websocket", "written", false), ("sse", "written", true), ("poll", "written", false)]);
    assert_eq!(world.engine.trace("unknown").await, None);
}

#[actix_rt::test]
async fn a_batch_that_did_not_arrive_is_given_again() {
    let world = World::new();
    world.policy.set(7, 1, &["a"], &[]);
    let login = world.login(7, "s1");
    let client = world.join(Transport::Poll, &login, Wishes::default()).await;
    let (account, session) = (livegrant_actors::AccountId(7), "s1".into());
    let ask = async |cursor| {
        world.engine.poll(account, &session, &client.id, (cursor, None), Duration::ZERO).await.unwrap()
    };
    let first = ask(0).await;
    assert_eq!(first.messages.len(), 2);
    assert_eq!(ask(0).await, first, "asked again as if it had not arrived");
    assert_eq!(ask(first.cursor).await.messages.len(), 0);
    let strange = world.engine.poll(account, &"s2".into(), &client.id, (0, None), Duration::ZERO).await;
    assert_eq!(strange, None, "another session's tab is nobody's business");
}

#[actix_rt::test]
async fn a_stream_of_events_that_its_client_closes_is_gone() {
    let world = World::new();
    world.policy.set(7, 1, &["a"], &[]);
    let client = at_snapshot(&world, Transport::Sse).await;
    assert_eq!(world.engine.online().await[0].tabs[0].transport.label(), "sse");
    drop(client);
    until("the tab is gone", || world.engine.stats().tabs == 0).await;
}
