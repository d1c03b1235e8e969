//! What breaks, when and for how long: drawn from a seed, one after the other with some at the same time, and mended in
//! the end. The schedule is a matter of chance and time; nothing is asserted here.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::cluster::Cluster;
use super::dice::Dice;
use super::proxy::{Link, Way};
use super::wait::pass;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    KillNode,
    PauseNode,
    DrainNode,
    KillPostgres,
    CutDatabase,
    HoldDatabase,
    SwallowDatabase,
    SlowDatabase,
    TurnClock,
    KillRedis,
    /// Killed, and what it kept is gone.
    LoseRedis,
    PauseRedis,
    FlushRedis,
    CutRedis,
    HoldRedis,
    SwallowRedis,
    SlowRedis,
}

impl Fault {
    pub const ALL: [Self; 17] = [
        Self::KillNode,
        Self::PauseNode,
        Self::DrainNode,
        Self::KillPostgres,
        Self::CutDatabase,
        Self::HoldDatabase,
        Self::SwallowDatabase,
        Self::SlowDatabase,
        Self::TurnClock,
        Self::KillRedis,
        Self::LoseRedis,
        Self::PauseRedis,
        Self::FlushRedis,
        Self::CutRedis,
        Self::HoldRedis,
        Self::SwallowRedis,
        Self::SlowRedis,
    ];

    /// Tells whether it is one of Redis.
    pub fn is_of_redis(self) -> bool {
        self >= Self::KillRedis
    }
}

/// A schedule that runs.
#[derive(Debug)]
pub struct Faults {
    dice: Dice,
    kinds: Vec<Fault>,
    /// The shortest and the longest that a fault lasts, in milliseconds.
    lasts: (u64, u64),
    pub injected: BTreeMap<Fault, usize>,
}

impl Faults {
    /// Faults of these kinds, as long as a client's patience or the lease can notice.
    pub fn of(seed: u64, kinds: &[Fault]) -> Self {
        Self { dice: Dice::of(seed), kinds: kinds.to_vec(), lasts: (300, 4_800), injected: BTreeMap::new() }
    }

    /// The same, with a length of one's own.
    pub fn lasting(self, shortest: u64, longest: u64) -> Self {
        Self { lasts: (shortest, longest), ..self }
    }

    /// Breaks and mends until the time is over; then everything is whole again and every node is ready.
    pub async fn run(&mut self, cluster: &mut Cluster, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            let (kind, node) = (self.dice.pick(&self.kinds), self.dice.below(cluster.nodes.len()));
            *self.injected.entry(kind).or_default() += 1;
            let (shortest, longest) = self.lasts;
            let lasts = shortest + self.dice.below((longest - shortest) as usize + 1) as u64;
            let lasts = Duration::from_millis(lasts);
            // Now and then another thing breaks while this one lasts.
            let second = (self.dice.below(3) == 0)
                .then(|| (self.dice.pick(&self.kinds), self.dice.below(cluster.nodes.len())));
            self.break_it(cluster, kind, node).await;
            pass(lasts / 2).await;
            let apart = |other: Fault| !(other.is_of_redis() && kind.is_of_redis()) && other != kind;
            if let Some((other, elsewhere)) = second.filter(|second| second.1 != node && apart(second.0)) {
                *self.injected.entry(other).or_default() += 1;
                self.break_it(cluster, other, elsewhere).await;
                pass(lasts / 2).await;
                self.mend(cluster, other, elsewhere).await;
            } else {
                pass(lasts / 2).await;
            }
            self.mend(cluster, kind, node).await;
            pass(Duration::from_millis(self.dice.below(1_500) as u64)).await;
        }
        for node in 0..cluster.nodes.len() {
            cluster.ready(node).await;
        }
        cluster.recorder.fault("all is mended".to_owned());
    }

    async fn break_it(&mut self, cluster: &mut Cluster, kind: Fault, node: usize) {
        let way = self.dice.pick(&[Way::There, Way::Back, Way::Both]);
        match kind {
            Fault::KillNode => cluster.kill(node),
            Fault::PauseNode => cluster.signal(node, "STOP"),
            Fault::DrainNode => drop(cluster.stop(node).await),
            Fault::KillPostgres => {
                cluster.recorder.fault("database: kill -9".to_owned());
                cluster.postgres.kill();
            }
            Fault::CutDatabase => cluster.link(node, Link::Cut),
            Fault::HoldDatabase => cluster.link(node, Link::Holding(way)),
            Fault::SwallowDatabase => cluster.link(node, Link::Swallowing(way)),
            Fault::SlowDatabase => {
                let delay = Duration::from_millis(5 + self.dice.below(120) as u64);
                cluster.link(node, Link::Slow(delay));
            }
            Fault::CutRedis => cluster.bus_link(node, Link::Cut),
            Fault::HoldRedis => cluster.bus_link(node, Link::Holding(way)),
            Fault::SwallowRedis => cluster.bus_link(node, Link::Swallowing(way)),
            Fault::SlowRedis => {
                let delay = Duration::from_millis(5 + self.dice.below(300) as u64);
                cluster.bus_link(node, Link::Slow(delay));
            }
            Fault::KillRedis | Fault::LoseRedis | Fault::PauseRedis | Fault::FlushRedis => {
                cluster.recorder.fault(format!("{kind:?}"));
                let Some(redis) = &mut cluster.redis else { return };
                match kind {
                    Fault::PauseRedis => redis.signal("STOP"),
                    Fault::FlushRedis => redis.flush().await,
                    _ => redis.kill(),
                }
            }
            Fault::TurnClock => {
                let turned = (0..cluster.nodes.len()).find(|node| cluster.has_clock(*node));
                let seconds = self.dice.pick(&[-3600, -120, -5, 5, 120, 600]);
                if let Some(node) = turned {
                    cluster.turn_clock(node, seconds);
                }
            }
        }
    }

    async fn mend(&mut self, cluster: &mut Cluster, kind: Fault, node: usize) {
        match kind {
            Fault::KillNode | Fault::DrainNode => {
                cluster.start_again(node);
                // Half of the time the next thing breaks while it starts.
                if self.dice.below(2) == 0 {
                    cluster.ready(node).await;
                }
            }
            Fault::PauseNode => cluster.signal(node, "CONT"),
            Fault::KillPostgres => {
                cluster.postgres.up().await;
                cluster.recorder.fault("database: up".to_owned());
            }
            Fault::CutDatabase | Fault::HoldDatabase | Fault::SwallowDatabase | Fault::SlowDatabase => {
                cluster.link(node, Link::Whole);
            }
            Fault::CutRedis | Fault::HoldRedis | Fault::SwallowRedis | Fault::SlowRedis => {
                cluster.bus_link(node, Link::Whole);
            }
            Fault::KillRedis | Fault::LoseRedis | Fault::PauseRedis | Fault::FlushRedis => {
                cluster.recorder.fault(format!("{kind:?} is over"));
                let Some(redis) = &mut cluster.redis else { return };
                match kind {
                    Fault::PauseRedis => redis.signal("CONT"),
                    Fault::LoseRedis => redis.forget(),
                    _ => {}
                }
                redis.up().await;
            }
            Fault::TurnClock => {
                if let Some(node) = (0..cluster.nodes.len()).find(|node| cluster.has_clock(*node)) {
                    cluster.turn_clock(node, 0);
                }
            }
        }
    }
}
