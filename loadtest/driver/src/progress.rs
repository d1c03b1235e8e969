//! How far a hand is, on standard error, once a second: in one line on a terminal, line by line elsewhere.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Time between two lines.
const EVERY: Duration = Duration::from_secs(1);
/// Signs of the bar.
const WIDTH: usize = 30;

/// A bar that fills.
pub struct Progress {
    what: &'static str,
    shown: Instant,
    any: bool,
}

impl Progress {
    /// Shows nothing yet: what is done within a second needs no bar.
    pub fn new(what: &'static str) -> Self {
        Self { what, shown: Instant::now(), any: false }
    }

    /// Shows how far it is, if it is time to.
    pub fn at(&mut self, done: usize, of: usize) {
        if self.shown.elapsed() < EVERY {
            return;
        }
        (self.shown, self.any) = (Instant::now(), true);
        let line = line(self.what, done, of);
        let mut out = std::io::stderr().lock();
        // Nobody has to be able to see it.
        let _ = if out.is_terminal() { write!(out, "\r{line}") } else { writeln!(out, "{line}") };
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.any && std::io::stderr().is_terminal() {
            eprintln!();
        }
    }
}

fn line(what: &str, done: usize, of: usize) -> String {
    let filled = (done * WIDTH).checked_div(of).unwrap_or(WIDTH).min(WIDTH);
    format!("{what} [{}{}] {done} of {of}", "#".repeat(filled), ".".repeat(WIDTH - filled))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_fills_and_does_not_overflow() {
        assert_eq!(line("tabs", 5, 10), format!("tabs [{}{}] 5 of 10", "#".repeat(15), ".".repeat(15)));
        assert_eq!(line("tabs", 0, 0), format!("tabs [{}] 0 of 0", "#".repeat(30)));
        assert_eq!(line("tabs", 20, 10), format!("tabs [{}] 20 of 10", "#".repeat(30)));
    }
}
