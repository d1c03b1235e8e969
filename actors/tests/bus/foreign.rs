//! What others publish on the bus's channels: everybody who reaches Redis can.

use std::collections::HashSet;

use bytes::Bytes;
use livegrant_actors::NodeId;
use livegrant_actors::bus::redis::{RedisBus, RedisConfig, Topology};
use livegrant_actors::bus::{Bus, Heard, PAYLOAD_MAX};
use redis::Commands;

use crate::server::Server;
use crate::support::{account, hear, listening, two, until};

/// Bytes before the payload.
const HEAD: usize = 33;

/// Catches one message as it travels.
fn catch(subscriber: &mut redis::Connection, publish: impl FnOnce()) -> Vec<u8> {
    let mut pubsub = subscriber.as_pubsub();
    pubsub.subscribe("t:account:1").expect("subscribes");
    publish();
    pubsub.get_message().expect("a message").get_payload_bytes().to_vec()
}

#[actix_rt::test]
async fn only_what_a_node_of_this_cluster_said_for_this_channel_is_heard_and_once() {
    let server = Server::start(&[]);
    let (here, there) = two(&server);
    let mut line = listening(&*there, account(1)).await;
    line.ears().listen(vec![account(2)]).await.expect("listens");
    let client = redis::Client::open(server.url()).expect("an address");
    let mut other = client.get_connection().expect("connects");

    let mut spy = client.get_connection().expect("connects");
    let (asking, answer) = std::sync::mpsc::sync_channel(1);
    let (ready, is_ready) = tokio::sync::oneshot::channel();
    let spying = std::thread::spawn(move || {
        let envelope = catch(&mut spy, || ready.send(()).expect("the test waits"));
        asking.send(envelope).expect("the test waits");
    });
    is_ready.await.expect("the spy listens");
    here.publish(account(1), Bytes::from_static(b"real")).await.expect("sends");
    assert!(matches!(hear(&mut line).await, Heard::Message(message) if message.payload == "real"));
    let real = answer.recv().expect("the spy heard it");
    spying.join().expect("the spy ends well");
    assert_eq!(&real[HEAD..], b"real");

    let mut expected = 0;
    let mut throw = |channel: &str, bytes: &[u8]| {
        other.publish::<_, _, ()>(channel, bytes).expect("publishes");
        expected += 1;
    };
    throw("t:account:1", &real); // repeated
    throw("t:account:2", &real); // moved to another account
    throw("t:account:1", b"hello"); // no envelope
    throw("t:account:1", &[&[9], &real[1..]].concat()); // of another version
    throw("t:account:1", &vec![1; HEAD + PAYLOAD_MAX + 1]); // too large
    for at in [1, 16, 17, 25, HEAD] {
        let mut forged = real.clone();
        forged[at] ^= 1;
        throw("t:account:1", &forged);
    }
    until("all are thrown away", || there.health().rejected == expected).await;
    assert_eq!(line.try_recv(), None);

    // A node that does not know the secret.
    let stranger = RedisBus::start(RedisConfig {
        topology: Topology::Standalone { url: server.url() },
        node: NodeId(1),
        secret: b"another secret, as long as the first".to_vec(),
        prefix: "t".to_owned(),
    });
    stranger.publish(account(1), Bytes::from_static(b"let me in")).await.expect("Redis takes everything");
    until("the stranger is not heard", || there.health().rejected == expected + 1).await;

    here.publish(account(1), Bytes::from_static(b"again")).await.expect("sends");
    assert!(matches!(hear(&mut line).await, Heard::Message(message) if message.payload == "again"));
}

#[actix_rt::test]
async fn many_who_publish_at_once_are_all_heard_once() {
    let server = Server::start(&[]);
    let (here, there) = two(&server);
    let mut line = listening(&*there, account(1)).await;
    let sent =
        (0..400u32).map(|number| here.publish(account(1), Bytes::copy_from_slice(&number.to_be_bytes())));
    for result in futures_util::future::join_all(sent).await {
        result.expect("sends");
    }
    let mut heard = HashSet::new();
    while heard.len() < 400 {
        let Heard::Message(message) = hear(&mut line).await else { panic!("nothing was missed") };
        assert!(heard.insert(message.payload), "twice");
    }
    assert_eq!(there.health().rejected, 0);
}
