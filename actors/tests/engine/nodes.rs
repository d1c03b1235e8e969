//! Several engines on one bus: what is said on one reaches the tabs on the others.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use livegrant_actors::bus::memory::MemoryHub;
use livegrant_actors::bus::{Bus, Channel, Heard};
use livegrant_actors::cluster::{Correspondent, Pieces};
use livegrant_actors::{AccountId, Audience, CloseReason, ConnectionId, MessageType, NodeId, Publication};
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::Semaphore;

use crate::support::{PATIENCE, World, accounts, until};

/// Knows two questions and keeps the news.
#[derive(Default)]
struct Clerk {
    news: Mutex<Vec<(NodeId, String, String)>>,
    missed: Mutex<u32>,
}

impl Correspondent for Clerk {
    fn news(&self, from: NodeId, about: &str, body: &RawValue) {
        self.news.lock().unwrap().push((from, about.to_owned(), body.get().to_owned()));
    }

    fn bound(&self, about: &str) -> Option<Arc<Semaphore>> {
        (about != "unbounded").then(|| Arc::new(Semaphore::new(1)))
    }

    fn answer(
        self: Arc<Self>,
        from: NodeId,
        about: String,
        body: Box<RawValue>,
    ) -> Pin<Box<dyn Future<Output = Option<Pieces>> + Send>> {
        Box::pin(async move {
            match about.as_str() {
                "echo" => Some(vec![to_raw_value(&from).unwrap(), body]),
                "never" => std::future::pending().await,
                _ => None,
            }
        })
    }

    fn missed(&self) {
        *self.missed.lock().unwrap() += 1;
    }
}

struct Node {
    world: World,
    clerk: Arc<Clerk>,
}

async fn cluster<const N: usize>(hub: &MemoryHub) -> [Node; N] {
    let nodes = std::array::from_fn(|index| {
        let world = World::on(hub.join(NodeId(index as i64 + 1)), |_| {});
        world.policy.set(7, 1, &["a"], &[]);
        let clerk = Arc::new(Clerk::default());
        actix_rt::spawn(world.engine.post().clone().run(world.engine.clone(), Arc::clone(&clerk) as _));
        Node { world, clerk }
    });
    until("all nodes listen", || hub.lines_on(Channel::Nodes) == N).await;
    nodes
}

fn notification(audience: Audience, text: &str) -> Publication {
    Publication {
        kind: MessageType::SystemNotice,
        topic: None,
        audience,
        data: Arc::from(to_raw_value(&json!({"text": text})).unwrap()),
        operator: None,
        message_id: None,
    }
}

#[actix_rt::test]
async fn what_is_published_on_one_node_reaches_the_tabs_on_the_others() {
    let hub = MemoryHub::default();
    let [one, two, three] = cluster(&hub).await;
    let mut near = one.world.open(&one.world.login(7, "s")).await;
    let mut far = two.world.open(&two.world.login(7, "s")).await;
    until("the account is heard", || hub.lines_on(Channel::Account(AccountId(7))) == 2).await;
    for (from, audience, text) in [
        (&one, accounts(&[7]), "from its own node"),
        (&three, accounts(&[7]), "from a node without its tabs"),
        (&two, accounts(&(1..=100).collect::<Vec<_>>()), "to many"),
        (&three, Audience::Everyone, "to all"),
    ] {
        from.world.engine.publish(notification(audience, text)).await.unwrap();
        for tab in [&mut near, &mut far] {
            assert_eq!(tab.message().await["data"]["text"], text);
        }
    }
}

#[actix_rt::test]
async fn an_account_is_heard_from_its_first_tab_until_after_its_last() {
    let hub = MemoryHub::default();
    let [one] = cluster(&hub).await;
    let (login, channel) = (one.world.login(7, "s"), Channel::Account(AccountId(7)));
    let first = one.world.open(&login).await;
    until("it is heard", || hub.lines_on(channel) == 1).await;
    let second = one.world.open(&login).await;
    drop(first);
    until("one tab is left", || one.world.engine.stats().tabs == 1).await;
    assert_eq!(hub.lines_on(channel), 1);
    drop(second);
    until("it is not heard any more", || hub.lines_on(channel) == 0).await;
    let _again = one.world.open(&login).await;
    until("it is heard again", || hub.lines_on(channel) == 1).await;
}

#[actix_rt::test]
async fn a_tab_is_closed_from_another_node() {
    let hub = MemoryHub::default();
    let [one, two] = cluster(&hub).await;
    let mut tab = two.world.open(&two.world.login(7, "s")).await;
    until("the account is heard", || hub.lines_on(Channel::Account(AccountId(7))) == 1).await;
    let online = two.world.engine.online().await;
    let connection = &online[0].tabs[0].connection_id;
    let account = AccountId(7);
    one.world.engine.close_elsewhere(account, &ConnectionId::from("another"), CloseReason::Replaced).await;
    one.world.engine.close_elsewhere(account, connection, CloseReason::Replaced).await;
    assert_eq!(tab.close_code().await, CloseReason::Replaced.code());
}

#[actix_rt::test]
async fn a_token_that_is_refreshed_on_another_node_keeps_its_tab() {
    let hub = MemoryHub::default();
    let one = World::on(hub.join(NodeId(1)), |_| {});
    let two = World::on(hub.join(NodeId(2)), |config| config.sweep_interval = Duration::from_millis(20));
    two.policy.set(7, 1, &["a"], &[]);
    let ends = two.now() + 10_000;
    let (mut tab, attached) = two.try_attach_until(&two.login(7, "s"), &[], ends).await;
    attached.unwrap();
    tab.message().await;
    until("the account is heard", || hub.lines_on(Channel::Account(AccountId(7))) == 1).await;
    one.engine.extend(AccountId(7), &"s".into(), ends + 100_000).await;
    // In the same channel, so the token is prolonged once this has come.
    one.engine.publish(notification(accounts(&[7]), "before")).await.unwrap();
    assert_eq!(tab.message().await["data"]["text"], "before");
    two.pass(Duration::from_secs(20));
    tab.hears_nothing().await;
    one.engine.publish(notification(accounts(&[7]), "still there")).await.unwrap();
    assert_eq!(tab.message().await["data"]["text"], "still there");
}

#[actix_rt::test]
async fn news_reach_every_other_node_and_questions_the_ones_asked() {
    let hub = MemoryHub::default();
    let [one, two, three] = cluster(&hub).await;
    let post = one.world.engine.post();
    post.tell("weather", &"fair").await.unwrap();
    for node in [&two, &three] {
        until("the news are there", || !node.clerk.news.lock().unwrap().is_empty()).await;
        let expected = [(NodeId(1), "weather".to_owned(), "\"fair\"".to_owned())];
        assert_eq!(*node.clerk.news.lock().unwrap(), expected);
    }
    assert!(one.clerk.news.lock().unwrap().is_empty(), "a node does not hear itself");
    let gathered = post.ask(&[NodeId(2), NodeId(3)], "echo", &"hello", PATIENCE).await;
    assert!(gathered.silent.is_empty());
    for (_, pieces) in &gathered.answers {
        assert_eq!(pieces.iter().map(|piece| piece.get()).collect::<Vec<_>>(), ["1", "\"hello\""]);
    }
    let nobody = post.ask(&[NodeId(2)], "unheard of", &"", PATIENCE).await;
    assert_eq!(nobody.answers.len(), 1, "it says that it has nothing to say");
    assert!(nobody.answers[0].1.is_empty());
}

#[actix_rt::test]
async fn who_does_not_answer_in_time_is_named() {
    let hub = MemoryHub::default();
    let [one, _two] = cluster(&hub).await;
    let ask = |about: &'static str| {
        one.world.engine.post().ask(&[NodeId(2), NodeId(9)], about, &"", Duration::from_millis(300))
    };
    let gathered = ask("echo").await;
    assert_eq!((gathered.answers.len(), gathered.silent), (1, vec![NodeId(9)]));
    let gathered = ask("unbounded").await;
    assert_eq!(gathered.silent, [NodeId(2), NodeId(9)], "what is not known is not answered");
    let gathered = ask("never").await;
    assert_eq!((gathered.answers.len(), gathered.silent), (0, vec![NodeId(2), NodeId(9)]));
}

#[actix_rt::test]
async fn an_answer_of_which_a_piece_was_lost_is_none() {
    let hub = MemoryHub::default();
    let [one] = cluster(&hub).await;
    let other = hub.join(NodeId(2));
    let mut line = other.line("test");
    line.ears().listen(vec![Channel::Node(NodeId(2))]).await.unwrap();
    for (places, whole) in [(&[0, 1][..], true), (&[0, 2], false), (&[1], false)] {
        let post = one.world.engine.post().clone();
        let asked =
            actix_rt::spawn(async move { post.ask(&[NodeId(2)], "list", &"", Duration::from_secs(2)).await });
        let Some(Heard::Message(question)) = line.recv().await else { panic!("a question comes") };
        let question: serde_json::Value = serde_json::from_slice(&question.payload).unwrap();
        for place in places {
            let more = place != places.last().unwrap();
            let number = &question["question"]["number"];
            let piece =
                json!({ "answer": { "number": number, "place": place, "piece": place, "more": more } });
            other.publish(Channel::Node(NodeId(1)), piece.to_string().into()).await.unwrap();
        }
        let gathered = asked.await.unwrap();
        assert_eq!(
            (gathered.answers.len(), gathered.silent.is_empty()),
            (usize::from(whole), whole),
            "{places:?}"
        );
    }
}

#[actix_rt::test]
async fn what_is_not_understood_is_skipped() {
    let hub = MemoryHub::default();
    let [one, two] = cluster(&hub).await;
    let stranger = hub.join(NodeId(9));
    let mut tab = two.world.open(&two.world.login(7, "s")).await;
    let channel = Channel::Account(AccountId(7));
    until("the account is heard", || hub.lines_on(channel) == 1).await;
    for text in [
        &b"\xff"[..],
        b"{}",
        b"{\"from_the_future\":{}}",
        b"{\"answer\":{\"number\":99,\"place\":0,\"piece\":null,\"more\":false}}",
    ] {
        for channel in [channel, Channel::Nodes, Channel::Node(NodeId(2))] {
            stranger.publish(channel, text.to_vec().into()).await.unwrap();
        }
    }
    one.world.engine.publish(notification(accounts(&[7]), "after")).await.unwrap();
    assert_eq!(tab.message().await["data"]["text"], "after");
}
