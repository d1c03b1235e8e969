//! The WebSocket handshake, for the gateway.
//!
//! The gateway authenticates and admits first, then answers with [`handshake`]'s 101 through
//! [`accept`], which also frees the HTTP dispatcher and its buffers. Compression is not offered.

use std::io;

use actix_http::RequestHead;
use actix_http::header;
use actix_http::ws::{HandshakeError, hash_key, verify_handshake};
use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::protocol::close::CloseReason;
use crate::protocol::frame::{Frame, Transport};

/// Checks a handshake (RFC 6455 4.2.1) and gives the bytes of the 101 that answers it, with the
/// sub-protocol that was chosen from the client's offer.
///
/// # Errors
/// What is wrong with the request; it converts into the HTTP response to give.
pub fn handshake(head: &RequestHead, sub_protocol: Option<&str>) -> Result<Bytes, HandshakeError> {
    verify_handshake(head)?;
    let key = head.headers().get(header::SEC_WEBSOCKET_KEY).ok_or(HandshakeError::BadWebsocketKey)?;
    let mut answer = BytesMut::with_capacity(200);
    answer.put_slice(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: ");
    answer.put_slice(&hash_key(key.as_bytes()));
    if let Some(sub_protocol) = sub_protocol {
        answer.put_slice(b"\r\nsec-websocket-protocol: ");
        answer.put_slice(sub_protocol.as_bytes());
    }
    answer.put_slice(b"\r\n\r\n");
    Ok(answer.freeze())
}

/// Writes the 101 and takes the socket off its reactor.
///
/// Drop the request before this, or its dispatcher stays allocated.
///
/// # Errors
/// When the client is gone.
pub async fn accept(mut stream: TcpStream, answer: Bytes) -> io::Result<std::net::TcpStream> {
    stream.write_all(&answer).await?;
    stream.into_std()
}

/// Tells a client whose handshake was already answered that there is no place, as far as the socket takes it.
pub(crate) fn turn_away(mut stream: &std::net::TcpStream, reason: CloseReason) {
    let Some(frame) = Frame::close(Transport::WebSocket, reason, reason.text()) else { return };
    // A socket that does not take 30 bytes is gone; dropping it says the same.
    let _ = stream.set_nonblocking(true).and_then(|()| io::Write::write(&mut stream, &frame.bytes));
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_http::test::TestRequest;

    fn request() -> TestRequest {
        let mut request = TestRequest::default();
        request
            .insert_header((header::UPGRADE, "websocket"))
            .insert_header((header::CONNECTION, "keep-alive, Upgrade"))
            .insert_header((header::SEC_WEBSOCKET_VERSION, "13"))
            .insert_header((header::SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ=="));
        request
    }

    #[test]
    fn the_example_of_the_rfc_is_answered_as_there() {
        let answer = handshake(request().finish().head(), None).unwrap();
        let answer = std::str::from_utf8(&answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        assert!(answer.ends_with("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"), "{answer}");
    }

    #[test]
    fn a_sub_protocol_that_was_chosen_is_named() {
        let answer = handshake(request().finish().head(), Some("wsp.v1")).unwrap();
        let answer = std::str::from_utf8(&answer).unwrap();
        assert!(answer.ends_with("\r\nsec-websocket-protocol: wsp.v1\r\n\r\n"), "{answer}");
    }

    #[actix_rt::test]
    async fn the_socket_comes_out_after_its_answer() {
        let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        server.set_nonblocking(true).unwrap();
        let server = accept(TcpStream::from_std(server).unwrap(), Bytes::from_static(b"101")).await.unwrap();
        drop(server);
        let mut answer = String::new();
        io::Read::read_to_string(&mut client, &mut answer).unwrap();
        assert_eq!(answer, "101");
    }

    #[test]
    fn an_old_version_is_refused() {
        let request = request().insert_header((header::SEC_WEBSOCKET_VERSION, "8")).finish();
        assert_eq!(handshake(request.head(), None), Err(HandshakeError::UnsupportedVersion));
    }
}
