//! What waits for a tab goes out, as far as its client takes it.
//!
//! Once a turn for each tab: sixteen frames in one call cost little more than one. A poll is answered
//! when it waits and there is something to say.

use std::io;
use std::task::{Context, Poll};

use super::desk::Desk;
use super::link::{Link, Polled};
use super::tab::{Stage, Tab};
use crate::protocol::frame::Transport;

impl Desk {
    /// Writes what waits; registers the waker for more.
    pub fn flush(&self, tab: &mut Tab, cx: &mut Context<'_>) {
        if tab.link.transport() == Transport::Poll {
            return self.answer_poll(tab);
        }
        loop {
            if tab.stage == Stage::Gone {
                return;
            }
            if tab.is_open()
                && let Some(debt) = tab.outbox.take_debt()
            {
                self.pay(tab, debt);
            }
            let (Link::WebSocket { socket, .. } | Link::Events(socket)) = &tab.link else { return };
            if tab.outbox.is_empty() {
                tab.blocked_since = None;
                match (tab.stage, tab.link.transport()) {
                    (Stage::Closing { peer_closed: true, .. }, _) => tab.stage = Stage::Gone,
                    // The end of the answer; the client's own end says that it has read it.
                    (Stage::Closing { .. }, Transport::Sse) => socket.finish(),
                    _ => {}
                }
                return;
            }
            match tab.outbox.write(|slices| socket.write(slices)) {
                Ok(_) => tab.blocked_since = None,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let now = self.now();
                    tab.blocked_since.get_or_insert(now);
                    match socket.poll_write_ready(cx) {
                        Poll::Pending => return,
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(_)) => self.lose(tab),
                    }
                }
                Err(_) => self.lose(tab),
            }
        }
    }

    fn answer_poll(&self, tab: &mut Tab) {
        if tab.is_open()
            && let Some(debt) = tab.outbox.take_debt()
        {
            self.pay(tab, debt);
        }
        let closing = !tab.is_open();
        if tab.outbox.is_empty() && !closing {
            return;
        }
        let Link::Poll(line) = &mut tab.link else { return };
        // A poll that has given up waiting is none.
        let Some(waiter) = line.waiter.take().filter(|waiter| !waiter.is_closed()) else { return };
        line.cursor += 1;
        line.held = tab.outbox.take_all();
        let answer = Polled { cursor: line.cursor, messages: line.held.clone(), closed: line.closed.clone() };
        let taken = waiter.send(answer).is_ok();
        if closing && taken {
            self.lose(tab);
        }
    }
}
