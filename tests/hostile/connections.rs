//! Connections that never become a request: thousands of them, from one address or many.

use std::net::Ipv4Addr;

use crate::support::{TestServer, refused};
use crate::world::{Hostile, attacked, descriptors, handshake, is_served, metric, resident, until};

/// Loopback addresses that connect in turn, so that no address runs out of ports.
const ADDRESSES: u8 = 8;

/// Half-open connections: as many as asked for, or as the machine's descriptors allow for both ends and everything else.
fn crowd() -> usize {
    10_000.min(descriptors().saturating_sub(600) / 2)
}

async fn connect(server: &TestServer, number: usize) -> Hostile {
    let from = Ipv4Addr::new(127, 0, 0, 10 + (number % usize::from(ADDRESSES)) as u8);
    Hostile::connect_from(server, from, None).await
}

/// Nothing, half a request line, half a handshake, in turn.
const BEGINNINGS: [&str; 3] = ["", "GET /ws/perm", "GET /ws/permission HTTP/1.1\r\nhost: x\r\nupgrade: web"];

#[test]
fn thousands_of_handshakes_that_never_finish_are_given_up_and_cost_little() {
    let patient = |settings: &mut livegrant::settings::Settings| {
        settings.server.request_timeout_seconds = 8;
        settings.server.max_connections = 20_000;
        settings.server.max_connections_per_address = 20_000;
    };
    attacked(patient, async |server| {
        let alice = server.account("alice", &[]).await;
        let mut tab = server.tab(&alice).await;
        let before = resident();
        let mut clients = Vec::new();
        for number in 0..crowd() {
            let mut client = connect(&server, number).await;
            client.send(BEGINNINGS[number % BEGINNINGS.len()].as_bytes()).await;
            clients.push(client);
        }
        // While they wait, everybody else is served.
        is_served(&server, &alice).await;
        let grown = resident().saturating_sub(before);
        assert!(grown < clients.len() * 48 * 1024, "{grown} bytes more for {} connections", clients.len());
        for client in clients {
            let said = String::from_utf8_lossy(&client.rest().await).into_owned();
            assert!(said.is_empty() || said.starts_with("HTTP/1.1 408"), "{said}");
        }
        assert_eq!(server.core.engine.stats().tabs, 1, "none became a tab, and none drove one away");
        let mark = server.mark().await;
        tab.until(&mark).await;
    });
}

/// One address holds its share of connections and no more; a tab is none, and other addresses are not concerned.
#[test]
fn an_address_holds_its_share_of_connections_and_no_more() {
    let few = |settings: &mut livegrant::settings::Settings| {
        settings.server.max_connections_per_address = 20;
        settings.realtime.max_connections_per_user = 50;
    };
    attacked(few, async |server| {
        let alice = server.account("alice", &[]).await;
        let mut tabs = Vec::new();
        for _ in 0..30 {
            tabs.push(Hostile::tab(&server, &alice).await);
        }
        let attacker = Ipv4Addr::new(127, 0, 0, 66);
        let mut held = Vec::new();
        for _ in 0..20 {
            held.push(Hostile::connect_from(&server, attacker, None).await);
        }
        let before = metric(&server, "livegrant_connections_refused_total").await;
        for _ in 0..5 {
            let client = Hostile::connect_from(&server, attacker, None).await;
            assert_eq!(client.rest().await, b"", "hung up at once");
        }
        assert_eq!(metric(&server, "livegrant_connections_refused_total").await - before, 5);
        is_served(&server, &alice).await;
        // A place that is given back is taken again.
        drop(held.pop());
        until("a place is free", async || {
            let mut client = Hostile::connect_from(&server, attacker, None).await;
            client.send(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
            client.rest().await.starts_with(b"HTTP/1.1 200")
        })
        .await;
    });
}

#[test]
fn a_flood_of_connects_that_hang_up_at_once_leaves_nothing() {
    attacked(
        |_| {},
        async |server| {
            let alice = server.account("alice", &[]).await;
            is_served(&server, &alice).await;
            let before = resident();
            for number in 0..5_000 {
                let mut client = connect(&server, number).await;
                if number % 2 == 0 {
                    client.send(BEGINNINGS[number % BEGINNINGS.len()].as_bytes()).await;
                }
            }
            is_served(&server, &alice).await;
            let grown = resident().saturating_sub(before);
            assert!(grown < 16 * 1024 * 1024, "{grown} bytes more after 5,000 connections that are gone");
        },
    );
}

/// A flood of whole handshakes is counted before anything is looked up (S3-77).
#[test]
fn a_flood_of_handshakes_from_one_address_is_refused_and_others_are_not() {
    let few = |settings: &mut livegrant::settings::Settings| {
        settings.realtime.handshakes_per_minute_per_address = 10;
    };
    attacked(few, async |server| {
        let alice = server.account("alice", &[]).await;
        let attacker = Ipv4Addr::new(127, 0, 0, 66);
        let forged = handshake(&alice).replace("Bearer ", "Bearer x");
        let refused = r#"websocket_connections_total{result="refused"}"#;
        let before = metric(&server, refused).await;
        let mut answers = [0, 0];
        for _ in 0..50 {
            let mut client = Hostile::connect_from(&server, attacker, None).await;
            client.send(forged.as_bytes()).await;
            let said = String::from_utf8_lossy(&client.rest().await).into_owned();
            answers[usize::from(said.starts_with("HTTP/1.1 429"))] += 1;
            assert!(said.starts_with("HTTP/1.1 429") || said.starts_with("HTTP/1.1 401"), "{said}");
        }
        assert_eq!(answers, [10, 40]);
        assert_eq!(metric(&server, refused).await - before, 50);
        is_served(&server, &alice).await;
    });
}

/// A head is not kept beyond what a head may be.
#[test]
fn a_head_without_end_is_refused() {
    attacked(
        |_| {},
        async |server| {
            let alice = server.account("alice", &[]).await;
            let before = resident();
            let mut clients = Vec::new();
            for number in 0..20 {
                let mut client = connect(&server, number).await;
                client.send(b"GET /healthz HTTP/1.1\r\nhost: x\r\n").await;
                for line in 0..4_000 {
                    // 4 MB of headers, unless the server hangs up first.
                    let line = format!("x-{line}: {}\r\n", "y".repeat(1000));
                    if tokio::io::AsyncWriteExt::write_all(&mut client.stream, line.as_bytes()).await.is_err()
                    {
                        break;
                    }
                }
                clients.push(client);
            }
            for client in clients {
                let said = String::from_utf8_lossy(&client.rest().await).into_owned();
                assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "{said}");
            }
            let grown = resident().saturating_sub(before);
            assert!(grown < 32 * 1024 * 1024, "{grown} bytes more");
            refused(server.anonymous().get("/api/accounts/users/me/").await, 401, "token_missing");
            is_served(&server, &alice).await;
        },
    );
}
