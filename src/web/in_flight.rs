//! Counts the requests that are being answered, so that a stopping process waits for them and not for connections that
//! merely idle: browsers keep those for minutes, and the server itself waits for both.

use super::unread::Unread;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::Bytes;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::watch;

/// See the head of this file. Clones count together.
#[derive(Debug, Clone)]
pub struct InFlight(watch::Sender<usize>);

impl Default for InFlight {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl InFlight {
    /// Counts a request until the answer's body is dropped.
    pub fn enter(&self) -> Running {
        self.0.send_modify(|running| *running += 1);
        Running(self.0.clone())
    }

    /// Waits until no request is being answered.
    pub async fn none(&self) {
        // The sender lives in `self`, so the wait cannot fail.
        let _ = self.0.subscribe().wait_for(|running| *running == 0).await;
    }
}

/// One request that is being answered.
#[derive(Debug)]
pub struct Running(watch::Sender<usize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|running| *running -= 1);
    }
}

/// A body that counts as a request in flight until it is sent or given up.
#[derive(Debug)]
pub struct CountedBody {
    /// The body.
    pub body: BoxBody,
    /// Its request.
    pub running: Option<Running>,
    /// The request's body, if it must not be let go before.
    pub unread: Option<Unread>,
}

impl MessageBody for CountedBody {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn the_wait_ends_with_the_last_request() {
        let requests = InFlight::default();
        assert!(requests.none().now_or_never().is_some());
        let (one, other) = (requests.enter(), requests.clone().enter());
        let counted = CountedBody { body: BoxBody::new("answer"), running: Some(one), unread: None };
        drop(other);
        assert!(requests.none().now_or_never().is_none());
        drop(counted);
        assert!(requests.none().now_or_never().is_some());
    }
}
