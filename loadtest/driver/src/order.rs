//! What the process that leads a run asks of a hand (a process that holds tabs), and what the hand answers: one JSON
//! object a line. A process may open 20,000 descriptors on common machines, so larger runs need several hands.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::http::Request;

/// Which tabs a hand holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Aim {
    /// The servers; tabs are dealt out over them one by one.
    pub addresses: Vec<SocketAddr>,
    /// The file that `livegrant loadtest prepare` wrote; none for the bare writer, which asks for no token.
    pub accounts: Option<PathBuf>,
    /// The first account of the file that this hand takes.
    pub skip: usize,
    /// How many tabs.
    pub tabs: usize,
    /// Tabs of one account.
    pub tabs_per_account: usize,
    /// Sub-protocol to ask for.
    pub protocol: Option<String>,
    /// Second number of the first source address, so that two hands do not share ports: 127.N.0.1.
    pub network: u8,
}

/// Kinds of frames, as far as a run tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    /// A notice to everyone.
    SystemNotice,
    /// An effective set.
    PermissionUpdate,
    /// Roles and positions.
    RoleChange,
    /// Last words.
    ForceLogout,
    /// The answer to a JSON ping.
    Pong,
    /// First word of the newer protocol.
    Connected,
    /// The present position, of the newer protocol.
    Checkpoint,
    /// Whatever else the server says.
    Other,
}

/// What a round waits for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Want {
    /// This kind of frame,
    pub kind: Kind,
    /// at so many tabs,
    pub tabs: usize,
    /// of this account of the file alone, if it is named.
    pub account: Option<usize>,
}

/// When tabs acknowledge permission frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Acks {
    /// At once.
    AtOnce,
    /// When the round is over: their cost is not part of it.
    Afterwards,
}

/// What to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub enum Order {
    /// Take these tabs; before anything else.
    Aim(Aim),
    /// Open all tabs that are not open, and wait until each knows its state.
    Connect {
        /// Say which state is known already.
        resume: bool,
    },
    /// Cut these tabs, by number, without a word.
    Cut {
        /// First.
        first: usize,
        /// How many.
        count: usize,
    },
    /// Send a request and watch its frames arrive.
    Round {
        /// The request.
        request: Request,
        /// The server that it is sent to.
        to: SocketAddr,
        /// What comes of it.
        want: Want,
        /// The server's process.
        pid: u32,
        /// When tabs acknowledge.
        acks: Acks,
    },
    /// Let every tab say something and wait for the pongs to a ping behind it.
    Say {
        /// The text; `REV` in it becomes the tab's own revision.
        text: String,
        /// Blanks are added up to this length, in bytes.
        padded: usize,
        /// How often.
        times: usize,
    },
    /// Stop reading the first tabs.
    Deafen {
        /// How many.
        count: usize,
    },
    /// Answer what has happened so far.
    Tally,
}

/// What came of a round.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Measured {
    /// The request's status.
    pub status: u16,
    /// The request's answer.
    pub text: String,
    /// From the request's first byte to the answer's first bytes, in microseconds.
    pub answered: u64,
    /// Tabs that were wanted and heard it.
    pub arrived: usize,
    /// From the request's first byte to each arrival, in microseconds, sorted.
    pub micros: Vec<u64>,
    /// Processor time of the server in the round, in nanoseconds.
    pub server_nanos: u64,
    /// `write` calls of the server in the round.
    pub server_writes: u64,
    /// The last frame that arrived, whole.
    pub frame: Vec<u8>,
}

/// What has happened so far.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Tabs that are open.
    pub open: usize,
    /// Tabs that know their state.
    pub settled: usize,
    /// Frames of each kind.
    pub frames: Vec<(Kind, u64)>,
    /// Close codes; 1006 for a connection that ended without one.
    pub closed: Vec<(u16, u64)>,
    /// Refused handshakes and broken frames, in words, with how often.
    pub faults: Vec<(String, u64)>,
    /// Different states that tabs are in (hashes); one when all accounts have equal grants.
    pub states: usize,
}

/// What an order came to.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    /// Done.
    Done,
    /// All tabs are open and settled, or could not be.
    Connected {
        /// Seconds until the last handshake was answered.
        connected_seconds: f64,
        /// Seconds until the last tab knew its state.
        settled_seconds: f64,
        /// How many were opened.
        opened: usize,
        /// How many of them are settled.
        settled: usize,
    },
    /// A round is over.
    Measured(Measured),
    /// All pongs are there, or not.
    Said {
        /// Seconds until the last pong.
        seconds: f64,
        /// Tabs that got theirs.
        heard: usize,
    },
    /// The tally.
    Tally(Tally),
    /// The order cannot be followed.
    Failed {
        /// Why.
        why: String,
    },
}
