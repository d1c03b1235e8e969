//! The real application on a port of the system's choice: one database, cheap hashes, first data, a clock that stands
//! still until a test moves it. Everything is stopped when the body is over, however it ended.
//!
//! A standing clock keeps the lease, tokens and throttles of a slow machine from ending by themselves.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use livegrant::access::init::{DEFAULT_COMPANY, first_data};
use livegrant::access::store as access;
use livegrant::app::App;
use livegrant::auth::Keys;
use livegrant::auth::model::NewAccount;
use livegrant::auth::store as auth;
use livegrant::clock::{Clock, guid};
use livegrant::core::Core;
use livegrant::db::{Author, Db, SystemTask};
use livegrant::policy::{Edit, HolderId, PolicyChange};
use livegrant::settings::Settings;
use livegrant::telemetry;
use livegrant_actors::bus::Bus;
use livegrant_actors::bus::memory::MemoryHub;
use livegrant_actors::{AccountId, CompanyId, NodeId};
use serde_json::{Value, json};
use tokio::sync::{Mutex, OnceCell};

use super::TestDatabase;
use super::caller::{Account, Caller, ok};
use super::rows::Reader;
use super::tab::Tab;

/// The password of every test account.
pub const PASSWORD: &str = "correct horse battery";

/// How long a test waits for what must come.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Settings and clock of a server that is to be started.
pub struct Setup {
    settings: Settings,
    clock: Clock,
    companies: Vec<&'static str>,
    bus: Option<Arc<dyn Bus>>,
}

impl Setup {
    /// What most tests need.
    pub fn on(database: &TestDatabase) -> Self {
        let mut settings = database.settings();
        settings.server.shutdown_seconds = 1;
        settings.realtime.drain_seconds = 0;
        settings.realtime.handshakes_per_minute_per_address = 1_000_000;
        settings.realtime.handshakes_per_minute_per_account = 1_000_000;
        // Each change is told at once; the tests of merging set their own window.
        settings.realtime.merge_window_ms = 0;
        // A clock that jumps must not make every tab look silent.
        settings.realtime.heartbeat_seconds = 1_000_000;
        settings.realtime.heartbeat_timeout_seconds = 2_000_000;
        settings.policy.tail_poll_ms = 20;
        settings.policy.timed_grant_poll_ms = 20;
        "off".clone_into(&mut settings.telemetry.log_filter);
        Self { settings, clock: Clock::manual(Clock::system().now_ms()), companies: Vec::new(), bus: None }
    }

    /// Makes it a node of the cluster that the hub joins; they share their time.
    pub fn joined(mut self, hub: &MemoryHub, node: i64, clock: &Clock) -> Self {
        self.bus = Some(Arc::new(hub.join(NodeId(node))));
        self.settings.cluster.name = format!("node-{node}");
        self.clock = clock.clone();
        self
    }

    /// Changes settings.
    pub fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Adds a company; [`TestServer::company`] finds it.
    pub fn with_company(mut self, name: &'static str) -> Self {
        self.companies.push(name);
        self
    }

    /// Starts the application, runs a body with it, and stops it.
    pub async fn run(self, body: impl AsyncFnOnce(TestServer)) {
        let server = TestServer::start(self).await;
        let outcome = AssertUnwindSafe(body(server.clone())).catch_unwind().await;
        server.stop().await;
        outcome.unwrap_or_else(|panic| resume_unwind(panic));
    }
}

/// A running application.
#[derive(Clone)]
pub struct TestServer {
    /// Its rooms.
    pub core: Core,
    /// Its clock.
    pub clock: Clock,
    /// Its database's URL.
    pub database: String,
    pub(super) reader: Arc<Mutex<Option<Reader>>>,
    app: Arc<App>,
    client: reqwest::Client,
    keys: Arc<Keys>,
    platform: Arc<OnceCell<Account>>,
    marks: Arc<AtomicU32>,
}

impl TestServer {
    /// Starts the application; whoever calls this stops it.
    pub async fn start(Setup { settings, clock, companies, bus }: Setup) -> Self {
        let metrics = telemetry::init(&settings.telemetry);
        let db = Db::open(&settings.database, clock.clone()).await.expect("the database opens");
        db.migrate().await.expect("the database takes the schema");
        first_data(&db).await.expect("the database takes the first data");
        for company in companies {
            add_company(&db, company).await;
        }
        let keys = Arc::new(Keys::prepare(&db, &settings.auth).await.expect("the keys are ready"));
        let database = settings.database.url.expose().to_owned();
        let started = match bus {
            Some(bus) => App::start_with(db, settings, metrics, bus).await,
            None => App::start_on(db, settings, metrics).await,
        };
        let (app, server) = started.expect("the application starts");
        tokio::spawn(server);
        Self {
            core: app.core.clone(),
            clock,
            database,
            reader: Arc::default(),
            app: Arc::new(app),
            client: client(),
            keys,
            platform: Arc::default(),
            marks: Arc::default(),
        }
    }

    /// Stops, and starts again on the same database at the same time; who was signed in still is.
    pub async fn restarted(&self, mut setup: Setup) -> Self {
        self.stop().await;
        setup.clock = self.clock.clone();
        let server = Self::start(setup).await;
        if let Some(platform) = self.platform.get() {
            server.platform.get_or_init(async || platform.at(&server.anonymous())).await;
        }
        server.marks.store(self.marks.load(Ordering::Relaxed), Ordering::Relaxed);
        server
    }

    /// Stops in the order that `serve` stops in.
    pub async fn stop(&self) {
        tokio::time::timeout(PATIENCE, self.app.stop()).await.expect("the application stops");
    }

    /// Waits until every connection that has come or gone so far is recorded.
    pub async fn recorded(&self) {
        tokio::time::timeout(PATIENCE, self.app.recorded()).await.expect("the recorder writes");
    }

    /// `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.app.address)
    }

    /// An HTTP client that keeps no connection and no cookie.
    pub fn client(&self) -> reqwest::Client {
        self.client.clone()
    }

    /// Calls without a token.
    pub fn anonymous(&self) -> Caller {
        Caller::new(self.url(), self.client(), None)
    }

    /// The key that signs this server's tokens.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Moves the clock and waits until the node has proved again that its policy is current (I7).
    pub async fn advance(&self, by: Duration) {
        self.clock.advance(by);
        let proven = async {
            while !self.core.policy.has_lease() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, proven).await.expect("the tail of the log is read again");
    }

    /// A signed-in platform administrator, always the same.
    pub async fn platform(&self) -> &Account {
        let make = async {
            let id = self.insert("root", &[], CompanyId(DEFAULT_COMPANY)).await.0;
            let mut work = self.core.db.begin(&Author::system("tests")).await.unwrap();
            auth::make_platform(work.conn(), AccountId(id)).await.unwrap();
            work.change(PolicyChange::AccountEdited { account: AccountId(id) });
            let committed = work.commit(SystemTask::Bootstrap).await.unwrap();
            self.core.settle(committed).await;
            self.signed_in("root").await
        };
        self.platform.get_or_init(|| make).await
    }

    /// Makes an account whose own role carries exactly these codes, and signs it in.
    pub async fn account(&self, username: &str, codes: &[&str]) -> Account {
        self.account_in(CompanyId(DEFAULT_COMPANY), username, codes).await
    }

    /// The same in another company.
    pub async fn account_in(&self, company: CompanyId, username: &str, codes: &[&str]) -> Account {
        let (_, role) = self.insert(username, codes, company).await;
        let mut account = self.signed_in(username).await;
        account.role = role;
        account
    }

    /// Finds a company that [`Setup::with_company`] added.
    pub async fn company(&self, name: &str) -> CompanyId {
        let mut conn = self.core.db.read().await.unwrap();
        let (company,) =
            livegrant::sql_one!(&mut conn, (i64,), "SELECT id FROM company WHERE name = $1", name).unwrap();
        CompanyId(company)
    }

    /// Signs an account in once more: another device.
    pub async fn signed_in(&self, username: &str) -> Account {
        let body = ok(self.login(username, PASSWORD).await);
        Account::of_login(&self.anonymous(), &body)
    }

    /// Tries to sign in.
    pub async fn login(&self, username: &str, password: &str) -> (u16, Value) {
        let body = json!({ "username": username, "password": password });
        self.anonymous().post("/api/auth/login/", body).await
    }

    /// Opens a tab with a bearer token.
    pub async fn socket(&self, account: &Account) -> Tab {
        let tab = self.try_socket("", &[("authorization", &format!("Bearer {}", account.access))]).await;
        tab.unwrap_or_else(|(status, problem)| panic!("no socket: {status} {problem}"))
    }

    /// Opens a tab and takes its first frame, the snapshot.
    pub async fn tab(&self, account: &Account) -> Tab {
        let mut tab = self.socket(account).await;
        tab.next_of("PERMISSION_UPDATE").await;
        tab
    }

    /// Tries to open a tab with a query (`?ticket=…`) and headers; refused: status and problem.
    pub async fn try_socket(&self, query: &str, headers: &[(&str, &str)]) -> Result<Tab, (u16, Value)> {
        Tab::open(&format!("{}/ws/permission{query}", self.app.address), headers).await
    }

    /// Tells everyone a notice that nobody else sends; [`Tab::until`] reads up to it.
    pub async fn mark(&self) -> String {
        let title = format!("mark {}", self.marks.fetch_add(1, Ordering::Relaxed));
        let mut work = self.core.db.begin(&Author::system("tests")).await.unwrap();
        work.change(PolicyChange::notice(&title, "mark", "test", "info"));
        let committed = work.commit(SystemTask::Bootstrap).await.unwrap();
        self.core.settle(committed).await;
        title
    }

    /// Makes an account with a role of exactly these codes; answers the ids of both.
    async fn insert(&self, username: &str, codes: &[&str], company: CompanyId) -> (i64, i64) {
        let hash = self.keys.hasher.hash(PASSWORD.to_owned()).await.unwrap();
        let mut work = self.core.db.begin(&Author::system("tests")).await.unwrap();
        let now = work.now();
        let new = NewAccount::named(username, PASSWORD);
        let account =
            auth::insert_account(work.conn(), &new, company, &guid(), &hash, now).await.expect("a new name");
        let code = format!("only.{username}");
        let role = access::insert_role(work.conn(), company, &code, username, now).await.unwrap();
        for code in codes {
            let permission =
                self.core.policy.with_facts(|facts| facts.catalogue.find(code).map(|row| row.id));
            let permission = permission.unwrap_or_else(|| panic!("no permission {code}"));
            access::grant(work.conn(), HolderId::Role(role), permission, AccountId(0), now).await.unwrap();
        }
        access::give_role(work.conn(), account, role, None, None, AccountId(0), now).await.unwrap();
        work.change(PolicyChange::RoleEdited { role, edit: Edit::Made });
        work.change(PolicyChange::UserStatus { account, enabled: true });
        let committed = work.commit(SystemTask::Bootstrap).await.unwrap();
        self.core.settle(committed).await;
        (account.0, role.0)
    }
}

async fn add_company(db: &Db, name: &str) {
    let mut work = db.begin(&Author::system("tests")).await.unwrap();
    let now = work.now();
    livegrant::sql_exec!(work.conn(), "INSERT INTO company (name, created_at) VALUES ($1, $2)", name, now)
        .unwrap();
    work.commit(SystemTask::Bootstrap).await.unwrap();
}

fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .pool_max_idle_per_host(0)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        .build()
        .expect("a client needs nothing")
}

/// Makes of each body two tests, `NAME::on_sqlite` and `NAME::on_postgres`, with a server on an empty database.
macro_rules! served {
    ($($(#[$meta:meta])* async fn $name:ident($server:ident: TestServer) $body:block)+) => {
        $crate::support::both_databases! {$(
            $(#[$meta])*
            async fn $name(database: TestDatabase) {
                async fn served($server: $crate::support::TestServer) $body
                $crate::support::Setup::on(&database).run(served).await;
            }
        )+}
    };
}
pub(crate) use served;

/// Makes of each body one test, with a server on an empty SQLite database: for what no database can change.
macro_rules! served_once {
    ($($(#[$meta:meta])* async fn $name:ident($server:ident: TestServer) $body:block)+) => {$(
        $(#[$meta])*
        #[test]
        fn $name() {
            async fn served($server: $crate::support::TestServer) $body
            $crate::support::run_on_sqlite(|database| async move {
                $crate::support::Setup::on(&database).run(served).await;
            });
        }
    )+};
}
pub(crate) use served_once;
