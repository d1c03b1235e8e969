//! Password hashes: Argon2id with the settings' cost (OWASP: m=19456 KiB, t=2, p=1), on blocking threads, a bounded
//! number at a time because memory × concurrency is a lever for denial of service.

use crate::refusal::Refusal;
use crate::settings;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// How long a sign-in waits for its turn before it is told to come again.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many may wait for each running hash; beyond that the answer is "come again" at once (I11).
const WAITING_A_HASH: usize = 64;

/// Hashes and verifies.
#[derive(Debug)]
pub struct Hasher {
    argon: Argon2<'static>,
    turns: Arc<Semaphore>,
    places: Semaphore,
    decoy: String,
}

impl Hasher {
    /// Takes the cost from the settings and hashes a decoy, which an unknown user's password is compared with so that
    /// the answer takes as long as for a known one.
    pub async fn new(settings: &settings::Auth) -> Result<Self, Refusal> {
        let params =
            Params::new(settings.hash_memory_kib, settings.hash_iterations, settings.hash_parallelism, None)
                .map_err(|error| Refusal::Defect(anyhow::anyhow!("password hash settings: {error}")))?;
        let mut hasher = Self {
            argon: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            turns: Arc::new(Semaphore::new(settings.hash_concurrency.max(1))),
            places: Semaphore::new(settings.hash_concurrency.max(1) * WAITING_A_HASH),
            decoy: String::new(),
        };
        hasher.decoy = hasher.hash(crate::clock::random_text::<22>()).await?;
        Ok(hasher)
    }

    /// Hashes a password into a PHC string with a random salt.
    pub async fn hash(&self, password: String) -> Result<String, Refusal> {
        let argon = self.argon.clone();
        self.in_turn(move || argon.hash_password(password.as_bytes()).map(|hash| hash.to_string()))
            .await?
            .map_err(|error| Refusal::Defect(anyhow::anyhow!("password hash: {error}")))
    }

    /// Compares a password with a stored hash; without one (unknown user) it takes as long and answers false.
    pub async fn verify(&self, password: String, stored: Option<String>) -> Result<bool, Refusal> {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.decoy.clone());
        let argon = self.argon.clone();
        let equal = self
            .in_turn(move || {
                PasswordHash::new(&stored)
                    .is_ok_and(|hash| argon.verify_password(password.as_bytes(), &hash).is_ok())
            })
            .await?;
        Ok(equal && known)
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let busy = || Refusal::Unavailable {
            code: "busy",
            detail: "too many sign-ins at once; come again".to_owned(),
        };
        let _place = self.places.try_acquire().map_err(|_| busy())?;
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        // The turn moves into the thread: a caller that hangs up does not let one more hash run beside it.
        let turn = turn.map_err(|_| busy())?.map_err(|_| busy())?;
        let run = move || {
            let _turn = turn;
            work()
        };
        tokio::task::spawn_blocking(run).await.map_err(|crash| Refusal::Defect(anyhow::Error::new(crash)))
    }
}
