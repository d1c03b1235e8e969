//! A browser's session in cookies: scripts never see a token, other sites' pages get nothing done.

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::support::{PASSWORD, Setup, TestServer, answer, both_databases, ok, read, refused, served};

async fn sign_in(server: &TestServer, username: &str) -> Response {
    let body = json!({ "username": username, "password": PASSWORD, "cookie": true });
    server.anonymous().request(Method::POST, "/api/auth/login/").json(&body).send().await.unwrap()
}

/// The `Set-Cookie` headers of an answer.
fn set(answer: &Response) -> Vec<String> {
    answer.headers().get_all("set-cookie").iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

/// What a browser sends back.
fn jar(set: &[String]) -> String {
    set.iter().map(|cookie| cookie.split(';').next().unwrap()).collect::<Vec<_>>().join("; ")
}

fn request(server: &TestServer, method: Method, path: &str, cookies: &str) -> RequestBuilder {
    server.anonymous().request(method, path).header("cookie", cookies)
}

served! {
    async fn the_tokens_are_only_in_the_cookies(server: TestServer) {
        server.account("alice", &["org:view"]).await;
        let signed_in = sign_in(&server, "alice").await;
        let cookies = set(&signed_in);
        assert_eq!(cookies.len(), 2, "{cookies:?}");
        for (cookie, start, path) in [
            (&cookies[0], "livegrant_access=", "Path=/;"),
            (&cookies[1], "livegrant_refresh=", "Path=/api/auth;"),
        ] {
            assert!(cookie.starts_with(start), "{cookie}");
            for attribute in ["HttpOnly", "SameSite=Strict", "Max-Age=", path] {
                assert!(format!("{cookie};").contains(attribute), "{attribute}: {cookie}");
            }
            assert!(!cookie.contains("Secure") && !cookie.contains("Domain"), "{cookie}");
        }
        let body = ok(read(signed_in).await);
        assert_eq!((body.get("access"), body.get("refresh")), (None, None));
        assert!(body["sid"].is_string());
        let me = answer(request(&server, Method::GET, "/api/accounts/users/me/", &jar(&cookies))).await;
        assert_eq!(ok(me)["permissions"], json!(["org:view"]));
    }

    async fn another_sites_page_gets_nothing_done(server: TestServer) {
        server.account("alice", &[]).await;
        let cookies = jar(&set(&sign_in(&server, "alice").await));
        let own = server.url();
        let ticket = || request(&server, Method::POST, "/api/auth/stream-ticket/", &cookies).json(&json!({}));
        let before = server.rows().await;
        for (name, value) in [
            ("origin", "http://evil.example"),
            ("origin", "null"),
            ("origin", "http://127.0.0.1"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("sec-fetch-site", "none"),
            ("x-nothing", "neither header"),
        ] {
            refused(answer(ticket().header(name, value)).await, 403, "cross_site");
            let logout = request(&server, Method::POST, "/api/auth/logout/", &cookies).header(name, value);
            refused(answer(logout).await, 403, "cross_site");
            let refresh = request(&server, Method::POST, "/api/auth/refresh/", &cookies).header(name, value);
            refused(answer(refresh).await, 403, "cross_site");
        }
        assert_eq!(before, server.rows().await);
        // An origin decides before what a browser adds to it.
        let both = ticket().header("origin", "http://evil.example").header("sec-fetch-site", "same-origin");
        refused(answer(both).await, 403, "cross_site");
        ok(answer(ticket().header("origin", &own)).await);
        ok(answer(ticket().header("sec-fetch-site", "same-origin")).await);
        // Reading changes nothing and is what an address typed by hand does.
        ok(answer(request(&server, Method::GET, "/api/accounts/users/me/", &cookies)).await);
    }

    async fn refreshed_and_removed(server: TestServer) {
        server.account("alice", &[]).await;
        let first = jar(&set(&sign_in(&server, "alice").await));
        let own = server.url();
        let refresh = request(&server, Method::POST, "/api/auth/refresh/", &first).header("origin", &own);
        let refreshed = refresh.send().await.unwrap();
        let cookies = set(&refreshed);
        assert_eq!(cookies.len(), 2);
        let body = ok(read(refreshed).await);
        assert_eq!((body.get("access"), body.get("refresh")), (None, None));
        let second = jar(&cookies);
        assert_ne!(first, second);
        let logout = request(&server, Method::POST, "/api/auth/logout/", &second).header("origin", &own);
        let gone = logout.send().await.unwrap();
        assert_eq!((gone.status().as_u16(), &gone.headers()["clear-site-data"]), (204, &"\"storage\"".parse().unwrap()));
        for cookie in set(&gone) {
            assert!(cookie.contains("Max-Age=0") && cookie.contains("=;"), "{cookie}");
        }
        for cookies in [&first, &second] {
            let me = answer(request(&server, Method::GET, "/api/accounts/users/me/", cookies)).await;
            refused(me, 401, "session_revoked");
        }
    }

    /// A header outweighs a cookie that the browser sent along.
    async fn a_header_comes_first(server: TestServer) {
        let bob = server.account("bob", &[]).await;
        server.account("alice", &[]).await;
        let cookies = jar(&set(&sign_in(&server, "alice").await));
        let me = bob.request(Method::GET, "/api/accounts/users/me/").header("cookie", cookies);
        assert_eq!(ok(answer(me).await)["username"], "bob");
    }
}

both_databases! {
    /// S2-71.
    async fn behind_tls_cookies_are_secure(database: TestDatabase) {
        Setup::on(&database).with(|settings| settings.auth.cookie_secure = true).run(async |server| {
            server.account("alice", &[]).await;
            for cookie in set(&sign_in(&server, "alice").await) {
                assert!(cookie.contains("; Secure"), "{cookie}");
            }
            let body: Value = ok(server.login("alice", PASSWORD).await);
            assert!(body["access"].is_string());
        })
        .await;
    }
}
