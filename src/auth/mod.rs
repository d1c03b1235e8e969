//! Sign-in and sessions: accounts, passwords, tokens, refresh, tickets, kick.
//! Rules in `model.rs`, SQL in `store.rs`, one use case a file, HTTP in `http/`.
//! A session goes `active → ended(reason)` and never back (I4); what an ended session held (tokens, tickets, sockets) is
//! found out by its state and its epoch, never by listing tokens (I12).

pub mod accounts;
pub mod change_password;
pub mod end_sessions;
pub mod hash;
pub mod http;
pub mod loadtest;
pub mod login;
pub mod model;
pub mod refresh;
pub mod service_sessions;
pub mod store;
pub mod throttle;
pub mod ticket;
pub mod token;
pub mod update_account;

use crate::db::{Db, SystemTask};
use crate::policy::store::meta_or_insert;
use crate::refusal::Refusal;
use crate::settings;

/// What signing in needs besides the core: the token key, the password hasher, the throttle.
#[derive(Debug)]
pub struct Keys {
    /// Signs and reads access tokens.
    pub tokens: token::Tokens,
    /// Hashes passwords, a bounded number at a time.
    pub hasher: hash::Hasher,
    /// Counts failed sign-ins.
    pub throttle: throttle::Throttle,
}

impl Keys {
    /// Makes them from the settings; without a `token_secret` the database keeps one, made at the first start.
    pub async fn prepare(db: &Db, settings: &settings::Auth) -> Result<Self, Refusal> {
        let secret = if settings.token_secret.expose().is_empty() {
            let mut work = db.begin(&crate::db::Author::system("token secret")).await?;
            let stored =
                meta_or_insert(work.conn(), "token_secret", &crate::clock::random_text::<43>()).await?;
            work.commit(SystemTask::Bootstrap).await?;
            stored
        } else {
            settings.token_secret.expose().to_owned()
        };
        Ok(Self {
            tokens: token::Tokens::new(&secret, settings.access_ttl_seconds),
            hasher: hash::Hasher::new(settings).await?,
            throttle: throttle::Throttle::new(settings),
        })
    }
}
