//! What a message wears in Redis: a version, who sent it, its number, and a signature over all of it and its channel.
//!
//! ```text
//! version 1 | signature 16 | sender 8 | number 8 | payload
//! ```
//!
//! Redis is untrusted: whoever reaches it can publish anything. HMAC-SHA256, shortened to 16 bytes (RFC 2104 section 5), under a
//! key that is derived from the cluster's secret covers the full name of the channel too, so that a message cannot be moved
//! to another account's channel. [`Window`] throws repeats away, per sender and per line.
//! What is left to an attacker who can publish and has recorded traffic: each message of a sender that this line has not
//! heard yet (a dead node, or after this node started) can be brought once more, in its old order, on its own channel.
//! What the bus brings are hints (I6), so that makes nodes read the database for nothing, or repeats a question or signal
//! about connections that no longer exist; it changes nothing that is stored.
//!
//! It does not encrypt: payloads hold ids and what a tab is told, and Redis belongs to the same house.

use ring::hmac;

use crate::protocol::ids::NodeId;

/// The version of the envelope that is sent, and the only one that is taken.
const VERSION: u8 = 1;
const MAC: usize = 16;
const HEAD: usize = 1 + MAC + 8 + 8;

/// Largest payload within an envelope; what is longer is refused before it is hashed.
use super::super::PAYLOAD_MAX;

/// Signs messages and checks signatures.
pub(super) struct Seal {
    key: hmac::Key,
}

/// An opened envelope; its payload begins at [`Opened::OFFSET`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Opened {
    pub sender: NodeId,
    pub number: u64,
}

impl Opened {
    /// Where the payload begins.
    pub const OFFSET: usize = HEAD;
}

/// Why a message is thrown away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rejected {
    /// Shorter than an envelope.
    Short,
    /// Longer than a message may be.
    Size,
    /// Of a version that this node does not speak.
    Version,
    /// Not signed with the cluster's secret, or changed on the way, or on another channel.
    Signature,
    /// Came before, or is far older than what came before.
    Repeated,
    /// On a channel that has no meaning.
    Channel,
}

impl Rejected {
    /// How metrics call it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Size => "size",
            Self::Version => "version",
            Self::Signature => "signature",
            Self::Repeated => "repeated",
            Self::Channel => "channel",
        }
    }
}

impl Seal {
    /// Derives the key, so that the secret can serve for other things too.
    pub fn new(secret: &[u8]) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let derived = hmac::sign(&root, b"livegrant bus 1");
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()) }
    }

    /// Wraps a payload.
    pub fn close(&self, channel: &str, sender: NodeId, number: u64, payload: &[u8]) -> Vec<u8> {
        let mut envelope = Vec::with_capacity(HEAD + payload.len());
        envelope.push(VERSION);
        envelope.extend_from_slice(&[0; MAC]);
        envelope.extend_from_slice(&sender.0.to_be_bytes());
        envelope.extend_from_slice(&number.to_be_bytes());
        envelope.extend_from_slice(payload);
        let mac = self.mac(channel, &envelope);
        envelope[1..=MAC].copy_from_slice(&mac.as_ref()[..MAC]);
        envelope
    }

    /// Checks an envelope.
    pub fn open(&self, channel: &str, envelope: &[u8]) -> Result<Opened, Rejected> {
        if envelope.len() > HEAD + PAYLOAD_MAX {
            return Err(Rejected::Size);
        }
        if envelope.first().is_some_and(|version| *version != VERSION) {
            return Err(Rejected::Version);
        }
        if envelope.len() < HEAD {
            return Err(Rejected::Short);
        }
        let mac = self.mac(channel, envelope);
        // The time of the comparison must not tell how many bytes were right.
        let differences =
            mac.as_ref()[..MAC].iter().zip(&envelope[1..=MAC]).fold(0, |all, (a, b)| all | (a ^ b));
        if std::hint::black_box(differences) != 0 {
            return Err(Rejected::Signature);
        }
        let word = |at: usize| <[u8; 8]>::try_from(&envelope[at..at + 8]).expect("eight bytes are eight");
        let (sender, number) = (word(1 + MAC), word(9 + MAC));
        Ok(Opened { sender: NodeId(i64::from_be_bytes(sender)), number: u64::from_be_bytes(number) })
    }

    /// Over the version, the channel with its length, and everything behind the signature.
    fn mac(&self, channel: &str, envelope: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&envelope[..1]);
        context.update(&(channel.len() as u64).to_be_bytes());
        context.update(channel.as_bytes());
        context.update(&envelope[1 + MAC..]);
        context.sign()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seal() -> Seal {
        Seal::new(b"a secret of thirty-two bytes, or more")
    }

    #[test]
    fn only_the_secrets_own_messages_on_their_own_channel_open() {
        let envelope = seal().close("lg:nodes", NodeId(-7), 42, b"hello");
        assert_eq!(seal().open("lg:nodes", &envelope), Ok(Opened { sender: NodeId(-7), number: 42 }));
        assert_eq!(&envelope[Opened::OFFSET..], b"hello");
        assert_eq!(seal().open("lg:node:1", &envelope), Err(Rejected::Signature));
        assert_eq!(Seal::new(b"another").open("lg:nodes", &envelope), Err(Rejected::Signature));
    }

    #[test]
    fn what_is_no_envelope_is_named() {
        assert_eq!(seal().open("x", b""), Err(Rejected::Short));
        assert_eq!(seal().open("x", &[VERSION; HEAD - 1]), Err(Rejected::Short));
        assert_eq!(seal().open("x", &[VERSION + 1; HEAD]), Err(Rejected::Version));
        assert_eq!(seal().open("x", &vec![VERSION; HEAD + PAYLOAD_MAX + 1]), Err(Rejected::Size));
        let largest = seal().close("x", NodeId(1), 1, &vec![b'x'; PAYLOAD_MAX]);
        assert!(seal().open("x", &largest).is_ok());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_open(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(seal().open("lg:nodes", &bytes).is_err());
        }

        #[test]
        fn no_changed_byte_is_accepted(
            payload in proptest::collection::vec(any::<u8>(), 0..64), at in any::<prop::sample::Index>(), flip in 1..=255u8,
        ) {
            let mut envelope = seal().close("lg:nodes", NodeId(7), 9, &payload);
            let at = at.index(envelope.len());
            envelope[at] ^= flip;
            prop_assert!(seal().open("lg:nodes", &envelope).is_err());
        }

        #[test]
        fn nothing_can_be_cut_off_or_added(payload in proptest::collection::vec(any::<u8>(), 1..64), cut in 1..64usize) {
            let mut envelope = seal().close("lg:nodes", NodeId(7), 9, &payload);
            let shorter = &envelope[..envelope.len() - cut.min(envelope.len())];
            prop_assert!(seal().open("lg:nodes", shorter).is_err());
            envelope.push(0);
            prop_assert!(seal().open("lg:nodes", &envelope).is_err());
        }
    }
}
