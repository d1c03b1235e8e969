//! One suite that every [`Bus`] must pass.
//!
//! It panics on a breach, so it is called from tests only. It asks for no more than [`Bus`]
//! promises: no delivery guarantee across failures.

use bytes::Bytes;

use super::{Bus, Channel, Missed, Subscription};
use crate::protocol::ids::AccountId;

/// Runs the whole suite; `queue` is how many doorbells the bus keeps for a slow subscriber.
///
/// # Panics
/// When the bus breaks its contract.
pub async fn check(bus: &dyn Bus, queue: usize) {
    ringing_an_empty_channel_is_not_an_error(bus).await;
    every_subscriber_hears_every_doorbell_in_order(bus).await;
    channels_are_apart(bus).await;
    a_slow_subscriber_is_told_that_it_lagged(bus, queue).await;
    a_channel_works_again_after_its_last_subscriber_left(bus).await;
}

async fn ringing_an_empty_channel_is_not_an_error(bus: &dyn Bus) {
    ring(bus, Channel::Policy, "nobody").await;
}

async fn every_subscriber_hears_every_doorbell_in_order(bus: &dyn Bus) {
    let mut first = listen(bus, Channel::Policy).await;
    let mut second = listen(bus, Channel::Policy).await;
    for text in ["1", "2", "3"] {
        ring(bus, Channel::Policy, text).await;
    }
    for subscriber in [&mut first, &mut second] {
        for text in ["1", "2", "3"] {
            assert_eq!(subscriber.recv().await, Ok(Bytes::from(text)));
        }
    }
}

async fn channels_are_apart(bus: &dyn Bus) {
    let mut one = listen(bus, Channel::Account(AccountId(1))).await;
    let mut policy = listen(bus, Channel::Policy).await;
    ring(bus, Channel::Account(AccountId(2)), "two").await;
    ring(bus, Channel::Account(AccountId(1)), "one").await;
    ring(bus, Channel::Policy, "policy").await;
    assert_eq!(one.recv().await, Ok(Bytes::from("one")));
    assert_eq!(policy.recv().await, Ok(Bytes::from("policy")));
}

async fn a_slow_subscriber_is_told_that_it_lagged(bus: &dyn Bus, queue: usize) {
    let mut slow = listen(bus, Channel::Policy).await;
    for number in 0..queue + 10 {
        ring(bus, Channel::Policy, &number.to_string()).await;
    }
    assert!(matches!(slow.recv().await, Err(Missed::Lagged(missed)) if missed >= 10));
    assert!(slow.recv().await.is_ok(), "goes on after the gap");
}

async fn a_channel_works_again_after_its_last_subscriber_left(bus: &dyn Bus) {
    drop(listen(bus, Channel::Account(AccountId(9))).await);
    ring(bus, Channel::Account(AccountId(9)), "lost").await;
    let mut later = listen(bus, Channel::Account(AccountId(9))).await;
    ring(bus, Channel::Account(AccountId(9)), "heard").await;
    assert_eq!(later.recv().await, Ok(Bytes::from("heard")));
}

async fn listen(bus: &dyn Bus, channel: Channel) -> Subscription {
    bus.subscribe(channel).await.expect("subscribes")
}

async fn ring(bus: &dyn Bus, channel: Channel, text: &str) {
    bus.publish(channel, Bytes::from(text.to_owned())).await.expect("publishes");
}
