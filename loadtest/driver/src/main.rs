//! `livegrant-load`: measures a Livegrant server as its tabs see it. `loadtest/README.md` says how to read the numbers.

mod bare;
mod book;
mod child;
mod cluster;
mod fleet;
mod frame;
mod hand;
mod http;
mod machine;
mod order;
mod progress;
mod redis;
mod report;
mod scenario;
mod server;
mod tab;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};

use report::{Table, circumstances, publish};
use scenario::{Plan, broadcast, cluster as nodes, density, one_user, reconnect, role_change, soak, stuck};
use server::Build;

/// Thousands of tabs against one server, measured beside a bare writer of the same frames.
#[derive(Parser)]
#[command(name = "livegrant-load", version, about)]
struct Command {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    task: Task,
}

#[derive(Args)]
struct Common {
    /// The server's release binary.
    #[arg(long, default_value = "target/release/livegrant", global = true)]
    binary: PathBuf,
    /// Worker threads of the server. One, for ratios to the bare writer, which has one.
    #[arg(long, default_value_t = 1, global = true)]
    workers: usize,
    /// Core of the servers; hands take the other one. Without it nothing is bound.
    #[arg(long, global = true)]
    core: Option<usize>,
    /// Core of the hands.
    #[arg(long, global = true)]
    hand_core: Option<usize>,
    /// What the server logs. The default leaves out a line for every connection.
    #[arg(long, default_value = "warn", global = true)]
    log: String,
    /// A further setting of the server, as `REALTIME__OUTBOX_BYTES=65536`; can be repeated.
    #[arg(long = "set", global = true)]
    settings: Vec<String>,
    /// Sub-protocol that tabs ask for.
    #[arg(long, global = true)]
    protocol: Option<String>,
    /// Visit the server at this address instead of starting one; needs --pid and --accounts.
    #[arg(long, global = true, requires = "pid", requires = "accounts")]
    address: Option<SocketAddr>,
    /// The visited server's process.
    #[arg(long, global = true)]
    pid: Option<u32>,
    /// The file that `livegrant loadtest prepare` wrote for the visited server.
    #[arg(long, global = true)]
    accounts: Option<PathBuf>,
    /// Folder for the results; without it they are only printed.
    #[arg(long, global = true)]
    results: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Task {
    /// Memory a tab.
    Density {
        #[command(flatten)]
        crowd: Crowd,
        /// Server processes that share the tabs.
        #[arg(long, default_value_t = 1)]
        servers: usize,
        /// Rest before each reading, in seconds.
        #[arg(long, default_value_t = 2.0)]
        rest: f64,
    },
    /// Processor time of a broadcast frame, against a bare writer.
    Broadcast {
        #[command(flatten)]
        crowd: Crowd,
        /// Rounds that count.
        #[arg(long, default_value_t = 20)]
        rounds: usize,
        /// Further accounts that are not online.
        #[arg(long, default_value_t = 0)]
        away: usize,
    },
    /// A role with very many holders changes, against a plain broadcast.
    RoleChange {
        #[command(flatten)]
        crowd: Crowd,
        /// Rounds that count; each takes a permission away and gives it back.
        #[arg(long, default_value_t = 5)]
        rounds: usize,
    },
    /// One account's change, without and under load.
    OneUser {
        #[command(flatten)]
        crowd: Crowd,
        /// Changes, each of another account.
        #[arg(long, default_value_t = 200)]
        changes: usize,
        /// Time between two broadcasts of the load, in milliseconds.
        #[arg(long, default_value_t = 500)]
        every: u64,
    },
    /// All tabs are cut off and come back.
    Reconnect {
        #[command(flatten)]
        crowd: Crowd,
        /// Tabs say which state they know.
        #[arg(long)]
        resume: bool,
        /// The role changes while they are away.
        #[arg(long)]
        changed: bool,
    },
    /// One tab stops reading.
    Stuck {
        #[command(flatten)]
        crowd: Crowd,
    },
    /// Churn; memory must be level at the end.
    Soak {
        #[command(flatten)]
        crowd: Crowd,
        /// How long.
        #[arg(long, default_value_t = 120)]
        seconds: u64,
        /// Draws the order of things.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Several nodes with PostgreSQL and Redis: changes under load, a role with very many holders, what Redis pays, Redis
    /// killed.
    Cluster {
        /// What starts the cluster; the folder that it is called from must be the project's.
        #[arg(long, default_value = "scripts/cluster.sh")]
        script: PathBuf,
        /// Nodes.
        #[arg(long, default_value_t = 3)]
        nodes: usize,
        /// Tabs besides those that are measured, three an account, one on each of three nodes.
        #[arg(long, default_value_t = 5_000)]
        tabs: usize,
        /// Holders of one role, a tab each.
        #[arg(long, default_value_t = 9_999)]
        holders: usize,
        /// How long roles change, in seconds.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// Changes a minute, half of them measured.
        #[arg(long, default_value_t = 500)]
        per_minute: u32,
        /// Rounds of the role that everybody holds; each takes a permission away and gives it back.
        #[arg(long, default_value_t = 5)]
        rounds: usize,
    },
    /// Every scenario once, for `make bench`.
    All {
        #[command(flatten)]
        crowd: Crowd,
        /// Length of the soak, in seconds.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// As short as can be: shows that everything arrives, and no number to rely on.
        #[arg(long)]
        quick: bool,
    },
    /// Holds tabs for another process of this program.
    #[command(hide = true)]
    Hand,
    /// The bare writer, for another process of this program.
    #[command(hide = true)]
    Bare {
        /// 0 lets the system choose one.
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
}

/// Who is connected.
#[derive(Args, Clone)]
struct Crowd {
    /// Tabs in all; can be repeated.
    #[arg(long, default_values_t = [9_999])]
    tabs: Vec<usize>,
    /// Tabs of one account; can be repeated.
    #[arg(long, default_values_t = [3])]
    tabs_per_account: Vec<usize>,
}

impl Crowd {
    /// Every combination.
    fn each(&self, mut run: impl FnMut(usize, usize) -> anyhow::Result<()>) -> anyhow::Result<()> {
        for tabs in &self.tabs {
            for tabs_per_account in &self.tabs_per_account {
                run(*tabs, (*tabs_per_account).max(1))?;
            }
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    match run(Command::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("livegrant-load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command.task {
        Task::Hand => return hand::follow(),
        Task::Bare { port } => return bare::serve(port),
        _ => {}
    }
    let plan = plan(&command.common)?;
    if let Task::Cluster { script, nodes, tabs, holders, seconds, per_minute, rounds } = command.task {
        let time = Duration::from_secs(seconds);
        let shape = nodes::Shape { script, nodes, tabs, holders, time, per_minute, rounds };
        let circumstances = circumstances(&plan.cluster_settings(&shape));
        let tables = nodes::run(&plan, &shape)?;
        return publish("cluster", &circumstances, &tables, command.common.results.as_deref());
    }
    let circumstances = circumstances(&plan.settings());
    let (name, tables) = measure(&plan, command.task)?;
    publish(name, &circumstances, &tables, command.common.results.as_deref())
}

fn plan(common: &Common) -> anyhow::Result<Plan> {
    let visited = match common.address {
        Some(address) => {
            let pid = common.pid.context("--pid is missing")?;
            Some((address, pid, common.accounts.clone().context("--accounts is missing")?))
        }
        None => None,
    };
    Ok(Plan {
        build: Build {
            binary: common.binary.clone(),
            workers: common.workers,
            core: common.core,
            away: 0,
            log_filter: common.log.clone(),
            settings: common.settings.clone(),
        },
        hand_core: common.hand_core,
        visited,
        protocol: common.protocol.clone(),
    })
}

fn measure(plan: &Plan, task: Task) -> anyhow::Result<(&'static str, Vec<Table>)> {
    let (name, table) = match task {
        Task::Density { crowd, servers, rest } => {
            let mut table = Table::new(density::TITLE, &density::COLUMNS);
            let rest = Duration::from_secs_f64(rest);
            crowd.each(|tabs, tabs_per_account| {
                let what = density::Density { tabs, tabs_per_account, servers, rest };
                density::run(plan, what, &mut table)
            })?;
            ("density", table)
        }
        Task::Broadcast { crowd, rounds, away } => {
            let plan = &Plan { build: Build { away, ..plan.build.clone() }, ..plan.clone() };
            let mut table = Table::new(broadcast::TITLE, &broadcast::COLUMNS);
            crowd.each(|tabs, each| broadcast::run(plan, tabs, each, rounds, &mut table))?;
            ("broadcast", table)
        }
        Task::RoleChange { crowd, rounds } => {
            let mut table = Table::new(role_change::TITLE, &role_change::COLUMNS);
            crowd.each(|tabs, each| role_change::run(plan, tabs, each, rounds, &mut table))?;
            ("role-change", table)
        }
        Task::OneUser { crowd, changes, every } => {
            let mut table = Table::new(one_user::TITLE, &one_user::COLUMNS);
            let every = Duration::from_millis(every);
            crowd.each(|tabs, each| one_user::run(plan, tabs, each, changes, every, &mut table))?;
            ("one-user", table)
        }
        Task::Reconnect { crowd, resume, changed } => {
            let mut table = Table::new(reconnect::TITLE, &reconnect::COLUMNS);
            crowd.each(|tabs, tabs_per_account| {
                let what = reconnect::Reconnect { tabs, tabs_per_account, resume, changed };
                reconnect::run(plan, what, &mut table)
            })?;
            ("reconnect", table)
        }
        Task::Stuck { crowd } => {
            let mut table = Table::new(stuck::TITLE, &stuck::COLUMNS);
            crowd.each(|tabs, each| stuck::run(plan, tabs, each, &mut table))?;
            ("stuck", table)
        }
        Task::Soak { crowd, seconds, seed } => {
            let mut table = Table::new(soak::TITLE, &soak::COLUMNS);
            let time = Duration::from_secs(seconds);
            crowd.each(|tabs, each| soak::run(plan, tabs, each, time, seed, &mut table))?;
            ("soak", table)
        }
        Task::All { crowd, seconds, quick } => return all(plan, &crowd, seconds, quick),
        Task::Cluster { .. } | Task::Hand | Task::Bare { .. } => anyhow::bail!("this is not a scenario"),
    };
    Ok((name, vec![table]))
}

/// Every scenario with its own defaults, on the given crowd.
fn all(plan: &Plan, crowd: &Crowd, seconds: u64, quick: bool) -> anyhow::Result<(&'static str, Vec<Table>)> {
    let crowd = || crowd.clone();
    let or = |usual, quickly| if quick { quickly } else { usual };
    let mut tasks = vec![
        Task::Density { crowd: crowd(), servers: 1, rest: if quick { 0.1 } else { 2.0 } },
        Task::Broadcast { crowd: crowd(), rounds: or(20, 2), away: 0 },
        Task::RoleChange { crowd: crowd(), rounds: or(5, 1) },
        Task::OneUser { crowd: crowd(), changes: or(200, 10), every: 500 },
        Task::Reconnect { crowd: crowd(), resume: false, changed: true },
        Task::Soak { crowd: crowd(), seconds, seed: 1 },
    ];
    if !quick {
        // The server bears a tab that does not read for 15 s.
        tasks.push(Task::Stuck { crowd: crowd() });
    }
    let mut tables = Vec::new();
    for task in tasks {
        tables.extend(measure(plan, task)?.1);
    }
    Ok(("all", tables))
}
