//! Ends what this process has started, if it dies before it could: a shell that holds the other end of a pipe.
//!
//! Every child is named to it by its process id and taken off when it was waited for; when the pipe closes, by an end or
//! by `kill -9`, the shell kills those that are left.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

const SCRIPT: &str = r#"
trap '' INT TERM HUP
all=' '
while read -r verb what; do
    case $verb in
        add) all="$all$what " ;;
        del) all=$(printf '%s' "$all" | sed "s| $what | |") ;;
    esac
done
for what in $all; do
    case $what in
        /*livegrant-nodes*) rm -rf "$what" ;;
        *) kill -9 "$what" 2>/dev/null ;;
    esac
done
"#;

struct Watchdog {
    _shell: Child,
    pipe: ChildStdin,
}

fn tell(line: &str) {
    static DOG: OnceLock<Mutex<Watchdog>> = OnceLock::new();
    let dog = DOG.get_or_init(|| {
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0) // an interrupt at the terminal must not end it before it has cleaned up
            .spawn()
            .expect("sh must start");
        let pipe = shell.stdin.take().expect("standard input was piped");
        Mutex::new(Watchdog { _shell: shell, pipe })
    });
    let mut dog = dog.lock().unwrap_or_else(PoisonError::into_inner);
    dog.pipe.write_all(line.as_bytes()).expect("the watchdog lives as long as this process");
}

/// Has a process killed, or a folder of `/…/livegrant-nodes…` removed, when this process is gone.
pub fn add(what: &str) {
    tell(&format!("add {what}\n"));
}

/// It is gone by itself.
pub fn remove(what: &str) {
    tell(&format!("del {what}\n"));
}
