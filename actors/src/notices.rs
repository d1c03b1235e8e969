//! The notices of late, for tabs that come back (I9) and for tabs that did not read (I11).
//!
//! A bounded list behind one short lock, shared by all shards; it is filled before a notice is told,
//! so that a tab that comes meanwhile has it from one of both. It reads no database: the application
//! recalls what was told before the process started.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::change::Audience;
use crate::protocol::envelope::{NoticeView, Operator};

/// A notice that was told.
#[derive(Clone, Debug)]
pub struct Noted {
    /// Its place: the revision that it took. Grows.
    pub seq: i64,
    /// The notice.
    pub notice: NoticeView,
    /// Who sent it.
    pub operator: Option<Operator>,
    /// Whom it is for.
    pub audience: Audience,
}

#[derive(Default)]
struct Recent {
    list: VecDeque<Arc<Noted>>,
    /// The highest place that is no longer in the list.
    forgotten: i64,
}

pub(crate) struct Notices {
    kept: usize,
    recent: Mutex<Recent>,
    /// The place of the newest notice of before the start.
    recalled: AtomicI64,
}

impl Notices {
    pub fn new(kept: usize) -> Self {
        Self { kept: kept.max(1), recent: Mutex::default(), recalled: AtomicI64::new(0) }
    }

    /// Adds the newest; one that is known already is passed over.
    pub fn add(&self, noted: Noted) {
        let mut recent = self.lock();
        if recent.list.back().is_some_and(|last| last.seq >= noted.seq) {
            return;
        }
        if recent.list.len() >= self.kept
            && let Some(oldest) = recent.list.pop_front()
        {
            recent.forgotten = oldest.seq;
        }
        recent.list.push_back(Arc::new(noted));
    }

    /// Takes over what was told before the start, oldest first; up to `forgotten` it is not in the list.
    pub fn recall(&self, list: Vec<Noted>, forgotten: i64) {
        let newest = list.last().map_or(forgotten, |last| last.seq.max(forgotten));
        {
            let mut recent = self.lock();
            recent.forgotten = recent.forgotten.max(forgotten);
        }
        for noted in list {
            self.add(noted);
        }
        self.recalled.fetch_max(newest, Ordering::AcqRel);
    }

    /// Gives the place of the newest notice of before the start: a tab that comes now is behind it, or has it.
    pub fn recalled(&self) -> i64 {
        self.recalled.load(Ordering::Acquire)
    }

    /// Gives what came after a place, and whether some of it is no longer known.
    pub fn after(&self, seq: i64) -> (Vec<Arc<Noted>>, Missing) {
        let recent = self.lock();
        let missing = if seq < recent.forgotten { Missing::Some } else { Missing::None };
        (recent.list.iter().filter(|noted| noted.seq > seq).cloned().collect(), missing)
    }

    fn lock(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether notices are missing between a tab's place and the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    None,
    Some,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(seq: i64) -> Noted {
        let text: Arc<str> = "t".into();
        let notice = NoticeView {
            id: seq,
            title: Arc::clone(&text),
            content: Arc::clone(&text),
            category: Arc::clone(&text),
            severity: text,
            ..NoticeView::default()
        };
        Noted { seq, notice, operator: None, audience: Audience::Everyone }
    }

    fn places(list: &[Arc<Noted>]) -> Vec<i64> {
        list.iter().map(|noted| noted.seq).collect()
    }

    #[test]
    fn only_what_came_after_is_given_and_what_fell_out_is_admitted() {
        let notices = Notices::new(2);
        for seq in [3, 5, 5, 4, 9] {
            notices.add(noted(seq));
        }
        let (list, missing) = notices.after(5);
        assert_eq!((places(&list), missing), (vec![9], Missing::None));
        let (list, missing) = notices.after(2);
        assert_eq!((places(&list), missing), (vec![5, 9], Missing::Some), "3 fell out");
    }

    #[test]
    fn what_was_told_before_the_start_is_missing_to_those_who_did_not_see_it() {
        let notices = Notices::new(2);
        notices.recall(Vec::new(), 7);
        assert_eq!(notices.after(6).1, Missing::Some);
        assert_eq!(notices.after(7).1, Missing::None);
        assert_eq!(notices.recalled(), 7);
        notices.recall(vec![noted(8), noted(9)], 7);
        assert_eq!((places(&notices.after(7).0), notices.after(7).1), (vec![8, 9], Missing::None));
        assert_eq!(notices.recalled(), 9);
    }
}
