//! Requests to nodes, with three ways to end: answered, never sent, or lost with an outcome that nobody knows.

use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::Value;

/// How long a client waits for an answer. Longer than a node may wait for its database.
const PATIENCE: Duration = Duration::from_secs(8);
/// How long a client tries to connect.
const CONNECT: Duration = Duration::from_secs(2);

/// How a request ended.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Status and body; null without one.
    Given(u16, Value),
    /// The node could not be reached.
    NotSent,
    /// The request may have been worked on.
    Lost(String),
}

impl Answer {
    /// The body of an answer that says yes.
    pub fn good(&self) -> Option<&Value> {
        match self {
            Self::Given(200..=299, body) => Some(body),
            _ => None,
        }
    }

    /// The code of a problem.
    pub fn code(&self) -> &str {
        match self {
            Self::Given(_, body) => body["code"].as_str().unwrap_or_default(),
            _ => "",
        }
    }
}

/// One client of all nodes.
#[derive(Debug, Clone)]
pub struct Caller {
    client: Client,
    ports: Vec<u16>,
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: Method,
    pub path: String,
    /// Null is none.
    pub body: Value,
    pub token: String,
    pub id: String,
}

impl Caller {
    pub fn of(ports: Vec<u16>) -> Self {
        let client = Client::builder()
            // A connection that was kept hides whether a request was sent.
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(PATIENCE)
            .build()
            .expect("a client needs nothing");
        Self { client, ports }
    }

    pub fn nodes(&self) -> usize {
        self.ports.len()
    }

    pub fn port(&self, node: usize) -> u16 {
        self.ports[node]
    }

    pub async fn ask(&self, node: usize, request: &Request) -> Answer {
        let url = format!("http://127.0.0.1:{}{}", self.ports[node], request.path);
        let mut call = self.client.request(request.method.clone(), url);
        if !request.token.is_empty() {
            call = call.bearer_auth(&request.token);
        }
        if !request.id.is_empty() {
            call = call.header("x-request-id", &request.id);
        }
        if !request.body.is_null() {
            call = call.json(&request.body);
        }
        let answer = match call.send().await {
            Ok(answer) => answer,
            Err(error) if error.is_connect() => return Answer::NotSent,
            Err(error) => return Answer::Lost(format!("{error:?}")),
        };
        let status = answer.status().as_u16();
        match answer.bytes().await {
            Ok(bytes) => Answer::Given(status, serde_json::from_slice(&bytes).unwrap_or(Value::Null)),
            Err(error) => Answer::Lost(format!("{error:?}")),
        }
    }

    /// Asks without a token for something to be read.
    pub async fn get(&self, node: usize, path: &str, token: &str) -> Answer {
        let (method, path, token) = (Method::GET, path.to_owned(), token.to_owned());
        self.ask(node, &Request { method, path, body: Value::Null, token, id: String::new() }).await
    }
}
