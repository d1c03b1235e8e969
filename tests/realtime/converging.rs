//! Convergence (I9): a tab whose network loses, doubles and reorders messages, that is cut off and comes back, over
//! restarts of the server, ends at the database's state and hash. The tab keeps its state by differences alone and
//! follows the rules for clients in `docs/protocol.md`; one that breaks them must be found out.

use std::collections::BTreeSet;
use std::time::Duration;

use livegrant_actors::Transport;
use serde_json::{Value, json};

use crate::frames::texts;
use crate::support::{
    Account, Dice, Setup, Stream, TestDatabase, TestServer, both_databases, ok, run_on_sqlite,
};

/// Turns of one history.
const TURNS: usize = 40;
/// Codes that come and go; the first half by one role, the second by another.
const CODES: [&str; 6] =
    ["org:view", "org:update", "staff:view", "position:view", "staff:update", "position:update"];

/// How careful a tab is.
#[derive(Clone, Copy, PartialEq)]
enum Rules {
    Kept,
    /// Takes every difference as it comes and never looks back.
    Broken,
}

/// A tab's own idea of its state.
struct Model {
    rules: Rules,
    epoch: String,
    rev: i64,
    hash: String,
    inbox_seq: i64,
    permissions: BTreeSet<String>,
    /// It knows that it has missed something.
    lost: bool,
    seen: BTreeSet<String>,
}

impl Model {
    fn new(rules: Rules) -> Self {
        Self {
            rules,
            epoch: String::new(),
            rev: 0,
            hash: String::new(),
            inbox_seq: 0,
            permissions: BTreeSet::new(),
            lost: true,
            seen: BTreeSet::new(),
        }
    }

    /// Takes one message, as the network brings it.
    fn take(&mut self, frame: &Value) {
        let careful = self.rules == Rules::Kept;
        let id = frame["messageId"].as_str().expect("a text").to_owned();
        if !self.seen.insert(id) && careful {
            return;
        }
        let data = &frame["data"];
        let number = |value: &Value| value.as_i64().expect("a number");
        match frame["type"].as_str().expect("a type") {
            "PERMISSION_UPDATE" if data["updateType"] == "REPLACE" => {
                // Of two snapshots the newer one holds, whichever comes last; another log has its own numbers.
                if careful && data["epoch"] == *self.epoch && number(&data["rev"]) < self.rev {
                    return;
                }
                self.permissions = texts(&data["permissions"]).into_iter().collect();
                self.stand(data);
                self.lost = false;
            }
            "PERMISSION_UPDATE" => {
                if careful && (data["prevRev"] != self.rev || data["epoch"] != *self.epoch) {
                    // What is older than the tab's state is a straggler, what does not continue it is a gap.
                    self.lost |= number(&data["rev"]) > self.rev || data["epoch"] != *self.epoch;
                    return;
                }
                for code in texts(&data["removed"]) {
                    self.permissions.remove(&code);
                }
                self.permissions.extend(texts(&data["added"]));
                self.stand(data);
                // The list stands in the message too: where the difference leads elsewhere, something is missing.
                self.lost |= careful && !self.permissions.iter().eq(texts(&data["permissions"]).iter());
            }
            "SYSTEM_NOTICE" => self.inbox_seq = self.inbox_seq.max(number(&data["seq"])),
            "CHECKPOINT" if careful => {
                self.lost |= data["hash"] != *self.hash || data["epoch"] != *self.epoch;
            }
            "CONNECTED" if careful => {
                self.inbox_seq = self.inbox_seq.max(number(&data["inboxSeq"]));
                if data["resume"] == "current" {
                    self.lost |= data["hash"] != *self.hash;
                }
            }
            _ => {}
        }
    }

    fn stand(&mut self, data: &Value) {
        self.rev = data["rev"].as_i64().expect("a number");
        data["hash"].as_str().expect("a text").clone_into(&mut self.hash);
        data["epoch"].as_str().expect("a text").clone_into(&mut self.epoch);
    }

    /// Where its stream is to go on; nowhere when it knows that its state is not whole.
    fn place(&self) -> Option<String> {
        let whole = self.rules == Rules::Broken || !self.lost;
        (whole && !self.epoch.is_empty())
            .then(|| format!("{}:{}:{}:{}", self.epoch, self.rev, self.hash, self.inbox_seq))
    }
}

/// A network: what it does to the messages of one turn.
fn carry(dice: &mut Dice, frames: Vec<Value>) -> Vec<Value> {
    let mut carried = Vec::new();
    for frame in frames {
        match dice.below(10) {
            0 | 1 => {}
            2 => carried.extend([frame.clone(), frame]),
            3 => {
                let at = dice.below(carried.len() + 1);
                carried.insert(at, frame);
            }
            _ => carried.push(frame),
        }
    }
    carried
}

struct History {
    server: TestServer,
    alice: Account,
    roles: [i64; 2],
    dice: Dice,
    stream: Option<Stream>,
    model: Model,
}

impl History {
    async fn begin(server: TestServer, seed: u64, rules: Rules) -> Self {
        let alice = server.account("alice", &["menu:staff"]).await;
        let roles = [server.role("one", &CODES[..2]).await, server.role("two", &CODES[3..4]).await];
        Self { server, alice, roles, dice: Dice::of(seed), stream: None, model: Model::new(rules) }
    }

    async fn change(&mut self) {
        let admin = self.server.platform().await;
        let role = self.dice.pick(&self.roles);
        let held = format!("/api/v1/accounts/{}/roles/{role}", self.alice.id);
        match self.dice.below(4) {
            0 => drop(ok(admin.post(&held, json!({})).await)),
            1 => drop(ok(admin.delete(&held).await)),
            _ => {
                let codes = CODES.into_iter().filter(|_| self.dice.below(2) == 0).collect::<Vec<_>>();
                ok(admin
                    .put(&format!("/api/v1/roles/{role}/permissions"), json!({ "permissions": codes }))
                    .await);
            }
        }
    }

    /// Opens a stream where the tab is, whatever the transport, and takes the introduction.
    async fn come_back(&mut self) {
        let transport = self.dice.pick(&[Transport::WebSocket, Transport::Sse, Transport::Poll]);
        let place = self.model.place();
        let resume: Vec<(&str, &str)> = place.iter().map(|place| ("resume", place.as_str())).collect();
        let opened = Stream::open(&self.server, transport, &self.alice, &resume).await;
        let (stream, hello) = opened.unwrap_or_else(|(status, problem)| panic!("{status} {problem}"));
        self.model.take(&hello);
        self.stream = Some(stream);
    }

    /// Reads what came up to now, as the network carries it.
    async fn listen(&mut self, carry: impl FnOnce(&mut Dice, Vec<Value>) -> Vec<Value>) {
        let Some(stream) = &mut self.stream else { return };
        let mark = self.server.mark().await;
        let frames = stream.until(&mark).await;
        for frame in carry(&mut self.dice, frames) {
            self.model.take(&frame);
        }
    }

    /// A tab that knows that it missed something asks for the whole.
    async fn heal(&mut self) {
        if self.model.rules == Rules::Broken || !self.model.lost {
            return;
        }
        let asked = match &mut self.stream {
            Some(stream) => stream.ask_snapshot().await,
            None => false,
        };
        if !asked {
            self.come_back().await;
        }
    }

    async fn turn(&mut self, database: &TestDatabase) {
        for _ in 0..self.dice.below(4) {
            self.change().await;
        }
        match self.dice.below(12) {
            0 | 1 => self.stream = None,
            2 => self.come_back().await,
            3 => self.restart(database).await,
            _ => {}
        }
        if self.stream.is_none() && self.dice.below(2) == 0 {
            self.come_back().await;
        }
        self.listen(carry).await;
        if self.dice.below(2) == 0 {
            self.heal().await;
        }
    }

    async fn restart(&mut self, database: &TestDatabase) {
        self.stream = None;
        self.server = self.server.restarted(Setup::on(database)).await;
        self.alice = self.alice.at(&self.server.anonymous());
    }

    /// The network is quiet again: the next checkpoint tells where the tab should be.
    async fn settle(&mut self) {
        if self.stream.is_none() {
            self.come_back().await;
        }
        self.listen(|_, frames| frames).await;
        self.server.advance(Duration::from_secs(61)).await;
        if let Some(stream) = &mut self.stream {
            loop {
                let frame = stream.frame().await;
                self.model.take(&frame);
                if frame["type"] == "CHECKPOINT" {
                    break;
                }
            }
        }
        self.heal().await;
        self.listen(|_, frames| frames).await;
    }

    /// Tells whether the tab's state is the database's.
    async fn agrees(&self) -> bool {
        let me = ok(self.alice.get("/api/v1/me/permissions").await);
        me["hash"] == *self.model.hash
            && me["epoch"] == *self.model.epoch
            && texts(&me["permissions"]).iter().eq(self.model.permissions.iter())
    }
}

async fn history(database: &TestDatabase, seed: u64, rules: Rules) -> bool {
    let server = TestServer::start(Setup::on(database)).await;
    let mut history = History::begin(server, seed, rules).await;
    for _ in 0..TURNS {
        history.turn(database).await;
    }
    history.settle().await;
    let agrees = history.agrees().await;
    history.stream = None;
    history.server.stop().await;
    agrees
}

both_databases! {
    /// S3-3.
    async fn a_tab_on_a_bad_network_ends_at_the_databases_state(database: TestDatabase) {
        let seed = if database.kind == "SQLite" { 1 } else { 2 };
        assert!(history(&database, seed, Rules::Kept).await, "seed {seed}");
    }
}

#[test]
fn a_tab_that_breaks_the_rules_is_found_out() {
    let found = (0..5).any(|seed| {
        let mut agrees = true;
        run_on_sqlite(|database| async {
            let database = database;
            agrees = history(&database, seed, Rules::Broken).await;
        });
        !agrees
    });
    assert!(found, "no history of five made a careless tab differ: the network is too good");
}
