//! What hostile clients make the process keep: bounded, however much they send.

use std::time::Duration;

use livegrant::settings::Settings;

use crate::support::{Account, TestServer};
use crate::world::{Ended, Hostile, attacked, closed, frame, header, is_served, resident, until};

const MIB: usize = 1024 * 1024;

/// Tabs of one account that attack together.
const TABS: usize = 100;

fn many_tabs(settings: &mut Settings) {
    settings.realtime.max_connections_per_user = TABS + 10;
    settings.realtime.messages_per_minute = 1_000_000;
    settings.realtime.heartbeat_seconds = 25;
    settings.realtime.heartbeat_timeout_seconds = 60;
}

async fn tabs(server: &TestServer, account: &Account) -> Vec<Hostile> {
    let mut tabs = Vec::new();
    for _ in 0..TABS {
        tabs.push(Hostile::tab(server, account).await);
    }
    tabs
}

#[test]
fn an_announced_gigabyte_with_its_data_costs_nothing() {
    attacked(many_tabs, async |server| {
        let alice = server.account("alice", &[]).await;
        let before = resident();
        let mut tab = Hostile::tab(&server, &alice).await;
        tab.send(&header(0x81, 1 << 30)).await;
        let junk = vec![0_u8; MIB];
        for _ in 0..64 {
            // The server takes none of it once it has said its last word, so this ends by itself or is cut off.
            let sent = tokio::io::AsyncWriteExt::write_all(&mut tab.stream, &junk);
            if !matches!(tokio::time::timeout(Duration::from_millis(200), sent).await, Ok(Ok(()))) {
                break;
            }
        }
        until("it is counted", async || closed(&server, "too_large") == 1).await;
        let grown = resident().saturating_sub(before);
        assert!(grown < 16 * MIB, "{grown} bytes more for 64 MiB of one message");
        server.advance(Duration::from_secs(4)).await;
        until("it is cut", async || server.core.engine.stats().tabs == 0).await;
    });
}

/// The memory of what is never finished: at most a message a tab, and given back with the tab.
#[test]
fn fragments_that_never_end_are_bounded_and_closed_in_time() {
    attacked(many_tabs, async |server| {
        let (alice, bob) = (server.account("alice", &[]).await, server.account("bob", &[]).await);
        let mut tabs = tabs(&server, &alice).await;
        let before = resident();
        // 60,000 bytes in fragments of 60, and a ping behind them that tells that all of it was read.
        let part = frame(0x00, &[b'x'; 60]);
        let burst = [frame(0x01, b"{"), part.repeat(1000), frame(0x89, b"read?")].concat();
        for tab in &mut tabs {
            tab.send(&burst).await;
        }
        for tab in &mut tabs {
            assert_eq!(tab.frame().await, Some((10, b"read?".to_vec())));
        }
        let grown = resident().saturating_sub(before);
        assert!(grown < TABS * 128 * 1024, "{grown} bytes more for {TABS} tabs");
        // A tab that goes on pinging says that it lives; its message does not.
        for _ in 0..2 {
            server.advance(Duration::from_secs(25)).await;
            for tab in &mut tabs {
                tab.send(&frame(0x89, b"alive")).await;
            }
        }
        server.advance(Duration::from_secs(11)).await;
        for tab in tabs {
            assert_eq!(tab.end().await, Ended::Closed(4008));
        }
        assert_eq!(closed(&server, "idle"), TABS as u64);
        is_served(&server, &bob).await;
    });
}

/// Frames of which one byte is missing cost their bytes, not what their reads cost.
#[test]
fn frames_that_are_never_whole_are_bounded() {
    attacked(many_tabs, async |server| {
        let alice = server.account("alice", &[]).await;
        let mut tabs = tabs(&server, &alice).await;
        let before = resident();
        let almost = frame(0x81, &vec![b'x'; 65_535]);
        for piece in almost[..almost.len() - 1].chunks(16_384) {
            for tab in &mut tabs {
                tab.send(piece).await;
            }
        }
        let grown = resident().saturating_sub(before);
        assert!(grown < TABS * 256 * 1024, "{grown} bytes more for {TABS} tabs");
        server.advance(Duration::from_secs(61)).await;
        for tab in tabs {
            assert_eq!(tab.end().await, Ended::Closed(4008));
        }
        // It is told, and nothing is left behind.
        server.advance(Duration::from_secs(4)).await;
        until("they are gone", async || server.core.engine.stats().tabs == 0).await;
    });
}
