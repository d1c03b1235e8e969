//! Requests as bytes, from an address of one's own: what no HTTP library lets a test see or say.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::{Account, PATIENCE};

/// Connects from one of the loopback network's addresses.
pub async fn connect_from(address: [u8; 4], to: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::from((address, 0))).expect("the whole network 127/8 is this machine's");
    socket.connect(to.parse().expect("host:port")).await.expect("it listens")
}

/// The bytes of a stream of events, as they come.
pub struct Events {
    stream: TcpStream,
    bytes: Vec<u8>,
    /// The answer's head.
    pub head: String,
}

impl Events {
    /// Asks for the events of an account and waits for the answer's head.
    pub async fn open(address: &str, account: &Account) -> Self {
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        let request = format!(
            "GET /api/v1/events HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\
             accept: text/event-stream\r\n\r\n",
            account.access
        );
        stream.write_all(request.as_bytes()).await.expect("it takes the request");
        let mut events = Self { stream, bytes: Vec::new(), head: String::new() };
        events.head = events.up_to("\r\n\r\n").await;
        events
    }

    /// Waits for the next event of a type; answers its data.
    pub async fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let event = self.up_to("\n\n").await;
            if event.contains(&format!("event: {kind}\n")) {
                let (_, data) = event.split_once("data: ").expect("an event has data");
                return serde_json::from_str(data.lines().next().expect("a line")).expect("JSON");
            }
        }
    }

    /// Reads up to a mark; the chunks' lengths between the lines are of no matter here.
    async fn up_to(&mut self, mark: &str) -> String {
        loop {
            if let Some(at) = self.bytes.windows(mark.len()).position(|found| found == mark.as_bytes()) {
                let text: Vec<u8> = self.bytes.drain(..at + mark.len()).collect();
                return String::from_utf8(text).expect("UTF-8");
            }
            let read = tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut self.bytes)).await;
            let read = read.expect("it comes in time").expect("it can be read");
            assert!(read > 0, "ended after {}", String::from_utf8_lossy(&self.bytes));
        }
    }
}
