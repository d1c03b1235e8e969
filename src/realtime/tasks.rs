//! Tasks that run as long as the process. None of them ends by itself: one that does has crashed, and the process must
//! not go on as if its work were still done.

use std::future::Future;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// See the head of this file.
#[derive(Debug)]
pub struct Tasks {
    handles: Vec<JoinHandle<()>>,
    crashed: Arc<watch::Sender<Option<&'static str>>>,
}

impl Default for Tasks {
    fn default() -> Self {
        Self { handles: Vec::new(), crashed: Arc::new(watch::Sender::new(None)) }
    }
}

impl Tasks {
    /// Starts one more task.
    pub fn run(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let alarm = Alarm(name, Arc::clone(&self.crashed));
        self.handles.push(tokio::spawn(async move {
            let _alarm = alarm;
            task.await;
        }));
    }

    /// Ends all tasks: before the database is closed under them.
    pub fn stop(&self) {
        for task in &self.handles {
            task.abort();
        }
    }

    /// Waits until a task crashes, and names it.
    pub async fn failed(&self) -> &'static str {
        let mut crashed = self.crashed.subscribe();
        match crashed.wait_for(Option::is_some).await {
            Ok(name) => name.unwrap_or("task"),
            // The sender is held here, so this does not come.
            Err(_) => std::future::pending().await,
        }
    }
}

/// Says that a task has crashed, when it panics.
struct Alarm(&'static str, Arc<watch::Sender<Option<&'static str>>>);

impl Drop for Alarm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(task = self.0, "a task has crashed");
            self.1.send_replace(Some(self.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_task_that_crashes_is_named() {
        let mut tasks = Tasks::default();
        tasks.run("steady", std::future::pending());
        tasks.run("shaky", async { panic!("as asked") });
        assert_eq!(tasks.failed().await, "shaky");
        tasks.stop();
    }
}
