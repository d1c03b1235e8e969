//! What a tab has, in one word: where its stream can go on (I9).
//!
//! Text `<epoch>:<rev>:<hash>:<inboxSeq>`. It is the `id` of SSE events (a browser gives it back as
//! `Last-Event-ID`) and the `resume` parameter of the other transports. It is a claim of the client:
//! it chooses what the tab is told, never what it may know.

use std::fmt;
use std::str::FromStr;

use super::ids::Rev;
use super::permission::State;

/// Longest position that is looked at, bytes. 128: two numbers, a guid and a hash need 96.
const TEXT_MAX: usize = 128;

/// What a tab has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Incarnation of the policy log.
    pub epoch: String,
    /// Revision of the state.
    pub rev: Rev,
    /// Hash of the state.
    pub hash: String,
    /// Last notice that was seen.
    pub inbox_seq: i64,
}

impl Position {
    /// Tells whether the state is the one that the tab has, whatever its revision.
    pub fn is_at(&self, state: &State) -> bool {
        *self.epoch == *state.epoch && *self.hash == *state.hash
    }
}

/// The text is no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a position: <epoch>:<rev>:<hash>:<inboxSeq>")]
pub struct NoPosition;

impl FromStr for Position {
    type Err = NoPosition;

    fn from_str(text: &str) -> Result<Self, NoPosition> {
        if text.len() > TEXT_MAX {
            return Err(NoPosition);
        }
        let mut parts = text.split(':');
        let (Some(epoch), Some(rev), Some(hash), Some(seq), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NoPosition);
        };
        let number = |text: &str| text.parse().ok().filter(|number: &i64| *number >= 0).ok_or(NoPosition);
        Ok(Self { epoch: epoch.into(), rev: Rev(number(rev)?), hash: hash.into(), inbox_seq: number(seq)? })
    }
}

/// Writes the position of a tab that has `state` and has seen notices up to `inbox_seq`.
pub(crate) struct At<'a>(pub &'a State, pub i64);

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(State { epoch, rev, hash, .. }, inbox_seq) = self;
        write!(f, "{epoch}:{rev}:{hash}:{inbox_seq}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_as_it_is_written() {
        let position: Position = "9b50-e5:14:644cebc78e40d56e:3".parse().unwrap();
        assert_eq!((&*position.epoch, position.rev, position.inbox_seq), ("9b50-e5", Rev(14), 3));
        for bad in ["", "a:1:b", "a:x:b:1", "a:1:b:-1", "a:1:b:1:2", &"a".repeat(200)] {
            assert_eq!(bad.parse::<Position>(), Err(NoPosition), "{bad}");
        }
    }
}
