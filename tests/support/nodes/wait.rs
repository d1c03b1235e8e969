//! Waiting: for a condition, which is looked at again and again, or for the next point of a schedule.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

/// Time between two looks at a condition.
const LOOK: Duration = Duration::from_millis(20);

/// Looks until the answer is there, or fails with what was waited for.
pub async fn until<T>(what: &str, patience: Duration, look: impl AsyncFnMut() -> Option<T>) -> T {
    match within(patience, look).await {
        Some(found) => found,
        None => panic!("waited {patience:?} in vain: {what}"),
    }
}

/// Looks until the answer is there or the time is over.
pub async fn within<T>(patience: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + patience;
    let mut every = tokio::time::interval(LOOK);
    loop {
        every.tick().await;
        if let Some(found) = look().await {
            return Some(found);
        }
        if Instant::now() >= deadline {
            return None;
        }
    }
}

/// Lets a part of a schedule pass: how long a fault lasts, how fast clients ask. Nothing is asserted of it.
pub async fn pass(time: Duration) {
    let never = std::future::pending::<()>();
    // Its end is the purpose.
    let _ = tokio::time::timeout(time, never).await;
}

/// Ends with the future, or when its time is over.
pub async fn at_most<T>(time: Duration, what: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(time, what).await.ok()
}
