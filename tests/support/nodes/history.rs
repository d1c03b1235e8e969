//! What happened in a run, as the clients saw it: every operation with its answer, everything that a tab was told, every
//! fault. The checkers (`check.rs`) read it and nothing else but the database's own account of the end (`truth.rs`).
//! Times are milliseconds since the run began, by the clock of the test process, which no fault touches.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// What an operation was to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// A business write that the right guards.
    Write { account: i64 },
    /// A read that the right guards.
    Look { account: i64 },
    /// A read that only the session guards.
    Me,
    /// Gives an account a role.
    Give { account: i64, role: i64 },
    /// Takes it.
    Take { account: i64, role: i64 },
    /// Gives a role the right.
    Allow { role: i64 },
    /// Takes the right from a role.
    Deny { role: i64 },
    /// Ends a session.
    Kick { sid: String },
    /// Signs in.
    Login { account: i64 },
    /// Renews a session's tokens.
    Refresh,
    /// Tells everyone something.
    Notice { title: String },
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Done; the revision, if the policy changed.
    Done { rev: Option<i64> },
    /// Refused for a reason that says that nothing was written.
    Refused { status: u16, code: String },
    /// The answer was lost, or is one of a failure: it may be done or not.
    Unknown { cause: String },
}

/// One operation.
#[derive(Debug, Clone)]
pub struct Op {
    /// The request's id, which the database notes in the order of commits.
    pub id: String,
    pub deed: Deed,
    /// Whose session asked; empty without one.
    pub sid: String,
    pub node: usize,
    pub began: u64,
    pub ended: u64,
    pub outcome: Outcome,
}

/// One thing that happened.
#[derive(Debug, Clone)]
pub enum Event {
    Op(Op),
    /// A tab was let in and introduced.
    Opened {
        tab: usize,
        sid: String,
        node: usize,
        /// `snapshot`, `diff` or `current`.
        resume: String,
        inbox_seq: i64,
        rev: i64,
        hash: String,
        /// When the tab began to ask.
        asked: u64,
    },
    /// A tab took a state over.
    Applied {
        tab: usize,
        epoch: String,
        rev: i64,
        /// The state that it continues; `None` is a snapshot.
        prev: Option<i64>,
        hash: String,
    },
    /// A tab saw a notice.
    Noticed {
        tab: usize,
        seq: i64,
    },
    /// A tab was told that notices between these places may be missing.
    Resync {
        tab: usize,
        from: i64,
        to: i64,
    },
    /// A tab's connection ended; without a code it was lost.
    Closed {
        tab: usize,
        code: Option<u16>,
    },
    /// Something was broken, or mended.
    Fault(String),
}

/// An event and when it was noted.
#[derive(Debug, Clone)]
pub struct Entry {
    pub at: u64,
    pub event: Event,
}

/// Notes what happens. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Recorder {
    began: Instant,
    entries: Arc<Mutex<Vec<Entry>>>,
}

impl Recorder {
    pub fn begin() -> Self {
        Self { began: Instant::now(), entries: Arc::default() }
    }

    /// Milliseconds since the beginning.
    pub fn now(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    pub fn note(&self, event: Event) {
        let entry = Entry { at: self.now(), event };
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    }

    pub fn fault(&self, what: String) {
        self.note(Event::Fault(what));
    }

    /// Everything so far.
    pub fn entries(&self) -> Vec<Entry> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
