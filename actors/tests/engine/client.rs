//! One client for all three transports: what a test hears is the same whatever the wire.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use actix_http::ws::OpCode;
use bytes::Bytes;
use livegrant_actors::{ConnectionId, Rev, SessionId, Subject, Transport, Wishes};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::support::{Got, Login, PATIENCE, Tab, World, admission, sockets};

/// The transports, for suites that run on each.
pub const ALL: [Transport; 3] = [Transport::WebSocket, Transport::Sse, Transport::Poll];
/// The head that the tests' event streams begin with.
const HEAD: &str = "HTTP/1.1 200 OK\r\n\r\n";

enum Wire {
    WebSocket(Box<Tab>),
    Events { socket: TcpStream, text: String },
    Poll { cursor: u64, waiting: VecDeque<Value>, closed: Option<u16> },
}

/// A client of a tab.
pub struct Client {
    pub id: ConnectionId,
    session: SessionId,
    login: Arc<Login>,
    wire: Wire,
    /// The last `id` of an event, or what the other transports' messages say.
    pub position: Option<String>,
}

/// What comes next.
#[derive(Debug, PartialEq)]
pub enum Heard {
    Message(Value),
    Closed(u16),
}

impl World {
    /// Opens a tab that takes control messages.
    pub async fn join(&self, transport: Transport, login: &Arc<Login>, wishes: Wishes) -> Client {
        self.join_until(transport, login, wishes, i64::MAX).await
    }

    pub async fn join_until(
        &self,
        transport: Transport,
        login: &Arc<Login>,
        wishes: Wishes,
        expires_at: i64,
    ) -> Client {
        let admission = admission(login, Wishes { control: true, ..wishes }, expires_at);
        let (client, server) = sockets().await;
        let (id, wire) = match transport {
            Transport::WebSocket => {
                let id = self.engine.attach(server, Bytes::new(), admission).await.unwrap();
                (id, Wire::WebSocket(Box::new(Tab::on(client))))
            }
            Transport::Sse => {
                let head = Bytes::from_static(HEAD.as_bytes());
                let id = self.engine.attach_events(server, head, admission).await.unwrap();
                (id, Wire::Events { socket: client, text: String::new() })
            }
            Transport::Poll => {
                let id = self.engine.open_poll(admission).await.unwrap();
                (id, Wire::Poll { cursor: 0, waiting: VecDeque::new(), closed: None })
            }
        };
        Client { id, session: login.session().clone(), login: Arc::clone(login), wire, position: None }
    }

    /// Waits for what comes next to a client; heartbeats are passed over.
    pub async fn heard(&self, client: &mut Client) -> Heard {
        tokio::time::timeout(PATIENCE, self.hear(client)).await.expect("nothing came")
    }

    async fn hear(&self, client: &mut Client) -> Heard {
        let account = client.login.account();
        let heard = match &mut client.wire {
            Wire::WebSocket(tab) => loop {
                match tab.next().await {
                    Got::Text(message) => break Heard::Message(message),
                    Got::Close(code, _) => break Heard::Closed(code),
                    Got::End => panic!("ended without a close"),
                    Got::Ping | Got::Pong(_) => {}
                }
            },
            Wire::Events { socket, text } => {
                let (event, id) = next_event(socket, text).await;
                if id.is_some() {
                    client.position = id;
                }
                event
            }
            Wire::Poll { cursor, waiting, closed } => loop {
                if let Some(message) = waiting.pop_front() {
                    break Heard::Message(message);
                }
                if let Some(code) = closed {
                    break Heard::Closed(*code);
                }
                let answer = self
                    .engine
                    .poll(account, &client.session, &client.id, (*cursor, None), Duration::from_secs(1))
                    .await
                    .expect("the tab is there");
                *cursor = answer.cursor;
                waiting.extend(
                    answer.messages.iter().map(|text| serde_json::from_slice::<Value>(text).unwrap()),
                );
                *closed = answer.closed.map(|(reason, _)| reason.code());
            },
        };
        if let Heard::Message(message) = &heard
            && !matches!(client.wire, Wire::Events { .. })
        {
            client.place(message);
        }
        heard
    }

    /// Waits for a message of this type, past others.
    pub async fn message(&self, client: &mut Client, kind: &str) -> Value {
        loop {
            match self.heard(client).await {
                Heard::Message(message) if message["type"] == kind => return message,
                Heard::Message(_) => {}
                Heard::Closed(code) => panic!("closed with {code} in place of {kind}"),
            }
        }
    }

    /// Waits for the next message.
    pub async fn any(&self, client: &mut Client) -> Value {
        match self.heard(client).await {
            Heard::Message(message) => message,
            Heard::Closed(code) => panic!("closed with {code}"),
        }
    }

    /// Waits for the close and gives its code.
    pub async fn closing(&self, client: &mut Client) -> u16 {
        loop {
            if let Heard::Closed(code) = self.heard(client).await {
                return code;
            }
        }
    }

    /// Says that everything up to `rev` is applied, each transport in its way.
    pub async fn applied(&self, client: &mut Client, rev: i64) {
        let account = client.login.account();
        match &mut client.wire {
            Wire::WebSocket(tab) => {
                tab.say(&json!({"type": "ack", "permissionVersion": rev}).to_string()).await;
            }
            Wire::Events { .. } => {
                assert!(self.engine.acknowledge(account, &client.session, &client.id, Rev(rev)).await);
            }
            Wire::Poll { cursor, waiting, .. } => {
                let asked = (*cursor, Some(Rev(rev)));
                let answer = self
                    .engine
                    .poll(account, &client.session, &client.id, asked, Duration::ZERO)
                    .await
                    .expect("the tab is there");
                *cursor = answer.cursor;
                waiting.extend(
                    answer.messages.iter().map(|text| serde_json::from_slice::<Value>(text).unwrap()),
                );
            }
        }
    }
}

impl Client {
    /// Leaves without a word, and says where it was.
    pub fn leave(self) -> Option<String> {
        self.position
    }

    /// Proves that nothing is under way to a WebSocket.
    pub async fn hears_nothing(&mut self) {
        let Wire::WebSocket(tab) = &mut self.wire else { panic!("only a WebSocket is heard") };
        tab.send(OpCode::Ping, b"quiet?").await;
        assert_eq!(tab.next().await, Got::Pong(b"quiet?".to_vec()));
    }

    /// Keeps where the tab is, as a client would from what it is told.
    fn place(&mut self, message: &Value) {
        let part =
            |at: usize| self.position.as_deref().and_then(|text| text.split(':').nth(at)).unwrap_or("0");
        let data = &message["data"];
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.position = match message["type"].as_str() {
            Some("PERMISSION_UPDATE") => {
                let seq = part(3);
                Some(format!("{}:{}:{}:{seq}", text(&data["epoch"]), data["rev"], text(&data["hash"])))
            }
            Some("SYSTEM_NOTICE") => Some(format!("{}:{}:{}:{}", part(0), part(1), part(2), data["seq"])),
            Some("CONNECTED" | "CHECKPOINT") => match &self.position {
                None if data["resume"] != "current" => Some(format!("x:0:x:{}", data["inboxSeq"])),
                _ => Some(format!(
                    "{}:{}:{}:{}",
                    text(&data["epoch"]),
                    data["rev"],
                    text(&data["hash"]),
                    data["inboxSeq"]
                )),
            },
            _ => return,
        };
    }
}

/// Reads one event and gives it in the shape of an envelope, with its id.
async fn next_event(socket: &mut TcpStream, text: &mut String) -> (Heard, Option<String>) {
    loop {
        if let Some(rest) = text.strip_prefix(HEAD) {
            rest.to_owned().clone_into(text);
        }
        if let Some((event, rest)) = text.split_once("\n\n") {
            let (event, rest) = (event.to_owned(), rest.to_owned());
            *text = rest;
            let field = |name: &str| {
                event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned))
            };
            let Some(data) = field("data") else { continue };
            let data: Value = serde_json::from_str(&data).expect("data is JSON");
            if field("event").as_deref() == Some("close") {
                return (Heard::Closed(data["code"].as_u64().unwrap() as u16), None);
            }
            let kind = data["type"].clone();
            let (message_id, operator) = (data["messageId"].clone(), data["operator"].clone());
            let message = json!({
                "type": kind, "event": field("event"), "messageId": message_id, "operator": operator, "data": data,
            });
            return (Heard::Message(message), field("id"));
        }
        let mut chunk = [0; 4096];
        let read = socket.read(&mut chunk).await.expect("the stream is read");
        assert!(read > 0, "ended without a close event: {text}");
        text.push_str(std::str::from_utf8(&chunk[..read]).expect("UTF-8"));
    }
}
