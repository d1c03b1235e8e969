//! Going on after the log has become another one: a replica was promoted, or a backup was restored, and what this node had
//! applied may not be in it. The log is given a new incarnation, by one node and once; each node finds out whether its own
//! past is in the log, reads everything again if not, and has everyone told under the new name (I9).
//! Why so: `docs/adr/0012-a-new-log-after-a-failover.md`.

use super::store::{self, Head, LogRow};
use super::table::{PolicyTable, load_facts, lock, read, write};
use super::{Member, PolicyChange, SessionEntry};
use crate::clock::guid;
use crate::db::{Author, CommitError, Conn, Db, DbError, SystemTask};
use livegrant_actors::AccountId;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Reads where the log stands, at home: with an incarnation that was made known on the server's present timeline.
pub(super) async fn settled_head(db: &Db) -> Result<Head, DbError> {
    // Once for what is found, once more for what was made of it here or by another node.
    for _ in 0..2 {
        let head = store::head(&mut db.read().await?).await?;
        let Some(incarnation) = &head.incarnation else {
            return Err(DbError::Schema(
                "the database has no first data: run `livegrant migrate`".to_owned(),
            ));
        };
        if head.is_at_home() {
            return Ok(head);
        }
        let mut work = db.begin(&Author::system("policy log")).await?;
        if head.written_under.is_none() {
            store::meta_or_insert(work.conn(), "log_timeline", &head.timeline).await?;
        } else {
            give_new_incarnation(work.conn(), incarnation, &head.timeline).await?;
        }
        committed(work).await?;
    }
    Err(DbError::Unavailable("the policy log is moving".to_owned()))
}

async fn give_new_incarnation(conn: &mut Conn, from: &str, timeline: &str) -> Result<(), DbError> {
    if store::renew_log(conn, from, &guid(), timeline).await? {
        tracing::warn!(timeline, "the policy log goes on in another place: it has a new incarnation");
        metrics::counter!("livegrant_log_incarnations_total").increment(1);
    }
    Ok(())
}

async fn committed(work: crate::db::Work) -> Result<(), DbError> {
    match work.commit(SystemTask::Upkeep).await {
        Ok(_) => Ok(()),
        Err(CommitError::Db(error)) => Err(error),
        // Nothing is stamped here.
        Err(CommitError::Stale) => Err(DbError::Again),
    }
}

impl PolicyTable {
    /// Goes on with the log as it is now; the caller holds the gate. Hands over one row that has everyone told everything.
    pub(super) async fn renew(&self, enforced: &mut impl FnMut(LogRow)) -> Result<(), DbError> {
        let mut head = settled_head(&self.db).await?;
        if head.incarnation.as_deref() == Some(&*self.log()) {
            // The same log on the same server ends earlier than before: a backup was restored into it.
            let mut work = self.db.begin(&Author::system("policy log")).await?;
            give_new_incarnation(work.conn(), &self.log(), &head.timeline).await?;
            committed(work).await?;
            head = settled_head(&self.db).await?;
        }
        let mut conn = self.db.read_within(self.patience()).await?;
        let (applied, last) = {
            let inner = read(&self.inner);
            (inner.applied, inner.last.clone())
        };
        // A revision's row names its request and its instant; and the log has no gaps. So equal rows have equal pasts.
        let has_our_past = applied <= head.rev && store::log_at(&mut conn, applied).await? == last;
        if has_our_past {
            self.rename(&head);
        } else {
            self.read_all(&mut conn, &head).await?;
        }
        let rev = self.applied();
        tracing::warn!(
            rev = rev.0,
            has_our_past,
            "following another policy log; everyone is told everything"
        );
        enforced(everyone(rev, self.clock.now_ms()));
        Ok(())
    }

    /// Nothing was lost: only the name of what is told changes.
    fn rename(&self, head: &Head) {
        let mut inner = write(&self.inner);
        inner.log = head.incarnation.as_deref().unwrap_or_default().into();
        inner.timeline.clone_from(&head.timeline);
        inner.members.values().for_each(|member| member.forget());
        self.shared.forget_told();
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// What was applied is not in the log: everything in memory is read again.
    async fn read_all(&self, conn: &mut Conn, head: &Head) -> Result<(), DbError> {
        let (members, sessions) = self.in_use();
        let catalogue = Arc::clone(&read(&self.inner).facts.catalogue);
        let last = store::log_at(conn, head.rev).await?;
        let facts = load_facts(conn, &catalogue).await?;
        let mut fresh = Vec::with_capacity(members.len());
        for member in members {
            let facts = store::account(conn, member.account).await?;
            fresh.push((member, facts));
        }
        let mut over = Vec::new();
        for session in sessions {
            match store::session(conn, &session.sid).await? {
                Some((.., true, expires_at)) => session.extend(expires_at),
                _ => over.push(session),
            }
        }
        let mut inner = write(&self.inner);
        inner.applied = head.rev;
        inner.log = head.incarnation.as_deref().unwrap_or_default().into();
        inner.timeline.clone_from(&head.timeline);
        inner.last = last;
        inner.facts = facts;
        for (member, facts) in fresh {
            member.forget();
            match facts {
                Some(mut facts) => {
                    self.shared.intern(&mut facts);
                    member.replace_facts(facts);
                }
                None => drop(inner.members.remove(&member.account)),
            }
        }
        for session in over {
            session.active.store(false, Ordering::Release);
            inner.sessions.remove(&session.sid);
        }
        self.shared.forget_told();
        // Revisions of what is no more.
        lock(&self.versions).clear();
        self.generation.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// Answers what somebody holds, and forgets the rest and what has ended: it is read again when it is asked for. Nothing
    /// is added meanwhile, for that needs the gate.
    fn in_use(&self) -> (Vec<Arc<Member>>, Vec<Arc<SessionEntry>>) {
        let mut inner = write(&self.inner);
        inner.members.retain(|_, member| Arc::strong_count(member) > 1);
        inner.sessions.retain(|_, session| session.is_active() && Arc::strong_count(session) > 1);
        (inner.members.values().cloned().collect(), inner.sessions.values().cloned().collect())
    }
}

/// The row that stands for all that may have changed: it is in no log.
fn everyone(rev: livegrant_actors::Rev, at: i64) -> LogRow {
    LogRow {
        rev,
        at,
        operator: AccountId(0),
        operator_name: String::new(),
        request_id: String::new(),
        reason: "resync".to_owned(),
        changes: vec![PolicyChange::SystemAdjusted],
        scopes: Vec::new(),
    }
}
