//! What waits for one tab's socket, bounded in bytes and frames (I11).
//!
//! When it is full, permission frames give way to one snapshot that is owed, notices and control
//! frames are dropped; forced logout and close always go in, ahead of everything that is not yet
//! on the wire. It does no IO and an empty one owns no memory.

use std::collections::VecDeque;
use std::io::IoSlice;

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

#[derive(Default)]
pub(crate) struct Outbox {
    queue: VecDeque<Frame>,
    bytes: usize,
    /// Bytes of the first frame that are already on the wire.
    written: usize,
    snapshot_owed: bool,
}

impl Outbox {
    /// Queues a frame, or decides what gives way.
    pub fn push(&mut self, frame: Frame, bounds: Bounds) -> Pushed {
        let permission = frame.class == Class::Permission;
        if self.snapshot_owed {
            // The snapshot comes when all that waits is written: a stream of notices must not put it off.
            match frame.class {
                Class::Permission => return Pushed::Coalesced,
                Class::Notice => return Pushed::Dropped,
                Class::Control | Class::Final => {}
            }
        }
        if frame.class == Class::Final || self.has_room(&frame, bounds) {
            self.append(frame);
            return Pushed::Queued;
        }
        if !permission {
            return Pushed::Dropped;
        }
        self.retain(|queued| queued.class != Class::Permission);
        self.snapshot_owed = true;
        Pushed::Coalesced
    }

    /// Makes room for last words: everything that is not yet on the wire goes.
    pub fn clear(&mut self) {
        self.retain(|_| false);
        self.snapshot_owed = false;
    }

    /// Gives up the debt of a snapshot, once there is room for it.
    pub fn take_debt(&mut self) -> bool {
        self.is_empty() && std::mem::take(&mut self.snapshot_owed)
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
        for (slot, frame) in slices.iter_mut().zip(&self.queue) {
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
        while let Some(first) = self.queue.front() {
            let left = first.bytes.len() - self.written;
            if taken < left {
                self.written += taken;
                return;
            }
            taken -= left;
            self.written = 0;
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
        self.queue.push_back(frame);
    }

    /// Keeps what is partly on the wire and whatever `keep` wants.
    fn retain(&mut self, keep: impl Fn(&Frame) -> bool) {
        let mut on_wire = self.written > 0;
        self.queue.retain(|frame| std::mem::take(&mut on_wire) || keep(frame));
        self.bytes = self.queue.iter().map(|frame| frame.bytes.len()).sum::<usize>() - self.written;
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
    use bytes::Bytes;

    const BOUNDS: Bounds = Bounds { bytes: 100, frames: 4 };

    fn frame(class: Class, length: usize) -> Frame {
        Frame { bytes: Bytes::from(vec![b'x'; length]), class }
    }

    fn drain(outbox: &mut Outbox) -> usize {
        outbox.write(|slices| Ok(slices.iter().map(|slice| slice.len()).sum())).unwrap()
    }

    #[test]
    fn permission_frames_past_the_bytes_become_one_debt() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.push(frame(Class::Permission, 60), BOUNDS), Pushed::Queued);
        assert_eq!(outbox.push(frame(Class::Notice, 10), BOUNDS), Pushed::Queued);
        assert_eq!(outbox.push(frame(Class::Permission, 60), BOUNDS), Pushed::Coalesced);
        assert_eq!(outbox.push(frame(Class::Permission, 1), BOUNDS), Pushed::Coalesced, "debt stands");
        assert_eq!(outbox.push(frame(Class::Notice, 1), BOUNDS), Pushed::Dropped, "not before the snapshot");
        assert_eq!(drain(&mut outbox), 10, "only the notice is left");
        assert!(outbox.take_debt());
        assert!(!outbox.take_debt());
    }

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
