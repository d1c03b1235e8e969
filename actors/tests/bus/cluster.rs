//! Redis Cluster: three masters with a replica each.

use std::sync::Arc;

use livegrant_actors::bus::contract;
use livegrant_actors::bus::redis::{QUEUE, RedisBus, Topology};

use crate::server::{Server, cluster, is_whole, wait_until};
use crate::support::{account, bus, healthy, listening, send_until_heard};

fn nodes(servers: &[Server]) -> (Arc<RedisBus>, Arc<RedisBus>) {
    let urls: Vec<_> = servers.iter().map(Server::url).collect();
    let mut turned = urls.clone();
    turned.rotate_left(1);
    (bus(Topology::Cluster { urls }, 1), bus(Topology::Cluster { urls: turned }, 2))
}

#[actix_rt::test]
async fn it_keeps_the_contract_of_a_bus() {
    let servers = cluster();
    let (here, there) = nodes(&servers);
    contract::check(&*here, &*there, QUEUE).await;
}

#[actix_rt::test]
async fn every_line_hears_again_after_a_masters_death() {
    let mut servers = cluster();
    let (here, there) = nodes(&servers);
    let mut lines = Vec::new();
    for id in 0..6 {
        lines.push(listening(&*there, account(id)).await);
    }
    for dead in [0, 1] {
        servers[dead].kill();
        for (id, line) in lines.iter_mut().enumerate() {
            send_until_heard(&*here, account(id as i64), line).await;
        }
        healthy(&*there).await;
        servers[dead].restart();
        wait_until("the cluster is whole", || servers.iter().all(is_whole));
    }
    for (id, line) in lines.iter_mut().enumerate() {
        send_until_heard(&*here, account(id as i64), line).await;
    }
}
