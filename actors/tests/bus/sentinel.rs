//! A server with a replica, and three sentinels: failover without help.

use std::sync::Arc;

use livegrant_actors::bus::contract;
use livegrant_actors::bus::redis::{QUEUE, RedisBus, Topology};

use crate::server::{Server, follows, wait_until, watched};
use crate::support::{account, bus, healthy, listening, send_until_heard, until};

fn nodes(sentinels: &[Server]) -> (Arc<RedisBus>, Arc<RedisBus>) {
    let urls: Vec<_> = sentinels.iter().map(Server::url).collect();
    let topology = || Topology::Sentinel { urls: urls.clone(), master: "main".to_owned(), password: None };
    (bus(topology(), 1), bus(topology(), 2))
}

fn master(sentinel: &Server) -> u16 {
    let address = sentinel.run::<Vec<String>>(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main"]);
    address[1].parse().expect("a port")
}

#[actix_rt::test]
async fn it_keeps_the_contract_of_a_bus() {
    let (_servers, sentinels) = watched();
    let (here, there) = nodes(&sentinels);
    contract::check(&*here, &*there, QUEUE).await;
}

#[actix_rt::test]
async fn a_killed_master_is_replaced_and_its_return_changes_nothing() {
    let (mut servers, mut sentinels) = watched();
    let (here, there) = nodes(&sentinels);
    let mut line = listening(&*there, account(1)).await;
    servers[0].kill();
    // A sentinel less is no matter either.
    sentinels[0].kill();
    assert!(send_until_heard(&*here, account(1), &mut line).await);
    assert_eq!(master(&sentinels[1]), servers[1].port);

    servers[0].restart();
    wait_until("the old master follows the new one", || follows(&servers[0]));
    healthy(&*there).await;
    send_until_heard(&*here, account(1), &mut line).await;
    assert!(
        servers[0].run::<Vec<String>>(&["PUBSUB", "CHANNELS", "t:*"]).is_empty(),
        "nobody listens to the old one"
    );
}

#[actix_rt::test]
async fn a_planned_failover_is_followed() {
    let (servers, sentinels) = watched();
    let (here, there) = nodes(&sentinels);
    let mut line = listening(&*there, account(1)).await;
    for from in [0, 1] {
        wait_until("a replica can be promoted", || {
            sentinels[0].try_command::<String>(&["SENTINEL", "FAILOVER", "main"]).is_ok()
        });
        let new = &servers[1 - from];
        until("the other one is master", || {
            master(&sentinels[0]) == new.port
                && new.run::<Vec<String>>(&["PUBSUB", "CHANNELS", "t:*"]).len() == 2
        })
        .await;
        assert!(send_until_heard(&*here, account(1), &mut line).await);
        healthy(&*there).await;
    }
}

#[actix_rt::test]
async fn a_master_that_hangs_is_left_and_stays_left() {
    let (servers, sentinels) = watched();
    let (here, there) = nodes(&sentinels);
    let mut line = listening(&*there, account(1)).await;
    servers[0].signal("STOP");
    assert!(send_until_heard(&*here, account(1), &mut line).await);
    servers[0].signal("CONT");
    wait_until("the old master follows the new one", || follows(&servers[0]));
    send_until_heard(&*here, account(1), &mut line).await;
    until("nobody listens to the old one", || {
        servers[0].run::<Vec<String>>(&["PUBSUB", "CHANNELS", "t:*"]).is_empty()
    })
    .await;
}
