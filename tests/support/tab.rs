//! One open tab: a WebSocket client that waits for what must come, and never for a time.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::server::PATIENCE;

/// See the head of this file.
#[derive(Debug)]
pub struct Tab {
    stream: WebSocketStream<TcpStream>,
}

/// What a tab meets next.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A JSON text frame.
    Frame(Value),
    /// The server closed with this code and reason.
    Closed(u16, String),
    /// The connection is gone without a close frame.
    Gone,
}

impl Tab {
    /// Shakes hands with `address/path`; refused: status and problem.
    pub async fn open(address: &str, headers: &[(&str, &str)]) -> Result<Self, (u16, Value)> {
        let (host, _) = address.split_once('/').expect("an address and a path");
        let stream = TcpStream::connect(host).await.expect("the server listens");
        Self::open_on(stream, address, headers).await
    }

    /// The same on a connection that is there already.
    pub async fn open_on(
        mut stream: TcpStream,
        address: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, (u16, Value)> {
        let (host, path) = address.split_once('/').expect("an address and a path");
        let mut request = format!(
            "GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        );
        for (name, value) in headers {
            request.extend([name, ": ", value, "\r\n"]);
        }
        request += "\r\n";
        let shaking = async {
            stream.write_all(request.as_bytes()).await.expect("the server takes the handshake");
            read_answer(&mut stream).await
        };
        let (head, rest) = tokio::time::timeout(PATIENCE, shaking).await.expect("a handshake is answered");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        if status != 101 {
            assert!(head.to_lowercase().contains("content-type: application/problem+json"), "{head}");
            return Err((status, serde_json::from_slice(&rest).expect("a problem is JSON")));
        }
        assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "the key's answer of RFC 6455 1.3: {head}");
        Ok(Self { stream: WebSocketStream::from_partially_read(stream, rest, Role::Client, None).await })
    }

    /// Answers what comes next; heartbeats are passed over.
    pub async fn event(&mut self) -> Event {
        let next = async {
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Text(text))) => {
                        return Event::Frame(serde_json::from_str(&text).expect("frames are JSON"));
                    }
                    Some(Ok(Message::Close(Some(frame)))) => {
                        return Event::Closed(frame.code.into(), frame.reason.to_string());
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(other)) => panic!("not a frame of the protocol: {other:?}"),
                    Some(Err(_)) | None => return Event::Gone,
                }
            }
        };
        tokio::time::timeout(PATIENCE, next).await.expect("a frame comes before the patience ends")
    }

    /// Waits for the next frame.
    pub async fn frame(&mut self) -> Value {
        match self.event().await {
            Event::Frame(frame) => frame,
            other => panic!("no frame but {other:?}"),
        }
    }

    /// Waits for the next frame of a type; others before it are passed over.
    pub async fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.frame().await;
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// Waits for the notice [`super::TestServer::mark`] sent and answers every frame before it.
    pub async fn until(&mut self, mark: &str) -> Vec<Value> {
        let mut seen = Vec::new();
        loop {
            let frame = self.frame().await;
            if frame["type"] == "SYSTEM_NOTICE" && frame["data"]["title"] == mark {
                return seen;
            }
            seen.push(frame);
        }
    }

    /// Waits for the end and answers the frames before it, the close code and its reason.
    pub async fn end(mut self) -> (Vec<Value>, u16, String) {
        let mut seen = Vec::new();
        loop {
            match self.event().await {
                Event::Frame(frame) => seen.push(frame),
                Event::Closed(code, reason) => return (seen, code, reason),
                Event::Gone => panic!("the connection was cut without a close frame, after {seen:?}"),
            }
        }
    }

    /// Says that a revision was applied.
    pub async fn ack(&mut self, rev: &Value) {
        self.send(json!({ "type": "ack", "permissionVersion": rev })).await;
    }

    /// Sends a frame of the protocol.
    pub async fn send(&mut self, frame: Value) {
        self.send_message(Message::text(frame.to_string())).await;
    }

    /// Sends anything; a server that has gone meanwhile is a later answer's matter.
    pub async fn send_message(&mut self, message: Message) {
        let _ = self.stream.send(message).await;
    }
}

/// Reads the head of an answer and what came with it; the whole body when it is a refusal.
async fn read_answer(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        let read = stream.read_buf(&mut bytes).await.expect("the answer is readable");
        assert!(read > 0, "hung up without an answer");
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    if !head.starts_with("HTTP/1.1 101") {
        // A balancer keeps the connection: the body ends where its length says.
        let lines = head.to_lowercase();
        let length =
            lines.split("content-length: ").nth(1).and_then(|rest| rest.split('\r').next()?.parse().ok());
        let length: usize = length.unwrap_or_else(|| panic!("a refusal has a length: {head}"));
        while bytes.len() < end + length {
            assert!(
                stream.read_buf(&mut bytes).await.expect("the answer is readable") > 0,
                "the answer is torn"
            );
        }
    }
    (head, bytes[end..].to_vec())
}
