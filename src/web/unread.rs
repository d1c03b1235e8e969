//! Keeps hold of a chunked body until its answer is sent, so that one that nobody has read to its end closes the
//! connection. The server would read on after a body that was let go, for as long as the client likes to send: a client
//! that sends slowly would keep its connection for ever. Bodies of a known length are closed by the server itself.

use actix_web::HttpMessage;
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::http::header::TRANSFER_ENCODING;
use futures_util::{Stream, StreamExt};
use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

/// See the head of this file.
pub struct Unread {
    /// Held for its drop alone.
    _held: Rc<RefCell<Payload>>,
}

impl fmt::Debug for Unread {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Unread")
    }
}

/// Puts a shared body in the place of a request's, if it is chunked.
pub fn hold(request: &mut ServiceRequest) -> Option<Unread> {
    if !request.headers().contains_key(TRANSFER_ENCODING) {
        return None;
    }
    let held = Rc::new(RefCell::new(request.take_payload()));
    request.set_payload(Payload::Stream { payload: Box::pin(shared(Rc::clone(&held))) });
    Some(Unread { _held: held })
}

fn shared(held: Rc<RefCell<Payload>>) -> impl Stream<Item = <Payload as Stream>::Item> {
    futures_util::stream::poll_fn(move |context| held.borrow_mut().poll_next_unpin(context))
}
