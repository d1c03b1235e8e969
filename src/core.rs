//! What every use case is handed, and how a write is run: apart from the request (a client that hangs up does not tear
//! it), again when the fence or the database asks for it, and answered once this node enforces it.
//! It deliberately knows no area and no route.

use crate::clock::Clock;
use crate::cluster::members::Members;
use crate::db::{Author, Committed, Db, write_audit};
use crate::policy::store::Head;
use crate::policy::{PolicyTable, Principal};
use crate::refusal::Refusal;
use crate::settings::Settings;
use livegrant_actors::{EngineHandle, NodeId, Rev};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often a write is run again before its refusal is answered: each run means that somebody else's change won.
const RUNS: u32 = 5;
/// How long an answer waits for this node to enforce the change; the tail poll is shorter.
const SETTLE: Duration = Duration::from_secs(2);

/// Pause before another look whether this node follows the log that is there now.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The rooms that use cases need. Cheap to clone.
#[derive(Clone)]
pub struct Core {
    /// The database.
    pub db: Db,
    /// Who may do what, in memory.
    pub policy: Arc<PolicyTable>,
    /// Time.
    pub clock: Clock,
    /// Settings.
    pub settings: Arc<Settings>,
    /// The engine that holds the tabs.
    pub engine: EngineHandle,
    /// Which node this is; drawn at each start, so that what is left of an earlier run is another node's.
    pub node: NodeId,
    /// The nodes of the cluster.
    pub members: Arc<Members>,
    /// The revision that this node enforces and has handed to the engine.
    pub applied: watch::Receiver<Rev>,
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").finish_non_exhaustive()
    }
}

impl Core {
    /// Waits until this node enforces what was committed, and answers its revision. Never waits for deliveries (S3-22).
    pub async fn settle(&self, committed: Committed) -> Option<Rev> {
        let rev = committed.rev?;
        if self.db.is_rehearsing() {
            // The revision that it would have taken; nobody will ever apply it.
            return Some(rev);
        }
        let mut applied = self.applied.clone();
        // Past the time the change is committed all the same; the lease keeps this node from serving stale decisions.
        if tokio::time::timeout(SETTLE, applied.wait_for(|at| *at >= rev)).await.is_err() {
            tracing::warn!(rev = rev.0, "change committed but not yet applied here");
        }
        Some(rev)
    }

    /// Runs a guarded write in the caller's name; see the head of this file.
    pub async fn write<T, F, R>(&self, principal: Principal, use_case: F) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: Fn(Core, Principal) -> R + Send + 'static,
        R: Future<Output = Result<T, Refusal>> + Send,
    {
        let core = self.clone();
        run(async move {
            let mut by = principal;
            for turn in 1..=RUNS {
                match use_case(core.clone(), by.clone()).await {
                    Err(Refusal::Stale) if turn < RUNS => by = core.current(&by).await?,
                    Err(Refusal::Again) if turn < RUNS => pause(turn).await,
                    done => return done,
                }
            }
            Err(Refusal::Stale)
        })
        .await
    }

    /// Answers the same rooms for a rehearsal of a write: what it would answer, with nothing changed. Only for use cases whose
    /// every effect goes through their unit of work.
    #[must_use]
    pub fn rehearsing(&self) -> Self {
        Self { db: self.db.clone().rehearsing(), ..self.clone() }
    }

    /// Runs a write that no permission guards (sign-in, refresh), apart from the request and again when asked.
    pub async fn write_unguarded<T, F, R>(&self, use_case: F) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: Fn(Core) -> R + Send + 'static,
        R: Future<Output = Result<T, Refusal>> + Send,
    {
        let core = self.clone();
        run(async move {
            for turn in 1..=RUNS {
                match use_case(core.clone()).await {
                    Err(Refusal::Stale) if turn < RUNS => core.catch_up().await?,
                    Err(Refusal::Again) if turn < RUNS => pause(turn).await,
                    done => return done,
                }
            }
            Err(Refusal::Stale)
        })
        .await
    }

    /// Waits for everything that is committed now, and looks at the caller again.
    async fn current(&self, by: &Principal) -> Result<Principal, Refusal> {
        self.catch_up().await?;
        by.renew(&self.policy)
    }

    /// Waits until this node enforces what somebody has seen on another one: up to that revision, or to the newest one if
    /// there is no such revision yet.
    ///
    /// # Errors
    /// `policy_unproven` when it takes too long.
    pub async fn reach(&self, seen: Rev) -> Result<(), Refusal> {
        if seen <= *self.applied.borrow() {
            return Ok(());
        }
        let rev = self.ring_for_newest().await?.rev.min(seen);
        let mut applied = self.applied.clone();
        let reached = tokio::time::timeout(SETTLE, applied.wait_for(|at| *at >= rev)).await;
        if matches!(reached, Ok(Ok(_))) { Ok(()) } else { Err(Refusal::lease_lost()) }
    }

    /// Waits until this node enforces all that is committed now, also when the log has become another one meanwhile.
    async fn catch_up(&self) -> Result<(), Refusal> {
        let reached = async {
            loop {
                let head = self.ring_for_newest().await?;
                self.settle(Committed { rev: Some(head.rev) }).await;
                if self.policy.has_reached(&head) {
                    return Ok(());
                }
                self.db.doorbell().notify_one();
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        // Past the time the caller is asked again all the same, and refused by the fence if it is still so.
        tokio::time::timeout(SETTLE, reached).await.unwrap_or(Ok(()))
    }

    /// Answers the log's newest revision; if it is somebody else's, whose bell was not heard here, the log is read at once.
    async fn ring_for_newest(&self) -> Result<Head, Refusal> {
        let head = crate::policy::store::head(&mut self.db.read().await?).await?;
        if head.rev > *self.applied.borrow() {
            self.db.doorbell().notify_one();
        }
        Ok(head)
    }

    /// Notes a refused use of a permission (S1-46). Best effort: a refusal stays a refusal.
    pub async fn audit_denial(&self, by: &Principal, permission: &str) {
        let noted = async {
            let author: Author = by.author();
            let mut work = self.db.begin(&author).await?;
            let now = work.now();
            write_audit(work.conn(), now, &author, ["authz_fail", "", "", permission, "denied"]).await?;
            work.commit(crate::db::SystemTask::Upkeep).await?;
            Ok::<_, Refusal>(())
        };
        if let Err(error) = noted.await {
            tracing::warn!(%error, permission, "refusal not audited");
        }
    }
}

/// Runs a write apart from the request: a dropped handler does not cancel it half way.
async fn run<T: Send + 'static>(
    work: impl Future<Output = Result<T, Refusal>> + Send + 'static,
) -> Result<T, Refusal> {
    match tokio::spawn(work).await {
        Ok(result) => result,
        Err(crash) => Err(Refusal::Defect(anyhow::Error::new(crash))),
    }
}

/// Lets the winner of a deadlock finish: 5, 10, 20 … ms.
async fn pause(turn: u32) {
    tokio::time::sleep(Duration::from_millis(5 << turn.min(6))).await;
}
