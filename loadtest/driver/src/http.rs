//! Requests over HTTP, one a connection: a connection that was opened before the clock starts is not measured.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Longer than any answer under load; then the run is broken and says so.
const PATIENCE: Duration = Duration::from_mins(1);

/// A request with a JSON body, or none.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    /// `POST` and the like.
    pub method: String,
    /// From the first `/`.
    pub path: String,
    /// An access token.
    pub token: Option<String>,
    /// The body, whatever it is.
    pub body: Vec<u8>,
}

impl Request {
    /// A request with a JSON body.
    pub fn new(method: &str, path: &str, token: &str, body: &Value) -> Self {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        Self { method: method.to_owned(), path: path.to_owned(), token: Some(token.to_owned()), body }
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// 200 and the like.
    pub status: u16,
    /// The body.
    pub text: String,
    /// When its first bytes came.
    pub at: Instant,
}

impl Answer {
    /// Gives the body of a request that went well.
    ///
    /// # Errors
    /// The status and the body of one that did not.
    pub fn json(&self) -> anyhow::Result<Value> {
        if !(200..300).contains(&self.status) {
            bail!("answered {}: {}", self.status, self.text);
        }
        Ok(if self.text.is_empty() { Value::Null } else { serde_json::from_str(&self.text)? })
    }
}

/// A connection for one request.
pub struct Call(TcpStream);

impl Call {
    /// Connects.
    pub fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).context("no connection")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self(stream))
    }

    /// Sends.
    pub fn send(&mut self, request: &Request) -> anyhow::Result<()> {
        let mut text = format!(
            "{} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
            request.method,
            request.path,
            self.0.peer_addr()?,
            request.body.len()
        );
        if let Some(token) = &request.token {
            text.extend(["Authorization: Bearer ", token, "\r\n"]);
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend(&request.body);
        self.0.write_all(&bytes).context("the request was not taken")
    }

    /// Receives.
    pub fn receive(mut self) -> anyhow::Result<Answer> {
        let mut bytes = vec![0; 4096];
        let first = self.0.read(&mut bytes).context("no answer")?;
        let at = Instant::now();
        bytes.truncate(first);
        self.0.read_to_end(&mut bytes).context("no answer")?;
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text.split_once("\r\n\r\n").context("an answer without an end of its head")?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no status")?;
        let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
        Ok(Answer { status, at, text: if chunked { unchunked(body) } else { body.to_owned() } })
    }
}

fn unchunked(mut body: &str) -> String {
    let mut text = String::new();
    while let Some((length, rest)) = body.split_once("\r\n") {
        let length = usize::from_str_radix(length.trim(), 16).unwrap_or(0);
        let Some(chunk) = rest.get(..length).filter(|chunk| !chunk.is_empty()) else { break };
        text.push_str(chunk);
        body = rest.get(length + 2..).unwrap_or_default();
    }
    text
}

/// Asks and waits for the answer.
pub fn ask(address: SocketAddr, request: &Request) -> anyhow::Result<Answer> {
    let mut call = Call::open(address)?;
    call.send(request)?;
    call.receive().with_context(|| format!("{} {}", request.method, request.path))
}

/// Asks for a page that needs no sign-in.
pub fn get(address: SocketAddr, path: &str) -> anyhow::Result<Answer> {
    ask(address, &Request { method: "GET".to_owned(), path: path.to_owned(), token: None, body: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_put_together() {
        assert_eq!(unchunked("3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"), "abc0123456789");
        assert_eq!(unchunked(""), "");
    }
}
