//! Tokens. Access tokens are JWTs (HS256, S2-26) that name a session; whether the session is still active is decided by
//! its state, never by the token alone. Refresh tokens and tickets are random texts, stored only as SHA-256.

use crate::refusal::Refusal;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use livegrant_actors::{AccountId, SessionId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// What an access token says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    /// The account.
    pub sub: i64,
    /// The session.
    pub sid: String,
    /// Made at, in seconds.
    pub iat: i64,
    /// Ends at, in seconds.
    pub exp: i64,
    /// Makes two tokens of one second differ.
    pub jti: String,
}

/// Signs and reads access tokens.
pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    ttl_seconds: i64,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("ttl_seconds", &self.ttl_seconds).finish_non_exhaustive()
    }
}

impl Tokens {
    /// Takes the signing key.
    pub fn new(secret: &str, ttl_seconds: u64) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        // Expiry is compared with the injected clock below, not with the wall clock inside the library.
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        Self {
            encoding: EncodingKey::from_secret(secret.as_bytes()),
            decoding: DecodingKey::from_secret(secret.as_bytes()),
            validation,
            ttl_seconds: ttl_seconds as i64,
        }
    }

    /// Answers the life of an access token, in seconds.
    pub fn ttl_seconds(&self) -> i64 {
        self.ttl_seconds
    }

    /// Makes an access token for a session.
    pub fn sign(&self, account: AccountId, sid: &SessionId, now_ms: i64) -> Result<String, Refusal> {
        let iat = now_ms / 1000;
        let claims = Claims {
            sub: account.0,
            sid: sid.as_str().to_owned(),
            iat,
            exp: iat + self.ttl_seconds,
            jti: crate::clock::random_text::<11>(),
        };
        encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
            .map_err(|error| Refusal::Defect(anyhow::Error::new(error)))
    }

    /// Reads an access token.
    ///
    /// # Errors
    /// `token_invalid` for anything that this key did not sign, `token_expired` past its time.
    pub fn verify(&self, token: &str, now_ms: i64) -> Result<Claims, Refusal> {
        let claims = decode::<Claims>(token, &self.decoding, &self.validation)
            .map_err(|_| unauthenticated("token_invalid", "the access token is not valid"))?
            .claims;
        if claims.exp * 1000 <= now_ms {
            return Err(unauthenticated("token_expired", "the access token has expired; refresh it"));
        }
        Ok(claims)
    }
}

/// A refresh token: which session, which rotation of it, a secret, and our signature over all three, so that a token of
/// any earlier rotation is recognised as ours and used again (RFC 9700 §4.14), and a guessed one is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// The session.
    pub sid: SessionId,
    /// The rotation, from 1.
    pub generation: i64,
    secret: String,
}

impl RefreshToken {
    /// Makes the first token of a session.
    pub fn first(sid: SessionId) -> Self {
        Self { sid, generation: 1, secret: crate::clock::random_text::<43>() }
    }

    fn body(&self) -> String {
        format!("{}.{}.{}", self.sid, self.generation, self.secret)
    }

    /// Answers what is stored instead of the token.
    pub fn digest(&self) -> String {
        digest(&self.body())
    }
}

impl Tokens {
    /// Writes a refresh token with its signature.
    pub fn seal(&self, token: &RefreshToken) -> Result<String, Refusal> {
        let body = token.body();
        Ok(format!("{body}.{}", self.mac(&format!("refresh {body}"))?))
    }

    /// Reads a refresh token; `token_invalid` for anything that this key did not sign.
    pub fn open(&self, text: &str) -> Result<RefreshToken, Refusal> {
        let invalid = || unauthenticated("token_invalid", "the refresh token is not valid");
        let (body, mac) = text.rsplit_once('.').ok_or_else(invalid)?;
        let genuine = jsonwebtoken::crypto::verify(
            mac,
            format!("refresh {body}").as_bytes(),
            &self.decoding,
            Algorithm::HS256,
        );
        let mut parts = body.splitn(3, '.');
        match (genuine, parts.next(), parts.next().map(str::parse), parts.next()) {
            (Ok(true), Some(sid), Some(Ok(generation)), Some(secret)) => Ok(RefreshToken {
                sid: SessionId::from(sid.to_owned()),
                generation,
                secret: secret.to_owned(),
            }),
            _ => Err(invalid()),
        }
    }

    /// Answers the one successor of a refresh token: two tabs that use the same token at once get the same answer.
    pub fn successor(&self, token: &RefreshToken) -> Result<RefreshToken, Refusal> {
        Ok(RefreshToken {
            sid: token.sid.clone(),
            generation: token.generation + 1,
            secret: self.mac(&format!("successor {}", token.body()))?,
        })
    }

    fn mac(&self, text: &str) -> Result<String, Refusal> {
        jsonwebtoken::crypto::sign(text.as_bytes(), &self.encoding, Algorithm::HS256)
            .map_err(|error| Refusal::Defect(anyhow::Error::new(error)))
    }
}

fn unauthenticated(code: &'static str, detail: &str) -> Refusal {
    Refusal::Unauthenticated { code, detail: detail.to_owned() }
}

/// Answers the hex SHA-256 under which a random token is stored.
pub fn digest(token: &str) -> String {
    Sha256::digest(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sid() -> SessionId {
        SessionId::from("s".to_owned())
    }

    fn code_of(result: Result<Claims, Refusal>) -> &'static str {
        match result {
            Err(Refusal::Unauthenticated { code, .. }) => code,
            other => panic!("not refused: {other:?}"),
        }
    }

    #[test]
    fn a_token_is_read_back_until_it_expires() {
        let tokens = Tokens::new("one", 900);
        let token = tokens.sign(AccountId(7), &sid(), 5_000).expect("signs");
        assert_eq!(tokens.verify(&token, 5_000).expect("valid").sub, 7);
        assert_eq!(code_of(tokens.verify(&token, 905_000)), "token_expired");
    }

    #[test]
    fn a_refresh_token_has_one_successor_and_cannot_be_made_up() {
        let tokens = Tokens::new("one", 900);
        let first = RefreshToken::first(sid());
        let sealed = tokens.seal(&first).expect("seals");
        assert_eq!(tokens.open(&sealed).expect("opens"), first);
        let next = tokens.successor(&first).expect("has one");
        assert_eq!((next.generation, &next), (2, &tokens.successor(&first).expect("has one")));
        assert_eq!(code_of(Tokens::new("two", 900).open(&sealed).map(|_| unreachable!())), "token_invalid");
        assert!(tokens.open(&sealed.replacen(".1.", ".2.", 1)).is_err());
    }

    #[test]
    fn a_token_of_another_key_or_algorithm_is_refused() {
        let token = Tokens::new("one", 900).sign(AccountId(7), &sid(), 5_000).expect("signs");
        assert_eq!(code_of(Tokens::new("two", 900).verify(&token, 5_000)), "token_invalid");
        // {"alg":"none"} with the same claims.
        let body = token.split('.').nth(1).expect("has claims");
        let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{body}.");
        assert_eq!(code_of(Tokens::new("one", 900).verify(&unsigned, 5_000)), "token_invalid");
    }
}
