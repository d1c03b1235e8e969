//! The connection that publishes: shared by all who publish, made anew after every error.
//!
//! One publish is one try, never longer than [`PUBLISH`]. While the connection is away every publish fails at once: who
//! publishes knows what a failure means, and nothing waits in a queue for a Redis that may not come back.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, PushInfo, PushKind};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::super::BusError;
use super::backoff::Backoff;
use super::shared::{Shared, distrust, until};

/// Longest time for one publish, waiting for the first connection included: what the trait promises.
const PUBLISH: Duration = Duration::from_secs(1);

#[derive(Clone)]
enum Link {
    /// The first try, or the first after a break: worth waiting for.
    Connecting,
    Up(u64, MultiplexedConnection),
    Down(Arc<str>),
}

/// Publishes.
pub(super) struct Publisher {
    link: watch::Receiver<Link>,
    /// The newest connection that is not trusted any more.
    broken: Arc<watch::Sender<u64>>,
}

/// The task behind a [`Publisher`].
pub(super) struct Keeper {
    shared: Arc<Shared>,
    link: watch::Sender<Link>,
    broken: Arc<watch::Sender<u64>>,
}

impl Publisher {
    /// Makes both ends; the keeper has to run.
    pub fn new(shared: &Arc<Shared>) -> (Self, Keeper) {
        let (state, link) = watch::channel(Link::Connecting);
        let broken = Arc::new(watch::Sender::new(0));
        let keeper = Keeper { shared: Arc::clone(shared), link: state, broken: Arc::clone(&broken) };
        (Self { link, broken }, keeper)
    }

    /// Publishes once.
    pub async fn publish(&self, channel: &str, envelope: &[u8]) -> Result<(), BusError> {
        if let Ok(result) = timeout(PUBLISH, self.try_publish(channel, envelope)).await {
            return result;
        }
        self.renew();
        Err(BusError::Unreachable(format!("no answer within {} ms", PUBLISH.as_millis())))
    }

    async fn try_publish(&self, channel: &str, envelope: &[u8]) -> Result<(), BusError> {
        let mut link = self.link.clone();
        let link = link.wait_for(|link| !matches!(link, Link::Connecting)).await.map(|link| link.clone());
        let (generation, mut connection) = match link {
            Ok(Link::Up(generation, connection)) => (generation, connection),
            Ok(Link::Down(why)) => return Err(BusError::Unreachable(why.to_string())),
            Ok(Link::Connecting) | Err(_) => {
                return Err(BusError::Unreachable("the bus has ended".to_owned()));
            }
        };
        let mut command = redis::cmd("PUBLISH");
        // How many heard it says nothing: a node of a cluster counts its own subscribers only.
        let sent = command.arg(channel).arg(envelope).exec_async(&mut connection).await;
        sent.map_err(|error| {
            distrust(&self.broken, generation);
            BusError::Unreachable(error.to_string())
        })
    }

    /// Asks for a new connection: this one is not trusted any more.
    pub fn renew(&self) {
        if let Link::Up(generation, _) = &*self.link.borrow() {
            distrust(&self.broken, *generation);
        }
    }

    /// Tells what is wrong.
    pub fn trouble(&self) -> Option<String> {
        match &*self.link.borrow() {
            Link::Up(..) => None,
            Link::Connecting => Some("connecting to publish".to_owned()),
            Link::Down(why) => Some(format!("cannot publish: {why}")),
        }
    }
}

impl Keeper {
    /// Keeps the connection, for ever.
    pub async fn run(self) {
        let (mut backoff, mut generation) = (Backoff::default(), 0);
        let (mut moved, mut broken) = (self.shared.moved.subscribe(), self.broken.subscribe());
        loop {
            generation += 1;
            let (topology, turn) = (&self.shared.topology, &self.shared.turn);
            match topology.connect(&self.settings(generation), turn).await {
                Ok(found) => {
                    if generation > 1 {
                        self.shared.meter.reconnected("publish");
                    }
                    tracing::info!(address = found.address, "the bus publishes");
                    backoff = Backoff::default();
                    let (epoch, address) = (found.epoch, found.address);
                    self.link.send_replace(Link::Up(generation, found.connection));
                    tokio::select! {
                        () = until(&mut broken, |broken| *broken >= generation) => {}
                        () = until(&mut moved, |now| now.epoch > epoch && now.address != address) => {}
                    }
                    self.link.send_replace(Link::Connecting);
                }
                Err(why) => {
                    if !matches!(&*self.link.borrow(), Link::Down(_)) {
                        tracing::warn!(why, "the bus cannot publish");
                    }
                    self.link.send_replace(Link::Down(why.into()));
                    sleep(backoff.next()).await;
                }
            }
        }
    }

    fn settings(&self, generation: u64) -> AsyncConnectionConfig {
        let broken = Arc::clone(&self.broken);
        let pushed = move |push: PushInfo| {
            if push.kind == PushKind::Disconnection {
                distrust(&broken, generation);
            }
            Ok::<(), std::convert::Infallible>(())
        };
        AsyncConnectionConfig::new()
            .set_connection_timeout(Some(super::topology::CONNECT))
            .set_response_timeout(Some(PUBLISH))
            .set_push_sender(pushed)
    }
}
