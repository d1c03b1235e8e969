//! One client for every transport of the application: what a test hears has the same shape whatever the wire. It keeps
//! where it is, and can come back there.

use std::collections::VecDeque;

use livegrant_actors::Transport;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::caller::{Account, answer};
use super::server::{PATIENCE, TestServer};
use super::tab::{Event, Tab};

enum Wire {
    WebSocket(Box<Tab>),
    Events { socket: TcpStream, bytes: Vec<u8> },
    Poll { caller: Box<Account>, cursor: u64, waiting: VecDeque<Value>, closed: Option<(u16, String)> },
}

/// See the head of this file.
pub struct Stream {
    wire: Wire,
    /// The connection, as its introduction says.
    pub connection: String,
    /// The last `id` of an event stream.
    pub last_event_id: Option<String>,
    /// The head of the answer that opened an event stream.
    pub head: String,
}

/// Writes a query's value so that any text arrives.
pub fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

impl Stream {
    /// Opens a stream with a bearer token and reads its introduction, which it answers; refused: status and problem.
    pub async fn open(
        server: &TestServer,
        transport: Transport,
        account: &Account,
        query: &[(&str, &str)],
    ) -> Result<(Self, Value), (u16, Value)> {
        let bearer = format!("Bearer {}", account.access);
        let mut stream =
            Self::open_with(server, transport, account, query, &[("authorization", &bearer)]).await?;
        let hello = stream.next_of("CONNECTED").await;
        hello["data"]["connectionId"].as_str().expect("a text").clone_into(&mut stream.connection);
        Ok((stream, hello))
    }

    /// The same with headers of one's own, up to the answer's head; a poll always sends its token.
    pub async fn open_with(
        server: &TestServer,
        transport: Transport,
        account: &Account,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Result<Self, (u16, Value)> {
        let pairs: Vec<String> =
            query.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        let query = if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) };
        let mut head = String::new();
        let wire = match transport {
            Transport::WebSocket => {
                let headers: Vec<_> =
                    headers.iter().copied().chain([("sec-websocket-protocol", "wsp.v1")]).collect();
                Wire::WebSocket(Box::new(server.try_socket(&query, &headers).await?))
            }
            Transport::Sse => {
                let (socket, answered, bytes) = events(server, &query, headers).await?;
                head = answered;
                Wire::Events { socket, bytes }
            }
            Transport::Poll => {
                let (status, body) =
                    answer(account.request(Method::GET, &format!("/api/v1/poll{query}"))).await;
                if status != 200 {
                    return Err((status, body));
                }
                let mut stream = Self {
                    wire: Wire::Poll {
                        caller: Box::new(account.clone()),
                        cursor: 0,
                        waiting: VecDeque::new(),
                        closed: None,
                    },
                    connection: body["connectionId"].as_str().expect("a text").to_owned(),
                    last_event_id: None,
                    head,
                };
                stream.take_batch(&body);
                return Ok(stream);
            }
        };
        Ok(Self { wire, connection: String::new(), last_event_id: None, head })
    }

    /// Which transport it is.
    pub fn transport(&self) -> Transport {
        match self.wire {
            Wire::WebSocket(_) => Transport::WebSocket,
            Wire::Events { .. } => Transport::Sse,
            Wire::Poll { .. } => Transport::Poll,
        }
    }

    /// Answers what comes next; heartbeats are passed over. The fields of an event stand under `data`, as elsewhere.
    pub async fn event(&mut self) -> Event {
        match &mut self.wire {
            Wire::WebSocket(tab) => tab.event().await,
            Wire::Events { socket, bytes } => {
                let next = next_event(socket, bytes);
                let (event, id) = tokio::time::timeout(PATIENCE, next).await.expect("an event comes in time");
                if id.is_some() {
                    self.last_event_id = id;
                }
                event
            }
            Wire::Poll { .. } => self.polled().await,
        }
    }

    async fn polled(&mut self) -> Event {
        loop {
            let Wire::Poll { caller, cursor, waiting, closed } = &mut self.wire else {
                unreachable!("it polls")
            };
            if let Some(message) = waiting.pop_front() {
                return Event::Frame(message);
            }
            if let Some((code, text)) = closed.take() {
                return Event::Closed(code, text);
            }
            let path = format!("/api/v1/poll?connection={}&cursor={cursor}&wait=5", self.connection);
            let (status, body) = caller.get(&path).await;
            if status != 200 {
                return Event::Gone;
            }
            self.take_batch(&body);
        }
    }

    fn take_batch(&mut self, body: &Value) {
        let Wire::Poll { cursor, waiting, closed, .. } = &mut self.wire else { unreachable!("it polls") };
        *cursor = body["cursor"].as_u64().expect("a number");
        waiting.extend(body["messages"].as_array().expect("a list").iter().cloned());
        if let Some(end) = body.get("closed") {
            *closed = Some((
                end["code"].as_u64().expect("a code") as u16,
                end["text"].as_str().expect("a text").to_owned(),
            ));
        }
    }

    /// Waits for the next message.
    pub async fn frame(&mut self) -> Value {
        match self.event().await {
            Event::Frame(frame) => frame,
            other => panic!("no message but {other:?}"),
        }
    }

    /// Waits for the next message of a type, past others.
    pub async fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.frame().await;
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// Waits for the notice that [`TestServer::mark`] sent and answers every message before it, but for how the inbox
    /// stands: that comes from the database, some time after a tab has opened and after every notice.
    pub async fn until(&mut self, mark: &str) -> Vec<Value> {
        let mut seen = Vec::new();
        loop {
            let frame = self.frame().await;
            if frame["type"] == "SYSTEM_NOTICE" && frame["data"]["title"] == mark {
                return seen;
            }
            if frame["type"] != "NOTIFICATION_STATE" {
                seen.push(frame);
            }
        }
    }

    /// Waits for the end; answers the messages before it and the code.
    pub async fn end(mut self) -> (Vec<Value>, u16) {
        let mut seen = Vec::new();
        loop {
            match self.event().await {
                Event::Frame(frame) => seen.push(frame),
                Event::Closed(code, _) => return (seen, code),
                Event::Gone => panic!("cut without a word, after {seen:?}"),
            }
        }
    }

    /// Says that a revision is applied, each transport in its way.
    pub async fn ack(&mut self, account: &Account, rev: i64) {
        match &mut self.wire {
            Wire::WebSocket(tab) => tab.ack(&json!(rev)).await,
            Wire::Events { .. } => {
                let body = json!({ "connectionId": self.connection, "permissionVersion": rev });
                let (status, problem) = account.post("/api/v1/events/ack", body).await;
                assert_eq!(status, 204, "{problem}");
            }
            Wire::Poll { cursor, .. } => {
                let path =
                    format!("/api/v1/poll?connection={}&cursor={cursor}&ack={rev}&wait=0", self.connection);
                let (status, body) = account.get(&path).await;
                assert_eq!(status, 200, "{body}");
                self.take_batch(&body);
            }
        }
    }

    /// Asks for the whole state, where the transport can ask.
    pub async fn ask_snapshot(&mut self) -> bool {
        let Wire::WebSocket(tab) = &mut self.wire else { return false };
        tab.send(json!({ "type": "snapshot" })).await;
        true
    }

    /// Says something on a WebSocket.
    pub async fn say(&mut self, message: Value) {
        let Wire::WebSocket(tab) = &mut self.wire else { panic!("only a WebSocket is heard") };
        tab.send(message).await;
    }
}

/// Asks for a stream of events; answers its head and what came with it.
async fn events(
    server: &TestServer,
    query: &str,
    headers: &[(&str, &str)],
) -> Result<(TcpStream, String, Vec<u8>), (u16, Value)> {
    let host = server.url().replace("http://", "");
    let mut socket = TcpStream::connect(&host).await.expect("the server listens");
    let mut request =
        format!("GET /api/v1/events{query} HTTP/1.1\r\nhost: {host}\r\naccept: text/event-stream\r\n");
    for (name, value) in headers {
        request.extend([name, ": ", value, "\r\n"]);
    }
    request += "\r\n";
    socket.write_all(request.as_bytes()).await.expect("the server takes the request");
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        let read =
            tokio::time::timeout(PATIENCE, socket.read_buf(&mut bytes)).await.expect("an answer in time");
        assert!(read.expect("the answer is readable") > 0, "hung up without an answer");
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status: u16 = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let mut body = bytes[end..].to_vec();
    if status == 200 {
        return Ok((socket, head, body));
    }
    let length = head
        .to_lowercase()
        .split("content-length: ")
        .nth(1)
        .and_then(|rest| rest.split('\r').next()?.parse().ok());
    while body.len() < length.unwrap_or(0) {
        socket.read_buf(&mut body).await.expect("the problem is readable");
    }
    Err((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
}

/// Reads one event and gives it in the shape of an envelope, with its id.
async fn next_event(socket: &mut TcpStream, bytes: &mut Vec<u8>) -> (Event, Option<String>) {
    loop {
        if let Some(at) = bytes.windows(2).position(|two| two == b"\n\n") {
            let text: Vec<u8> = bytes.drain(..at + 2).collect();
            let text = String::from_utf8(text).expect("UTF-8");
            let field = |name: &str| {
                text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned))
            };
            let Some(data) = field("data") else { continue };
            let data: Value = serde_json::from_str(&data).expect("data is JSON");
            let event = field("event").expect("every event has its name");
            if event == "close" {
                let code = data["code"].as_u64().expect("a code") as u16;
                return (Event::Closed(code, data["text"].as_str().expect("a text").to_owned()), None);
            }
            let part = |name: &str| data[name].clone();
            let frame = json!({
                "event": event, "type": part("type"), "messageId": part("messageId"), "userId": part("userId"),
                "operator": part("operator"), "timestamp": part("timestamp"), "data": data,
            });
            return (Event::Frame(frame), field("id"));
        }
        match socket.read_buf(bytes).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => return (Event::Gone, None),
        }
    }
}
