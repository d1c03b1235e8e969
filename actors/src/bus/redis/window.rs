//! Which messages of which senders came already: a line throws repeats away.
//!
//! A window of the last [`SPAN`] numbers a sender, because messages of one sender may overtake each other a little; what is
//! older counts as a repeat. Bounded: of more than [`SENDERS`] senders the one that was silent longest is forgotten.

use std::collections::HashMap;

use crate::protocol::ids::NodeId;

/// Numbers that are remembered behind a sender's newest one. A sender hands its messages to one connection in the order of
/// their numbers but for those that are in flight at once; 1,024 are more than ever are.
const SPAN: u64 = 1024;
const WORDS: usize = (SPAN / 64) as usize;

/// Senders that are remembered. A cluster has tens of nodes; each restart of one is a new sender.
const SENDERS: usize = 256;

/// What a line remembers of its senders.
#[derive(Default)]
pub(super) struct Window {
    senders: HashMap<NodeId, Sender>,
    clock: u64,
}

struct Sender {
    newest: u64,
    /// Bit `n % SPAN`: number `n` has come.
    seen: [u64; WORDS],
    heard: u64,
}

impl Window {
    /// Takes a number; `false`: it came before, or is too old to know.
    pub fn accept(&mut self, sender: NodeId, number: u64) -> bool {
        self.clock += 1;
        let clock = self.clock;
        if let Some(known) = self.senders.get_mut(&sender) {
            known.heard = clock;
            return known.accept(number);
        }
        if self.senders.len() >= SENDERS {
            let silent = self.senders.iter().min_by_key(|(_, known)| known.heard).map(|(id, _)| *id);
            if let Some(silent) = silent {
                self.senders.remove(&silent);
            }
        }
        let mut known = Sender { newest: number, seen: [0; WORDS], heard: clock };
        known.set(number);
        self.senders.insert(sender, known);
        true
    }
}

impl Sender {
    fn accept(&mut self, number: u64) -> bool {
        if number > self.newest {
            let step = number - self.newest;
            if step >= SPAN {
                self.seen = [0; WORDS];
            } else {
                (self.newest + 1..=number).for_each(|passed| self.clear(passed));
            }
            self.newest = number;
        } else if self.newest - number >= SPAN || self.has(number) {
            return false;
        }
        self.set(number);
        true
    }

    fn place(number: u64) -> (usize, u64) {
        let bit = number % SPAN;
        ((bit / 64) as usize, 1 << (bit % 64))
    }

    fn has(&self, number: u64) -> bool {
        let (word, bit) = Self::place(number);
        self.seen[word] & bit != 0
    }

    fn set(&mut self, number: u64) {
        let (word, bit) = Self::place(number);
        self.seen[word] |= bit;
    }

    fn clear(&mut self, number: u64) {
        let (word, bit) = Self::place(number);
        self.seen[word] &= !bit;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_counts_once_and_an_old_one_never() {
        let mut window = Window::default();
        let mut accept = |number| window.accept(NodeId(1), number);
        assert!(accept(5000) && !accept(5000));
        assert!(accept(5000 - SPAN + 1) && !accept(5000 - SPAN + 1));
        assert!(!accept(5000 - SPAN));
        assert!(accept(u64::MAX) && !accept(5001) && !accept(u64::MAX));
    }

    #[test]
    fn the_memory_of_senders_is_bounded() {
        let mut window = Window::default();
        for id in 0..SENDERS as i64 + 50 {
            assert!(window.accept(NodeId(id), 1));
            assert!(!window.accept(NodeId(id), 1));
        }
        assert_eq!(window.senders.len(), SENDERS);
        assert!(!window.accept(NodeId(SENDERS as i64), 1), "the newest are remembered");
    }

    proptest! {
        #[test]
        fn nothing_is_accepted_twice_and_nothing_young_is_refused(
            numbers in proptest::collection::vec(0..5000u64, 1..400),
        ) {
            let (mut window, mut taken, mut newest) = (Window::default(), HashSet::new(), 0);
            for (index, number) in numbers.into_iter().enumerate() {
                let accepted = window.accept(NodeId(1), number);
                let young = index == 0 || number + SPAN > newest;
                prop_assert_eq!(accepted, young && !taken.contains(&number));
                newest = newest.max(number);
                if accepted { taken.insert(number); }
            }
        }
    }
}
