//! Sending once (FN18): a key of the sender's own under which a second call sends nothing and is answered with the first
//! notice. The key stands in the notice's row and is unique there, so it holds also when the answer to COMMIT was lost.
//!
//! A call without a key of its own has that of its request (`Idempotency-Key`, `livegrant/idempotencyKey`), as long as that
//! one counts. What it deliberately does not do: compare for whom it was; the words say whether it is the same notice.

use super::model::check_key;
use super::store::broadcasts::{Sent, forget_key, sent_by_key};
use crate::core::Core;
use crate::db::Work;
use crate::policy::{Principal, short_hash};
use crate::refusal::Refusal;

/// How long a request's key is one: as `web/idempotency.rs` has it.
const OF_REQUEST_MS: i64 = 24 * 3600 * 1000;
/// What the stored form of a request's key begins with.
const OF_REQUEST: &str = "request ";

/// The key of a request, as a sending under it stores it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestKey(Option<String>);

impl RequestKey {
    /// Takes what the request says, if it says anything.
    pub fn of(said: Option<&str>) -> Self {
        Self(said.map(|key| format!("{OF_REQUEST}{}", short_hash(key))))
    }

    /// The key to send under: the body's own, or this one.
    pub fn or(&self, own: Option<&str>) -> Result<Once, Refusal> {
        own.map_or(Ok(()), check_key)?;
        Ok(Once(own.map(str::to_owned).or_else(|| self.0.clone())))
    }
}

/// The key that something is sent under, if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once(Option<String>);

impl Once {
    /// The key as it is stored.
    pub fn key(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// Finds what was sent under it before.
    ///
    /// # Errors
    /// `idempotency_conflict` when those were other words.
    pub(super) async fn before(
        &self,
        core: &Core,
        by: &Principal,
        [kind, title, content]: [&str; 3],
    ) -> Result<Option<Sent>, Refusal> {
        let Some(key) = &self.0 else { return Ok(None) };
        let sent = sent_by_key(&mut core.db.read().await?, by.account(), key).await?;
        let oldest = core.clock.now_ms() - OF_REQUEST_MS;
        let Some(sent) = sent.filter(|sent| !key.starts_with(OF_REQUEST) || sent.created_at >= oldest) else {
            return Ok(None);
        };
        if [&*sent.kind, &*sent.title, &*sent.content] == [kind, title, content] {
            return Ok(Some(sent));
        }
        let detail = "this key was used for another notice";
        Err(Refusal::invalid("idempotency_key", "idempotency_conflict", detail))
    }

    /// Frees the key of a request that is no longer one, for this sending.
    pub(super) async fn renew(&self, work: &mut Work) -> Result<(), Refusal> {
        if let Some(key) = self.0.as_deref().filter(|key| key.starts_with(OF_REQUEST)) {
            let (sender, oldest) = (work.author().account, work.now() - OF_REQUEST_MS);
            forget_key(work.conn(), sender, key, oldest).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_the_body_comes_first_and_a_requests_is_never_mistaken_for_one() {
        let request = RequestKey::of(Some("order-7"));
        assert_eq!(request.or(Some("own")).expect("a key").key(), Some("own"));
        let stored = request.or(None).expect("a key");
        assert!(stored.key().is_some_and(|key| key.starts_with(OF_REQUEST) && !key.contains("order-7")));
        assert_ne!(stored, RequestKey::of(Some("order-8")).or(None).expect("a key"));
        assert_eq!(RequestKey::of(None).or(None).expect("none").key(), None);
        assert!(request.or(Some("")).is_err());
    }
}
