//! Frames that RFC 6455 or a limit forbids: the tab is closed with its code, once, and counted.

use livegrant_actors::CloseReason;

use crate::world::{Ended, Hostile, attacked, closed, frame, header, is_served, until};

const FIN: u8 = 0x80;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const PING: u8 = 9;

fn each_closes(reason: CloseReason, breaches: Vec<(&'static str, Vec<u8>)>) {
    attacked(
        |_| {},
        async |server| {
            let (alice, bob) = (server.account("alice", &[]).await, server.account("bob", &[]).await);
            let mut sibling = server.tab(&alice).await;
            let count = breaches.len() as u64;
            for (what, bytes) in breaches {
                let mut tab = Hostile::tab(&server, &alice).await;
                tab.send(&bytes).await;
                assert_eq!(tab.end().await, Ended::Closed(reason.code()), "{what}");
            }
            assert_eq!(closed(&server, reason.label()), count);
            until("only the sibling is left", async || server.core.engine.stats().tabs == 1).await;
            let mark = server.mark().await;
            assert_eq!(sibling.until(&mark).await.len(), 0);
            is_served(&server, &bob).await;
        },
    );
}

#[test]
fn frames_against_the_protocol_close_with_4500() {
    let mut unmasked = frame(FIN | TEXT, b"{}");
    unmasked[1] &= 0x7F;
    let cut_by_another = [frame(TEXT, b"{"), frame(FIN | TEXT, b"}")].concat();
    each_closes(
        CloseReason::Protocol,
        vec![
            ("no mask", unmasked),
            ("the first reserved bit", frame(FIN | 0x40 | TEXT, br#"{"type":"ping"}"#)),
            ("the second reserved bit", frame(FIN | 0x20 | TEXT, br#"{"type":"ping"}"#)),
            ("the third reserved bit", frame(FIN | 0x10 | TEXT, br#"{"type":"ping"}"#)),
            ("an opcode that nobody defined", frame(FIN | 3, b"")),
            ("a control opcode that nobody defined", frame(FIN | 0x0F, b"")),
            ("a continuation of nothing", frame(FIN, b"x")),
            ("a message within a message", cut_by_another),
            ("a long ping", frame(FIN | PING, &[b'x'; 126])),
            ("a ping in fragments", frame(PING, b"x")),
            ("half a close code", frame(FIN | 8, &[3])),
            ("a close code that may not travel", frame(FIN | 8, &1006_u16.to_be_bytes())),
            ("a close reason that is no text", frame(FIN | 8, &[3, 0xE8, 0xFF])),
            ("a length in more bytes than it needs", vec![FIN | TEXT, 0xFE, 0, 1]),
            ("binary", frame(FIN | BINARY, b"x")),
            ("words that are not of the protocol", frame(FIN | TEXT, br#"{"type":"grant","code":"*"}"#)),
            ("deep nesting", frame(FIN | TEXT, "[".repeat(60_000).as_bytes())),
        ],
    );
}

#[test]
fn compression_is_not_negotiated_and_a_compressed_frame_closes() {
    // Every handshake of these clients offers permessage-deflate.
    attacked(
        |_| {},
        async |server| {
            let alice = server.account("alice", &[]).await;
            let mut asking = Hostile::connect(&server).await;
            asking.send(crate::world::handshake(&alice).as_bytes()).await;
            asking.send(&frame(FIN | 0x40 | TEXT, &[0xAA, 0x56, 0x4A, 0x04, 0x00])).await;
            until("it is counted", async || closed(&server, "protocol") == 1).await;
            server.advance(std::time::Duration::from_secs(4)).await;
            let said = asking.rest().await;
            let head = String::from_utf8_lossy(&said).to_lowercase();
            assert!(head.starts_with("http/1.1 101 "), "{head}");
            assert!(!head.contains("sec-websocket-extensions"), "{head}");
        },
    );
}

#[test]
fn text_that_is_no_utf_8_closes_at_its_first_bad_byte() {
    let never_whole = |payload: &[u8]| {
        let mut bytes = frame(FIN | TEXT, &[payload, &[b'x'; 1000][..]].concat());
        bytes.truncate(8 + payload.len());
        bytes
    };
    each_closes(
        CloseReason::Protocol,
        vec![
            ("a whole message", frame(FIN | TEXT, &[0xFF, 0xFE])),
            ("a surrogate", frame(FIN | TEXT, &[0xED, 0xA0, 0x80])),
            ("an overlong form", frame(FIN | TEXT, &[0xC0, 0xAF])),
            ("a fragment of more to come", frame(TEXT, &[0xF4, 0x90, 0x80, 0x80])),
            ("a frame of more to come", never_whole(&[b'a', 0xF4, 0x90])),
            ("a character that its message does not finish", frame(FIN | TEXT, &[0xE2, 0x82])),
        ],
    );
}

#[test]
fn lengths_up_to_2_64_are_refused_from_their_headers() {
    let announced = [65_537, 1 << 30, 1 << 31, 1 << 32, (1 << 63) - 1, 1 << 63, u64::MAX];
    let mut breaches: Vec<_> =
        announced.into_iter().map(|length| ("a length", header(FIN | TEXT, length))).collect();
    let together = [frame(TEXT, &vec![b'x'; 65_536]), header(FIN, 1)].concat();
    breaches.push(("fragments that are too large together", together));
    each_closes(CloseReason::TooLarge, breaches);
}
