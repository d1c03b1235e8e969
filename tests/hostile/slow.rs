//! Clients that take their time: heads and bodies byte by byte, sockets of which one half is closed, tabs that do not read.

use std::net::Ipv4Addr;
use std::time::Duration;

use livegrant::db::{Author, SystemTask};
use livegrant::policy::PolicyChange;
use livegrant::settings::Settings;
use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::support::{PASSWORD, TestServer, ok, refused};
use crate::world::{Hostile, attacked, closed, handshake, is_served, until};

fn impatient(settings: &mut Settings) {
    settings.server.request_timeout_seconds = 1;
}

fn drips_in_vain(request: impl Fn(&str) -> String) {
    attacked(impatient, async |server| {
        let alice = server.account("alice", &[]).await;
        let request = request(&alice.access);
        let mut client = Hostile::connect(&server).await;
        // At this pace the whole would take a hundred times the limit.
        let padded = format!("{request}{}", "x".repeat(1000));
        let (head, slowly) = padded.split_at(request.len());
        client.send(head.as_bytes()).await;
        assert!(client.drip(slowly.as_bytes()).await, "the server waits for ever");
        let said = String::from_utf8_lossy(&client.rest().await).into_owned();
        let given_up = said.starts_with("HTTP/1.1 408") || said.contains("\"code\":\"too_slow\"");
        assert!(said.is_empty() || given_up, "{said}");
        is_served(&server, &alice).await;
    });
}

#[test]
fn a_head_byte_by_byte_is_given_up() {
    drips_in_vain(|_| "GET /healthz HTTP/1.1\r\nhost: livegrant\r\nx-slow: ".to_owned());
}

#[test]
fn a_handshake_byte_by_byte_is_given_up() {
    drips_in_vain(|_| {
        "GET /ws/permission HTTP/1.1\r\nhost: livegrant\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: "
            .to_owned()
    });
}

#[test]
fn a_body_byte_by_byte_is_given_up() {
    drips_in_vain(|_| {
        "POST /api/auth/login/ HTTP/1.1\r\nhost: livegrant\r\ncontent-type: application/json\r\n\
         content-length: 1000\r\n\r\n"
            .to_owned()
    });
}

#[test]
fn a_body_of_a_signed_in_caller_byte_by_byte_is_given_up() {
    drips_in_vain(|token| {
        format!(
            "POST /api/accounts/users/change_password/ HTTP/1.1\r\nhost: livegrant\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: 1000\r\n\r\n"
        )
    });
}

#[test]
fn a_chunked_body_byte_by_byte_is_given_up() {
    drips_in_vain(|_| {
        "POST /api/auth/login/ HTTP/1.1\r\nhost: livegrant\r\ncontent-type: application/json\r\n\
         transfer-encoding: chunked\r\n\r\n3e8\r\n"
            .to_owned()
    });
}

#[test]
fn a_tab_that_closes_its_half_is_gone() {
    attacked(
        |_| {},
        async |server| {
            let alice = server.account("alice", &[]).await;
            let mut sibling = server.tab(&alice).await;
            let mut tab = Hostile::tab(&server, &alice).await;
            tab.stream.shutdown().await.expect("it is open");
            assert!(tab.frame().await.is_none(), "nothing more is said to it");
            until("it is gone", async || server.core.engine.stats().tabs == 1).await;
            assert_eq!(closed(&server, "lost"), 1);
            let mark = server.mark().await;
            assert_eq!(sibling.until(&mark).await.len(), 0);
        },
    );
}

#[test]
fn a_handshake_whose_client_closed_its_half_leaves_nothing() {
    attacked(
        |_| {},
        async |server| {
            let alice = server.account("alice", &[]).await;
            for _ in 0..20 {
                let mut client = Hostile::connect(&server).await;
                client.send(handshake(&alice).as_bytes()).await;
                let _ = client.stream.shutdown().await;
                client.rest().await;
            }
            until("all are gone", async || server.core.engine.stats().tabs == 0).await;
            is_served(&server, &alice).await;
        },
    );
}

/// The sweep looks at every tab once a second.
const A_FEW_SWEEPS: Duration = Duration::from_secs(3);

fn soon_full(settings: &mut Settings) {
    settings.realtime.send_buffer_bytes = 4096;
    settings.realtime.outbox_bytes = 16_384;
    settings.realtime.messages_per_minute = 1_000_000;
}

/// Tells everyone a long notice and answers its title.
async fn shout(server: &TestServer) -> String {
    let title = format!("notice {}", server.core.clock.message_id());
    let mut work = server.core.db.begin(&Author::system("tests")).await.expect("the database answers");
    work.change(PolicyChange::notice(&title, &"x".repeat(4_000), "test", "info"));
    let committed = work.commit(SystemTask::Bootstrap).await.expect("it is committed");
    server.core.settle(committed).await;
    title
}

/// The stalled tab costs its bound; its siblings and other accounts get everything; it is closed with 4013 and cut.
/// S3-90, S3-128.
#[test]
fn a_tab_that_stops_reading_is_closed_as_slow_and_nobody_waits() {
    attacked(soon_full, async |server| {
        let (alice, bob) = (server.account("alice", &[]).await, server.account("bob", &[]).await);
        let stalled = Hostile::connect_from(&server, Ipv4Addr::LOCALHOST, Some(4096)).await;
        let stalled = stalled.into_tab(&alice).await;
        let (mut sibling, mut other) = (server.tab(&alice).await, server.tab(&bob).await);
        let full = async |server: &TestServer| server.core.engine.stats().dropped > 3;
        let mut told = 0;
        while !full(&server).await {
            let mark = shout(&server).await;
            // Each is there before the next is said: nobody waits for the stalled one.
            assert_eq!(sibling.until(&mark).await.len(), 0);
            assert_eq!(other.until(&mark).await.len(), 0);
            told += 1;
            assert!(told < 5_000, "the stalled tab takes everything");
        }
        // What the kernel still took after a look begins its time anew: a few times, long before the token ends.
        for _ in 0..20 {
            server.advance(Duration::from_secs(15)).await;
            let counted = until("it is counted", async || closed(&server, "slow") == 1);
            if tokio::time::timeout(A_FEW_SWEEPS, counted).await.is_ok() {
                break;
            }
        }
        assert_eq!(closed(&server, "slow"), 1);
        server.advance(Duration::from_secs(4)).await;
        until("it is cut", async || server.core.engine.stats().tabs == 2).await;
        let mark = server.mark().await;
        assert_eq!(sibling.until(&mark).await.len(), 0);
        drop(stalled);
    });
}

/// What ends a session does not wait for a tab that does not read.
#[test]
fn a_forced_logout_ends_a_tab_that_stopped_reading() {
    attacked(soon_full, async |server| {
        let kicker = server.account("kicker", &["session:kick"]).await;
        let (alice, witness) = (server.account("alice", &[]).await, server.account("bob", &[]).await);
        let stalled = Hostile::connect_from(&server, Ipv4Addr::LOCALHOST, Some(4096)).await;
        let mut stalled = stalled.into_tab(&alice).await;
        let mut witness = server.tab(&witness).await;
        while server.core.engine.stats().dropped == 0 {
            let mark = shout(&server).await;
            witness.until(&mark).await;
        }
        ok(kicker.delete(&format!("/api/v1/sessions/{}?reason=stalled", alice.sid)).await);
        refused(alice.get("/api/accounts/users/me/").await, 401, "session_revoked");
        until("its tab is closing", async || closed(&server, "session_ended") == 1).await;
        // It reads again: what was on the wire, then the last words, which went ahead of all that waited.
        let mut last = Vec::new();
        while let Some((opcode, payload)) = stalled.frame().await {
            if opcode == 8 {
                assert_eq!(payload[..2], 4501_u16.to_be_bytes());
                break;
            }
            last = payload;
        }
        let last: serde_json::Value = serde_json::from_slice(&last).expect("JSON");
        assert_eq!((&last["type"], &last["data"]["reason"]), (&json!("FORCE_LOGOUT"), &json!("stalled")));

        // One that never reads again is cut when its time is up.
        let again = server.signed_in("alice").await;
        let deaf = Hostile::connect_from(&server, Ipv4Addr::LOCALHOST, Some(4096)).await;
        let deaf = deaf.into_tab(&again).await;
        let dropped = server.core.engine.stats().dropped;
        while server.core.engine.stats().dropped == dropped {
            let mark = shout(&server).await;
            witness.until(&mark).await;
        }
        ok(kicker.delete(&format!("/api/v1/sessions/{}", again.sid)).await);
        until("its tab is closing", async || closed(&server, "session_ended") == 2).await;
        server.advance(Duration::from_secs(4)).await;
        until("it is cut", async || server.core.engine.stats().tabs == 1).await;
        drop(deaf);
        assert_eq!(server.login("alice", PASSWORD).await.0, 200, "the account itself goes on");
    });
}
