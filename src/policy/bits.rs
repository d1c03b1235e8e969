//! A set of permissions as bits: union, membership, order. A permission's bit never changes while a process lives
//! ([`super::Catalogue`] only appends), so sets made at different times can be compared.

/// A growable bit set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct Bits(Vec<u64>);

impl Bits {
    /// Adds a bit.
    pub fn insert(&mut self, bit: usize) {
        if self.0.len() <= bit / 64 {
            self.0.resize(bit / 64 + 1, 0);
        }
        self.0[bit / 64] |= 1 << (bit % 64);
    }

    /// Answers whether the bit is in the set.
    pub fn contains(&self, bit: usize) -> bool {
        self.0.get(bit / 64).is_some_and(|word| word & (1 << (bit % 64)) != 0)
    }

    /// Adds all bits of the other set.
    pub fn extend(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            *word |= more;
        }
    }

    /// Keeps only what is in both sets.
    pub fn intersect(&mut self, mask: &Self) {
        for (index, word) in self.0.iter_mut().enumerate() {
            *word &= mask.0.get(index).copied().unwrap_or(0);
        }
    }

    /// Walks the bits in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().flat_map(|(index, word)| {
            (0..64).filter(move |bit| word & (1 << bit) != 0).map(move |bit| index * 64 + bit)
        })
    }
}

impl FromIterator<usize> for Bits {
    fn from_iter<I: IntoIterator<Item = usize>>(bits: I) -> Self {
        let mut set = Self::default();
        bits.into_iter().for_each(|bit| set.insert(bit));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_different_lengths_unite_and_intersect() {
        let mut a: Bits = [1, 70].into_iter().collect();
        a.extend(&[3].into_iter().collect());
        assert_eq!(a.iter().collect::<Vec<_>>(), [1, 3, 70]);
        a.intersect(&[3, 5].into_iter().collect());
        assert_eq!(a.iter().collect::<Vec<_>>(), [3]);
        assert!(!a.contains(1000));
    }
}
