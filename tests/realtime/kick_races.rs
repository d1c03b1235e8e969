//! Ending sessions against everything that could keep one alive or make a new one, at the same moment (I12): sign-in,
//! refresh, ticket, socket and plain requests. However the race goes, in the end what was to end is dead on every path.

use std::time::Duration;

use futures_util::future::join_all;
use livegrant::sql_one;
use serde_json::{Value, json};

use crate::support::{Account, Event, PASSWORD, Setup, Tab, TestServer, both_databases, ok};

const ROUNDS: usize = 6;
/// The one race whose window is a single statement wide gets more of them.
const MORE_ROUNDS: usize = 3 * ROUNDS;
/// Sessions that exist when a round starts.
const SESSIONS: usize = 2;
/// Sign-ins, and of each session: refreshes, tickets and sockets, that race with the ending.
const RACERS: usize = 4;

fn unthrottled(settings: &mut livegrant::settings::Settings) {
    settings.auth.throttle_account_attempts = 1_000_000;
    settings.auth.throttle_address_attempts = 1_000_000;
    settings.realtime.max_connections_per_user = 1_000;
}

/// Everything that one round left behind.
#[derive(Default)]
struct Spoils {
    /// Sessions with the newest tokens that anybody got for them.
    sessions: Vec<Account>,
    tickets: Vec<String>,
    tabs: Vec<Tab>,
}

async fn sign_in(server: &TestServer) -> Spoils {
    let (status, body) = server.login("alice", PASSWORD).await;
    assert!(matches!(status, 200 | 401 | 409), "{status} {body}");
    let session = (status == 200).then(|| Account::of_login(&server.anonymous(), &body));
    Spoils { sessions: session.into_iter().collect(), ..Spoils::default() }
}

async fn refresh(session: &Account) -> Spoils {
    let (status, body) = session.refreshed().await;
    assert!(matches!(status, 200 | 401), "{status} {body}");
    let next = (status == 200).then(|| session.carried_on(&body));
    Spoils { sessions: next.into_iter().collect(), ..Spoils::default() }
}

async fn ticket(server: &TestServer, session: &Account) -> Spoils {
    let (status, body) = session.post("/api/auth/stream-ticket/", json!({})).await;
    assert!(matches!(status, 200 | 401), "{status} {body}");
    let mut spoils = Spoils::default();
    if status == 200 {
        spoils.tickets.push(format!("?ticket={}", body["ticket"].as_str().unwrap()));
        // One is used at once, another is kept for later.
        spoils.tabs.extend(server.try_socket(&spoils.tickets[0], &[]).await);
        let kept = session.post("/api/auth/stream-ticket/", json!({})).await.1;
        spoils.tickets.extend(kept["ticket"].as_str().map(|ticket| format!("?ticket={ticket}")));
    }
    spoils
}

async fn socket(server: &TestServer, session: &Account) -> Spoils {
    let bearer = format!("Bearer {}", session.access);
    let tab = server.try_socket("", &[("authorization", &bearer)]).await;
    Spoils { tabs: tab.into_iter().collect(), ..Spoils::default() }
}

/// Lets everything race with `end` and answers what it left, with what `end` answered. Each round lets the others come
/// a little further before `end` begins.
async fn race<T>(
    server: &TestServer,
    round: usize,
    sessions: &[Account],
    end: impl Future<Output = T>,
) -> (T, Spoils) {
    let end = async {
        for _ in 0..round {
            server.anonymous().get("/healthz").await;
        }
        end.await
    };
    let racers = async {
        let logins = join_all((0..RACERS).map(|_| sign_in(server)));
        let of_sessions = join_all(sessions.iter().map(|session| async move {
            let refreshes = join_all((0..RACERS).map(|_| refresh(session)));
            let tickets = join_all((0..RACERS).map(|_| ticket(server, session)));
            let sockets = join_all((0..RACERS).map(|_| socket(server, session)));
            let (refreshes, tickets, sockets) = tokio::join!(refreshes, tickets, sockets);
            [refreshes, tickets, sockets].into_iter().flatten().collect::<Vec<_>>()
        }));
        let (logins, of_sessions) = tokio::join!(logins, of_sessions);
        logins.into_iter().chain(of_sessions.into_iter().flatten()).collect::<Vec<_>>()
    };
    let (ended, gathered) = tokio::join!(end, racers);
    let mut all = Spoils { sessions: sessions.to_vec(), ..Spoils::default() };
    for spoils in gathered {
        all.sessions.extend(spoils.sessions);
        all.tickets.extend(spoils.tickets);
        all.tabs.extend(spoils.tabs);
    }
    (ended, all)
}

/// Which paths of a session are open: REST, refresh, ticket, socket.
async fn paths(server: &TestServer, session: &Account) -> [bool; 4] {
    let bearer = format!("Bearer {}", session.access);
    let rest = session.get("/api/accounts/users/me/").await.0;
    let ticket = session.post("/api/auth/stream-ticket/", json!({})).await.0;
    let socket = server.try_socket("", &[("authorization", &bearer)]).await;
    let refresh = session.refreshed().await.0;
    for status in [rest, ticket, refresh] {
        assert!(matches!(status, 200 | 401), "{status}");
    }
    [rest == 200, refresh == 200, ticket == 200, socket.is_ok()]
}

/// Every tab ends with the terminal code, after the reason.
async fn tabs_end(tabs: Vec<Tab>) {
    for tab in tabs {
        let (seen, code, _) = tab.end().await;
        assert_eq!(code, 4501, "{seen:?}");
        assert_eq!(seen.last().map(|frame| &frame["type"]), Some(&json!("FORCE_LOGOUT")), "{seen:?}");
    }
}

async fn tickets_are_dead(server: &TestServer, tickets: &[String]) {
    for ticket in tickets {
        assert!(server.try_socket(ticket, &[]).await.is_err(), "a ticket outlived its session");
    }
}

async fn sign_in_some(server: &TestServer) -> Vec<Account> {
    join_all((0..SESSIONS).map(|_| server.signed_in("alice"))).await
}

both_databases! {
    /// A disabled account has no session at all, whatever started when.
    async fn disabling_against_everything(database: TestDatabase) {
        Setup::on(&database).with(unthrottled).run(async |server: TestServer| {
            let admin = server.platform().await;
            let alice = server.account("alice", &["org:view"]).await;
            let path = format!("/api/accounts/users/{}/", alice.id);
            for round in 0..ROUNDS {
                let sessions = sign_in_some(&server).await;
                let end = admin.patch(&path, json!({ "status": 0 }));
                let (answer, spoils) = race(&server, round, &sessions, end).await;
                ok(answer);
                for session in &spoils.sessions {
                    assert_eq!(paths(&server, session).await, [false; 4], "alive after the end");
                }
                tickets_are_dead(&server, &spoils.tickets).await;
                tabs_end(spoils.tabs).await;
                ok(admin.patch(&path, json!({ "status": 1 })).await);
                for session in &spoils.sessions {
                    assert_eq!(paths(&server, session).await, [false; 4], "alive again");
                }
            }
        })
        .await;
    }

    /// Whoever knew only the old password is out, also who typed it while it was replaced.
    async fn a_reset_password_against_everything(database: TestDatabase) {
        Setup::on(&database).with(unthrottled).run(async |server: TestServer| {
            let admin = server.platform().await;
            let alice = server.account("alice", &["org:view"]).await;
            let path = format!("/api/v1/accounts/{}/reset-password", alice.id);
            for round in 0..ROUNDS {
                let sessions = sign_in_some(&server).await;
                let end = admin.post(&path, json!({ "new_password": format!("the next one {round}") }));
                let (answer, spoils) = race(&server, round, &sessions, end).await;
                ok(answer);
                for session in &spoils.sessions {
                    assert_eq!(paths(&server, session).await, [false; 4], "alive after the end");
                }
                tickets_are_dead(&server, &spoils.tickets).await;
                tabs_end(spoils.tabs).await;
                ok(admin.post(&path, json!({ "new_password": PASSWORD })).await);
            }
        })
        .await;
    }

    /// All sessions of an account end. A sign-in that raced with it and survived was checked after the end, so it counts
    /// whole; whatever existed before is dead, whole as well, and counted.
    async fn all_sessions_against_everything(database: TestDatabase) {
        Setup::on(&database).with(unthrottled).run(async |server: TestServer| {
            let admin = server.platform().await;
            let alice = server.account("alice", &["org:view"]).await;
            let path = format!("/api/v1/accounts/{}/logout-all", alice.id);
            ok(admin.post(&path, json!({})).await);
            for round in 0..MORE_ROUNDS {
                let sessions = sign_in_some(&server).await;
                let end = admin.post(&path, json!({ "reason": "race" }));
                let (answer, spoils) = race(&server, round, &sessions, end).await;
                let ended = ok(answer)["ended"].as_u64().unwrap() as usize;
                let mut dead: Vec<&str> = Vec::new();
                for session in &spoils.sessions {
                    let paths = paths(&server, session).await;
                    assert!(paths == [false; 4] || paths == [true; 4], "half alive: {paths:?}");
                    let old = sessions.iter().any(|old| old.sid == session.sid);
                    assert!(!(old && paths[0]), "alive after the end");
                    if paths[0] {
                        assert!(began_after_the_end(&server, session).await, "a sign-in from before the end is alive");
                    }
                    if !paths[0] && !dead.contains(&session.sid.as_str()) {
                        dead.push(&session.sid);
                    }
                }
                assert_eq!(dead.len(), ended, "what ended is what the answer says");
                // Tickets and tabs of the race were all of sessions that ended.
                tickets_are_dead(&server, &spoils.tickets).await;
                tabs_end(spoils.tabs).await;
                server.advance(Duration::from_secs(1)).await;
                ok(admin.post(&path, json!({})).await);
            }
        })
        .await;
    }

    /// One session is kicked while it refreshes, takes tickets and opens tabs: it dies, its siblings live.
    async fn one_session_against_everything(database: TestDatabase) {
        Setup::on(&database).with(unthrottled).run(async |server: TestServer| {
            let admin = server.platform().await;
            let alice = server.account("alice", &["org:view"]).await;
            let sibling = server.signed_in("alice").await;
            let mut witness = server.tab(&sibling).await;
            for round in 0..ROUNDS {
                let session = server.signed_in("alice").await;
                let path = format!("/api/v1/sessions/{}", session.sid);
                let (answer, spoils) = race(&server, round, std::slice::from_ref(&session), admin.delete(&path)).await;
                assert_eq!(ok(answer)["ended"], 1);
                for other in &spoils.sessions {
                    let expected = [other.sid != session.sid; 4];
                    assert_eq!(paths(&server, other).await, expected);
                }
                tickets_are_dead(&server, &spoils.tickets).await;
                tabs_end(spoils.tabs).await;
                let path = format!("/api/v1/sessions?account={}", alice.id);
                assert!(ok(admin.get(&path).await)["count"].as_i64().unwrap() >= 2);
            }
            let mark = server.mark().await;
            assert_eq!(witness.until(&mark).await, Vec::<Value>::new());
            assert_ne!(witness_state(&mut witness).await, Event::Gone);
        })
        .await;
    }
}

/// Answers whether a session was made after the last end of all sessions, by the order of the audit log.
async fn began_after_the_end(server: &TestServer, session: &Account) -> bool {
    let conn = &mut server.core.db.read().await.unwrap();
    let (ended,) = sql_one!(
        conn,
        (i64,),
        "SELECT max(id) FROM sys_audit_log WHERE action = 'authz_admin' AND resource = 'session'"
    )
    .unwrap();
    let (began,) = sql_one!(
        conn,
        (i64,),
        "SELECT id FROM sys_audit_log WHERE action = 'session_created' AND resource_id = $1",
        &session.sid
    )
    .unwrap();
    began > ended
}

/// Asks a tab for a sign of life.
async fn witness_state(tab: &mut Tab) -> Event {
    tab.send(json!({ "type": "ping" })).await;
    tab.event().await
}
