//! Guessing passwords: counted by account and address, locked for a time, released by the clock.

use std::time::Duration;

use livegrant::settings::Settings;
use reqwest::Method;
use serde_json::json;

use crate::support::{PASSWORD, Setup, TestServer, both_databases, ok, read, refused};

fn three_tries(settings: &mut Settings) {
    settings.auth.throttle_account_attempts = 3;
    settings.auth.throttle_address_attempts = 1_000;
}

/// Tries and answers the seconds of `Retry-After`.
async fn locked(server: &TestServer, username: &str, password: &str) -> String {
    let body = json!({ "username": username, "password": password });
    let request = server.anonymous().request(Method::POST, "/api/auth/login/").json(&body);
    let answer = request.send().await.unwrap();
    let after = answer.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
    refused(read(answer).await, 429, "throttled");
    after.expect("the time to wait")
}

both_databases! {
    async fn an_account_is_locked_and_released_by_the_clock(database: TestDatabase) {
        Setup::on(&database).with(three_tries).run(async |server| {
            server.account("alice", &[]).await;
            server.account("bob", &[]).await;
            for _ in 0..3 {
                refused(server.login("alice", "a wrong one").await, 401, "invalid_credentials");
            }
            assert_eq!(locked(&server, "alice", "a wrong one").await, "60");
            assert_eq!(locked(&server, "alice", PASSWORD).await, "60", "the right one does not help now");
            assert_eq!(locked(&server, "ALICE", PASSWORD).await, "60");
            ok(server.login("bob", PASSWORD).await);
            server.advance(Duration::from_millis(59_001)).await;
            assert_eq!(locked(&server, "alice", PASSWORD).await, "1");
            server.advance(Duration::from_millis(999)).await;
            ok(server.login("alice", PASSWORD).await);
        })
        .await;
    }

    /// An unknown name is locked like a known one, else the lock would tell who is there.
    async fn an_unknown_name_is_locked_too(database: TestDatabase) {
        Setup::on(&database).with(three_tries).run(async |server| {
            for _ in 0..3 {
                refused(server.login("nobody", "a wrong one").await, 401, "invalid_credentials");
            }
            assert_eq!(locked(&server, "nobody", "a wrong one").await, "60");
        })
        .await;
    }

    async fn success_forgives_and_parallel_guesses_all_count(database: TestDatabase) {
        Setup::on(&database).with(three_tries).run(async |server| {
            server.account("alice", &[]).await;
            for _ in 0..4 {
                refused(server.login("alice", "a wrong one").await, 401, "invalid_credentials");
                ok(server.login("alice", PASSWORD).await);
            }
            let guesses = (0..8).map(|_| server.login("alice", "a wrong one"));
            let answers = futures_util::future::join_all(guesses).await;
            let wrong = answers.iter().filter(|(status, _)| *status == 401).count();
            let throttled = answers.iter().filter(|(status, _)| *status == 429).count();
            assert_eq!((wrong, throttled), (3, 5));
        })
        .await;
    }

    async fn an_address_is_locked_for_all_names(database: TestDatabase) {
        let setup = Setup::on(&database).with(|settings| settings.auth.throttle_address_attempts = 4);
        setup.run(async |server| {
            server.account("alice", &[]).await;
            for name in ["a", "b", "c", "d"] {
                refused(server.login(name, "a wrong one").await, 401, "invalid_credentials");
            }
            locked(&server, "alice", PASSWORD).await;
            server.advance(Duration::from_mins(1)).await;
            ok(server.login("alice", PASSWORD).await);
        })
        .await;
    }

    /// An open page is no place to guess the password at either.
    async fn changing_the_password_is_throttled_as_well(database: TestDatabase) {
        Setup::on(&database).with(three_tries).run(async |server| {
            let alice = server.account("alice", &[]).await;
            let guess = json!({ "old_password": "a wrong one", "new_password": "a good new one" });
            for _ in 0..3 {
                let problem = alice.post("/api/accounts/users/change_password/", guess.clone()).await;
                refused(problem, 400, "invalid_credentials");
            }
            refused(alice.post("/api/accounts/users/change_password/", guess).await, 429, "throttled");
            let right = json!({ "old_password": PASSWORD, "new_password": "a good new one" });
            refused(alice.post("/api/accounts/users/change_password/", right).await, 429, "throttled");
        })
        .await;
    }
}
