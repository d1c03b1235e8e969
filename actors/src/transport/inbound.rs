//! Turns a tab's bytes into messages, within limits that hold before anything is buffered.
//!
//! `actix_http::ws::Parser` checks opcode, mask and reserved bits and unmasks; it looks at the
//! size only when the frame is whole, so the announced length is checked here first (4513).
//! Control frames are whole and at most 125 bytes, fragments are joined up to the limit, text is
//! UTF-8. A tab between messages keeps nothing.

use std::ops::ControlFlow;

use actix_http::ws::{OpCode, Parser};
use bytes::BytesMut;

const FIN: u8 = 0x80;
const OPCODE: u8 = 0x0F;
const LENGTH: u8 = 0x7F;
const CONTROL: u8 = 0x08;
const CONTROL_MAX: u64 = 125;

/// Something a tab said.
pub(crate) enum Heard<'a> {
    Text(&'a str),
    Ping(&'a [u8]),
    Pong,
    Close,
}

/// A breach after which the tab is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Protocol(&'static str),
    TooLarge,
}

/// What is left of a tab's bytes between two reads.
#[derive(Default)]
pub(crate) struct Inbound {
    carry: Option<Box<Carry>>,
}

#[derive(Default)]
struct Carry {
    /// The beginning of a frame.
    raw: BytesMut,
    /// The fragments of a text message so far.
    message: Option<BytesMut>,
}

impl Inbound {
    /// Takes what was read; `on` gets each message and may break off.
    ///
    /// # Errors
    /// The tab's breach, after everything that it said before.
    pub fn feed(
        &mut self,
        chunk: &mut BytesMut,
        limit: usize,
        mut on: impl FnMut(Heard<'_>) -> ControlFlow<()>,
    ) -> Result<(), Fault> {
        let mut carry = self.carry.take();
        let mut joined;
        let source = match carry.as_mut().filter(|carry| !carry.raw.is_empty()) {
            Some(carry) => {
                joined = std::mem::take(&mut carry.raw);
                joined.extend_from_slice(chunk);
                chunk.clear();
                &mut joined
            }
            None => chunk,
        };
        let mut message = carry.and_then(|carry| carry.message);
        while let Some((fin, opcode, payload)) = next(source, message.as_ref(), limit)? {
            let payload = payload.unwrap_or_default();
            let flow = match opcode {
                OpCode::Ping => on(Heard::Ping(&payload)),
                OpCode::Pong => on(Heard::Pong),
                OpCode::Close => {
                    Parser::try_parse_close_payload(&payload)
                        .map_err(|_| Fault::Protocol("bad close frame"))?;
                    on(Heard::Close)
                }
                OpCode::Text if message.is_some() => {
                    return Err(Fault::Protocol("a fragmented message was not finished"));
                }
                OpCode::Text if fin => on(Heard::Text(text(&payload)?)),
                OpCode::Text => {
                    message = Some(payload);
                    ControlFlow::Continue(())
                }
                OpCode::Continue => {
                    let Some(mut whole) = message.take() else {
                        return Err(Fault::Protocol("a continuation without a beginning"));
                    };
                    whole.extend_from_slice(&payload);
                    if fin {
                        on(Heard::Text(text(&whole)?))
                    } else {
                        message = Some(whole);
                        ControlFlow::Continue(())
                    }
                }
                OpCode::Binary => return Err(Fault::Protocol("binary messages are not understood")),
                OpCode::Bad => return Err(Fault::Protocol("unknown opcode")),
            };
            if flow.is_break() {
                return Ok(());
            }
        }
        if !source.is_empty() || message.is_some() {
            // Copied, so that the thread's buffer stays its own.
            let raw = BytesMut::from(&source[..]);
            let message = message.map(|message| BytesMut::from(&message[..]));
            self.carry = Some(Box::new(Carry { raw, message }));
        }
        Ok(())
    }
}

type Whole = (bool, OpCode, Option<BytesMut>);

fn next(source: &mut BytesMut, message: Option<&BytesMut>, limit: usize) -> Result<Option<Whole>, Fault> {
    let Some(announced) = announced(source)? else { return Ok(None) };
    let so_far = message.map_or(0, BytesMut::len);
    let fits = usize::try_from(announced).is_ok_and(|announced| announced.saturating_add(so_far) <= limit);
    if !fits {
        return Err(Fault::TooLarge);
    }
    Parser::parse(source, true, limit).map_err(|_| Fault::Protocol("malformed frame"))
}

/// Reads the payload length that a frame's header announces; `None` while the header is short.
fn announced(source: &[u8]) -> Result<Option<u64>, Fault> {
    let [first, second, rest @ ..] = source else { return Ok(None) };
    let length = match second & LENGTH {
        126 => rest.first_chunk().map(|bytes| u64::from(u16::from_be_bytes(*bytes))),
        127 => rest.first_chunk().map(|bytes| u64::from_be_bytes(*bytes)),
        short => Some(u64::from(short)),
    };
    if first & OPCODE & CONTROL != 0 {
        if first & FIN == 0 {
            return Err(Fault::Protocol("a fragmented control frame"));
        }
        if u64::from(second & LENGTH) > CONTROL_MAX {
            return Err(Fault::Protocol("a control frame above 125 bytes"));
        }
    }
    Ok(length)
}

fn text(payload: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(payload).map_err(|_| Fault::Protocol("text is not UTF-8"))
}

#[cfg(test)]
mod tests {
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
                Heard::Ping(payload) => format!("ping {}", payload.len()),
                Heard::Pong => "pong".to_owned(),
                Heard::Close => "close".to_owned(),
            });
            ControlFlow::Continue(())
        });
        (heard, result)
    }

    #[test]
    fn frames_byte_by_byte_come_out_whole_and_nothing_stays() {
        let mut bytes = frame(true, OpCode::Text, b"hello");
        bytes.extend_from_slice(&frame(true, OpCode::Ping, b"abc"));
        let mut inbound = Inbound::default();
        let mut heard = Vec::new();
        for byte in bytes {
            let (more, result) = feed(&mut inbound, &[byte], 100);
            assert_eq!(result, Ok(()));
            heard.extend(more);
        }
        assert_eq!(heard, ["hello", "ping 3"]);
        assert!(inbound.carry.is_none());
    }

    #[test]
    fn fragments_are_joined_around_control_frames() {
        let mut bytes = frame(false, OpCode::Text, "gr\u{fc}".as_bytes());
        bytes.extend_from_slice(&frame(true, OpCode::Pong, b""));
        bytes.extend_from_slice(&frame(true, OpCode::Continue, b"n"));
        let (heard, result) = feed(&mut Inbound::default(), &bytes, 100);
        assert_eq!((heard, result), (vec!["pong".to_owned(), "grün".to_owned()], Ok(())));
    }

    #[test]
    fn a_character_cut_between_fragments_is_still_text() {
        let mut inbound = Inbound::default();
        assert_eq!(feed(&mut inbound, &frame(false, OpCode::Text, &[0xC3]), 100).1, Ok(()));
        assert_eq!(feed(&mut inbound, &frame(true, OpCode::Continue, &[0xBC]), 100).0, ["ü"]);
    }

    #[test]
    fn an_announced_gigabyte_is_refused_from_its_header_alone() {
        let mut header = vec![0x81, 0xFF];
        header.extend_from_slice(&(1_u64 << 30).to_be_bytes());
        let mut inbound = Inbound::default();
        assert_eq!(feed(&mut inbound, &header, 65_536).1, Err(Fault::TooLarge));
        assert!(inbound.carry.is_none());
    }

    #[test]
    fn fragments_count_together_against_the_limit() {
        let mut inbound = Inbound::default();
        assert_eq!(feed(&mut inbound, &frame(false, OpCode::Text, &[b'a'; 60]), 100).1, Ok(()));
        assert_eq!(
            feed(&mut inbound, &frame(false, OpCode::Continue, &[b'a'; 41]), 100).1,
            Err(Fault::TooLarge)
        );
    }

    #[test]
    fn breaches_are_refused() {
        let unmasked = [0x81, 0x02, b'h', b'i'];
        let reserved = [0xC1, 0x80, 0, 0, 0, 0];
        let long_ping = [0x89, 0xFE, 0, 126];
        let split_ping = [0x09, 0x80, 0, 0, 0, 0];
        let bad_utf8 = frame(true, OpCode::Text, &[0xFF, 0xFE]);
        let binary = frame(true, OpCode::Binary, b"x");
        let lone = frame(true, OpCode::Continue, b"x");
        let opcode = frame(true, OpCode::Bad, b"x");
        let close = frame(true, OpCode::Close, &[1]);
        for bytes in
            [&unmasked[..], &reserved, &long_ping, &split_ping, &bad_utf8, &binary, &lone, &opcode, &close]
        {
            let (_, result) = feed(&mut Inbound::default(), bytes, 100);
            assert!(matches!(result, Err(Fault::Protocol(_))), "{bytes:?} gave {result:?}");
        }
    }
}
