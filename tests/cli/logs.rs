//! What the process logs: events with who, what and which result, warnings, and never a secret.

use serde_json::json;

use crate::support::{self, PATIENCE, Tab, both_databases, ok, refused};
use crate::{Serving, Shell, execute, succeeds};

/// S2-71.
#[test]
fn who_is_reachable_without_tls_is_warned() {
    let warning = "auth.cookie_secure = false";
    for (host, secure, warned) in
        [("0.0.0.0", "false", true), ("0.0.0.0", "true", false), ("127.0.0.1", "false", false)]
    {
        let shell =
            Shell::on("sqlite://here.db").with("SERVER__HOST", host).with("AUTH__COOKIE_SECURE", secure);
        succeeds(&shell.run("migrate"));
        let (code, log) = Serving::start(&shell).stop_and_read();
        assert_eq!((code, log.contains(warning)), (Some(0), warned), "{host} {secure}: {log}");
    }
}

both_databases! {
    /// At every level of our own: who signed in and what was refused, and nothing that anybody could use again.
    async fn logs_tell_events_and_no_secret(database: TestDatabase) {
        let shell = Shell::on(&database.url)
            .with("TELEMETRY__LOG_FILTER", "debug,livegrant=trace,livegrant_actors=trace");
        succeeds(&shell.run("migrate"));
        succeeds(&shell.told("user add root --platform", "a long password\n"));
        let serving = Serving::start(&shell);
        let caller = serving.caller();
        let sign_in = async |password: &str| {
            caller.post("/api/auth/login/", json!({ "username": "root", "password": password })).await
        };
        assert_eq!(sign_in("a wrong password").await.0, 401);
        let signed_in = ok(sign_in("a long password").await);
        let token = |of: &serde_json::Value, name: &str| of[name].as_str().expect("a token").to_owned();
        let (access, refresh) = (token(&signed_in, "access"), token(&signed_in, "refresh"));
        let root = caller.bearing(&access);
        let ticket = token(&ok(root.post("/api/auth/stream-ticket/", json!({})).await), "ticket");
        let address = serving.address.trim_start_matches("http://").to_owned();
        let path = |query: &str| format!("{address}/ws/permission?ticket={query}");
        let tab = Tab::open(&path(&ticket), &[]).await.expect("a tab");
        let forged = "forged-ticket-forged-ticket-forged-ticket";
        assert!(Tab::open(&path(forged), &[]).await.is_err());
        let again = ok(caller.post("/api/auth/refresh/", json!({ "refresh": refresh })).await);
        ok(root.post("/api/auth/logout/", json!({})).await);
        assert_eq!(tab.end().await.1, 4501);
        let (code, log) = serving.stop_and_read();
        assert_eq!(code, Some(0));
        let (renewed, successor) = (token(&again, "access"), token(&again, "refresh"));
        for secret in
            ["a long password", "a wrong password", &access, &refresh, &ticket, forged, &renewed, &successor]
        {
            let line = log.lines().find(|line| line.contains(secret));
            assert_eq!(line, None, "a secret is logged");
        }
        for event in [
            "authn_login_fail",
            "authn_login_success",
            "connection accepted",
            "connection refused",
            "connection closed",
        ] {
            assert!(log.contains(event), "{event} is not logged");
        }
    }

    /// Who, what and with which result: connections, pushes, errors, figures, and what administrators looked at (S3-82,
    /// S3-109 … S3-112).
    async fn logs_tell_who_did_what_with_which_result(database: TestDatabase) {
        let shell = Shell::on(&database.url).with("TELEMETRY__LOG_FILTER", "info,livegrant_actors=debug");
        succeeds(&shell.run("migrate"));
        succeeds(&shell.told("user add root --platform", "a long password\n"));
        let serving = Serving::start(&shell);
        let caller = serving.caller();
        let body = json!({ "username": "root", "password": "a long password" });
        let signed_in = ok(caller.post("/api/auth/login/", body).await);
        let (root, who) = (caller.bearing(signed_in["access"].as_str().unwrap()), &signed_in["user"]["id"]);
        let account = format!("account={who}");
        let path = format!("{}/ws/permission", serving.address.trim_start_matches("http://"));
        assert!(Tab::open(&path, &[]).await.is_err());
        serving.says(&["connection refused", "path=\"/ws/permission\"", "refusal="]).await;
        let bearer = format!("Bearer {}", signed_in["access"].as_str().unwrap());
        let mut tab = Tab::open(&path, &[("authorization", &bearer)]).await.expect("a tab");
        let told = tab.next_of("PERMISSION_UPDATE").await["messageId"].as_str().unwrap().to_owned();
        serving.says(&["connection established", &account]).await;
        serving.says(&["message pushed", &account, &told, "message_type=\"PERMISSION_UPDATE\"", "result=\"sent\""]).await;
        tab.send(json!({ "type": "nonsense" })).await;
        assert_eq!(tab.end().await.1, 4500);
        serving.says(&["connection closed", &account, "code=4500", "reason=\"protocol\""]).await;
        serving.says(&["event=\"figures\"", "connections=", "frames=", "slow=", "relay_waiting="]).await;

        let mut seen = Vec::new();
        for (path, said) in [
            ("/api/v1/online-users", "online users listed"),
            ("/api/v1/connections", "online users listed"),
            ("/api/v1/sessions", "sessions listed"),
            ("/api/v1/permission-changes", "changes listed"),
            ("/api/v1/audit", "audit log listed"),
            ("/api/v1/access/review", "access reviewed"),
            ("/api/v1/bans", "bans listed"),
        ] {
            ok(root.get(path).await);
            seen.push(said);
            let lines = || {
                let log = serving.log.lock().unwrap();
                let lines = log.lines().filter(|line| line.contains("event=\"authz_admin\"") && line.contains(&account));
                lines.map(str::to_owned).collect::<Vec<_>>()
            };
            let written = async {
                while lines().len() < seen.len() {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(PATIENCE, written).await.unwrap_or_else(|_| panic!("{path} is not logged"));
            assert!(lines().iter().zip(&seen).all(|(line, said)| line.contains(said)), "{:?}", lines());
        }

        execute(&database.url, "ALTER TABLE sys_permission_change_log RENAME TO elsewhere").await;
        let request = root.request(reqwest::Method::GET, "/api/v1/permission-changes").header("x-request-id", "asked-in-vain");
        refused(support::answer(request).await, 500, "internal");
        serving.says(&["ERROR", "defect", "request_id=\"asked-in-vain\"", "path=\"/api/v1/permission-changes\"", "cause="]).await;
        assert_eq!(serving.stop(), Some(0));
    }
}
