//! The task behind one line: a connection that subscribes, made again for ever.
//!
//! It connects, subscribes everything that is wanted, says that something may be lost, and begins again when the connection
//! breaks, when the sentinels name another master, or when its canary did not come back for [`SILENT`] looks: a Redis that
//! hangs, or one that takes publishes and delivers nothing. It ends with the line's reader.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, PushInfo, RedisError, RedisResult};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::super::Channel;
use super::backoff::Backoff;
use super::ear::Ear;
use super::hearing::Hearing;
use super::publisher::Publisher;
use super::shared::{Shared, until};
use super::topology::{CONNECT, Found};
use super::wishes::{Batch, Link};

/// Channels in one SUBSCRIBE: 50 KB of names, 3 ms of Redis's time. Twenty times as many would hold everybody else up.
const BATCH: usize = 1000;

/// Longest wait for one batch's confirmation. With all nodes of a cluster coming back at once it takes some 20 ms.
const SUBSCRIBE: Duration = Duration::from_secs(2);

/// Time between two looks for the canary, and for channels that were left long enough ago.
pub(super) const LOOK: Duration = Duration::from_secs(1);

/// Looks without a canary after which a connection is given up: one may be late, two may fall into a failover.
const SILENT: u32 = 3;

/// Keeps one line's connection.
pub(super) struct Keeper {
    pub shared: Arc<Shared>,
    pub ear: Arc<Ear>,
    pub hearing: Arc<Hearing>,
    pub publisher: Arc<Publisher>,
}

/// Why a connection is given up.
enum Broken {
    /// It ended.
    Ended,
    /// The sentinels name another master.
    Moved,
    /// No canary came back.
    Silent,
    /// A command failed.
    Refused(RedisError),
}

impl Keeper {
    /// Keeps the connection until the line's reader is gone.
    pub async fn run(self) {
        tokio::select! {
            () = self.hearing.closed() => {}
            () = self.keep() => {}
        }
    }

    async fn keep(&self) {
        let (mut backoff, mut generation) = (Backoff::default(), 0);
        loop {
            generation += 1;
            let began = Instant::now();
            if let Err(why) = self.connect_and_serve(generation).await {
                self.away(why);
            }
            // A connection that held is made again at once; one that breaks again and again is not hammered at.
            if began.elapsed() > 2 * LOOK && !matches!(self.ear.wishes().link, Link::Away(_)) {
                backoff = Backoff::default();
            } else {
                sleep(backoff.next()).await;
            }
        }
    }

    /// Gives an error when there was no connection.
    async fn connect_and_serve(&self, generation: u64) -> Result<(), String> {
        let found = self.shared.topology.connect(&self.settings(generation), &self.shared.turn).await?;
        let Found { mut connection, address, epoch } = found;
        self.hearing.begin(generation);
        if let Err(error) = self.subscribe_all(generation, &mut connection).await {
            return Err(format!("{address}: {error}"));
        }
        let name = &self.ear.name;
        tracing::info!(line = name, address, "a line of the bus hears");
        let broken = self.serve(generation, epoch, &address, connection).await;
        self.ear.wishes().lost(Link::Connecting);
        let why = match broken {
            Broken::Ended => "the connection ended".to_owned(),
            Broken::Moved => "the sentinels name another master".to_owned(),
            Broken::Refused(error) => error.to_string(),
            Broken::Silent => {
                // Which of the two ends is deaf cannot be told from here.
                self.publisher.renew();
                format!("no canary came back for {} s", u64::from(SILENT) * LOOK.as_secs())
            }
        };
        tracing::warn!(line = name, address, why, "a line of the bus broke");
        Ok(())
    }

    fn settings(&self, generation: u64) -> AsyncConnectionConfig {
        let hearing = Arc::clone(&self.hearing);
        let pushed = move |push: PushInfo| {
            hearing.push(generation, push);
            Ok::<(), std::convert::Infallible>(())
        };
        AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(SUBSCRIBE))
            .set_push_sender(pushed)
    }

    fn away(&self, why: String) {
        let mut wishes = self.ear.wishes();
        if !matches!(wishes.link, Link::Away(_)) {
            tracing::warn!(line = self.ear.name, why, "a line of the bus is away");
        }
        wishes.lost(Link::Away(why));
        // What is left while nobody hears must not stay in the table.
        let _never_subscribed = wishes.due(Instant::now());
    }

    async fn subscribe_all(
        &self,
        generation: u64,
        connection: &mut MultiplexedConnection,
    ) -> RedisResult<()> {
        connection.subscribe(self.hearing.canary()).await?;
        let mut batch = self.ear.wishes().again();
        batch.owed |= self.hearing.has_heard();
        if batch.owed {
            // Said before the first message that comes, and once more when all channels are heard again.
            self.hearing.owe();
        }
        self.subscribe(connection, batch).await?;
        self.ear.wishes().link = Link::Up;
        self.hearing.heard();
        if generation > 1 {
            self.shared.meter.reconnected(&self.ear.name);
        }
        Ok(())
    }

    async fn serve(
        &self,
        generation: u64,
        epoch: u64,
        address: &str,
        mut connection: MultiplexedConnection,
    ) -> Broken {
        let mut look = interval(LOOK);
        // A process that was stopped must not count the looks that it missed as silence.
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut gone = self.hearing.gone.subscribe();
        let mut moved = self.shared.moved.subscribe();
        loop {
            let done = tokio::select! {
                () = until(&mut gone, |gone| *gone >= generation) => return Broken::Ended,
                () = until(&mut moved, |now| now.epoch > epoch && now.address != address) => return Broken::Moved,
                () = self.ear.bell.notified() => self.subscribe_fresh(&mut connection).await,
                _ = look.tick() => {
                    if self.hearing.look() >= SILENT {
                        return Broken::Silent;
                    }
                    self.unsubscribe_due(&mut connection).await
                }
            };
            if let Err(error) = done {
                return Broken::Refused(error);
            }
        }
    }

    async fn subscribe_fresh(&self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        let batch = self.ear.wishes().fresh();
        match batch {
            Some(batch) => self.subscribe(connection, batch).await,
            None => Ok(()),
        }
    }

    async fn subscribe(&self, connection: &mut MultiplexedConnection, batch: Batch) -> RedisResult<()> {
        for channels in batch.channels.chunks(BATCH) {
            if let Err(error) = connection.subscribe(self.names(channels)).await {
                self.ear.wishes().put_back(batch);
                return Err(error);
            }
            self.ear.wishes().heard(channels);
        }
        if batch.owed {
            self.hearing.miss();
        }
        for reply in batch.waiting {
            let _gave_up = reply.send(Ok(()));
        }
        Ok(())
    }

    async fn unsubscribe_due(&self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        let due = self.ear.wishes().due(Instant::now());
        for channels in due.chunks(BATCH) {
            connection.unsubscribe(self.names(channels)).await?;
        }
        Ok(())
    }

    fn names(&self, channels: &[Channel]) -> Vec<String> {
        channels.iter().map(|channel| self.shared.names.of(*channel)).collect()
    }
}
