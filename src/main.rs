//! The one binary. Each subcommand is a few calls into the library; what goes wrong is one line and an exit code.

use anyhow::{Context, anyhow, bail};
use clap::{Parser, Subcommand};
use livegrant::access::init::{DEFAULT_COMPANY, first_data};
use livegrant::app::App;
use livegrant::auth::model::NewAccount;
use livegrant::auth::{Keys, accounts};
use livegrant::clock::Clock;
use livegrant::db::Db;
use livegrant::mcp::clients;
use livegrant::mcp::model::NewApiClient;
use livegrant::settings::Settings;
use livegrant::workflow::shipped::publish;
use livegrant::{demo, loadtest, telemetry, web};
use livegrant_actors::CompanyId;
use std::io::{IsTerminal, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A saved permission change is enforced at once, and every open tab knows.
#[derive(Parser)]
#[command(name = "livegrant", version, about)]
struct Command {
    /// The folder of base.toml and {`LIVEGRANT_ENV}.toml`.
    #[arg(long, default_value = "config", global = true)]
    config: PathBuf,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Serve REST, page and sockets on one port.
    Serve,
    /// Bring the database to this version and put the first data into it.
    Migrate,
    /// Put data into the database.
    Seed {
        /// Demo accounts, roles, positions and staff; can be repeated.
        #[arg(long, required = true)]
        demo: bool,
    },
    /// Read the settings, refuse what is wrong, print them without secrets.
    CheckConfig,
    /// Print the API's description (OpenAPI 3.1).
    Openapi,
    /// Accounts.
    User {
        #[command(subcommand)]
        task: UserTask,
    },
    /// Tokens of programs that call `/mcp`.
    ApiClient {
        #[command(subcommand)]
        task: ApiClientTask,
    },
    /// Load tests.
    Loadtest {
        #[command(subcommand)]
        task: LoadtestTask,
    },
}

#[derive(Subcommand)]
enum UserTask {
    /// Add an account; the password is the first line of standard input.
    Add {
        /// Login name.
        username: String,
        /// Every permission, in every company.
        #[arg(long)]
        platform: bool,
    },
}

#[derive(Subcommand)]
enum ApiClientTask {
    /// Make a service token and print it, this once. On SQLite run it before `serve`, which keeps the file to itself;
    /// `POST /api/v1/api-clients` does the same meanwhile.
    Add {
        /// What the program is called; unique in its company.
        name: String,
        /// Login name of the account that it acts as.
        #[arg(long)]
        account: String,
        /// mcp:notify, mcp:org, mcp:workflow or mcp:read; can be repeated. None: all that the account may do.
        #[arg(long)]
        scope: Vec<String>,
        /// May name the person on whose behalf it acts.
        #[arg(long)]
        on_behalf: bool,
        /// Its life, in days.
        #[arg(long, default_value_t = 90)]
        days: u32,
    },
}

#[derive(Subcommand)]
enum LoadtestTask {
    /// Make accounts with one role and a live session each, and a file of their tokens for the load generators.
    ///
    /// Needs the setting loadtest.enabled. On SQLite run it before `serve`, which keeps the file to itself; on
    /// PostgreSQL servers may run meanwhile. Can be repeated: accounts and sessions stay, the tokens are new.
    Prepare {
        /// How many accounts: load-000001 and on. Nobody can sign in with a password to them.
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        accounts: u32,
        /// Further accounts that never sign in.
        #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
        away: u32,
        /// How many tabs a load generator is to open for each account.
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
        tabs_per_account: u32,
        /// The file to write, JSON lines, readable by its owner alone: it holds live tokens.
        #[arg(long)]
        out: PathBuf,
        /// Code of the role that is made for them.
        #[arg(long, default_value = "loadtest")]
        role: String,
        /// Staff records for them, organisations of ten, the first of each leading the others.
        #[arg(long)]
        office: bool,
        /// Life of the access tokens, in seconds; longer than the longest run.
        #[arg(long, default_value_t = 86_400, value_parser = clap::value_parser!(u64).range(60..=31_536_000))]
        token_seconds: u64,
    },
}

fn main() -> ExitCode {
    let command = Command::parse();
    match actix::System::new().block_on(run(command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("livegrant: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    if matches!(command.task, Task::Openapi) {
        println!("{}", web::openapi::document().to_pretty_json()?);
        return Ok(());
    }
    let settings = Settings::load(&command.config)?;
    match command.task {
        Task::Serve => serve(settings).await,
        Task::Migrate => {
            let db = Db::open(&settings.database, Clock::system()).await?;
            db.migrate().await?;
            first_data(&db).await?;
            publish(&db, CompanyId(DEFAULT_COMPANY)).await?;
            println!("the database at {} is ready", settings.database.url);
            db.close().await;
            Ok(())
        }
        Task::Seed { .. } => {
            let db = ready_database(&settings).await?;
            let keys = Keys::prepare(&db, &settings.auth).await?;
            let made = demo::seed(&db, &keys).await?;
            println!("demo data: {made} accounts added");
            db.close().await;
            Ok(())
        }
        Task::CheckConfig => {
            println!("{settings}");
            Ok(())
        }
        Task::User { task: UserTask::Add { username, platform } } => {
            add_user(&settings, username, platform).await
        }
        Task::ApiClient { task: ApiClientTask::Add { name, account, scope, on_behalf, days } } => {
            let username = Some(account);
            let new = NewApiClient { name, account_id: None, username, scopes: scope, on_behalf, days };
            let db = ready_database(&settings).await?;
            let token = clients::bootstrap(&db, &new).await;
            db.close().await;
            println!("{}", token?);
            Ok(())
        }
        Task::Loadtest {
            task: LoadtestTask::Prepare { accounts, away, tabs_per_account, out, role, office, token_seconds },
        } => {
            let order =
                loadtest::Order { accounts, away, tabs: tabs_per_account, role, office, token_seconds };
            prepare(&settings, &order, &out).await
        }
        Task::Openapi => Ok(()),
    }
}

async fn ready_database(settings: &Settings) -> anyhow::Result<Db> {
    let db = Db::open(&settings.database, Clock::system()).await?;
    db.check_schema().await?;
    Ok(db)
}

async fn add_user(settings: &Settings, username: String, platform: bool) -> anyhow::Result<()> {
    let db = ready_database(settings).await?;
    if accounts::exists(&db, &username).await? {
        bail!("the login name {username} is taken");
    }
    if std::io::stdin().is_terminal() {
        eprint!("password: ");
    }
    let mut password = String::new();
    std::io::stdin().read_line(&mut password).context("the password could not be read")?;
    let password = password.trim_end_matches(['\r', '\n']).to_owned();
    let min = settings.auth.password_min_length;
    livegrant::auth::model::check_password("password", &password, &username, min)
        .context("the password is refused")?;
    let keys = Keys::prepare(&db, &settings.auth).await?;
    let new = NewAccount::named(username, password);
    let platform = if platform { accounts::Platform::Administrator } else { accounts::Platform::Member };
    let id = accounts::bootstrap(&db, &keys, &new, CompanyId(DEFAULT_COMPANY), platform).await?;
    println!("account {id} added");
    db.close().await;
    Ok(())
}

async fn prepare(settings: &Settings, order: &loadtest::Order, out: &Path) -> anyhow::Result<()> {
    let db = ready_database(settings).await?;
    let lines = loadtest::prepare(&db, settings, order).await?;
    db.close().await;
    let named = || format!("the file {} cannot be written", out.display());
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(out).with_context(named)?;
    // An older file keeps its own mode otherwise.
    file.set_permissions(std::fs::Permissions::from_mode(0o600)).with_context(named)?;
    let mut file = std::io::BufWriter::new(file);
    for line in &lines {
        writeln!(file, "{line}").with_context(named)?;
    }
    file.flush().with_context(named)?;
    println!("{} accounts with the role {} are ready in {}", order.accounts, order.role, out.display());
    Ok(())
}

async fn serve(settings: Settings) -> anyhow::Result<()> {
    let metrics = telemetry::init(&settings.telemetry);
    let (app, server) = App::start(settings, Clock::system(), metrics).await?;
    let server = tokio::spawn(server);
    // Whoever reads "serving" may ask it to stop at once.
    let asked_to_stop = asked_to_stop().context("signals cannot be received")?;
    if !app.address.ip().is_loopback() && !app.core.settings.auth.cookie_secure {
        // S2-71: whoever listens on the way takes over sessions.
        tracing::warn!(
            "reachable from a network with auth.cookie_secure = false: put TLS in front and set it to true"
        );
    }
    tracing::info!(address = %app.address, "serving");
    let outcome = tokio::select! {
        () = asked_to_stop => Ok(()),
        failure = app.failed() => Err(anyhow!("a part has crashed: {failure}")),
    };
    tracing::info!("stopping");
    app.stop().await;
    // While idle connections last it would go on for nothing; an end of its own before this was a failure.
    if server.is_finished() {
        server.await.context("the server crashed")?.context("the server failed")?;
    }
    tracing::info!("stopped");
    outcome
}

/// Receives signals from now on; the future ends with the first.
fn asked_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
