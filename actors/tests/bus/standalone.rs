//! One server, nothing broken.

use bytes::Bytes;
use livegrant_actors::bus::redis::QUEUE;
use livegrant_actors::bus::{Bus, Channel, Heard, contract};

use crate::server::Server;
use crate::support::{account, healthy, hear, listening, send_until_heard, two, until};

#[actix_rt::test]
async fn it_keeps_the_contract_of_a_bus() {
    let server = Server::start(&[]);
    let (here, there) = two(&server);
    contract::check(&*here, &*there, QUEUE).await;
    let _line = there.line("canary");
    healthy(&*there).await;
    let health = there.health();
    assert_eq!((health.reconnects, health.rejected), (0, 0), "{health:?}");
}

#[actix_rt::test]
async fn it_works_with_a_password_and_another_database() {
    let server = Server::start(&["--requirepass", "hunter2"]);
    let url = format!("redis://:hunter2@127.0.0.1:{}/3", server.port);
    let topology = || livegrant_actors::bus::redis::Topology::Standalone { url: url.clone() };
    let (here, there) = (crate::support::bus(topology(), 1), crate::support::bus(topology(), 2));
    let mut line = listening(&*there, account(1)).await;
    assert!(!send_until_heard(&*here, account(1), &mut line).await);
}

#[actix_rt::test]
async fn a_channel_that_is_left_is_unsubscribed_a_little_later_and_a_reload_costs_no_command() {
    let server = Server::start(&[]);
    let (here, there) = two(&server);
    let mut line = listening(&*there, account(1)).await;
    line.ears().listen(vec![account(2)]).await.unwrap();
    let commands = || server.run::<String>(&["INFO", "commandstats"]);
    let subscribes = |text: String| {
        let line = text.lines().find(|line| line.starts_with("cmdstat_subscribe:")).unwrap_or("").to_owned();
        line.split([':', ',']).nth(1).unwrap_or("").to_owned()
    };
    let before = subscribes(commands());
    line.ears().leave(vec![account(1), account(2)]);
    line.ears().listen(vec![account(2)]).await.unwrap();
    let heard = |id: i64| server.run::<(String, i64)>(&["PUBSUB", "NUMSUB", &format!("t:account:{id}")]).1;
    until("the channel is unsubscribed", || heard(1) == 0).await;
    assert_eq!((heard(2), subscribes(commands())), (1, before));
    here.publish(account(2), Bytes::from_static(b"x")).await.unwrap();
    assert!(matches!(hear(&mut line).await, Heard::Message(message) if message.payload == "x"));
}

#[actix_rt::test]
async fn a_flushed_server_changes_nothing() {
    let server = Server::start(&[]);
    let (here, there) = two(&server);
    let mut line = listening(&*there, account(1)).await;
    server.run::<()>(&["FLUSHALL"]);
    server.run::<()>(&["SCRIPT", "FLUSH"]);
    assert!(!send_until_heard(&*here, account(1), &mut line).await);
}

#[actix_rt::test]
async fn a_line_that_is_dropped_closes_its_connection_and_a_bus_its_lines() {
    let server = Server::start(&[]);
    let (_here, there) = two(&server);
    let subscribers = || server.run::<String>(&["CLIENT", "LIST", "TYPE", "pubsub"]).lines().count();
    let first = listening(&*there, Channel::Nodes).await;
    let mut second = listening(&*there, Channel::Nodes).await;
    until("both are connected", || subscribers() == 2).await;
    drop(first);
    until("one is left", || subscribers() == 1).await;
    drop(there);
    assert_eq!(tokio::time::timeout(crate::support::PATIENCE, second.recv()).await, Ok(None));
    until("none is left", || subscribers() == 0).await;
}
