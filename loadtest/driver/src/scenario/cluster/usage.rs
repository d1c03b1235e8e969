//! Who has had the processors.

use std::time::{Duration, Instant};

use super::Field;
use crate::machine::{busy_time, family_time, processor_time};

/// A reading.
pub struct Usage {
    at: Instant,
    times: Vec<(String, Duration)>,
}

impl Usage {
    /// Reads.
    pub fn of(field: &Field) -> anyhow::Result<Self> {
        let nodes = field.cluster.pids.iter().enumerate();
        let mut times: Vec<_> =
            nodes.map(|(number, pid)| (format!("node {}", number + 1), processor_time(*pid))).collect();
        times.push(("PostgreSQL, all processes".to_owned(), family_time(field.cluster.postgres)));
        times.push(("Redis".to_owned(), processor_time(field.cluster.redis.pid()?)));
        let hands = processor_time(field.hand.id()) + processor_time(field.crowd.id());
        times.push(("the tabs' processes".to_owned(), hands));
        times.push(("the whole machine, others' work included".to_owned(), busy_time()));
        Ok(Self { at: Instant::now(), times })
    }

    /// Cores that were busy on average since an earlier one, by whom.
    pub fn since(&self, before: &Self) -> Vec<(String, f64)> {
        let seconds = self.at.duration_since(before.at).as_secs_f64();
        let pairs = self.times.iter().zip(&before.times);
        pairs
            .map(|((name, now), (_, then))| (name.clone(), now.saturating_sub(*then).as_secs_f64() / seconds))
            .collect()
    }
}
