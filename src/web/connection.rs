//! A client's connection, which a handler may take out of HTTP's hands: a stream of events then belongs to the engine and
//! costs one kilobyte, not the sixteen that the HTTP dispatcher's buffers hold
//! (`docs/adr/0008-event-streams-leave-the-dispatcher.md`). Once it is taken, HTTP reads its end and writes into nothing.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// See the head of this file.
#[derive(Debug)]
pub struct Connection(Rc<RefCell<Option<TcpStream>>>);

/// What a handler finds in its request's connection data.
#[derive(Debug)]
pub struct Taker(Rc<RefCell<Option<TcpStream>>>);

impl Connection {
    /// Wraps an accepted connection.
    pub fn new(stream: TcpStream) -> Self {
        Self(Rc::new(RefCell::new(Some(stream))))
    }

    /// Makes the handle for handlers.
    pub fn taker(&self) -> Taker {
        Taker(Rc::clone(&self.0))
    }

    /// Takes the connection; `None` when it is taken already.
    pub fn into_stream(self) -> Option<TcpStream> {
        self.0.take()
    }

    fn with<T>(&self, taken: T, io: impl FnOnce(Pin<&mut TcpStream>) -> T) -> T {
        self.0.borrow_mut().as_mut().map_or(taken, |stream| io(Pin::new(stream)))
    }
}

impl Taker {
    /// Takes the connection; `None` when it is taken already.
    pub fn take(&self) -> Option<TcpStream> {
        self.0.take()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.with(Poll::Ready(Ok(())), |stream| stream.poll_read(cx, buffer))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.with(Poll::Ready(Ok(bytes.len())), |stream| stream.poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(Poll::Ready(Ok(())), |stream| stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(Poll::Ready(Ok(())), |stream| stream.poll_shutdown(cx))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn a_taken_connection_is_at_its_end_for_http_and_alive_for_its_taker() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let mut client = TcpStream::connect(address).await.expect("it listens");
        let mut connection = Connection::new(listener.accept().await.expect("a client").0);
        let taker = connection.taker();
        connection.write_all(b"a").await.expect("it is there");
        let mut stream = taker.take().expect("nobody has taken it");
        assert!(taker.take().is_none());
        connection.write_all(b"lost").await.expect("into nothing");
        connection.shutdown().await.expect("shuts nothing");
        assert_eq!(connection.read(&mut [0; 8]).await.expect("its end"), 0);
        stream.write_all(b"b").await.expect("it lives on");
        drop((connection, stream));
        let mut text = String::new();
        client.read_to_string(&mut text).await.expect("what was written");
        assert_eq!(text, "ab");
    }
}
