//! The one table of reasons for which a tab is closed.
//!
//! 4000–4499: the client reconnects. 4500–4999: it must not. Documentation and the SDK's table
//! are generated from [`CloseReason::ALL`].

use serde::{Deserialize, Serialize};

/// Why a tab was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// The node restarts or drains: come back, elsewhere.
    Restart,
    /// The node is full: come back later.
    TryLater,
    /// An administrator closed this one connection; the session goes on.
    Disconnected,
    /// The access token ended and was not refreshed.
    TokenExpired,
    /// No answer to heartbeats.
    Idle,
    /// The tab did not read for too long (I11).
    Slow,
    /// The tab said too much.
    RateLimited,
    /// The tab broke the protocol.
    Protocol,
    /// The session ended (I12).
    SessionEnded,
    /// The origin is not allowed; normally answered with HTTP 403 in the handshake.
    OriginRefused,
    /// A newer tab of the account took this one's place.
    Replaced,
    /// A frame or message is larger than allowed.
    TooLarge,
    /// The client closed the connection itself.
    ClientLeft,
    /// The connection broke without a close.
    Lost,
}

impl CloseReason {
    /// Every reason, in the order of the table.
    pub const ALL: [Self; 14] = [
        Self::Restart,
        Self::TryLater,
        Self::Disconnected,
        Self::TokenExpired,
        Self::Idle,
        Self::Slow,
        Self::RateLimited,
        Self::Protocol,
        Self::SessionEnded,
        Self::OriginRefused,
        Self::Replaced,
        Self::TooLarge,
        Self::ClientLeft,
        Self::Lost,
    ];

    /// Gives the close code; 1000 and 1006 for the two reasons that the client makes.
    pub const fn code(self) -> u16 {
        match self {
            Self::Restart => 1012,
            Self::TryLater => 1013,
            Self::Disconnected => 4000,
            Self::TokenExpired => 4001,
            Self::Idle => 4008,
            Self::Slow => 4013,
            Self::RateLimited => 4029,
            Self::Protocol => 4500,
            Self::SessionEnded => 4501,
            Self::OriginRefused => 4503,
            Self::Replaced => 4509,
            Self::TooLarge => 4513,
            Self::ClientLeft => 1000,
            Self::Lost => 1006,
        }
    }

    /// Gives the word used as a metric label and in logs.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::TryLater => "try_later",
            Self::Disconnected => "disconnected",
            Self::TokenExpired => "token_expired",
            Self::Idle => "idle",
            Self::Slow => "slow",
            Self::RateLimited => "rate_limited",
            Self::Protocol => "protocol",
            Self::SessionEnded => "session_ended",
            Self::OriginRefused => "origin_refused",
            Self::Replaced => "replaced",
            Self::TooLarge => "too_large",
            Self::ClientLeft => "client_left",
            Self::Lost => "lost",
        }
    }

    /// Gives the text that travels in the close frame when there is nothing more exact to say.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Restart => "the server restarts",
            Self::TryLater => "the server is full",
            Self::Disconnected => "closed by an administrator",
            Self::TokenExpired => "the access token has expired",
            Self::Idle => "no answer to heartbeats",
            Self::Slow => "the tab does not read",
            Self::RateLimited => "too many messages",
            Self::Protocol => "protocol error",
            Self::SessionEnded => "the session has ended",
            Self::OriginRefused => "the origin is not allowed",
            Self::Replaced => "replaced by a newer tab",
            Self::TooLarge => "the message is too large",
            Self::ClientLeft => "bye",
            Self::Lost => "the connection was lost",
        }
    }

    /// Tells whether a client should connect again by itself.
    pub const fn reconnects(self) -> bool {
        !matches!(self.code(), 1000 | 4500..=4999)
    }

    /// Gives this reason's place in [`Self::ALL`].
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_reason_stands_at_its_index_with_a_code_of_its_own() {
        let mut codes = HashSet::new();
        for (index, reason) in CloseReason::ALL.into_iter().enumerate() {
            assert_eq!(reason.index(), index);
            assert!(codes.insert(reason.code()), "{reason:?} shares its code");
            assert!(reason.text().len() <= 123, "does not fit a control frame");
        }
    }

    #[test]
    fn terminal_codes_are_exactly_those_from_4500() {
        assert!(CloseReason::Restart.reconnects());
        assert!(CloseReason::Slow.reconnects());
        assert!(!CloseReason::SessionEnded.reconnects());
        assert!(!CloseReason::Replaced.reconnects());
    }
}
