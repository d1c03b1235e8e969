//! What opens a socket: header, ticket or cookie, and from which origin (C1, C2).

use reqwest::Method;
use serde_json::json;

use crate::frames::{Copy, data};
use crate::support::{Account, Caller, Setup, TestServer, both_databases, ok, refused, served, served_once};

/// Signs in with cookies; answers what a browser sends back.
async fn cookie(server: &TestServer, username: &str) -> String {
    let body = json!({ "username": username, "password": crate::support::PASSWORD, "cookie": true });
    let request = server.anonymous().request(Method::POST, "/api/auth/login/").json(&body);
    let answer = request.send().await.unwrap();
    let cookies = answer.headers().get_all("set-cookie").iter();
    let pairs = cookies.map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap().to_owned());
    pairs.collect::<Vec<_>>().join("; ")
}

async fn ticket(account: &Caller) -> String {
    let body = ok(account.post("/api/auth/stream-ticket/", json!({})).await);
    assert_eq!(body["expires_in"], 30);
    format!("?ticket={}", body["ticket"].as_str().unwrap())
}

async fn opens(server: &TestServer, account: &Account, query: &str, headers: &[(&str, &str)]) {
    let mut tab = server.try_socket(query, headers).await.expect("a socket");
    let frame = tab.frame().await;
    let snapshot = data(&frame, "PERMISSION_UPDATE", account, None);
    assert_eq!(snapshot["reason"], "snapshot");
    Copy::of(&frame).agrees(account).await;
}

async fn is_refused(server: &TestServer, query: &str, headers: &[(&str, &str)], status: u16, code: &str) {
    let answer = server.try_socket(query, headers).await.map(|_| "opened");
    let problem = refused(answer.expect_err("no socket"), status, code);
    assert_eq!(problem["instance"], "/ws/permission");
}

served! {
    /// The first frame is the snapshot, whatever opened the socket (S2-59, S3-36, S3-66, S3-72).
    async fn a_header_a_ticket_or_a_cookie(server: TestServer) {
        let alice = server.account("alice", &["org:view", "menu:staff"]).await;
        let bearer = format!("Bearer {}", alice.access);
        opens(&server, &alice, "", &[("authorization", &bearer)]).await;
        opens(&server, &alice, &ticket(&alice).await, &[]).await;
        let (cookie, origin) = (cookie(&server, "alice").await, server.url());
        opens(&server, &alice, "", &[("cookie", &cookie), ("origin", &origin)]).await;
    }

    async fn a_ticket_works_once_and_not_for_long(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        let query = ticket(&alice).await;
        opens(&server, &alice, &query, &[]).await;
        is_refused(&server, &query, &[], 401, "ticket_invalid").await;
        let query = ticket(&alice).await;
        server.advance(std::time::Duration::from_secs(31)).await;
        is_refused(&server, &query, &[], 401, "ticket_invalid").await;
        is_refused(&server, "?ticket=made-up", &[], 401, "ticket_invalid").await;
    }

    /// S3-3, S3-38, S3-66, S3-72.
    async fn nobody_without_a_live_session(server: TestServer) {
        is_refused(&server, "", &[], 401, "token_missing").await;
        is_refused(&server, "", &[("authorization", "Bearer x.y.z")], 401, "token_invalid").await;
        is_refused(&server, "", &[("authorization", "Basic YTpi")], 401, "token_missing").await;
        let alice = server.account("alice", &[]).await;
        let (bearer, query) = (format!("Bearer {}", alice.access), ticket(&alice).await);
        alice.post("/api/auth/logout/", json!({})).await;
        is_refused(&server, "", &[("authorization", &bearer)], 401, "session_revoked").await;
        is_refused(&server, &query, &[], 401, "session_revoked").await;
    }
}

served_once! {
    /// Another site's page has the browser's cookies and no business here (S3-37).
    async fn a_foreign_origin_is_refused(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        let (cookie, bearer) = (cookie(&server, "alice").await, format!("Bearer {}", alice.access));
        let own = server.url();
        let query = ticket(&alice).await;
        for origin in ["http://evil.example", "null", "", &format!("{own}.evil.example"), "http://127.0.0.1:1"] {
            is_refused(&server, "", &[("cookie", &cookie), ("origin", origin)], 403, "origin_refused").await;
            is_refused(&server, "", &[("authorization", &bearer), ("origin", origin)], 403, "origin_refused")
                .await;
            is_refused(&server, &query, &[("origin", origin)], 403, "origin_refused").await;
        }
        // A native app sends no origin: then the cookie alone does not count, and the ticket was not used up.
        is_refused(&server, "", &[("cookie", &cookie)], 403, "origin_refused").await;
        opens(&server, &alice, &query, &[]).await;
    }

    /// S3-36.
    async fn only_the_sockets_path_is_a_socket(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        let upgrade = |path: &str| {
            alice
                .request(Method::GET, path)
                .header("connection", "Upgrade")
                .header("upgrade", "websocket")
                .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        };
        let upgrade_13 = |path: &str| upgrade(path).header("sec-websocket-version", "13");
        refused(crate::support::answer(upgrade_13("/ws/other")).await, 404, "not_found");
        refused(crate::support::answer(upgrade_13("/api/v1/roles")).await, 404, "not_found");
        // Asked for as a page, the path says what it is.
        refused(alice.get("/ws/permission").await, 400, "handshake_invalid");
        let old = upgrade("/ws/permission").header("sec-websocket-version", "8");
        assert_eq!(crate::support::answer(old).await.0, 400);
    }

    async fn a_refused_handshake_says_how_to_authenticate(server: TestServer) {
        let request = server
            .anonymous()
            .request(Method::GET, "/ws/permission")
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("x-request-id", "asked-by-a-test");
        let answer = request.send().await.unwrap();
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
        assert_eq!(answer.headers()["x-request-id"], "asked-by-a-test");
        let problem = refused(crate::support::read(answer).await, 401, "token_missing");
        assert_eq!(problem["request_id"], "asked-by-a-test");
    }
}

both_databases! {
    /// S3-37.
    async fn a_listed_origin_is_welcome(database: TestDatabase) {
        let listed = "https://console.example:8443".to_owned();
        let setup = Setup::on(&database).with(|settings| settings.realtime.allowed_origins = vec![listed.clone()]);
        setup.run(async |server: TestServer| {
            let alice = server.account("alice", &[]).await;
            let cookie = cookie(&server, "alice").await;
            opens(&server, &alice, "", &[("cookie", &cookie), ("origin", &listed)]).await;
            for other in ["https://console.example", "http://console.example:8443", "https://x.example:8443"] {
                is_refused(&server, "", &[("cookie", &cookie), ("origin", other)], 403, "origin_refused").await;
            }
        })
        .await;
    }

    /// `"*"` lets every page open a socket, but none by a cookie (C2, S3-37).
    async fn every_origin_means_no_cookie(database: TestDatabase) {
        let setup = Setup::on(&database).with(|settings| settings.realtime.allowed_origins = vec!["*".to_owned()]);
        setup.run(async |server: TestServer| {
            let alice = server.account("alice", &[]).await;
            let (cookie, own) = (cookie(&server, "alice").await, server.url());
            let bearer = format!("Bearer {}", alice.access);
            for origin in [own.as_str(), "http://evil.example"] {
                is_refused(&server, "", &[("cookie", &cookie), ("origin", origin)], 403, "origin_refused").await;
                opens(&server, &alice, "", &[("authorization", &bearer), ("origin", origin)]).await;
                opens(&server, &alice, &ticket(&alice).await, &[("origin", origin)]).await;
            }
        })
        .await;
    }

    /// S3-84.
    async fn a_full_node_says_so(database: TestDatabase) {
        let setup = Setup::on(&database).with(|settings| settings.realtime.max_connections = 1);
        setup.run(async |server: TestServer| {
            let alice = server.account("alice", &[]).await;
            let tab = server.tab(&alice).await;
            let bearer = format!("Bearer {}", alice.access);
            is_refused(&server, "", &[("authorization", &bearer)], 503, "full").await;
            drop(tab);
        })
        .await;
    }

    async fn handshakes_of_an_address_are_counted(database: TestDatabase) {
        let limit = |settings: &mut livegrant::settings::Settings| {
            settings.realtime.handshakes_per_minute_per_address = 2;
        };
        Setup::on(&database).with(limit).run(async |server: TestServer| {
            let alice = server.account("alice", &[]).await;
            let bearer = format!("Bearer {}", alice.access);
            is_refused(&server, "", &[], 401, "token_missing").await;
            opens(&server, &alice, "", &[("authorization", &bearer)]).await;
            is_refused(&server, "", &[("authorization", &bearer)], 429, "throttled").await;
            server.advance(std::time::Duration::from_mins(1)).await;
            opens(&server, &alice, "", &[("authorization", &bearer)]).await;
        })
        .await;
    }
}
