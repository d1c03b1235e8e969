//! A server to be attacked, and a client that sends whatever bytes it is told to.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::AsyncFnOnce;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use livegrant::settings::Settings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::{Account, PATIENCE, Setup, TestServer, run_on_sqlite};

/// Pauses a dripping client between two bytes: shorter than any limit that it tries.
pub const DRIP: Duration = Duration::from_millis(100);

/// Runs a body with a server of its own while no other test of this binary runs.
pub fn attacked(change: impl FnOnce(&mut Settings), body: impl AsyncFnOnce(TestServer)) {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    run_on_sqlite(|database| async move { Setup::on(&database).with(change).run(body).await });
}

/// A connection on which anything may be said.
pub struct Hostile {
    pub stream: TcpStream,
    seen: Vec<u8>,
}

/// How a connection ended.
#[derive(Debug, PartialEq)]
pub enum Ended {
    /// With a close frame of this code.
    Closed(u16),
    /// Without.
    Cut,
}

impl Hostile {
    /// Connects from 127.0.0.1.
    pub async fn connect(server: &TestServer) -> Self {
        Self::connect_from(server, Ipv4Addr::LOCALHOST, None).await
    }

    /// Connects from a loopback address, with as small a receive buffer as the kernel allows when one is given.
    pub async fn connect_from(server: &TestServer, from: Ipv4Addr, receive: Option<u32>) -> Self {
        let connecting = async {
            let socket = TcpSocket::new_v4()?;
            if let Some(receive) = receive {
                socket.set_recv_buffer_size(receive)?;
            }
            socket.bind((IpAddr::from(from), 0).into())?;
            socket.connect(server.url().trim_start_matches("http://").parse().expect("an address")).await
        };
        let connected = tokio::time::timeout(PATIENCE, connecting).await.expect("the server listens");
        Self { stream: connected.expect("there is a descriptor for it"), seen: Vec::new() }
    }

    /// Opens a tab and takes its first frame.
    pub async fn tab(server: &TestServer, account: &Account) -> Self {
        Self::connect(server).await.into_tab(account).await
    }

    /// The same on a connection that is there.
    pub async fn into_tab(mut self, account: &Account) -> Self {
        self.send(handshake(account).as_bytes()).await;
        let head = self.read_past(b"\r\n\r\n").await;
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
        let first = self.frame().await.expect("a frame");
        assert_eq!(first.0, 1, "the snapshot is text");
        self
    }

    /// Sends, if the server still takes it.
    pub async fn send(&mut self, bytes: &[u8]) {
        let _ = tokio::time::timeout(PATIENCE, self.stream.write_all(bytes)).await.expect("the server reads");
    }

    /// Sends byte by byte with a pause after each, until the server hangs up or all is sent; tells whether it hung up.
    pub async fn drip(&mut self, bytes: &[u8]) -> bool {
        for byte in bytes {
            if self.stream.write_all(&[*byte]).await.is_err() {
                return true;
            }
            // The pause: nothing is said to a client that is not done, so reading waits.
            let reading = self.stream.read_buf(&mut self.seen);
            if let Ok(Ok(0) | Err(_)) = tokio::time::timeout(DRIP, reading).await {
                return true;
            }
        }
        false
    }

    /// Waits for the server to hang up and answers everything that it said.
    pub async fn rest(mut self) -> Vec<u8> {
        let reading = async { while matches!(self.stream.read_buf(&mut self.seen).await, Ok(1..)) {} };
        tokio::time::timeout(PATIENCE, reading).await.expect("the server hangs up");
        self.seen
    }

    /// Waits for the end of a tab; frames before it are passed over.
    pub async fn end(mut self) -> Ended {
        loop {
            match self.frame().await {
                None => return Ended::Cut,
                Some((8, payload)) => {
                    return Ended::Closed(u16::from_be_bytes([payload[0], payload[1]]));
                }
                Some(_) => {}
            }
        }
    }

    /// Waits for a frame: opcode and payload.
    pub async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let Some((opcode, payload, length)) = parse(&self.seen) {
                self.seen.drain(..length);
                return Some((opcode, payload));
            }
            if !self.more().await {
                return None;
            }
        }
    }

    async fn read_past(&mut self, mark: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = self.seen.windows(mark.len()).position(|window| window == mark) {
                return self.seen.drain(..at + mark.len()).collect();
            }
            assert!(self.more().await, "hung up: {}", String::from_utf8_lossy(&self.seen));
        }
    }

    async fn more(&mut self) -> bool {
        let reading = self.stream.read_buf(&mut self.seen);
        let read = tokio::time::timeout(PATIENCE, reading).await.expect("the server says something");
        matches!(read, Ok(1..))
    }
}

/// A handshake with a bearer token.
pub fn handshake(account: &Account) -> String {
    format!(
        "GET /ws/permission HTTP/1.1\r\nhost: livegrant\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         sec-websocket-extensions: permessage-deflate; client_max_window_bits\r\n\
         authorization: Bearer {}\r\n\r\n",
        account.access
    )
}

/// A masked frame with any first byte.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let key = [0x37, 0xFA, 0x21, 0x3D];
    let mut bytes = header(first, payload.len() as u64);
    bytes.extend_from_slice(&key);
    bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

/// The first bytes of a masked frame, up to its length.
pub fn header(first: u8, length: u64) -> Vec<u8> {
    let mut bytes = vec![first];
    match length {
        0..126 => bytes.push(0x80 | length as u8),
        126..65_536 => {
            bytes.push(0xFE);
            bytes.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            bytes.push(0xFF);
            bytes.extend_from_slice(&length.to_be_bytes());
        }
    }
    bytes
}

/// A server's frame, which has no mask: opcode, payload, and its length on the wire.
fn parse(bytes: &[u8]) -> Option<(u8, Vec<u8>, usize)> {
    let (opcode, second) = (bytes.first()? & 0x0F, *bytes.get(1)?);
    let (start, length) = match second {
        126 => (4, usize::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?))),
        127 => (10, u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?) as usize),
        short => (2, usize::from(short)),
    };
    let payload = bytes.get(start..start + length)?.to_vec();
    Some((opcode, payload, start + length))
}

/// Waits until a condition holds that nothing announces.
pub async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let waiting = async {
        while !condition().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("waited in vain until {what}"));
}

/// How many tabs the engine has closed for a reason.
pub fn closed(server: &TestServer, reason: &str) -> u64 {
    server.core.engine.stats().closed[reason]
}

/// What `/metrics` says for a name with its labels; 0 before it is first counted. The process counts for all its servers.
pub async fn metric(server: &TestServer, name: &str) -> u64 {
    let (_, text) = server.anonymous().get("/metrics").await;
    let text = text.as_str().expect("a text").to_owned();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.map_or(0, |value| value.parse().expect("a whole number"))
}

/// An honest client is served: it signs in, opens a tab, and hears what is said.
pub async fn is_served(server: &TestServer, account: &Account) {
    let again = server.signed_in(&account.username).await;
    let mut tab = server.tab(&again).await;
    let mark = server.mark().await;
    tab.until(&mark).await;
}

/// The resident memory of this process, in bytes.
pub fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("a Linux machine");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it tells its memory");
    let kib: usize = line.trim().trim_end_matches(" kB").trim().parse().expect("a number");
    kib * 1024
}

/// How many descriptors this process may have.
pub fn descriptors() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").expect("a Linux machine");
    let line =
        limits.lines().find_map(|line| line.strip_prefix("Max open files")).expect("it tells its limits");
    line.split_whitespace().next().and_then(|soft| soft.parse().ok()).unwrap_or(1024)
}
