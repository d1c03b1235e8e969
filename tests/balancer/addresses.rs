//! Whose address a node takes for the client's.

use serde_json::Value;

use crate::cluster::{Cluster, run};
use crate::support::{Account, Tab, ok};
use crate::wire::connect_from;

const CLIENT: [u8; 4] = [127, 0, 0, 7];
const LIES: [(&str, &str); 4] = [
    ("x-forwarded-for", "6.6.6.6"),
    ("forwarded", "for=6.6.6.6"),
    ("x-forwarded-host", "evil.example"),
    ("x-real-ip", "6.6.6.6"),
];

/// Opens a tab from [`CLIENT`] that lies about its address; answers which address the nodes show for it.
async fn shown(cluster: &Cluster, alice: &Account, to: &str) -> String {
    let admin = cluster.signed_in("admin").await;
    let stream = connect_from(CLIENT, to).await;
    let bearer = format!("Bearer {}", alice.access);
    let headers: Vec<_> = [("authorization", bearer.as_str())].into_iter().chain(LIES).collect();
    let mut tab = Tab::open_on(stream, &format!("{to}/ws/permission"), &headers).await.expect("a socket");
    tab.next_of("PERMISSION_UPDATE").await;
    let node = cluster.node_with_a_tab().await;
    let admin = admin.at(&cluster.anonymous(&cluster.node(node)));
    let connections: Value = ok(admin.get("/api/v1/connections").await);
    let addresses: Vec<_> = connections["results"].as_array().unwrap().iter().map(|tab| &tab["ip"]).collect();
    assert_eq!(addresses.len(), 1, "{connections}");
    addresses[0].as_str().expect("a text").to_owned()
}

fn with_proxies(proxies: &'static str, expected: &'static str, at_a_node: bool) {
    for balancer in ["nginx", "haproxy"] {
        run(balancer, &[("SERVER__TRUSTED_PROXIES", proxies)], async |cluster| {
            let alice = cluster.signed_in("alice").await;
            let to = if at_a_node { cluster.node(0) } else { cluster.front() };
            assert_eq!(shown(cluster, &alice, &to).await, expected, "{balancer}");
        });
    }
}

#[test]
fn a_listed_proxy_is_believed_and_what_the_client_says_is_not() {
    with_proxies("127.0.0.1", "127.0.0.7", false);
}

#[test]
fn a_proxy_can_be_listed_by_its_network() {
    with_proxies("10.0.0.0/8,127.0.0.0/30", "127.0.0.7", false);
}

#[test]
fn a_proxy_that_is_not_listed_is_itself_the_client() {
    with_proxies("10.0.0.1", "127.0.0.1", false);
}

#[test]
fn who_comes_to_a_node_past_the_proxy_is_not_believed() {
    with_proxies("127.0.0.1", "127.0.0.7", true);
}
