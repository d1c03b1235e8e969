//! One suite that every [`Bus`] must pass.
//!
//! It panics on a breach, so it is called from tests only. It asks for no more than [`Bus`]
//! promises: no delivery guarantee across failures.

use std::time::Duration;

use bytes::Bytes;

use super::{Bus, BusError, Channel, Heard, Line, Message, PAYLOAD_MAX};
use crate::protocol::ids::AccountId;

/// Longest wait for a message that must come.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs the whole suite on two nodes of one bus; `queue` is how many messages a line keeps for a slow reader.
///
/// # Panics
/// When the bus breaks its contract.
pub async fn check(here: &dyn Bus, there: &dyn Bus, queue: usize) {
    sending_to_nobody_is_not_an_error(here).await;
    every_line_of_another_node_hears_every_message_in_order(here, there).await;
    a_node_does_not_hear_itself(here, there).await;
    channels_are_apart(here, there).await;
    a_channel_is_heard_again_after_it_was_left(here, there).await;
    too_much_is_refused_and_the_largest_is_carried(here, there).await;
    a_slow_line_is_told_that_it_missed_something(here, there, queue).await;
}

async fn sending_to_nobody_is_not_an_error(here: &dyn Bus) {
    send(here, Channel::Nodes, "nobody").await;
}

async fn every_line_of_another_node_hears_every_message_in_order(here: &dyn Bus, there: &dyn Bus) {
    let mut first = listen(there, &[Channel::Nodes]).await;
    let mut second = listen(there, &[Channel::Nodes]).await;
    for text in ["1", "2", "3"] {
        send(here, Channel::Nodes, text).await;
    }
    for line in [&mut first, &mut second] {
        for text in ["1", "2", "3"] {
            let payload = Bytes::from(text);
            assert_eq!(next(line).await, Message { channel: Channel::Nodes, from: here.node(), payload });
        }
    }
}

async fn a_node_does_not_hear_itself(here: &dyn Bus, there: &dyn Bus) {
    let mut own = listen(here, &[Channel::Nodes]).await;
    send(here, Channel::Nodes, "mine").await;
    send(there, Channel::Nodes, "theirs").await;
    assert_eq!(next(&mut own).await.payload, "theirs");
}

async fn channels_are_apart(here: &dyn Bus, there: &dyn Bus) {
    let mut one = listen(there, &[Channel::Account(AccountId(1)), Channel::Node(there.node())]).await;
    let mut nodes = listen(there, &[Channel::Nodes]).await;
    send(here, Channel::Account(AccountId(2)), "two").await;
    send(here, Channel::Node(here.node()), "myself").await;
    send(here, Channel::Account(AccountId(1)), "one").await;
    send(here, Channel::Node(there.node()), "you").await;
    send(here, Channel::Nodes, "nodes").await;
    let (first, second) = (next(&mut one).await, next(&mut one).await);
    assert_eq!((first.channel, &first.payload[..]), (Channel::Account(AccountId(1)), &b"one"[..]));
    assert_eq!((second.channel, &second.payload[..]), (Channel::Node(there.node()), &b"you"[..]));
    assert_eq!(next(&mut nodes).await.payload, "nodes");
}

async fn a_channel_is_heard_again_after_it_was_left(here: &dyn Bus, there: &dyn Bus) {
    let (nine, ten) = (Channel::Account(AccountId(9)), Channel::Account(AccountId(10)));
    let mut line = listen(there, &[nine, ten]).await;
    line.ears().leave(vec![nine]);
    // Leaving takes its time on some; coming back does not.
    line.ears().listen(vec![nine]).await.expect("listens");
    send(here, nine, "heard").await;
    assert_eq!(next(&mut line).await.payload, "heard");
    send(here, ten, "as before").await;
    assert_eq!(next(&mut line).await.payload, "as before");
}

async fn too_much_is_refused_and_the_largest_is_carried(here: &dyn Bus, there: &dyn Bus) {
    let mut line = listen(there, &[Channel::Nodes]).await;
    let refused = here.publish(Channel::Nodes, Bytes::from(vec![b'x'; PAYLOAD_MAX + 1])).await;
    assert_eq!(refused, Err(BusError::TooLarge(PAYLOAD_MAX + 1)));
    here.publish(Channel::Nodes, Bytes::from(vec![b'y'; PAYLOAD_MAX])).await.expect("the largest");
    assert_eq!(next(&mut line).await.payload.len(), PAYLOAD_MAX);
}

async fn a_slow_line_is_told_that_it_missed_something(here: &dyn Bus, there: &dyn Bus, queue: usize) {
    let mut slow = listen(there, &[Channel::Nodes]).await;
    let mut quick = listen(there, &[Channel::Nodes]).await;
    // Twice what fits: the slow one's connection may be behind by some when the quick one has heard them all.
    for number in 0..2 * queue {
        send(here, Channel::Nodes, &number.to_string()).await;
        // The other line keeps up, so that everything has come this far.
        assert_eq!(next(&mut quick).await.payload, number.to_string());
    }
    // The slow one's connection may be a little behind: it is given the time by one that must not be missed.
    let mut heard = 0;
    loop {
        match hear(&mut slow).await {
            Heard::Message(message) => {
                assert_eq!(message.payload, heard.to_string(), "in order up to the gap");
                heard += 1;
            }
            Heard::Missed => break,
        }
        if heard == queue {
            send(here, Channel::Nodes, "after").await;
        }
    }
    assert!((1..=queue).contains(&heard), "{heard} of {queue}");
    send(here, Channel::Nodes, "goes on").await;
    while next(&mut slow).await.payload != "goes on" {}
}

async fn listen(bus: &dyn Bus, channels: &[Channel]) -> Line {
    let line = bus.line("contract");
    line.ears().listen(channels.to_vec()).await.expect("listens");
    line
}

async fn send(bus: &dyn Bus, channel: Channel, text: &str) {
    bus.publish(channel, Bytes::from(text.to_owned())).await.expect("sends");
}

async fn hear(line: &mut Line) -> Heard {
    let heard = tokio::time::timeout(PATIENCE, line.recv()).await;
    heard.expect("comes in time").expect("the bus is there")
}

async fn next(line: &mut Line) -> Message {
    match hear(line).await {
        Heard::Message(message) => message,
        Heard::Missed => panic!("nothing was missed here"),
    }
}
