//! Turns a tab's bytes into messages (RFC 6455), within limits that hold before anything is buffered.
//!
//! A frame is judged by its header as soon as that is there: reserved bits, opcode, mask, order of fragments, and the
//! announced length against the limit of a whole message (4513). Text is checked for UTF-8 as it comes, so a bad
//! message ends at its first bad byte. What is kept between two reads is what came of one unfinished message and one
//! unfinished frame, at most the limit and 139 bytes, and each byte is copied once however small the reads are.
//! A tab between messages keeps nothing. There is no compression, and `actix_http::ws::Parser` is not used here: it
//! shows a frame only when it is whole.

use std::ops::ControlFlow;

use bytes::BytesMut;

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0F;
const MASKED: u8 = 0x80;
const LENGTH: u8 = 0x7F;
/// Payload of a control frame (RFC 6455 5.5).
const CONTROL_MAX: usize = 125;
/// The key of the mask ends a header.
const MASK: usize = 4;
/// The longest header: two bytes, eight of length, the mask.
const HEADER_MAX: usize = 2 + 8 + MASK;
/// What an unfinished header and an unfinished control frame may hold beside the message.
#[cfg(any(test, feature = "bare"))]
pub const SMALL: usize = HEADER_MAX + CONTROL_MAX;

const NOT_UTF8: &str = "text is not UTF-8";
const UNKNOWN: Fault = Fault::Protocol("unknown opcode");
/// RFC 6455 5.2.
const LONG_WINDED: Fault = Fault::Protocol("a length that is not written in the shortest way");

/// Something a tab said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard<'a> {
    /// A whole text message.
    Text(&'a str),
    /// A whole binary message.
    Binary(&'a [u8]),
    /// A fragment that leaves its message unfinished: no sign of life, but it counts as a frame.
    Part,
    /// A ping with its payload.
    Ping(&'a [u8]),
    /// A pong.
    Pong,
    /// A close with a code that may travel.
    Close,
}

/// A breach after which the tab is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Against RFC 6455; in words.
    Protocol(&'static str),
    /// Larger than allowed, as announced.
    TooLarge,
}

impl Fault {
    /// Gives the close code that RFC 6455 7.4.1 has for it.
    #[cfg(feature = "bare")]
    pub fn standard_code(self) -> u16 {
        match self {
            Self::Protocol(NOT_UTF8) => 1007,
            Self::Protocol(_) => 1002,
            Self::TooLarge => 1009,
        }
    }
}

/// What is left of a tab's bytes between two reads.
#[derive(Debug, Default)]
pub struct Inbound {
    carry: Option<Box<Carry>>,
}

#[derive(Debug, Default)]
struct Carry {
    /// The beginning of a header.
    header: [u8; HEADER_MAX],
    header_len: usize,
    frame: Option<Frame>,
    /// The beginning of a control frame's payload.
    control: Vec<u8>,
    message: Option<Message>,
}

/// A frame whose header is known and whose payload is coming.
#[derive(Clone, Copy, Debug)]
struct Frame {
    fin: bool,
    kind: Kind,
    key: [u8; 4],
    /// Bytes of the payload that came and that are still to come.
    came: usize,
    left: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Continue,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Kind {
    fn of(opcode: u8) -> Option<Self> {
        Some(match opcode {
            0 => Self::Continue,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// A message that is not whole.
#[derive(Debug)]
struct Message {
    text: bool,
    bytes: Vec<u8>,
    /// How far it is known to be UTF-8.
    checked: usize,
}

impl Inbound {
    /// Takes what was read and leaves nothing of it; `on` gets each message, and nothing more of this read once it
    /// has broken off.
    ///
    /// # Errors
    /// The tab's breach, after everything that it said before. What comes after it is read as from a new tab.
    pub fn feed(
        &mut self,
        chunk: &mut BytesMut,
        limit: usize,
        mut on: impl FnMut(Heard<'_>) -> ControlFlow<()>,
    ) -> Result<(), Fault> {
        let mut now = self.carry.take().map_or_else(Carry::default, |carry| *carry);
        let mut told = ControlFlow::Continue(());
        let result = now.read(&mut chunk[..], limit, |heard| {
            if told.is_continue() {
                told = on(heard);
            }
        });
        chunk.clear();
        if result.is_ok() && !now.is_empty() {
            self.carry = Some(Box::new(now));
        }
        result
    }

    /// Tells whether a message has begun and not ended.
    pub fn is_unfinished(&self) -> bool {
        self.carry.is_some()
    }

    /// Gives the bytes that are allocated for what is unfinished.
    #[cfg(any(test, feature = "bare"))]
    pub fn kept(&self) -> usize {
        let kept = |carry: &Carry| {
            carry.message.as_ref().map_or(0, |message| message.bytes.capacity())
                + carry.control.capacity()
                + carry.header_len
        };
        self.carry.as_deref().map_or(0, kept)
    }
}

impl Carry {
    fn is_empty(&self) -> bool {
        self.header_len == 0 && self.frame.is_none() && self.message.is_none()
    }

    fn read(
        &mut self,
        mut source: &mut [u8],
        limit: usize,
        mut on: impl FnMut(Heard<'_>),
    ) -> Result<(), Fault> {
        loop {
            let mut frame = if let Some(frame) = self.frame.take() {
                frame
            } else {
                let (taken, frame) = self.header(source, limit)?;
                source = source.split_at_mut(taken).1;
                let Some(frame) = frame else { return Ok(()) };
                frame
            };
            let (piece, rest) = source.split_at_mut(frame.left.min(source.len()));
            source = rest;
            if piece.is_empty() && frame.left > 0 {
                self.frame = Some(frame);
                return Ok(());
            }
            unmask(piece, frame.key, frame.came);
            let whole_here = frame.came == 0 && frame.left == piece.len();
            frame.came += piece.len();
            frame.left -= piece.len();
            if frame.kind.is_control() {
                self.control(frame, piece, whole_here, &mut on)?;
            } else if whole_here && frame.fin && frame.kind != Kind::Continue {
                // The usual message: one frame in one read is never copied.
                on(match frame.kind {
                    Kind::Text => {
                        Heard::Text(std::str::from_utf8(piece).map_err(|_| Fault::Protocol(NOT_UTF8))?)
                    }
                    _ => Heard::Binary(piece),
                });
            } else {
                self.data(frame, piece, limit, &mut on)?;
            }
            if frame.left > 0 {
                self.frame = Some(frame);
                return Ok(());
            }
        }
    }

    fn control(
        &mut self,
        frame: Frame,
        piece: &[u8],
        whole_here: bool,
        on: &mut impl FnMut(Heard<'_>),
    ) -> Result<(), Fault> {
        if !whole_here {
            self.control.reserve_exact(CONTROL_MAX - self.control.len());
            self.control.extend_from_slice(piece);
            if frame.left > 0 {
                return Ok(());
            }
        }
        let joined = std::mem::take(&mut self.control);
        let payload = if whole_here { piece } else { &joined };
        match frame.kind {
            Kind::Ping => on(Heard::Ping(payload)),
            Kind::Pong => on(Heard::Pong),
            _ => {
                check_close(payload)?;
                on(Heard::Close);
            }
        }
        Ok(())
    }

    fn data(
        &mut self,
        frame: Frame,
        piece: &[u8],
        limit: usize,
        on: &mut impl FnMut(Heard<'_>),
    ) -> Result<(), Fault> {
        let message = self.message.get_or_insert_with(|| Message {
            text: frame.kind == Kind::Text,
            bytes: Vec::new(),
            checked: 0,
        });
        let ends = frame.fin && frame.left == 0;
        message.take(piece, limit, ends)?;
        if ends {
            let message = self.message.take();
            match &message {
                Some(Message { text: true, bytes, .. }) => on(Heard::Text(text(bytes)?)),
                Some(Message { bytes, .. }) => on(Heard::Binary(bytes)),
                None => {}
            }
        } else if frame.left == 0 {
            on(Heard::Part);
        }
        Ok(())
    }

    /// Takes a header off the source; answers how much of the source that took, and no frame while it is short.
    fn header(&mut self, source: &[u8], limit: usize) -> Result<(usize, Option<Frame>), Fault> {
        let mut taken = 0;
        loop {
            let have = &self.header[..self.header_len];
            let missing = header_step(have) - have.len();
            if missing == 0 {
                let mut frame = Frame {
                    fin: have[0] & FIN != 0,
                    kind: Kind::of(have[0] & OPCODE).ok_or(UNKNOWN)?,
                    key: [0; 4],
                    came: 0,
                    left: self.judge_length(limit)?,
                };
                frame.key.copy_from_slice(&have[have.len() - MASK..]);
                self.header_len = 0;
                return Ok((taken, Some(frame)));
            }
            let more = &source[taken..];
            let more = &more[..missing.min(more.len())];
            if more.is_empty() {
                return Ok((taken, None));
            }
            self.header[self.header_len..][..more.len()].copy_from_slice(more);
            self.header_len += more.len();
            taken += more.len();
            self.judge_beginning()?;
            self.judge_length(limit)?;
        }
    }

    /// Judges a header by its first two bytes, as far as they are there.
    fn judge_beginning(&self) -> Result<(), Fault> {
        let have = &self.header[..self.header_len];
        let Some(first) = have.first() else { return Ok(()) };
        if first & RESERVED != 0 {
            return Err(Fault::Protocol("a reserved bit is set"));
        }
        let kind = Kind::of(first & OPCODE).ok_or(UNKNOWN)?;
        match (kind, self.message.is_some()) {
            (Kind::Continue, false) => {
                return Err(Fault::Protocol("a continuation without a beginning"));
            }
            (Kind::Text | Kind::Binary, true) => {
                return Err(Fault::Protocol("a fragmented message was not finished"));
            }
            _ => {}
        }
        if kind.is_control() && first & FIN == 0 {
            return Err(Fault::Protocol("a fragmented control frame"));
        }
        let Some(second) = have.get(1) else { return Ok(()) };
        if second & MASKED == 0 {
            return Err(Fault::Protocol("a frame without a mask"));
        }
        if kind.is_control() && usize::from(second & LENGTH) > CONTROL_MAX {
            return Err(Fault::Protocol("a control frame above 125 bytes"));
        }
        Ok(())
    }

    /// Judges the length that a header announces, as soon as it is there; 0 before.
    fn judge_length(&self, limit: usize) -> Result<usize, Fault> {
        let have = &self.header[..self.header_len];
        let Some(second) = have.get(1) else { return Ok(0) };
        let Some(bytes) = have.get(2..2 + length_bytes(*second)) else { return Ok(0) };
        let long = bytes.iter().fold(0, |length, byte| length << 8 | u64::from(*byte));
        let length = match bytes.len() {
            0 => u64::from(second & LENGTH),
            2 if long < 126 => return Err(LONG_WINDED),
            8 if u16::try_from(long).is_ok() => return Err(LONG_WINDED),
            _ => long,
        };
        let is_control = Kind::of(have[0] & OPCODE).is_some_and(Kind::is_control);
        let so_far = self.message.as_ref().map_or(0, |message| message.bytes.len());
        let room = if is_control { CONTROL_MAX } else { limit.saturating_sub(so_far) };
        usize::try_from(length).ok().filter(|length| *length <= room).ok_or(Fault::TooLarge)
    }
}

impl Message {
    /// Appends, in memory that grows with what came and never past the limit.
    fn take(&mut self, piece: &[u8], limit: usize, ends: bool) -> Result<(), Fault> {
        let needed = self.bytes.len() + piece.len();
        if needed > self.bytes.capacity() {
            let wanted = (self.bytes.capacity() * 2).min(limit).max(needed);
            self.bytes.reserve_exact(wanted - self.bytes.len());
        }
        self.bytes.extend_from_slice(piece);
        if !self.text {
            return Ok(());
        }
        match std::str::from_utf8(&self.bytes[self.checked..]) {
            Ok(_) => self.checked = self.bytes.len(),
            // A character may be cut by a frame or a read, not by the end of the message.
            Err(error) if error.error_len().is_none() && !ends => self.checked += error.valid_up_to(),
            Err(_) => return Err(Fault::Protocol(NOT_UTF8)),
        }
        Ok(())
    }
}

/// How long a header is up to its next thing to judge: its first two bytes, its length, its end.
fn header_step(have: &[u8]) -> usize {
    let length_end = 2 + have.get(1).map_or(0, |second| length_bytes(*second));
    match have.len() {
        0..2 => 2,
        len if len < length_end => length_end,
        _ => length_end + MASK,
    }
}

/// How many bytes of length follow the second.
fn length_bytes(second: u8) -> usize {
    match second & LENGTH {
        126 => 2,
        127 => 8,
        _ => 0,
    }
}

/// Takes the mask off a payload's piece that begins at `offset`.
fn unmask(piece: &mut [u8], key: [u8; 4], offset: usize) {
    let mut turned = key;
    turned.rotate_left(offset % 4);
    // Eight bytes a step: a megabyte in an unoptimised build is still quick.
    let wide = u64::from_ne_bytes([
        turned[0], turned[1], turned[2], turned[3], turned[0], turned[1], turned[2], turned[3],
    ]);
    let (steps, tail) = piece.as_chunks_mut::<8>();
    for step in steps {
        *step = (u64::from_ne_bytes(*step) ^ wide).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(turned.iter().cycle()) {
        *byte ^= key;
    }
}

/// Checks a close's payload: nothing, or a code that may travel (RFC 6455 7.4) and a text.
fn check_close(payload: &[u8]) -> Result<(), Fault> {
    let Some((code, reason)) = payload.split_first_chunk() else {
        return if payload.is_empty() { Ok(()) } else { Err(Fault::Protocol("half a close code")) };
    };
    match u16::from_be_bytes(*code) {
        1000..=1003 | 1007..=1014 | 3000..=4999 => text(reason).map(|_| ()),
        _ => Err(Fault::Protocol("a close code that may not travel")),
    }
}

fn text(payload: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(payload).map_err(|_| Fault::Protocol(NOT_UTF8))
}

#[cfg(test)]
mod tests;
