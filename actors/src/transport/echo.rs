//! An echo on the engine's own parts: owned socket, decoder, frames, outbox. For conformance runs.
//!
//! It closes with the codes of RFC 6455 where a session actor uses the protocol's own. It knows no accounts and limits
//! neither rate nor silence.

use std::future::poll_fn;
use std::io;
use std::ops::ControlFlow;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::ws::{CloseCode, CloseReason, OpCode, Parser};
use bytes::{Bytes, BytesMut};

use super::inbound::{Heard, Inbound};
use super::socket::Socket;
use crate::protocol::frame::{Class, Frame};
use crate::session::outbox::{Bounds, Outbox};

/// The kernel's buffer, as the engine sets it.
const SEND_BUFFER: usize = 64 * 1024;
/// Longer than any case of a conformance suite waits.
const PATIENCE: Duration = Duration::from_mins(10);

struct Echo {
    socket: Socket,
    inbound: Inbound,
    outbox: Outbox,
    limit: usize,
    closing: bool,
}

/// Answers each message with itself until the client leaves or breaks the protocol.
///
/// # Errors
/// When the connection breaks.
pub async fn serve(stream: std::net::TcpStream, leftover: Bytes, limit: usize) -> io::Result<()> {
    let socket = Socket::adopt(stream, SEND_BUFFER, PATIENCE)?;
    let (inbound, outbox) = (Inbound::default(), Outbox::default());
    let mut echo = Echo { socket, inbound, outbox, limit, closing: false };
    echo.hear(&mut BytesMut::from(&leftover[..]));
    poll_fn(|cx| echo.poll(cx)).await
}

impl Echo {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            // What waits goes first, so that a client that does not read is not read either.
            while !self.outbox.is_empty() {
                match self.outbox.write(|slices| self.socket.write(slices)) {
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        std::task::ready!(self.socket.poll_write_ready(cx))?;
                    }
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
            if self.closing {
                return Poll::Ready(Ok(()));
            }
            let mut chunk = BytesMut::new();
            let read = self.socket.poll_read(cx, |buffer| chunk = buffer.split());
            if std::task::ready!(read)? == 0 {
                return Poll::Ready(Ok(()));
            }
            self.hear(&mut chunk);
        }
    }

    fn hear(&mut self, chunk: &mut BytesMut) {
        let (outbox, closing) = (&mut self.outbox, &mut self.closing);
        let result = self.inbound.feed(chunk, self.limit, |heard| {
            let frame = match heard {
                Heard::Text(text) => message(OpCode::Text, text.as_bytes()),
                Heard::Binary(bytes) => message(OpCode::Binary, bytes),
                Heard::Ping(payload) => Frame::pong(payload),
                Heard::Part | Heard::Pong => return ControlFlow::Continue(()),
                Heard::Close => {
                    *closing = true;
                    close(1000)
                }
            };
            // Last words pass every bound: an echo may be as large as what it answers.
            outbox.push(Frame { class: Class::Final, ..frame }, Bounds { bytes: 0, frames: 0 });
            if *closing { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        if let Err(fault) = result {
            self.closing = true;
            self.outbox.push(close(fault.standard_code()), Bounds { bytes: 0, frames: 0 });
        }
    }
}

fn message(op: OpCode, payload: &[u8]) -> Frame {
    let mut bytes = BytesMut::with_capacity(payload.len() + 10);
    Parser::write_message(&mut bytes, payload, op, true, false);
    Frame { bytes: bytes.freeze(), class: Class::Final, seq: 0 }
}

fn close(code: u16) -> Frame {
    let mut bytes = BytesMut::new();
    let reason = CloseReason { code: CloseCode::from(code), description: None };
    Parser::write_close(&mut bytes, Some(reason), false);
    Frame { bytes: bytes.freeze(), class: Class::Final, seq: 0 }
}
