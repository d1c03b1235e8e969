//! Arbitrary bytes in arbitrary reads into the decoder: it never panics, keeps no more than the limit, and hears the
//! same however the bytes are cut.
//!
//! The input: a byte for the limit, a byte for the number of cuts, the cuts, the bytes of the wire.
#![no_main]

use std::ops::ControlFlow;

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use livegrant_actors::transport::inbound::{Fault, Heard, Inbound, SMALL};

/// What was heard, one line each, and how it ended.
fn hear<'a>(pieces: impl Iterator<Item = &'a [u8]>, limit: usize) -> (Vec<String>, Result<(), Fault>) {
    let mut inbound = Inbound::default();
    let mut heard = Vec::new();
    for piece in pieces {
        let result = inbound.feed(&mut BytesMut::from(piece), limit, |what| {
            if let Heard::Text(text) = what {
                assert!(text.len() <= limit);
            }
            heard.push(format!("{what:?}"));
            ControlFlow::Continue(())
        });
        assert!(inbound.kept() <= limit + SMALL, "{} bytes are kept", inbound.kept());
        if result.is_err() {
            assert_eq!(inbound.kept(), 0);
            return (heard, result);
        }
    }
    (heard, Ok(()))
}

fuzz_target!(|data: &[u8]| {
    let [limit, cuts, rest @ ..] = data else { return };
    let Some((cuts, wire)) = rest.split_at_checked(usize::from(cuts % 16)) else { return };
    let limit = usize::from(*limit) * 8;
    let whole = hear(std::iter::once(wire), limit);
    assert_eq!(whole, hear(wire.chunks(1), limit));
    let mut left = wire;
    let sizes = cuts.iter().map(|cut| usize::from(*cut)).chain(std::iter::once(usize::MAX));
    let pieces = sizes.map(|size| {
        let (piece, after) = left.split_at(size.min(left.len()));
        left = after;
        piece
    });
    assert_eq!(whole, hear(pieces, limit));
});
