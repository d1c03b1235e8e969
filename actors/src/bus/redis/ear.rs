//! One line as its users see it: what it wants to hear, and how it is.
//!
//! It holds no connection; [`super::line`] keeps that and reads the wishes.

use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::super::{Answer, BusError, Channel, Ears};
use super::hearing::Hearing;
use super::wishes::{Asked, Link, Wishes};

/// Longest time that `listen` waits for its confirmation: for a connection and for a batch.
const LISTEN: Duration = Duration::from_secs(3);

/// One line as its users see it.
pub(super) struct Ear {
    pub name: String,
    /// Gone with the line's task; held by it alone, so that the reader learns that the bus has ended.
    pub hearing: Weak<Hearing>,
    /// Rings when there are new wishes.
    pub bell: Notify,
    wishes: Mutex<Wishes>,
}

impl Ear {
    pub fn new(name: &str, hearing: Weak<Hearing>) -> Self {
        Self { name: name.to_owned(), hearing, bell: Notify::new(), wishes: Mutex::default() }
    }

    pub fn wishes(&self) -> MutexGuard<'_, Wishes> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells what is wrong.
    pub fn trouble(&self) -> Option<String> {
        let name = &self.name;
        match &self.wishes().link {
            Link::Connecting => return Some(format!("line {name}: connecting")),
            Link::Away(why) => return Some(format!("line {name}: {why}")),
            Link::Up => {}
        }
        let silent = self.hearing.upgrade()?.silent_seconds();
        (silent > 0).then(|| format!("line {name}: publishes do not come back since {silent} s"))
    }

    async fn ask(&self, channels: Vec<Channel>) -> Result<(), BusError> {
        let asked = self.wishes().listen(&channels);
        let answer = match asked {
            Asked::Heard => return Ok(()),
            Asked::Away(why) => return Err(BusError::Unreachable(why)),
            Asked::Wait(answer) => answer,
        };
        self.bell.notify_one();
        match timeout(LISTEN, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(BusError::Unreachable("the bus has ended".to_owned())),
            Err(_) => {
                self.wishes().owe();
                Err(BusError::Unreachable(format!("not confirmed within {} s", LISTEN.as_secs())))
            }
        }
    }
}

impl Ears for Ear {
    fn listen(&self, channels: Vec<Channel>) -> Answer<'_, ()> {
        Box::pin(self.ask(channels))
    }

    fn leave(&self, channels: Vec<Channel>) {
        self.wishes().leave(&channels, Instant::now());
    }
}
