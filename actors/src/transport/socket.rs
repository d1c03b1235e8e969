//! A non-blocking socket that a session actor owns.
//!
//! Reading goes through one 64 KiB buffer a thread, so an idle tab has none. Readiness is polled
//! (`poll_read_ready`), never awaited: an awaited readiness leaves a waker of a finished task
//! behind. It knows no frames.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use tokio::net::TcpStream;

/// The read buffer of a thread. 64 KiB: the largest message in one read.
const READ_BUFFER: usize = 64 * 1024;

/// The kernel counts this in 31 bits of milliseconds.
#[cfg(target_os = "linux")]
const PATIENCE_MAX: Duration = Duration::from_hours(24);

thread_local! {
    static BUFFER: RefCell<BytesMut> = RefCell::new(BytesMut::with_capacity(READ_BUFFER));
}

/// A tab's socket.
pub(crate) struct Socket {
    io: TcpStream,
}

impl Socket {
    /// Takes a socket over on this thread's reactor, with its kernel buffer capped.
    ///
    /// # Errors
    /// When the socket is already broken.
    ///
    /// `patience`: bytes that the other end does not confirm for so long end the connection; a stream that
    /// is never heard would else hold a vanished client for a quarter of an hour.
    pub fn adopt(stream: std::net::TcpStream, send_buffer: usize, patience: Duration) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let socket = socket2::SockRef::from(&stream);
        socket.set_send_buffer_size(send_buffer)?;
        #[cfg(target_os = "linux")]
        socket.set_tcp_user_timeout(Some(patience.min(PATIENCE_MAX)))?;
        #[cfg(not(target_os = "linux"))]
        let _ = patience;
        Ok(Self { io: TcpStream::from_std(stream)? })
    }

    /// Reads once if there is something, and shows it to `take`.
    ///
    /// `Pending` means that the waker is registered; `Ready(Ok(0))` is the end of the stream.
    pub fn poll_read(
        &self,
        cx: &mut Context<'_>,
        mut take: impl FnMut(&mut BytesMut),
    ) -> Poll<io::Result<usize>> {
        loop {
            if let Err(error) = std::task::ready!(self.io.poll_read_ready(cx)) {
                return Poll::Ready(Err(error));
            }
            let read = BUFFER.with_borrow_mut(|buffer| {
                buffer.clear();
                buffer.reserve(READ_BUFFER);
                let read = self.io.try_read_buf(buffer);
                if matches!(read, Ok(1..)) {
                    take(buffer);
                }
                read
            });
            match read {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return Poll::Ready(other),
            }
        }
    }

    /// Writes as much as the kernel takes now.
    ///
    /// # Errors
    /// `WouldBlock` when it takes nothing.
    pub fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match slices {
            // One `send` is cheaper than a `writev` of one.
            [one] => self.io.try_write(one),
            many => self.io.try_write_vectored(many),
        }
    }

    /// Says that nothing more will be written.
    pub fn finish(&self) {
        // A socket that is gone already has said so itself.
        let _ = socket2::SockRef::from(&self.io).shutdown(std::net::Shutdown::Write);
    }

    /// Registers the waker for when the kernel takes bytes again.
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io.poll_write_ready(cx)
    }
}
