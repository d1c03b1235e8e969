//! What the fence costs: the same guarded write with and without it, in one run, turn by turn.
//!
//! The write is what `PATCH` of a staff record comes to: one UPDATE of a row and the audit line, through `Work`, in the name
//! of a caller with six scopes in his stamp. On SQLite as shipped (WAL, `synchronous = normal`), on PostgreSQL with and
//! without durability; one writer and sixteen. Turns of both kinds follow each other, so that a busy machine is busy for both.
//!
//!   `cargo bench --bench fence [-- --json FILE]`
//!
//! It prints a Markdown table; with `--json` it also appends a line of JSON for each row to the file.

#[path = "../tests/support/mod.rs"]
mod support;

#[allow(dead_code, clippy::allow_attributes, reason = "a part of it is used")]
#[path = "../tests/storage/house.rs"]
mod house;

use house::{COMPANY, House, insert_session, on_threads, principal};
use livegrant::access::store::give_role;
use livegrant::clock::{Clock, guid};
use livegrant::db::{Db, Fence};
use livegrant::policy::Principal;
use livegrant::sql_exec;
use livegrant_actors::AccountId;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Instant;
use support::TestDatabase;

const WRITERS: [usize; 2] = [1, 16];
const ROWS: i64 = 1000;
/// Turns of each kind; the first two of both warm up caches and plans.
const TURNS: usize = 42;
const WARM_UP: usize = 2;
/// Writes of one turn, by all writers together.
const WRITES: usize = 480;

/// One row of the table.
struct Outcome {
    database: &'static str,
    writers: usize,
    /// Microseconds, sorted: without the fence, with it.
    took: [Vec<f64>; 2],
    /// Medians of each turn.
    medians: [Vec<f64>; 2],
}

fn main() {
    let json = json_file();
    let mut outcomes = Vec::new();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = format!("sqlite://{}", folder.path().join("livegrant.db").display());
    outcomes.extend(measure(TestDatabase { kind: "SQLite", url }));
    for (kind, durable) in [("PostgreSQL, fsync off", ""), ("PostgreSQL, fsync on", "on")] {
        let server = Server::start(durable);
        outcomes.extend(measure(TestDatabase { kind, url: server.url.clone() }));
    }
    println!(
        "| database | writers | without p50 µs | with p50 µs | ratio p50 | of turns' medians | without p99 | with p99 |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for outcome in &outcomes {
        println!("{}", outcome.row());
    }
    if let Some(path) = json {
        let mut file =
            std::fs::OpenOptions::new().create(true).append(true).open(&path).expect("the file opens");
        for outcome in &outcomes {
            writeln!(file, "{}", outcome.json()).expect("the file takes a line");
        }
    }
}

fn json_file() -> Option<String> {
    let mut arguments = std::env::args();
    arguments.find(|argument| argument == "--json").and_then(|_| arguments.next())
}

fn measure(database: TestDatabase) -> Vec<Outcome> {
    support::run(on_threads(async move {
        let mut settings = database.settings();
        settings.database.max_connections = 18;
        let house = House::with(settings, Clock::system()).await;
        let callers = people(&house).await;
        let mut outcomes = Vec::new();
        for writers in WRITERS {
            let mut outcome = Outcome {
                database: database.kind,
                writers,
                took: Default::default(),
                medians: Default::default(),
            };
            for turn in 0..TURNS * 2 {
                // Off, on, on, off: whatever drifts, drifts for both.
                let with = [0, 1, 1, 0][turn % 4];
                let fence = [Fence::Off, Fence::On][with];
                let took = writes(&house.db.clone().with_fence(fence), &callers[..writers]).await;
                if turn / 2 >= WARM_UP {
                    outcome.medians[with].push(part(&took, 0.5));
                    outcome.took[with].extend(took);
                }
            }
            for times in outcome.took.iter_mut().chain(&mut outcome.medians) {
                times.sort_by(f64::total_cmp);
            }
            outcomes.push(outcome);
        }
        house.db.close().await;
        outcomes
    }))
}

/// Sixteen people with a role that lets them, and a thousand rows to write to.
async fn people(house: &House) -> Vec<Principal> {
    let role = house.role("writers", &["staff:update", "staff:view"]).await;
    let mut sids = Vec::new();
    for number in 0..WRITERS[1] {
        let account = house.account(&format!("writer-{number}")).await;
        let mut work = house.work().await;
        give_role(work.conn(), account, role, None, None, AccountId(0), 1).await.expect("it is given");
        sids.push(insert_session(work.conn(), account).await);
        house::commit(work).await;
    }
    let mut work = house.work().await;
    for number in 1..=ROWS {
        sql_exec!(
            work.conn(),
            "INSERT INTO hr_staff (id, guid, company_id, staff_no, name, created_at, updated_at)
             VALUES ($1, $2, $3, CAST($4 AS TEXT), 'staff', 1, 1)",
            number,
            guid(),
            COMPANY.0,
            number.to_string()
        )
        .expect("it is stored");
    }
    house::commit(work).await;
    let table = house.table().await;
    let mut callers = Vec::new();
    for sid in &sids {
        callers.push(principal(&table, sid, "request").await);
    }
    callers
}

/// One turn; answers how long each write took, in microseconds, sorted.
async fn writes(db: &Db, callers: &[Principal]) -> Vec<f64> {
    let each = WRITES / callers.len();
    let mut tasks = Vec::new();
    for (number, by) in callers.iter().enumerate() {
        let (db, by) = (db.clone(), by.clone());
        tasks.push(tokio::spawn(async move {
            let mut took = Vec::with_capacity(each);
            for turn in 0..each {
                // A row of his own each time: what waits for a row is not what is measured.
                let id = (number + callers_apart(turn)) as i64 % ROWS + 1;
                let begun = Instant::now();
                write(&db, &by, id).await;
                took.push(begun.elapsed().as_secs_f64() * 1e6);
            }
            took
        }));
    }
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await.expect("no writer fails"));
    }
    took.sort_by(f64::total_cmp);
    took
}

fn callers_apart(turn: usize) -> usize {
    turn * WRITERS[1]
}

async fn write(db: &Db, by: &Principal, id: i64) {
    let mut work = db.begin(&by.author()).await.expect("it begins");
    let now = work.now();
    sql_exec!(
        work.conn(),
        "UPDATE hr_staff SET mobile = $2, version = version + 1, updated_at = $3 WHERE id = $1",
        id,
        "13800000000",
        now
    )
    .expect("it writes");
    work.audit("staff_updated", "staff", "6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "staff:update")
        .await
        .expect("it is noted");
    work.commit(&by.stamp()).await.expect("it commits");
}

fn part(sorted: &[f64], part: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * part) as usize]
}

impl Outcome {
    fn numbers(&self) -> [f64; 6] {
        let [off, on] = &self.took;
        let [off_turns, on_turns] = &self.medians;
        [
            part(off, 0.5),
            part(on, 0.5),
            part(on, 0.5) / part(off, 0.5),
            part(on_turns, 0.5) / part(off_turns, 0.5),
            part(off, 0.99),
            part(on, 0.99),
        ]
    }

    fn row(&self) -> String {
        let [off, on, ratio, turns, off_tail, on_tail] = self.numbers();
        let (database, writers) = (self.database, self.writers);
        format!(
            "| {database} | {writers} | {off:.0} | {on:.0} | {ratio:.3} | {turns:.3} | {off_tail:.0} | {on_tail:.0} |"
        )
    }

    fn json(&self) -> serde_json::Value {
        let [off, on, ratio, turns, off_tail, on_tail] = self.numbers();
        serde_json::json!({
            "bench": "fence", "database": self.database, "writers": self.writers, "writes": self.took[1].len(),
            "off_p50_us": off, "on_p50_us": on, "ratio_p50": ratio, "ratio_of_turns": turns,
            "off_p99_us": off_tail, "on_p99_us": on_tail,
        })
    }
}

/// A PostgreSQL server of its own, which goes when standard input is closed.
struct Server {
    url: String,
    child: Child,
}

impl Server {
    fn start(durable: &str) -> Self {
        let mut child = Command::new("sh")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/postgres.sh"))
            .env("LIVEGRANT_TEST_POSTGRES_DURABLE", durable)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh starts");
        let mut url = String::new();
        let output = child.stdout.take().expect("it was piped");
        BufReader::new(output).read_line(&mut url).expect("the script answers");
        assert!(!url.trim().is_empty(), "no PostgreSQL server");
        Self { url: url.trim().to_owned(), child }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
