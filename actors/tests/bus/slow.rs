//! A reader that sleeps.

use bytes::Bytes;
use livegrant_actors::bus::redis::QUEUE;
use livegrant_actors::bus::{Bus, Channel, Heard, PAYLOAD_MAX};

use crate::server::Server;
use crate::support::{hear, listening, send_until_heard, two};

#[actix_rt::test]
async fn a_hundred_megabytes_for_a_sleeper_cost_sixteen() {
    let server = Server::start(&[]);
    let (here, there) = two(&server);
    let mut asleep = listening(&*there, Channel::Nodes).await;
    let mut awake = listening(&*there, Channel::Nodes).await;
    let large = Bytes::from(vec![b'x'; PAYLOAD_MAX - 100]);
    for _ in 0..100 {
        here.publish(Channel::Nodes, large.clone()).await.expect("sends");
        assert!(matches!(hear(&mut awake).await, Heard::Message(_)), "who keeps up misses nothing");
    }
    let (mut bytes, mut missed) = (0, false);
    let mut held = Vec::new();
    while let Some(heard) = asleep.try_recv() {
        match heard {
            Heard::Message(message) => {
                bytes += message.payload.len();
                held.push(message);
            }
            Heard::Missed => missed = true,
        }
    }
    assert!(bytes <= 16 * PAYLOAD_MAX && held.len() >= 10, "{bytes} bytes waited");
    // What the reader still holds counts too: nothing large comes before it lets go.
    drop(held);
    missed |= send_until_heard(&*here, Channel::Nodes, &mut asleep).await;
    assert!(missed, "that most of it is lost is said");
}

#[actix_rt::test]
async fn an_overflow_is_said_without_another_message() {
    let server = Server::start(&[]);
    let (here, there) = two(&server);
    let mut asleep = listening(&*there, Channel::Nodes).await;
    for _ in 0..QUEUE + 10 {
        here.publish(Channel::Nodes, Bytes::from_static(b"x")).await.expect("sends");
    }
    for _ in 0..QUEUE {
        assert!(matches!(hear(&mut asleep).await, Heard::Message(_)));
    }
    assert_eq!(hear(&mut asleep).await, Heard::Missed);
}
