//! What a tab may put on the wire and what is kept of it: examples, and properties over arbitrary bytes.

use actix_http::ws::{OpCode, Parser};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn frame(fin: bool, op: OpCode, payload: &[u8]) -> BytesMut {
    let mut bytes = BytesMut::new();
    Parser::write_message(&mut bytes, payload, op, fin, true);
    bytes
}

fn feed(inbound: &mut Inbound, bytes: &[u8], limit: usize) -> (Vec<String>, Result<(), Fault>) {
    let mut heard = Vec::new();
    let result = inbound.feed(&mut BytesMut::from(bytes), limit, |what| {
        heard.push(match what {
            Heard::Text(text) => text.to_owned(),
            Heard::Binary(bytes) => format!("binary {bytes:?}"),
            Heard::Part => "part".to_owned(),
            Heard::Ping(payload) => format!("ping {payload:?}"),
            Heard::Pong => "pong".to_owned(),
            Heard::Close => "close".to_owned(),
        });
        ControlFlow::Continue(())
    });
    (heard, result)
}

/// Feeds piece by piece up to the first breach; what is kept stays within the bound all the while.
fn feed_all<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    limit: usize,
) -> (Vec<String>, Result<(), Fault>) {
    let mut inbound = Inbound::default();
    let mut heard = Vec::new();
    for piece in pieces {
        let (more, result) = feed(&mut inbound, piece, limit);
        heard.extend(more);
        assert!(inbound.kept() <= limit + SMALL, "{} bytes are kept", inbound.kept());
        if result.is_err() {
            assert_eq!(inbound.kept(), 0);
            return (heard, result);
        }
    }
    (heard, Ok(()))
}

#[test]
fn frames_byte_by_byte_come_out_whole_and_nothing_stays() {
    let mut bytes = frame(true, OpCode::Text, b"hello");
    bytes.extend_from_slice(&frame(true, OpCode::Ping, b"abc"));
    bytes.extend_from_slice(&frame(true, OpCode::Binary, b"\xFF"));
    let mut inbound = Inbound::default();
    let mut heard = Vec::new();
    for byte in bytes {
        let (more, result) = feed(&mut inbound, &[byte], 100);
        assert_eq!(result, Ok(()));
        heard.extend(more);
    }
    assert_eq!(heard, ["hello", "ping [97, 98, 99]", "binary [255]"]);
    assert!(!inbound.is_unfinished());
}

#[test]
fn fragments_are_joined_around_control_frames() {
    let mut bytes = frame(false, OpCode::Text, "gr\u{fc}".as_bytes());
    bytes.extend_from_slice(&frame(true, OpCode::Pong, b""));
    bytes.extend_from_slice(&frame(true, OpCode::Continue, b"n"));
    let (heard, result) = feed(&mut Inbound::default(), &bytes, 100);
    assert_eq!((heard, result), (vec!["part".to_owned(), "pong".to_owned(), "grün".to_owned()], Ok(())));
}

#[test]
fn a_character_cut_between_fragments_is_still_text() {
    let mut inbound = Inbound::default();
    assert_eq!(feed(&mut inbound, &frame(false, OpCode::Text, &[0xC3]), 100).1, Ok(()));
    assert_eq!(feed(&mut inbound, &frame(true, OpCode::Continue, &[0xBC]), 100).0, ["ü"]);
}

#[test]
fn bad_text_ends_at_its_first_bad_byte() {
    let mut message = frame(false, OpCode::Text, b"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xF4\x90\x80\x80and more");
    message.truncate(6 + 8);
    let mut inbound = Inbound::default();
    assert_eq!(feed(&mut inbound, &message, 100).1, Ok(()));
    // F4 begins a character, 90 is no second byte of one: the frame is not yet whole.
    let mask = [message[2], message[3], message[4], message[5]];
    assert_eq!(feed(&mut inbound, &[0x90 ^ mask[0]], 100).1, Err(Fault::Protocol(NOT_UTF8)));
}

#[test]
fn an_announced_gigabyte_is_refused_from_its_header_alone() {
    for announced in [1_u64 << 30, 1 << 63, u64::MAX] {
        let mut header = vec![0x81, 0xFF];
        header.extend_from_slice(&announced.to_be_bytes());
        let mut inbound = Inbound::default();
        assert_eq!(feed(&mut inbound, &header, 65_536).1, Err(Fault::TooLarge));
        assert_eq!(inbound.kept(), 0);
    }
}

#[test]
fn a_message_up_to_the_limit_is_taken_and_one_byte_more_is_not() {
    let (fits, above) = (vec![b'a'; 70_000], vec![b'a'; 70_001]);
    let (heard, result) = feed(&mut Inbound::default(), &frame(true, OpCode::Text, &fits), 70_000);
    assert_eq!((heard[0].len(), result), (70_000, Ok(())));
    let (_, result) = feed(&mut Inbound::default(), &frame(true, OpCode::Text, &above), 70_000);
    assert_eq!(result, Err(Fault::TooLarge));
}

#[test]
fn fragments_count_together_against_the_limit() {
    let mut inbound = Inbound::default();
    assert_eq!(feed(&mut inbound, &frame(false, OpCode::Text, &[b'a'; 60]), 100).1, Ok(()));
    assert_eq!(feed(&mut inbound, &frame(false, OpCode::Continue, &[b'a'; 41]), 100).1, Err(Fault::TooLarge));
}

#[test]
fn fragments_without_end_or_content_keep_no_memory() {
    let mut inbound = Inbound::default();
    assert_eq!(feed(&mut inbound, &frame(false, OpCode::Text, b"a"), 100).1, Ok(()));
    for _ in 0..10_000 {
        let (heard, result) = feed(&mut inbound, &frame(false, OpCode::Continue, b""), 100);
        assert_eq!((heard, result), (vec!["part".to_owned()], Ok(())));
    }
    assert!(inbound.kept() <= 100, "{}", inbound.kept());
}

#[test]
fn breaches_are_refused() {
    let breach = |bytes: &[u8]| {
        let (_, result) = feed(&mut Inbound::default(), bytes, 100);
        match result {
            Err(Fault::Protocol(text)) => text,
            other => panic!("{bytes:?} gave {other:?}"),
        }
    };
    assert_eq!(breach(&[0x81, 0x02, b'h', b'i']), "a frame without a mask");
    for reserved in [0xC1, 0xA1, 0x91, 0xF1] {
        assert_eq!(breach(&[reserved]), "a reserved bit is set");
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        assert_eq!(breach(&[0x80 | opcode]), "unknown opcode");
    }
    assert_eq!(breach(&[0x89, 0xFE]), "a control frame above 125 bytes");
    assert_eq!(breach(&[0x09]), "a fragmented control frame");
    assert_eq!(breach(&[0x80]), "a continuation without a beginning");
    assert_eq!(breach(&frame(true, OpCode::Text, &[0xFF, 0xFE])), NOT_UTF8);
    assert_eq!(breach(&frame(true, OpCode::Close, &[1])), "half a close code");
    let mut unfinished = frame(false, OpCode::Text, b"a");
    unfinished.extend_from_slice(&frame(true, OpCode::Text, b"b"));
    assert_eq!(breach(&unfinished), "a fragmented message was not finished");
    let longer = "a length that is not written in the shortest way";
    assert_eq!(breach(&[0x81, 0xFE, 0, 125, 0, 0, 0, 0]), longer);
    assert_eq!(breach(&[0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0]), longer);
}

#[test]
fn close_codes_are_those_that_may_travel() {
    let close = |code: u16, reason: &[u8]| {
        let payload = [&code.to_be_bytes()[..], reason].concat();
        feed(&mut Inbound::default(), &frame(true, OpCode::Close, &payload), 100).1
    };
    assert_eq!(feed(&mut Inbound::default(), &frame(true, OpCode::Close, b""), 100).0, ["close"]);
    for code in [1000, 1001, 1002, 1003, 1007, 1011, 1012, 1014, 3000, 3999, 4000, 4501, 4999] {
        assert_eq!(close(code, b"why"), Ok(()), "{code}");
    }
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        assert_eq!(close(code, b""), Err(Fault::Protocol("a close code that may not travel")), "{code}");
    }
    assert_eq!(close(1000, &[0xC3]), Err(Fault::Protocol(NOT_UTF8)));
}

#[test]
fn nothing_of_a_read_is_told_after_a_break_and_the_next_read_goes_on() {
    let mut bytes = frame(true, OpCode::Ping, b"1");
    bytes.extend_from_slice(&frame(true, OpCode::Ping, b"2"));
    let cut = frame(true, OpCode::Text, b"later");
    bytes.extend_from_slice(&cut[..3]);
    let (mut inbound, mut told) = (Inbound::default(), 0);
    let result = inbound.feed(&mut bytes, 100, |_| {
        told += 1;
        ControlFlow::Break(())
    });
    assert_eq!((told, result), (1, Ok(())));
    assert_eq!(feed(&mut inbound, &cut[3..], 100).0, ["later"]);
}

fn opcode() -> impl Strategy<Value = OpCode> {
    prop_oneof![
        4 => Just(OpCode::Text),
        2 => Just(OpCode::Binary),
        4 => Just(OpCode::Continue),
        2 => Just(OpCode::Ping),
        1 => Just(OpCode::Pong),
        1 => Just(OpCode::Close),
    ]
}

/// Frames that are mostly right, some bytes of which were changed, and arbitrary bytes.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop_oneof![
        4 => ".{0,40}".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..200),
        1 => (120_usize..300).prop_map(|length| vec![b'x'; length]),
    ];
    let frames = vec((any::<bool>(), opcode(), payload), 0..8).prop_map(|frames| {
        frames.iter().flat_map(|(fin, op, payload)| frame(*fin, *op, payload)).collect::<Vec<u8>>()
    });
    let damage = vec((any::<prop::sample::Index>(), any::<u8>()), 0..2);
    let damaged = (frames, damage).prop_map(|(mut bytes, damage)| {
        for (at, value) in damage {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
        }
        bytes
    });
    prop_oneof![6 => damaged, 1 => vec(any::<u8>(), 0..300)]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    /// However the bytes are cut, the tab said the same, and no more is kept than the limit allows.
    #[test]
    fn the_cut_of_the_reads_changes_nothing(
        bytes in stream(),
        cuts in vec(1_usize..40, 1..20),
        limit in 1_usize..400,
    ) {
        let whole = feed_all([&bytes[..]], limit);
        prop_assert_eq!(&whole, &feed_all(bytes.chunks(1), limit));
        let mut rest = &bytes[..];
        let pieces = cuts.iter().cycle().map_while(|cut| {
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            rest = after;
            (!piece.is_empty()).then_some(piece)
        });
        prop_assert_eq!(&whole, &feed_all(pieces, limit));
    }

    /// Whole messages come out as they went in, through fragments of any size with pings in between.
    #[test]
    fn a_message_in_fragments_is_the_message(text in ".{0,60}", sizes in vec(0_usize..9, 1..30)) {
        let mut rest = text.as_bytes();
        let mut bytes = Vec::new();
        let mut op = OpCode::Text;
        for size in sizes {
            let (piece, after) = rest.split_at(size.min(rest.len()));
            bytes.extend_from_slice(&frame(false, op, piece));
            bytes.extend_from_slice(&frame(true, OpCode::Ping, b""));
            (rest, op) = (after, OpCode::Continue);
        }
        bytes.extend_from_slice(&frame(true, op, rest));
        let (heard, result) = feed_all([&bytes[..]], 1_000);
        prop_assert_eq!((heard.last(), result), (Some(&text), Ok(())));
    }
}
