//! Ending all sessions of an account against a racing sign-in (I12): a session that was committed before the end was
//! committed is ended with the others, whether or not the end's statement could see it when it ran.

use livegrant::auth::login::{Attempt, login};
use livegrant::auth::model::NewAccount;
use livegrant::auth::model::SessionFilter;
use livegrant::auth::{Keys, accounts, end_sessions};
use livegrant::core::Core;
use livegrant::db::Fence;
use livegrant::policy::{Origin, Principal};
use livegrant::sql_all;
use livegrant_actors::SessionId;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::commit_order;
use crate::house::{COMPANY, House, engine, on_threads};
use crate::support::both_databases;

const ROUNDS: usize = 100;
const SIGN_INS: usize = 3;
const PASSWORD: &str = "a password for the test";

both_databases! {
    async fn no_session_survives_the_end_of_all(database: TestDatabase) {
        let engine = engine();
        on_threads(async move {
            let mut settings = database.settings();
            settings.database.max_connections = 8;
            settings.auth.max_sessions_per_account = 1000;
            let house = House::with(settings, livegrant::clock::Clock::system()).await;
            commit_order::note(&database).await;
            let core = house.core(engine, Fence::On).await;
            let keys = Arc::new(Keys::prepare(&house.db, &house.settings.auth).await.unwrap());
            let new = NewAccount::named("someone", PASSWORD);
            let account = accounts::bootstrap(&house.db, &keys, &new, COMPANY, accounts::Platform::Member).await.unwrap();
            let admin = house.person("admin", &["session:kick"]).await;
            let mut before = 0;
            for round in 0..ROUNDS {
                let done = Arc::new(AtomicUsize::new(0));
                let sign_ins: Vec<_> = (0..SIGN_INS)
                    .map(|number| {
                        let (core, keys, done) = (core.clone(), Arc::clone(&keys), Arc::clone(&done));
                        let id = format!("login {round}.{number}");
                        tokio::spawn(async move {
                            let sid = sign_in(core, keys, id).await;
                            done.fetch_add(1, Ordering::AcqRel);
                            sid
                        })
                    })
                    .collect();
                // The end comes before the first sign-in, or when one, two or all three are through.
                while done.load(Ordering::Acquire) < round % (SIGN_INS + 1) {
                    tokio::task::yield_now().await;
                }
                let by = admin.calls(&core, &format!("kick {round}")).await;
                let everything = SessionFilter { account: Some(account), ..SessionFilter::default() };
                let end = move |core: Core, by: Principal| {
                    let filter = everything.clone();
                    async move { end_sessions::kick(&core, &by, filter, "").await }
                };
                core.write(by, end).await.unwrap();
                let mut sessions = Vec::new();
                for sign_in in sign_ins {
                    sessions.push(sign_in.await.unwrap());
                }
                before += check(&house, &core, round, &sessions).await;
            }
            assert!(before > 0, "no sign-in was ever first: this proves nothing");
        })
        .await;
    }
}

async fn sign_in(core: Core, keys: Arc<Keys>, request_id: String) -> SessionId {
    let attempt = Attempt {
        username: "someone".to_owned(),
        password: PASSWORD.to_owned(),
        device: String::new(),
        origin: Origin { request_id, ..Origin::default() },
    };
    let use_case = move |core: Core| {
        let (keys, attempt) = (Arc::clone(&keys), attempt.clone());
        async move { login(&core, &keys, &attempt).await }
    };
    core.write_unguarded(use_case).await.unwrap().sid
}

/// Every session whose sign-in committed before the end is ended, in the database and on this node; answers how many.
async fn check(house: &House, core: &Core, round: usize, sessions: &[SessionId]) -> usize {
    let commits = commit_order::read(&house.db).await;
    let place = |what: &str| commits.iter().position(|commit| commit == what);
    let end = place(&format!("kick {round}")).expect("the end was committed");
    let active: HashSet<String> =
        sql_all!(&mut house.read().await, (String,), "SELECT sid FROM sys_session WHERE state = 'active'")
            .unwrap()
            .into_iter()
            .map(|row| row.0)
            .collect();
    let (mut first, mut survivors) = (0, 0);
    for (number, sid) in sessions.iter().enumerate() {
        let sign_in = place(&format!("login {round}.{number}")).expect("the sign-in was committed");
        if sign_in < end {
            first += 1;
            survivors += usize::from(active.contains(sid.as_str()));
            let entry = core.policy.session(sid).await.unwrap().expect("it was stored");
            survivors += usize::from(entry.is_active());
        }
    }
    assert_eq!(survivors, 0, "round {round}: sessions survived the end of all");
    first
}
