//! Work that one node does for all. A row in `sys_job` says whose it is and until when, by the database's clock; the node
//! that has it keeps it while it lives, and another takes it over once that time is past. On SQLite the same, alone.
//!
//! Invariants: a node works only while its time is not over, which it counts itself from before it asked: if it cannot ask
//! again in time it stops in the middle. So work must be what a crash may cut off. That two nodes never write at the same
//! moment is not promised (a statement under way is not called back): only that the work is not done twice each time.

use super::store;
use crate::core::Core;
use crate::db::{Author, SystemTask};
use crate::refusal::Refusal;
use std::future::Future;
use std::time::Duration;
use tokio::time::{Instant, interval, sleep_until, timeout_at};

/// Shortest time that a node has a job: a slow database must not pass it around.
const TERM_MIN: Duration = Duration::from_secs(5);

/// A job on its way to be this node's; see the head of this file.
#[derive(Debug)]
pub struct Job {
    core: Core,
    name: &'static str,
    term: Duration,
    until: Option<Instant>,
    asked_at: Option<Instant>,
}

impl Job {
    /// Names a job that is looked at every so often. It is nobody's yet.
    pub fn new(core: Core, name: &'static str, every: Duration) -> Self {
        // Twice: a turn that comes late does not cost the job.
        Self { core, name, term: (2 * every).max(TERM_MIN), until: None, asked_at: None }
    }

    /// Answers until when the job is this node's; `None`: it is another's. Asks the database only when half of the time is
    /// over, and where it is another's after half a term.
    pub async fn mine(&mut self) -> Option<Instant> {
        let now = Instant::now();
        let half = self.term / 2;
        let fresh = self.asked_at.is_some_and(|at| now < at + half);
        if !fresh {
            self.asked_at = Some(now);
            match self.take().await {
                Ok(true) => self.until = Some(now + self.term),
                Ok(false) => self.until = None,
                Err(error) => {
                    // Its time goes on; the next look asks again.
                    self.asked_at = None;
                    tracing::warn!(%error, job = self.name, "not known whose job it is");
                }
            }
        }
        self.until.filter(|until| Instant::now() < *until)
    }

    async fn take(&self) -> Result<bool, Refusal> {
        let mut work = self.core.db.begin(&Author::system(self.name)).await?;
        let ttl = self.term.as_millis() as i64;
        let taken = store::take_job(work.conn(), self.name, self.core.node, ttl).await?;
        work.commit(SystemTask::Upkeep).await?;
        Ok(taken)
    }

    /// Works, if the job is this node's, and keeps the job meanwhile; `None`: it is another's, or its time was over before
    /// the work was done.
    pub async fn work<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut until = self.mine().await?;
        tokio::pin!(work);
        loop {
            let ask = Instant::now() + self.term / 4;
            tokio::select! {
                done = &mut work => return Some(done),
                () = sleep_until(ask) => {}
            }
            // The work goes on while the database is asked, but not past the time that is sure.
            let asked = async {
                tokio::select! {
                    done = &mut work => Err(done),
                    mine = self.mine() => Ok(mine),
                }
            };
            match timeout_at(until, asked).await {
                Ok(Err(done)) => return Some(done),
                Ok(Ok(Some(longer))) => until = longer,
                Ok(Ok(None)) | Err(_) => {
                    tracing::warn!(job = self.name, "the job's time was over before it was done");
                    return None;
                }
            }
        }
    }
}

/// Does the work every so often for as long as the process lives, on one node at a time.
pub async fn run_once<F>(core: Core, name: &'static str, every: Duration, mut work: impl FnMut(Core) -> F)
where
    F: Future<Output = Result<(), Refusal>>,
{
    let mut job = Job::new(core.clone(), name, every);
    let mut turns = interval(every);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        // Nothing of the work is begun while the job is another's.
        if job.mine().await.is_some()
            && let Some(Err(error)) = job.work(work(core.clone())).await
        {
            tracing::warn!(%error, job = name, "a job was not finished; the next turn goes on");
        }
    }
}

/// Gives back every job that this node has: it stops, and the others need not wait.
pub async fn give_back(core: &Core) -> Result<(), Refusal> {
    let mut work = core.db.begin(&Author::system("jobs")).await?;
    store::give_jobs(work.conn(), core.node).await?;
    work.commit(SystemTask::Upkeep).await?;
    Ok(())
}
