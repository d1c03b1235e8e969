//! Integrity and encryption of one connection's messages (S3-73, S3-74, S3-76, C4).
//!
//! TLS protects the wire; this is for sites that must show more. Both keys are the connection's own
//! and are handed out in its `CONNECTED` message. `hash` is HMAC-SHA256 over the JSON text as it
//! stands on the wire without the hash (in SSE it is `envelopeHash`, for `data` has a `hash` of its own); `data` is sealed by AES-256-GCM with the message's id as
//! additional data. Keys come from the application's source of randomness; nonces count.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;

/// A key of one connection.
pub type Key = [u8; KEY_BYTES];

/// What is done to a connection's messages.
pub(crate) struct Seal {
    pub mac: Option<Key>,
    pub cipher: Option<Key>,
    /// Messages encrypted so far: the next nonce. A key belongs to one connection, so none repeats.
    pub sealed: u64,
}

impl Seal {
    /// Writes a key as it travels.
    pub fn text(key: &Key) -> String {
        STANDARD.encode(key)
    }

    /// Encrypts `data`, if that is asked for; gives a JSON object `{enc, iv, ct}`, both in base64.
    pub fn encrypt(&mut self, data: &[u8], message_id: &[u8]) -> Option<String> {
        let key = UnboundKey::new(&AES_256_GCM, self.cipher.as_ref()?).expect("the key has 32 bytes");
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&self.sealed.to_be_bytes());
        self.sealed += 1;
        let mut sealed = data.to_vec();
        LessSafeKey::new(key)
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(message_id), &mut sealed)
            .expect("a message is far below the cipher's 64 GiB");
        let (iv, ct) = (STANDARD.encode(nonce), STANDARD.encode(sealed));
        Some(format!(r#"{{"enc":"aes-256-gcm","iv":"{iv}","ct":"{ct}"}}"#))
    }

    /// Appends the hash to a JSON object under `name`, if that is asked for.
    pub fn sign(&self, json: &mut Vec<u8>, name: &str) {
        let Some(key) = &self.mac else { return };
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), json);
        let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        json.pop();
        json.extend_from_slice(format!(r#","{name}":"{hex}"}}"#).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::aead::Nonce;

    fn seal() -> Seal {
        Seal { mac: Some([1; 32]), cipher: Some([2; 32]), sealed: 0 }
    }

    /// S3-74.
    #[test]
    fn a_hash_covers_the_text_without_it() {
        let mut json = br#"{"a":1}"#.to_vec();
        seal().sign(&mut json, "hash");
        let text = String::from_utf8(json).unwrap();
        let (_, hash) = text.split_once(r#","hash":""#).unwrap();
        let hash = hash.strip_suffix("\"}").unwrap();
        let bytes: Vec<u8> =
            (0..64).step_by(2).map(|at| u8::from_str_radix(&hash[at..at + 2], 16).unwrap()).collect();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]);
        assert!(hmac::verify(&key, br#"{"a":1}"#, &bytes).is_ok());
        assert!(hmac::verify(&key, br#"{"a":2}"#, &bytes).is_err());
    }

    /// S3-76.
    #[test]
    fn data_opens_with_its_key_and_message_id_only_and_no_nonce_repeats() {
        let mut seal = seal();
        let sealed = [seal.encrypt(b"{}", b"m").unwrap(), seal.encrypt(b"{}", b"m").unwrap()];
        assert_ne!(sealed[0], sealed[1]);
        let sealed: serde_json::Value = serde_json::from_str(&sealed[1]).unwrap();
        let part = |name: &str| STANDARD.decode(sealed[name].as_str().unwrap()).unwrap();
        let open = |id: &[u8]| {
            let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[2; 32]).unwrap());
            let nonce = Nonce::try_assume_unique_for_key(&part("iv")).unwrap();
            key.open_in_place(nonce, Aad::from(id), &mut part("ct")).map(|data| data.to_vec())
        };
        assert_eq!(open(b"m").unwrap(), b"{}");
        assert!(open(b"n").is_err());
    }
}
