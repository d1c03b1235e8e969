//! A temporary folder of one run, which goes when the run is over, or with this process however it ends.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::watchdog;

/// See the head of this file.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    pub fn make() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("livegrant-nodes-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary folder can be made");
        watchdog::add(&path.display().to_string());
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed now, the watchdog removes.
        if std::fs::remove_dir_all(&self.0).is_ok() {
            watchdog::remove(&self.0.display().to_string());
        }
    }
}
