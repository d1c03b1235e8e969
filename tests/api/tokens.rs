//! Access tokens: which ones count, and what an answer says to whoever brings another.

use std::time::Duration;

use jsonwebtoken::{EncodingKey, Header, encode};
use livegrant::auth::token::{Claims, Tokens};
use livegrant_actors::{AccountId, SessionId};
use reqwest::Method;
use serde_json::json;

use crate::support::{answer, ok, refused, served, served_once};

fn base64url(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for three in text.as_bytes().chunks(3) {
        let bits =
            three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..=three.len() {
            out.push(char::from(ALPHABET[(bits >> (18 - 6 * place) & 63) as usize]));
        }
    }
    out
}

served! {
    async fn only_our_own_unexpired_tokens_count(server: TestServer) {
        let alice = server.account("alice", &["role:view"]).await;
        let sid = SessionId::from(alice.sid.clone());
        let now = server.clock.now_ms();
        let foreign = Tokens::new("another key of 32 bytes or a bit more", 900);
        let claims = alice.access.split('.').nth(1).unwrap();
        let unsigned = |alg: &str| format!("{}.{claims}.", base64url(&format!(r#"{{"alg":"{alg}","typ":"JWT"}}"#)));
        let mut parts: Vec<&str> = alice.access.split('.').collect();
        let forged_claims = base64url(&format!(r#"{{"sub":1,"sid":"{}","iat":1,"exp":99999999999,"jti":"x"}}"#, alice.sid));
        parts[1] = &forged_claims;
        for token in [
            foreign.sign(AccountId(alice.id), &sid, now).unwrap(),
            unsigned("none"),
            unsigned("None"),
            format!("{}{}", unsigned("HS256"), alice.access.rsplit('.').next().unwrap().to_uppercase()),
            parts.join("."),
            alice.refresh.clone(),
            "x".to_owned(),
            alice.access[..alice.access.len() - 1].to_owned(),
        ] {
            refused(alice.bearing(&token).get("/api/v1/roles").await, 401, "token_invalid");
        }
        ok(alice.get("/api/v1/roles").await);
    }

    /// A token of ours for a session that never was, or of another account's name, is nobody's.
    async fn a_token_is_worth_its_session(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        let admin = server.platform().await;
        let tokens = &server.keys().tokens;
        let now = server.clock.now_ms();
        let unknown = tokens.sign(AccountId(admin.id), &SessionId::from("no-such".to_owned()), now).unwrap();
        refused(alice.bearing(&unknown).get("/api/v1/roles").await, 401, "session_revoked");
        // The session says whose it is, not the token.
        let mixed = tokens.sign(AccountId(admin.id), &SessionId::from(alice.sid.clone()), now).unwrap();
        assert_eq!(ok(alice.bearing(&mixed).get("/api/accounts/users/me/").await)["username"], "alice");
        refused(alice.bearing(&mixed).get("/api/v1/roles").await, 403, "NoPermissionError");
    }

    async fn a_token_ends_at_its_second(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        let into = server.clock.now_ms().rem_euclid(1000);
        server.advance(Duration::from_millis((900_000 - into - 1) as u64)).await;
        ok(alice.get("/api/accounts/users/me/").await);
        server.advance(Duration::from_millis(1)).await;
        refused(alice.get("/api/accounts/users/me/").await, 401, "token_expired");
        ok(alice.refreshed().await);
    }
}

served_once! {
    /// A key of the settings signs instead of the one in the database.
    async fn tokens_are_hs256_with_the_configured_key(server: TestServer) {
        let alice = server.account("alice", &[]).await;
        let header = jsonwebtoken::decode_header(&alice.access).unwrap();
        assert_eq!(header.alg, jsonwebtoken::Algorithm::HS256);
        let claims = Claims { sub: alice.id, sid: alice.sid.clone(), iat: 0, exp: i64::MAX / 2000, jti: "x".to_owned() };
        let mut header = Header::new(jsonwebtoken::Algorithm::HS512);
        header.typ = None;
        let other = encode(&header, &claims, &EncodingKey::from_secret(b"whatever")).unwrap();
        refused(alice.bearing(&other).get("/api/v1/roles").await, 401, "token_invalid");
    }

    async fn a_401_says_how_to_authenticate(server: TestServer) {
        let request = server.anonymous().request(Method::GET, "/api/accounts/users/me/");
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        refused(crate::support::read(response).await, 401, "token_missing");
        for header in ["Basic YTpi", "Bearer", "bearer", "Token x"] {
            let request = server.anonymous().request(Method::GET, "/api/v1/roles").header("authorization", header);
            refused(answer(request).await, 401, "token_missing");
        }
        let alice = server.account("alice", &[]).await;
        let lower = format!("bearer {}", alice.access);
        let request = server.anonymous().request(Method::GET, "/api/accounts/users/me/").header("authorization", lower);
        ok(answer(request).await);
    }

    /// Every answer names the revision of the caller's state, so that a page without a socket notices too (S3-137).
    async fn answers_carry_the_permission_version(server: TestServer) {
        let alice = server.account("alice", &["org:view"]).await;
        let version = async || {
            let response = alice.request(Method::GET, "/api/accounts/users/me/").send().await.unwrap();
            let header = response.headers()["x-permission-version"].to_str().unwrap().to_owned();
            let body: serde_json::Value = response.json().await.unwrap();
            assert_eq!(body["permission_version"].to_string(), header);
            header
        };
        let before = version().await;
        assert_eq!(version().await, before);
        let path = format!("/api/v1/roles/{}/permissions/add", alice.role);
        let body = json!({ "permissions": ["staff:view"] });
        let rev = ok(server.platform().await.post(&path, body).await)["rev"].to_string();
        assert_eq!(version().await, rev);
        let refused = alice.request(Method::GET, "/api/v1/roles").send().await.unwrap();
        assert_eq!((refused.status().as_u16(), &refused.headers()["x-permission-version"]), (403, &rev.parse().unwrap()));
        let anonymous = server.anonymous().request(Method::GET, "/healthz").send().await.unwrap();
        assert!(!anonymous.headers().contains_key("x-permission-version"));
    }
}
