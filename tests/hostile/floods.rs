//! Clients that say more than they may: closed, counted, and without harm to their siblings.

use livegrant::settings::Settings;
use livegrant_actors::CloseReason;

use crate::world::{Ended, Hostile, attacked, closed, frame, is_served, until};

/// Floods a tab with one frame and sees it closed with 4029, while its sibling hears everything.
fn is_stopped(burst: Vec<u8>) {
    attacked(
        |_| {},
        async |server| {
            let alice = server.account("alice", &[]).await;
            let mut sibling = server.tab(&alice).await;
            let flooding = Hostile::tab(&server, &alice).await;
            let (from, mut to) = flooding.stream.into_split();
            // Until the server hangs up, or for 100,000 frames, which it must have stopped long before.
            let flood = actix::spawn(async move {
                let many = burst.repeat(100);
                for _ in 0..1_000 {
                    if tokio::io::AsyncWriteExt::write_all(&mut to, &many).await.is_err() {
                        break;
                    }
                }
            });
            let limited = CloseReason::RateLimited;
            until("it is counted", async || closed(&server, limited.label()) == 1).await;
            for _ in 0..5 {
                let mark = server.mark().await;
                assert_eq!(sibling.until(&mark).await.len(), 0);
            }
            flood.abort();
            drop(from);
            server.advance(std::time::Duration::from_secs(4)).await;
            until("it is gone", async || server.core.engine.stats().tabs == 1).await;
            is_served(&server, &alice).await;
        },
    );
}

#[test]
fn endless_messages_close_with_4029() {
    is_stopped(frame(0x81, br#"{"type":"ping"}"#));
}

#[test]
fn endless_pings_close_with_4029() {
    is_stopped(frame(0x89, b"are you there?"));
}

#[test]
fn endless_pongs_close_with_4029() {
    is_stopped(frame(0x8A, b""));
}

#[test]
fn endless_snapshots_close_with_4029() {
    is_stopped(frame(0x81, br#"{"type":"snapshot"}"#));
}

/// Fragments without content need no memory and end no message: they are frames nevertheless.
#[test]
fn endless_empty_fragments_close_with_4029() {
    attacked(
        |_| {},
        async |server| {
            let alice = server.account("alice", &[]).await;
            let mut tab = Hostile::tab(&server, &alice).await;
            tab.send(&[frame(0x01, b"{"), frame(0x00, b"").repeat(100)].concat()).await;
            assert_eq!(tab.end().await, Ended::Closed(4029));
        },
    );
}

/// The minute's frames are a tab's own: what one says is not taken from its sibling (S3-78).
#[test]
fn a_minute_holds_as_many_frames_as_is_said() {
    let ten = |settings: &mut Settings| settings.realtime.messages_per_minute = 10;
    attacked(ten, async |server| {
        let alice = server.account("alice", &[]).await;
        let mut tab = Hostile::tab(&server, &alice).await;
        tab.send(&frame(0x89, b"x").repeat(10)).await;
        for _ in 0..10 {
            assert_eq!(tab.frame().await, Some((10, b"x".to_vec())));
        }
        let mut sibling = Hostile::tab(&server, &alice).await;
        sibling.send(&frame(0x89, b"y")).await;
        assert_eq!(sibling.frame().await, Some((10, b"y".to_vec())));
        server.advance(std::time::Duration::from_mins(1)).await;
        tab.send(&frame(0x89, b"z").repeat(11)).await;
        assert_eq!(tab.end().await, Ended::Closed(4029));
    });
}
