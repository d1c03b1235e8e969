//! Who calls the server over HTTP, and what is said about its answers.

use std::ops::Deref;

use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};

/// Somebody with or without a token.
#[derive(Debug, Clone)]
pub struct Caller {
    base: String,
    client: Client,
    token: Option<String>,
}

impl Caller {
    /// Calls `base` with a token.
    pub fn new(base: String, client: Client, token: Option<String>) -> Self {
        Self { base, client, token }
    }

    /// The same with another token.
    pub fn bearing(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// A request that is still to be sent.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Asks by method name, for tables of requests; a null body is none.
    pub async fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let request = self.request(method.parse().expect("a method"), path);
        answer(if body.is_null() { request } else { request.json(body) }).await
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        answer(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        answer(self.request(Method::POST, path).json(&body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> (u16, Value) {
        answer(self.request(Method::PUT, path).json(&body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> (u16, Value) {
        answer(self.request(Method::PATCH, path).json(&body)).await
    }

    pub async fn delete(&self, path: &str) -> (u16, Value) {
        answer(self.request(Method::DELETE, path)).await
    }
}

/// A signed-in account: one session of it.
#[derive(Debug, Clone)]
pub struct Account {
    pub id: i64,
    pub guid: String,
    pub username: String,
    /// The role that [`super::TestServer::account`] made for it; 0 for other accounts.
    pub role: i64,
    pub sid: String,
    pub access: String,
    pub refresh: String,
    caller: Caller,
}

impl Deref for Account {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl Account {
    /// The account of a sign-in's answer.
    pub fn of_login(anonymous: &Caller, body: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Self {
            id: body["user"]["id"].as_i64().expect("an id"),
            guid: text(&body["user"]["guid"]),
            username: text(&body["user"]["username"]),
            role: 0,
            sid: text(&body["sid"]),
            access: text(&body["access"]),
            refresh: text(&body["refresh"]),
            caller: anonymous.bearing(&text(&body["access"])),
        }
    }

    /// Refreshes this session's tokens.
    pub async fn refreshed(&self) -> (u16, Value) {
        Caller { token: None, ..self.caller.clone() }
            .post("/api/auth/refresh/", json!({ "refresh": self.refresh }))
            .await
    }

    /// The same session with the tokens of a refresh's answer.
    pub fn carried_on(&self, body: &Value) -> Self {
        let text = |name: &str| body[name].as_str().expect("a token").to_owned();
        let caller = self.caller.bearing(&text("access"));
        Self { access: text("access"), refresh: text("refresh"), caller, ..self.clone() }
    }

    /// The same session at another server on the same database.
    pub fn at(&self, anonymous: &Caller) -> Self {
        Self { caller: anonymous.bearing(&self.access), ..self.clone() }
    }

    /// The account's codes, as REST says.
    pub async fn codes(&self) -> Vec<String> {
        let (_, body) = self.get("/api/accounts/users/me/").await;
        serde_json::from_value(body["permissions"].clone()).expect("a list of codes")
    }
}

/// Sends a request; the answer's body is null when there is none.
pub async fn answer(request: RequestBuilder) -> (u16, Value) {
    read(request.send().await.expect("the server answers")).await
}

/// Reads an answer.
pub async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let problem =
        response.headers().get("content-type").is_some_and(|kind| kind == "application/problem+json");
    assert!(status < 400 || problem, "an error without a problem: {status} {response:?}");
    let body = response.bytes().await.expect("the answer ends");
    if body.is_empty() {
        return (status, Value::Null);
    }
    let text = String::from_utf8_lossy(&body).into_owned();
    (status, serde_json::from_slice(&body).unwrap_or(Value::String(text)))
}

/// Goes on with the body of an answer that says yes.
#[track_caller]
pub fn ok((status, body): (u16, Value)) -> Value {
    assert!((200..300).contains(&status), "refused: {status} {body}");
    body
}

/// Goes on with the problem of an answer that says no, for this reason and in the form of every problem.
#[track_caller]
pub fn refused((status, problem): (u16, Value), expected: u16, code: &str) -> Value {
    assert_eq!((status, problem["code"].as_str()), (expected, Some(code)), "{problem}");
    assert_eq!(problem["status"], expected, "{problem}");
    assert_eq!(problem["type"], format!("urn:livegrant:problem:{code}"), "{problem}");
    for member in ["title", "detail", "instance", "request_id"] {
        assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {problem}");
    }
    problem
}
