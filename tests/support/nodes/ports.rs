//! Free ports that stay free: below those that the system gives to outgoing connections, so that a node that was killed
//! finds its own again.

use std::net::TcpListener;
use std::sync::Mutex;

use super::dice::Dice;

/// See the head of this file.
pub fn free() -> u16 {
    static DRAWN: Mutex<Option<Dice>> = Mutex::new(None);
    let mut drawn = DRAWN.lock().expect("nobody panics while drawing");
    let dice = drawn.get_or_insert_with(|| Dice::of(u64::from(std::process::id()) << 16));
    loop {
        let port = 12_000 + dice.below(20_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
