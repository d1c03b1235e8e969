//! Redis is away, comes back, or hangs.

use std::net::TcpListener;

use bytes::Bytes;
use livegrant_actors::bus::redis::Topology;
use livegrant_actors::bus::{Bus, BusError, Channel, Heard};

use crate::server::Server;
use crate::support::{account, bus, healthy, hear, listening, send_until_heard, two, until};

fn is_unreachable<T>(result: &Result<T, BusError>) -> bool {
    matches!(result, Err(BusError::Unreachable(_)))
}

#[actix_rt::test]
async fn a_bus_starts_without_redis_and_keeps_what_was_wanted() {
    let mut server = Server::start(&[]);
    server.kill();
    let (here, there) = two(&server);
    let mut line = there.line("test");
    assert!(is_unreachable(&line.ears().listen(vec![account(1)]).await));
    assert!(is_unreachable(&here.publish(account(1), Bytes::new()).await));
    assert!(there.health().trouble.is_some_and(|text| text.contains("line test: ")));
    server.restart();
    assert!(send_until_heard(&*here, account(1), &mut line).await, "what was lost meanwhile is said");
    healthy(&*there).await;
}

#[actix_rt::test]
async fn a_killed_server_is_missed_and_heard_again() {
    let mut server = Server::start(&[]);
    let (here, there) = two(&server);
    let mut line = listening(&*there, account(1)).await;
    let mut nodes = listening(&*there, Channel::Nodes).await;
    for _ in 0..3 {
        send_until_heard(&*here, account(1), &mut line).await;
        send_until_heard(&*here, Channel::Nodes, &mut nodes).await;
        server.kill();
        until("the publisher notices", || here.health().trouble.is_some()).await;
        server.restart();
        assert!(send_until_heard(&*here, account(1), &mut line).await);
        assert!(send_until_heard(&*here, Channel::Nodes, &mut nodes).await);
    }
    healthy(&*there).await;
    assert!(there.health().reconnects >= 6, "{:?}", there.health());
}

#[actix_rt::test]
async fn an_outage_of_many_tries_ends_like_a_short_one() {
    let mut server = Server::start(&[]);
    let (here, there) = two(&server);
    let mut line = listening(&*there, account(1)).await;
    server.kill();
    // In the server's place stands one who hangs up on everybody, and counts.
    let port = TcpListener::bind(("127.0.0.1", server.port)).expect("the server's port is free");
    port.set_nonblocking(true).expect("a socket can be made not to wait");
    let mut tries = 0;
    until("forty tries, more than the library's managers make", || {
        while port.accept().is_ok() {
            tries += 1;
        }
        tries >= 40
    })
    .await;
    drop(port);
    server.restart();
    assert!(send_until_heard(&*here, account(1), &mut line).await);
}

#[actix_rt::test]
async fn a_server_that_hangs_is_noticed_and_found_again() {
    let server = Server::start(&[]);
    let (here, there) = two(&server);
    let mut line = listening(&*there, account(1)).await;
    healthy(&*there).await;
    server.signal("STOP");
    let is_away = |text: String| text.contains("line test: 127.0.0.1");
    until("the line has given its connection up", || there.health().trouble.is_some_and(is_away)).await;
    assert!(is_unreachable(&here.publish(account(1), Bytes::new()).await));
    server.signal("CONT");
    assert!(send_until_heard(&*here, account(1), &mut line).await);
    healthy(&*there).await;
}

#[actix_rt::test]
async fn twenty_thousand_channels_are_heard_again() {
    const CHANNELS: i64 = 20_000;
    let mut server = Server::start(&[]);
    let (here, there) = two(&server);
    let mut line = there.line("test");
    line.ears().listen((0..CHANNELS).map(account).collect()).await.expect("listens");
    let heard = |server: &Server| server.run::<Vec<String>>(&["PUBSUB", "CHANNELS", "t:account:*"]).len();
    assert_eq!(heard(&server), CHANNELS as usize);
    server.kill();
    server.restart();
    assert_eq!(hear(&mut line).await, Heard::Missed);
    assert_eq!(heard(&server), CHANNELS as usize);
    for id in [0, 999, 1000, CHANNELS - 1] {
        send_until_heard(&*here, account(id), &mut line).await;
    }
}

#[actix_rt::test]
async fn a_subscriber_that_redis_cuts_off_comes_back() {
    let server = Server::start(&[]);
    let (here, there) = two(&server);
    let mut line = listening(&*there, account(1)).await;
    server.run::<i64>(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    assert_eq!(hear(&mut line).await, Heard::Missed);
    server.run::<i64>(&["CLIENT", "KILL", "TYPE", "normal"]);
    send_until_heard(&*here, account(1), &mut line).await;
}

#[actix_rt::test]
async fn a_server_that_takes_publishes_and_delivers_nothing_is_noticed() {
    // The canary's way is closed to one user: the connection stands, publishes succeed, nothing comes.
    let server = Server::start(&[]);
    server.run::<()>(&["ACL", "SETUSER", "deaf", "on", ">x", "allcommands", "allkeys", "allchannels"]);
    let url = format!("redis://deaf:x@127.0.0.1:{}", server.port);
    let there = bus(Topology::Standalone { url }, 2);
    let mut line = listening(&*there, account(1)).await;
    healthy(&*there).await;
    // Unsubscribed behind its back, as after a failover that a client did not notice.
    let prefix = "t:canary:*";
    until("the canary's channel is there", || {
        !server.run::<Vec<String>>(&["PUBSUB", "CHANNELS", prefix]).is_empty()
    })
    .await;
    server.run::<()>(&["ACL", "SETUSER", "deaf", "resetchannels"]);
    until("the bus says so", || there.health().trouble.is_some()).await;
    server.run::<()>(&["ACL", "SETUSER", "deaf", "allchannels"]);
    healthy(&*there).await;
    assert_eq!(hear(&mut line).await, Heard::Missed);
}
