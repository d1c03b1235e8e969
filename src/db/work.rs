//! The unit of work: one transaction in an author's name, which collects the policy changes it makes and commits them
//! with their epochs, their revision and their log rows (I1, I2), guarded by the stamp of whoever ordered it (I3).
//! Order of locks: business rows, scope locks (sorted), accounts' inboxes (sorted), revision row, COMMIT. Nothing is sent before the commit (I8).

use super::audit::{Line, difference};
use super::epochs::Epochs;
use super::errand::{Closing, Errand, LastWrite};
use super::fence::Gate;
use super::{Conn, DbError, Fence, bulk, fence};
use crate::clock::Clock;
use crate::policy::{PolicyChange, Scope, Stamp, lock_key, raised};
use crate::{sql_exec, sql_one};
use livegrant_actors::{AccountId, CompanyId, Rev};
use serde::Serialize;
use sqlx::types::Json;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::{Notify, mpsc};

/// In whose name a unit of work writes; goes into the policy log, the change log and the audit log.
#[derive(Debug, Clone)]
pub struct Author {
    /// The acting account; 0 is the system itself.
    pub account: AccountId,
    /// Its login name.
    pub name: String,
    /// Its company.
    pub company: CompanyId,
    /// The request that this belongs to.
    pub request_id: String,
    /// The caller's address.
    pub ip: String,
    /// With what it was done: `web`, `mcp`, `timer`, `system` …
    pub client: String,
}

impl Author {
    /// The system itself: timers, seeds, start-up.
    pub fn system(task: &str) -> Self {
        Self {
            account: AccountId(0),
            name: "system".to_owned(),
            company: CompanyId(0),
            request_id: task.to_owned(),
            ip: String::new(),
            client: "system".to_owned(),
        }
    }
}

/// What entitles a unit of work to commit. There is no commit without one: forgetting the stamp does not compile.
///
/// ```no_run
/// # async fn guarded(work: livegrant::db::Work, by: livegrant::policy::Principal) {
/// work.commit(&by.stamp()).await;
/// # }
/// ```
///
/// The same without the stamp is refused by the compiler:
///
/// ```compile_fail
/// # async fn forgotten(work: livegrant::db::Work, by: livegrant::policy::Principal) {
/// work.commit().await;
/// # }
/// ```
///
/// And nobody but `policy/` makes a stamp:
///
/// ```compile_fail
/// # async fn invented(work: livegrant::db::Work) {
/// work.commit(&livegrant::policy::Stamp::default()).await;
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub enum Authority<'a> {
    /// The decision of a permission check: compared with the epochs just before COMMIT.
    Stamp(&'a Stamp),
    /// A task that no person's permission stands behind; the closed list says which.
    System(SystemTask),
}

/// The tasks that commit without a stamp, each with the reason why no permission is involved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SystemTask {
    /// First data of an empty database, demo data, `livegrant user add`: the operator's shell is the authority.
    Bootstrap,
    /// A grant reached the end (or start) of its time.
    TimedGrant,
    /// A session ended by its own rules: sign-out, reuse of a refresh token, too many sessions.
    SessionEnd,
    /// House-keeping that changes nobody's rights: ticket and idempotency rows, versions, purge.
    Upkeep,
    /// What somebody does in his own inbox: being signed in is all that it takes. It holds no scope while it waits for
    /// the inbox's row, as the order of locks asks.
    OwnInbox,
    /// A timer of a workflow fired; the definition is the authority.
    Timer,
}

impl<'a> From<&'a Stamp> for Authority<'a> {
    fn from(stamp: &'a Stamp) -> Self {
        Self::Stamp(stamp)
    }
}

impl From<SystemTask> for Authority<'_> {
    fn from(task: SystemTask) -> Self {
        Self::System(task)
    }
}

/// What a commit answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// The revision that the change took, when it changed the policy.
    pub rev: Option<Rev>,
}

/// Why a commit was refused.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The stamp no longer holds: something that the decision rests on has changed. Nothing was written.
    #[error("the permissions behind this write have changed")]
    Stale,
    /// The database refused.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// One transaction; see the head of this file.
#[derive(Debug)]
pub struct Work {
    conn: Conn,
    author: Author,
    clock: Clock,
    doorbell: Arc<Notify>,
    fence: Fence,
    /// Everything is done but the commit ([`super::Db::rehearsing`]).
    rehearsal: bool,
    /// What is remembered of a SQLite file that is this process's own.
    epochs: Option<Arc<Epochs>>,
    /// The newest audit line: it goes with the fence, in one round trip.
    line: Option<Line>,
    changes: Vec<PolicyChange>,
    /// Scopes beyond the author's own that the decision rests on.
    judged: Vec<(Scope, i64)>,
    reason: String,
    last: Vec<Box<dyn LastWrite>>,
    errands: Vec<Errand>,
    to_run: mpsc::Sender<Errand>,
}

impl Work {
    pub(super) fn new(conn: Conn, author: Author, db: &super::Db, epochs: Option<Arc<Epochs>>) -> Self {
        Self {
            conn,
            author,
            clock: db.clock.clone(),
            doorbell: Arc::clone(&db.doorbell),
            fence: db.fence,
            rehearsal: db.rehearsal,
            epochs,
            line: None,
            changes: Vec::new(),
            judged: Vec::new(),
            reason: String::new(),
            last: Vec::new(),
            errands: Vec::new(),
            to_run: db.errands.sender.clone(),
        }
    }

    /// Lends the transaction's connection to a store function.
    pub fn conn(&mut self) -> &mut Conn {
        &mut self.conn
    }

    /// Answers the time that this work's rows are stamped with, in UTC milliseconds.
    pub fn now(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Makes the id of a message that this work sends.
    pub fn message_id(&self) -> Arc<str> {
        self.clock.message_id()
    }

    /// Answers in whose name this work writes.
    pub fn author(&self) -> &Author {
        &self.author
    }

    /// Records what this work changes in the policy; delivery is derived from it after the commit.
    pub fn change(&mut self, change: PolicyChange) {
        self.changes.push(change);
    }

    /// Adds a scope, with the epoch that was looked at, to what the decision rests on: something that a rule judged and
    /// that is in nobody's stamp, such as the role that is given away.
    pub fn rests_on(&mut self, scope: Scope, epoch: i64) {
        self.judged.push((scope, epoch));
    }

    /// Sets the reason that the log and the pushed frames carry.
    pub fn because(&mut self, reason: impl Into<String>) {
        self.reason = reason.into();
    }

    /// Leaves a write for the end of the transaction, when the scopes are locked (`errand.rs`).
    pub fn write_last(&mut self, write: impl LastWrite + 'static) {
        self.last.push(Box::new(write));
    }

    /// Leaves something to be told after the commit.
    pub fn errand(&mut self, errand: Errand) {
        self.errands.push(errand);
    }

    /// Serialises a rule that counts over several rows, until the end of the transaction.
    pub async fn serialise(&mut self, rule: &str) -> Result<(), DbError> {
        fence::lock_rule(&mut self.conn, lock_key(rule)).await
    }

    /// The same for many rules at once; for more than [`fence::LOCKS_MAX`] it waits for every guarded commit under way
    /// and holds up the next ones.
    pub async fn serialise_each(&mut self, rules: &[String]) -> Result<(), DbError> {
        if rules.len() > fence::LOCKS_MAX {
            let catalogue = [Scope::Catalogue];
            let gate = Gate { raise: &catalogue, ..Gate::default() };
            return fence::pass(&mut self.conn, &gate, self.clock.now_ms()).await.map(drop);
        }
        for rule in rules {
            self.serialise(rule).await?;
        }
        Ok(())
    }

    /// Adds one line to the audit log in this transaction: what was done through which permission (S1-46). The newest one
    /// is written by the commit.
    pub async fn audit(
        &mut self,
        action: &str,
        resource: &str,
        id: &str,
        permission: &str,
    ) -> Result<(), DbError> {
        let what = [action, resource, id, permission, "allowed"];
        self.keep(Line::new(self.clock.now_ms(), &self.author, what)).await
    }

    /// The same with what was before and what is now, as far as they differ (FC5); `None` before: it is new, after: gone.
    pub async fn audit_diff<B: Serialize, A: Serialize>(
        &mut self,
        action: &str,
        resource: &str,
        id: &str,
        permission: &str,
        before: Option<&B>,
        after: Option<&A>,
    ) -> Result<(), DbError> {
        let what = [action, resource, id, permission, "allowed"];
        let line = Line::new(self.clock.now_ms(), &self.author, what).with(difference(before, after));
        self.keep(line).await
    }

    async fn keep(&mut self, line: Line) -> Result<(), DbError> {
        match self.line.replace(line) {
            Some(earlier) => earlier.write(&mut self.conn, &self.author).await,
            None => Ok(()),
        }
    }

    /// Compares the stamp (the fence), raises the epochs, takes the revision, writes the logs and commits.
    ///
    /// # Errors
    /// [`CommitError::Stale`] when the stamp no longer holds; everything is rolled back on any error.
    pub async fn commit(mut self, authority: impl Into<Authority<'_>>) -> Result<Committed, CommitError> {
        let scopes = raised(&self.changes);
        let stamp = match authority.into() {
            Authority::Stamp(stamp) if self.fence == Fence::On => Some(stamp.and(&self.judged)),
            Authority::Stamp(_) | Authority::System(_) => None,
        };
        let now = self.clock.now_ms();
        let gate = Gate {
            stamp: stamp.as_ref(),
            raise: &scopes,
            line: self.line.as_ref().map(|line| (line, &self.author)),
            epochs: self.epochs.as_deref(),
        };
        if !fence::pass(&mut self.conn, &gate, now).await? {
            return Err(CommitError::Stale);
        }
        self.write_what_is_last(now).await?;
        let rev = if self.changes.is_empty() { None } else { Some(self.append(scopes, now).await?) };
        if self.rehearsal {
            // Dropping the connection rolls back; nobody is told of anything.
            return Ok(Committed { rev });
        }
        self.conn.commit().await?;
        for errand in self.errands {
            if self.to_run.try_send(errand).is_err() {
                // It is in the database: the postman's look at what has changed finds it.
                metrics::counter!("livegrant_errands_dropped_total").increment(1);
            }
        }
        if rev.is_some() {
            self.doorbell.notify_one();
        }
        Ok(Committed { rev })
    }

    async fn write_what_is_last(&mut self, now: i64) -> Result<(), DbError> {
        if self.last.is_empty() {
            return Ok(());
        }
        let accounts: BTreeSet<i64> =
            self.last.iter().flat_map(|write| write.accounts()).map(|account| account.0).collect();
        let accounts: Vec<i64> = accounts.into_iter().collect();
        bulk::lock_inboxes(&mut self.conn, &accounts, now).await?;
        for write in std::mem::take(&mut self.last) {
            let errands = &mut self.errands;
            write.write(Closing { conn: &mut self.conn, now, author: &self.author, errands }).await?;
        }
        Ok(())
    }

    async fn append(&mut self, scopes: Vec<Scope>, now: i64) -> Result<Rev, DbError> {
        if let Some(epochs) = &self.epochs {
            epochs.forget(&scopes);
        }
        let epochs = fence::raise(&mut self.conn, &scopes).await?;
        // Last of all locks: the row serialises all policy changes, so it is held as short as can be (I1).
        let (rev,) = sql_one!(
            &mut self.conn,
            (i64,),
            "UPDATE policy_revision SET rev = rev + 1 WHERE id = 1 RETURNING rev"
        )?;
        sql_exec!(
            &mut self.conn,
            "INSERT INTO policy_log (rev, at, operator_id, operator_name, company_id, request_id, reason, changes, scopes)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            rev,
            now,
            self.author.account.0,
            &self.author.name,
            self.author.company.0,
            &self.author.request_id,
            &self.reason,
            Json(&self.changes),
            Json(&epochs)
        )?;
        for change in &self.changes {
            if let PolicyChange::Notice { id, .. } = change
                && *id != 0
            {
                sql_exec!(&mut self.conn, "UPDATE sys_notification SET rev = $2 WHERE id = $1", *id, rev)?;
            }
            let Some(change_type) = change.change_type() else { continue };
            let (account, role, position) = change.targets();
            sql_exec!(
                &mut self.conn,
                "INSERT INTO sys_permission_change_log (change_type, target_user_id, target_role_id, operator_id,
                    change_detail, create_time, company_id, target_position_id, rev, request_id)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                change_type,
                account.map(|id| id.0),
                role.map(|id| id.0),
                self.author.account.0,
                Json(change),
                now,
                self.author.company.0,
                position.map(|id| id.0),
                rev,
                &self.author.request_id
            )?;
        }
        Ok(Rev(rev))
    }
}
