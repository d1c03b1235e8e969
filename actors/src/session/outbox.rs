//! What waits for one tab's socket, bounded in bytes and frames (I11).
//!
//! When it is full, permission frames give way to one snapshot that is owed, notices to a
//! resynchronisation from the first one that is lost, mail to a question for all since, control frames are dropped; forced logout and
//! close always go in, ahead of everything that is not yet on the wire. Frames are numbered, so that a
//! message can be followed. It does no IO and an empty one owns no memory.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::Bytes;

use crate::protocol::frame::{Class, Frame};

/// Slices of one vectored write. 32: a burst in one call, and a small array on the stack.
const SLICES: usize = 32;

/// The bounds of an outbox.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub bytes: usize,
    pub frames: usize,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    Queued,
    /// A snapshot is owed in its place.
    Coalesced,
    Dropped,
}

/// What is told once all that waits is written, in place of what was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Debt {
    pub snapshot: bool,
    /// The first notice that was lost.
    pub notices: Option<i64>,
    /// The inbox's first revision that was lost.
    pub mail: Option<i64>,
}

/// What became of a frame that was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Waiting,
    Written,
    GivenUp,
}

#[derive(Default)]
pub(crate) struct Outbox {
    queue: VecDeque<(u32, Frame)>,
    bytes: usize,
    /// Bytes of the first frame that are already on the wire.
    written: usize,
    snapshot_owed: bool,
    lost: Option<i64>,
    lost_mail: Option<i64>,
    /// Frames taken in so far: a frame's number.
    taken: u32,
    /// The number of the last frame that is wholly written.
    done: u32,
    /// Frames with these numbers were given up, when that happened last.
    given_up: (u32, u32),
}

impl Outbox {
    /// Queues a frame, or decides what gives way.
    pub fn push(&mut self, frame: Frame, bounds: Bounds) -> Pushed {
        // The snapshot comes when all that waits is written: a stream of notices must not put it off.
        match frame.class {
            Class::Permission if self.snapshot_owed => return Pushed::Coalesced,
            Class::Notice if self.snapshot_owed || self.lost.is_some() => {
                self.lose(frame.seq);
                return Pushed::Dropped;
            }
            Class::Mail if self.snapshot_owed || self.lost_mail.is_some() => {
                self.owe_mail(frame.seq);
                return Pushed::Dropped;
            }
            _ => {}
        }
        if matches!(frame.class, Class::Head | Class::Final) || self.has_room(&frame, bounds) {
            self.append(frame);
            return Pushed::Queued;
        }
        match frame.class {
            Class::Permission => {
                // Notices too: what they say that the tab has would be wrong without the states between them.
                let unsent = self.queue.iter().skip(usize::from(self.written > 0));
                let unsent = unsent.map(|(_, frame)| (frame.class, frame.seq));
                for (class, seq) in unsent.collect::<Vec<_>>() {
                    match class {
                        Class::Notice => self.lose(seq),
                        Class::Mail => self.owe_mail(seq),
                        Class::Head | Class::Permission | Class::Control | Class::Final => {}
                    }
                }
                self.retain(|queued| matches!(queued.class, Class::Head | Class::Control | Class::Final));
                self.snapshot_owed = true;
                Pushed::Coalesced
            }
            Class::Notice => {
                self.lose(frame.seq);
                Pushed::Dropped
            }
            Class::Mail => {
                self.owe_mail(frame.seq);
                Pushed::Dropped
            }
            Class::Head | Class::Control | Class::Final => Pushed::Dropped,
        }
    }

    /// Makes room for last words: everything that is not yet on the wire goes.
    pub fn clear(&mut self) {
        // Without its head an answer is none.
        self.retain(|queued| queued.class == Class::Head);
        self.snapshot_owed = false;
        self.lost = None;
        self.lost_mail = None;
    }

    /// Gives up the debt, once there is room for what is owed.
    pub fn take_debt(&mut self) -> Option<Debt> {
        if !self.is_empty() || !self.is_in_debt() {
            return None;
        }
        let snapshot = std::mem::take(&mut self.snapshot_owed);
        Some(Debt { snapshot, notices: self.lost.take(), mail: self.lost_mail.take() })
    }

    /// Notes that the inbox has to be asked for from this revision on.
    pub fn owe_mail(&mut self, rev: i64) {
        self.lost_mail = Some(self.lost_mail.map_or(rev, |lost| lost.min(rev)));
    }

    /// Gives the number of the frame that came last.
    pub fn last_number(&self) -> u32 {
        self.taken
    }

    /// Tells what became of the frame with this number.
    pub fn fate(&self, number: u32) -> Fate {
        if self.queue.iter().any(|(queued, _)| *queued == number) {
            Fate::Waiting
        } else if (self.given_up.0..=self.given_up.1).contains(&number) || number > self.done {
            Fate::GivenUp
        } else {
            Fate::Written
        }
    }

    /// Takes everything that waits, for a client that asked.
    pub fn take_all(&mut self) -> Vec<Bytes> {
        self.done = self.taken;
        self.bytes = 0;
        std::mem::take(&mut self.queue).into_iter().map(|(_, frame)| frame.bytes).collect()
    }

    fn lose(&mut self, seq: i64) {
        // A notice without a place cannot be told again; the tab is told that something is missing.
        let seq = if seq == 0 { i64::MAX } else { seq };
        self.lost = Some(self.lost.map_or(seq, |lost| lost.min(seq)));
    }

    /// Tells whether a snapshot is owed: what the tab has is then known to nobody.
    pub fn owes_snapshot(&self) -> bool {
        self.snapshot_owed
    }

    /// Gives the first notice that was lost and is still to be told.
    pub fn lost(&self) -> Option<i64> {
        self.lost
    }

    /// Gives the inbox's first revision that was lost and is still to be asked for.
    pub fn lost_mail(&self) -> Option<i64> {
        self.lost_mail
    }

    /// Tells whether anything is owed.
    pub fn is_in_debt(&self) -> bool {
        self.snapshot_owed || self.lost.is_some() || self.lost_mail.is_some()
    }

    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Writes once through `write`, which answers how many bytes it took.
    ///
    /// # Errors
    /// What `write` answers.
    pub fn write(
        &mut self,
        write: impl FnOnce(&[IoSlice<'_>]) -> std::io::Result<usize>,
    ) -> std::io::Result<usize> {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let mut used = 0;
        for (slot, (_, frame)) in slices.iter_mut().zip(&self.queue) {
            let skip = if used == 0 { self.written } else { 0 };
            *slot = IoSlice::new(&frame.bytes[skip..]);
            used += 1;
        }
        let taken = write(&slices[..used])?;
        self.advance(taken);
        Ok(taken)
    }

    fn advance(&mut self, mut taken: usize) {
        self.bytes -= taken;
        while let Some((number, first)) = self.queue.front() {
            let left = first.bytes.len() - self.written;
            if taken < left {
                self.written += taken;
                return;
            }
            taken -= left;
            self.written = 0;
            self.done = *number;
            self.queue.pop_front();
        }
        self.free();
    }

    fn has_room(&self, frame: &Frame, bounds: Bounds) -> bool {
        let fits = self.queue.len() < bounds.frames && self.bytes + frame.bytes.len() <= bounds.bytes;
        fits || self.queue.is_empty()
    }

    fn append(&mut self, frame: Frame) {
        self.bytes += frame.bytes.len();
        self.taken = self.taken.wrapping_add(1);
        self.queue.push_back((self.taken, frame));
    }

    /// Keeps what is partly on the wire and whatever `keep` wants.
    fn retain(&mut self, keep: impl Fn(&Frame) -> bool) {
        let mut on_wire = self.written > 0;
        let before = self.queue.len();
        self.queue.retain(|(_, frame)| std::mem::take(&mut on_wire) || keep(frame));
        if self.queue.len() < before {
            self.given_up = (self.done.wrapping_add(1), self.taken);
        }
        self.bytes = self.queue.iter().map(|(_, frame)| frame.bytes.len()).sum::<usize>() - self.written;
        self.free();
    }

    /// Gives the memory of an empty queue back: an idle tab has none.
    fn free(&mut self) {
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    const BOUNDS: Bounds = Bounds { bytes: 100, frames: 4 };

    fn frame(class: Class, length: usize) -> Frame {
        Frame { bytes: Bytes::from(vec![b'x'; length]), class, seq: 0 }
    }

    fn notice(seq: i64) -> Frame {
        Frame { seq, ..frame(Class::Notice, 1) }
    }

    fn drain(outbox: &mut Outbox) -> usize {
        outbox.write(|slices| Ok(slices.iter().map(|slice| slice.len()).sum())).unwrap()
    }

    /// S3-90.
    #[test]
    fn permission_frames_past_the_bytes_become_one_debt() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.push(frame(Class::Permission, 60), BOUNDS), Pushed::Queued);
        assert_eq!(outbox.push(frame(Class::Notice, 10), BOUNDS), Pushed::Queued);
        assert_eq!(outbox.push(frame(Class::Permission, 60), BOUNDS), Pushed::Coalesced);
        assert_eq!(outbox.push(frame(Class::Permission, 1), BOUNDS), Pushed::Coalesced, "debt stands");
        assert_eq!(outbox.push(frame(Class::Notice, 1), BOUNDS), Pushed::Dropped, "not before the snapshot");
        assert!(outbox.is_empty(), "the notice between two states goes with them");
        assert_eq!(outbox.take_debt(), Some(Debt { snapshot: true, notices: Some(i64::MAX), mail: None }));
        assert_eq!(outbox.take_debt(), None);
    }

    #[test]
    fn the_first_lost_notice_is_remembered_until_all_that_waits_is_written() {
        let mut outbox = Outbox::default();
        for seq in 1..=4 {
            assert_eq!(outbox.push(notice(seq), BOUNDS), Pushed::Queued);
        }
        assert_eq!(outbox.push(notice(5), BOUNDS), Pushed::Dropped);
        assert_eq!(outbox.push(frame(Class::Permission, 1), Bounds { frames: 9, ..BOUNDS }), Pushed::Queued);
        assert_eq!(outbox.push(notice(6), Bounds { frames: 9, ..BOUNDS }), Pushed::Dropped, "not before 5");
        assert_eq!(outbox.take_debt(), None);
        drain(&mut outbox);
        assert_eq!(outbox.take_debt(), Some(Debt { snapshot: false, notices: Some(5), mail: None }));
    }

    #[test]
    fn the_first_lost_revision_of_the_inbox_is_asked_for() {
        let mut outbox = Outbox::default();
        let mail = |rev| frame(Class::Control, 1).of_inbox(rev);
        for rev in 6..=9 {
            assert_eq!(outbox.push(mail(rev), BOUNDS), Pushed::Queued);
        }
        assert_eq!(outbox.push(mail(10), BOUNDS), Pushed::Dropped);
        assert_eq!(outbox.push(mail(11), Bounds { frames: 9, ..BOUNDS }), Pushed::Dropped, "not before 10");
        drain(&mut outbox);
        assert_eq!(outbox.take_debt(), Some(Debt { snapshot: false, notices: None, mail: Some(10) }));
        outbox.push(mail(12), BOUNDS);
        outbox.push(frame(Class::Permission, 99), BOUNDS);
        assert_eq!(outbox.push(frame(Class::Permission, 99), BOUNDS), Pushed::Coalesced);
        assert_eq!(outbox.lost_mail(), Some(12), "given up for the snapshot, and owed");
    }

    #[test]
    fn a_frame_is_followed_by_its_number() {
        let mut outbox = Outbox::default();
        outbox.push(frame(Class::Permission, 60), BOUNDS);
        let first = outbox.last_number();
        assert_eq!(outbox.fate(first), Fate::Waiting);
        drain(&mut outbox);
        assert_eq!(outbox.fate(first), Fate::Written);
        outbox.push(frame(Class::Permission, 60), BOUNDS);
        let second = outbox.last_number();
        outbox.push(frame(Class::Permission, 60), BOUNDS);
        assert_eq!((outbox.fate(first), outbox.fate(second)), (Fate::Written, Fate::GivenUp));
    }

    /// S3-90.
    #[test]
    fn notices_past_the_frames_are_dropped() {
        let mut outbox = Outbox::default();
        for _ in 0..4 {
            assert_eq!(outbox.push(frame(Class::Notice, 1), BOUNDS), Pushed::Queued);
        }
        assert_eq!(outbox.push(frame(Class::Notice, 1), BOUNDS), Pushed::Dropped);
        assert_eq!(outbox.push(frame(Class::Final, 1), BOUNDS), Pushed::Queued, "never dropped");
    }

    #[test]
    fn last_words_stand_right_behind_what_is_on_the_wire() {
        let mut outbox = Outbox::default();
        outbox.push(frame(Class::Permission, 50), BOUNDS);
        outbox.push(frame(Class::Notice, 20), BOUNDS);
        assert_eq!(outbox.write(|_| Ok(7)).unwrap(), 7);
        outbox.clear();
        outbox.push(frame(Class::Final, 5), BOUNDS);
        assert_eq!(drain(&mut outbox), 43 + 5);
        assert!(outbox.is_empty());
    }

    #[test]
    fn last_words_and_overflow_leave_the_head_of_an_answer() {
        let mut outbox = Outbox::default();
        outbox.push(frame(Class::Head, 30), BOUNDS);
        outbox.push(frame(Class::Permission, 60), BOUNDS);
        assert_eq!(outbox.push(frame(Class::Permission, 60), BOUNDS), Pushed::Coalesced);
        assert!(outbox.owes_snapshot() && outbox.is_in_debt());
        outbox.clear();
        outbox.push(frame(Class::Final, 5), BOUNDS);
        assert_eq!(drain(&mut outbox), 30 + 5);
        assert!(!outbox.is_in_debt());
    }

    #[test]
    fn a_frame_above_the_bound_passes_when_nothing_waits() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.push(frame(Class::Permission, 500), BOUNDS), Pushed::Queued);
    }

    #[test]
    fn partial_writes_never_repeat_or_lose_a_byte() {
        let mut outbox = Outbox::default();
        for length in [3, 5, 2] {
            outbox.push(frame(Class::Notice, length), BOUNDS);
        }
        let mut total = 0;
        while !outbox.is_empty() {
            total += outbox.write(|slices| Ok(slices[0].len().min(2))).unwrap();
        }
        assert_eq!(total, 10);
    }
}
