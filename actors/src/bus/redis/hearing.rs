//! What happens to what Redis pushes into a line: opened, checked, and put into the line's bounded queue, at once.
//!
//! It runs inside the connection's own task, before anything else is read from the socket: nothing is queued between the
//! socket and here, so a line's memory is bounded by [`QUEUE`] and [`BYTES`] however slow its reader is. What does not fit
//! is dropped and said by [`Heard::Missed`] before the next message, or by the next canary when there is none.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use redis::{PushInfo, PushKind, Value};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::super::{Channel, Heard, Message, PAYLOAD_MAX};
use super::seal::{Opened, Rejected};
use super::shared::{Shared, distrust};
use super::window::Window;
use crate::protocol::ids::NodeId;

/// Messages that wait for one line's reader: a tenth of a second at ten thousand a second, which is more than the
/// database commits. More would be read from the database as quickly.
pub const QUEUE: usize = 1024;

/// Bytes that one line's reader may hold, in the queue and in its hands: sixteen of the largest messages.
pub(super) const BYTES: usize = 16 * PAYLOAD_MAX;

/// A line's ear.
pub(super) struct Hearing {
    shared: Arc<Shared>,
    queue: mpsc::Sender<Heard>,
    held: Arc<AtomicUsize>,
    window: Mutex<Window>,
    canary: String,
    /// The newest connection that is gone.
    pub gone: watch::Sender<u64>,
    /// The connection whose pushes count; those of an older one are late.
    generation: AtomicU64,
    /// Something was lost and not said yet.
    missed: AtomicBool,
    has_heard: AtomicBool,
    /// All channels that are wanted are subscribed on this connection.
    is_whole: AtomicBool,
    /// Looks since the last canary came.
    silent: AtomicU32,
    lag_ms: AtomicU64,
    began: Instant,
}

/// No canary yet.
const UNKNOWN: u64 = u64::MAX;

impl Hearing {
    pub fn new(shared: Arc<Shared>, queue: mpsc::Sender<Heard>, canary: String) -> Self {
        Self {
            shared,
            queue,
            held: Arc::default(),
            window: Mutex::default(),
            canary,
            gone: watch::Sender::new(0),
            generation: AtomicU64::new(0),
            missed: AtomicBool::new(false),
            has_heard: AtomicBool::new(false),
            is_whole: AtomicBool::new(false),
            silent: AtomicU32::new(0),
            lag_ms: AtomicU64::new(UNKNOWN),
            began: Instant::now(),
        }
    }

    /// The name of the line's own channel.
    pub fn canary(&self) -> &str {
        &self.canary
    }

    /// What the next canary says: when it left.
    pub fn canary_payload(&self) -> [u8; 8] {
        (self.began.elapsed().as_millis() as u64).to_be_bytes()
    }

    /// How long the newest canary took, ms; while none comes, at least how long none came.
    pub fn lag_ms(&self) -> Option<u64> {
        let lag = self.lag_ms.load(Ordering::Relaxed);
        let silent = self.silent_seconds() * 1000;
        if lag == UNKNOWN { (silent > 0).then_some(silent) } else { Some(lag.max(silent)) }
    }

    /// Seconds without a canary, less the one that is usual.
    pub fn silent_seconds(&self) -> u64 {
        u64::from(self.silent.load(Ordering::Relaxed).saturating_sub(1))
    }

    /// Looks whether the canary came; gives how often in a row it did not.
    pub fn look(&self) -> u32 {
        self.silent.fetch_add(1, Ordering::Relaxed)
    }

    /// A new connection takes over.
    pub fn begin(&self, generation: u64) {
        self.is_whole.store(false, Ordering::Release);
        self.generation.store(generation, Ordering::Release);
        self.silent.store(0, Ordering::Relaxed);
    }

    /// Everything that is wanted is heard now.
    pub fn heard(&self) {
        self.has_heard.store(true, Ordering::Relaxed);
        self.is_whole.store(true, Ordering::Release);
    }

    /// Tells whether there was a time when everything that was wanted was heard.
    pub fn has_heard(&self) -> bool {
        self.has_heard.load(Ordering::Relaxed)
    }

    /// Waits until the line's reader is gone.
    pub async fn closed(&self) {
        self.queue.closed().await;
    }

    /// Something may be lost: says so as soon as there is room.
    pub fn miss(&self) {
        self.owe();
        self.say_missed();
    }

    /// Something may be lost: says so before the next message.
    pub fn owe(&self) {
        self.missed.store(true, Ordering::Release);
    }

    /// Takes what a connection pushes.
    pub fn push(&self, generation: u64, push: PushInfo) {
        if generation != self.generation.load(Ordering::Acquire) {
            return;
        }
        match push.kind {
            PushKind::Disconnection => distrust(&self.gone, generation),
            PushKind::Message => {
                let mut data = push.data.into_iter();
                if let (Some(Value::BulkString(channel)), Some(Value::BulkString(envelope))) =
                    (data.next(), data.next())
                    && let Err(why) = self.message(&channel, envelope)
                {
                    self.shared.meter.reject(why);
                    tracing::debug!(reason = why.label(), "a message on the bus was thrown away");
                }
            }
            _ => {}
        }
    }

    fn message(&self, channel: &[u8], envelope: Vec<u8>) -> Result<(), Rejected> {
        let name = std::str::from_utf8(channel).map_err(|_| Rejected::Channel)?;
        let Opened { sender, number } = self.shared.seal.open(name, &envelope)?;
        let is_canary = name == self.canary;
        if sender == self.shared.node && !is_canary {
            return Ok(());
        }
        if !self.window.lock().unwrap_or_else(PoisonError::into_inner).accept(sender, number) {
            return Err(Rejected::Repeated);
        }
        if is_canary {
            self.hear_canary(&envelope[Opened::OFFSET..]);
            return Ok(());
        }
        let channel = self.shared.names.read(name).ok_or(Rejected::Channel)?;
        self.shared.meter.received(channel, envelope.len());
        self.hear(channel, sender, envelope);
        Ok(())
    }

    fn hear(&self, channel: Channel, from: NodeId, envelope: Vec<u8>) {
        // What was missed is said first, or the reader would take the next message for the next one sent.
        if !self.say_missed() {
            return;
        }
        let size = envelope.len();
        if self.held.fetch_add(size, Ordering::AcqRel) + size > BYTES {
            self.held.fetch_sub(size, Ordering::AcqRel);
            self.overflow();
            return;
        }
        let payload = Bytes::from_owner(Held { envelope, held: Arc::clone(&self.held) });
        if self.queue.try_send(Heard::Message(Message { channel, from, payload })).is_err() {
            self.overflow();
        }
    }

    fn overflow(&self) {
        self.missed.store(true, Ordering::Release);
        self.shared.meter.overflowed();
    }

    /// Says what was missed, if anything; `false`: it could not be said.
    fn say_missed(&self) -> bool {
        if !self.missed.swap(false, Ordering::AcqRel) {
            return true;
        }
        let said = self.queue.try_send(Heard::Missed).is_ok();
        if !said {
            self.missed.store(true, Ordering::Release);
        }
        said
    }

    fn hear_canary(&self, payload: &[u8]) {
        let Ok(left) = <[u8; 8]>::try_from(payload) else { return };
        let now = self.began.elapsed().as_millis() as u64;
        self.lag_ms.store(now.saturating_sub(u64::from_be_bytes(left)), Ordering::Relaxed);
        self.silent.store(0, Ordering::Relaxed);
        // Not while channels are still being subscribed again: who reads the database now would read it too early.
        if self.is_whole.load(Ordering::Acquire) {
            self.say_missed();
        }
    }
}

/// An envelope in a reader's hands, counted until it is dropped.
struct Held {
    envelope: Vec<u8>,
    held: Arc<AtomicUsize>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.envelope[Opened::OFFSET..]
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.held.fetch_sub(self.envelope.len(), Ordering::AcqRel);
    }
}
