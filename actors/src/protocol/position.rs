//! What a tab has, in one word: where its stream can go on (I9).
//!
//! Text `<epoch>:<rev>:<hash>:<inboxSeq>`, where `.<inboxRev>` may follow; in SSE with a fifth part that names the stream. It is the `id` of SSE events (a browser gives it back as
//! `Last-Event-ID`) and the `resume` parameter of the other transports. It is a claim of the client:
//! it chooses what the tab is told, never what it may know.

use std::fmt;
use std::str::FromStr;

use super::ids::{ConnectionId, Rev};
use super::permission::State;

/// Longest position that is looked at, bytes. 128: three numbers, a guid, a hash and a stream's name need 125.
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
    /// Last broadcast that was seen.
    pub inbox_seq: i64,
    /// Revision of the account's inbox up to which everything was seen, if it was ever told.
    pub inbox_rev: Option<i64>,
    /// The beginning of the connection's id, if an event stream says this.
    pub stream: Option<String>,
}

impl Position {
    /// Tells whether the state is the one that the tab has, whatever its revision.
    pub fn is_at(&self, state: &State) -> bool {
        *self.epoch == *state.epoch && *self.hash == *state.hash
    }
}

/// The text is no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a position: <epoch>:<rev>:<hash>:<inboxSeq>[.<inboxRev>]")]
pub struct NoPosition;

impl FromStr for Position {
    type Err = NoPosition;

    fn from_str(text: &str) -> Result<Self, NoPosition> {
        if text.len() > TEXT_MAX {
            return Err(NoPosition);
        }
        let mut parts = text.split(':');
        let (Some(epoch), Some(rev), Some(hash), Some(seq), stream, None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NoPosition);
        };
        let number = |text: &str| text.parse().ok().filter(|number: &i64| *number >= 0).ok_or(NoPosition);
        let (seq, inbox_rev) = seq.split_once('.').map_or((seq, None), |(seq, rev)| (seq, Some(rev)));
        Ok(Self {
            epoch: epoch.into(),
            rev: Rev(number(rev)?),
            hash: hash.into(),
            inbox_seq: number(seq)?,
            inbox_rev: inbox_rev.map(number).transpose()?,
            stream: stream.map(str::to_owned),
        })
    }
}

/// Writes the position of an event stream that has `state`, broadcasts up to `inbox_seq` and its inbox up to `inbox_rev`.
pub(crate) struct At<'a> {
    pub state: &'a State,
    pub inbox_seq: i64,
    pub inbox_rev: Option<i64>,
    pub connection: &'a ConnectionId,
}

/// Gives the part of a connection's id that names its stream in positions: 8 characters.
pub fn stream_name(connection: &ConnectionId) -> &str {
    let id = connection.as_str();
    id.get(..8).unwrap_or(id)
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let State { epoch, rev, hash, .. } = self.state;
        write!(f, "{epoch}:{rev}:{hash}:{}", self.inbox_seq)?;
        if let Some(rev) = self.inbox_rev {
            write!(f, ".{rev}")?;
        }
        write!(f, ":{}", stream_name(self.connection))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_as_it_is_written() {
        let position: Position = "9b50-e5:14:644cebc78e40d56e:3".parse().unwrap();
        assert_eq!((&*position.epoch, position.rev, position.inbox_seq), ("9b50-e5", Rev(14), 3));
        let named: Position = "e:1:h:2:0d427f4a".parse().unwrap();
        assert_eq!((named.inbox_seq, named.stream.as_deref()), (2, Some("0d427f4a")));
        assert_eq!((position.inbox_rev, named.inbox_rev), (None, None));
        let placed: Position = "e:1:h:2.17:0d427f4a".parse().unwrap();
        assert_eq!((placed.inbox_seq, placed.inbox_rev), (2, Some(17)));
        let bad =
            ["", "a:1:b", "a:x:b:1", "a:1:b:-1", "a:1:b:1:2:3", "a:1:b:1.", "a:1:b:1.-2", "a:1:b:1.2.3"];
        for bad in bad.into_iter().chain([&*"a".repeat(200)]) {
            assert_eq!(bad.parse::<Position>(), Err(NoPosition), "{bad}");
        }
    }
}
