//! A database with the first data, and the few things that every test here needs in it: accounts, roles, sessions,
//! callers. Rows are made with the store functions and committed as the operator's shell would.
//! It is no second implementation of a rule: what a test is about, it does itself through the use case.

use livegrant::access::init::{DEFAULT_APPLICATION, DEFAULT_COMPANY, first_data};
use livegrant::access::store as access_store;
use livegrant::auth::model::NewAccount;
use livegrant::auth::store::{self as auth_store, NewSession};
use livegrant::clock::{Clock, guid};
use livegrant::cluster::members::Members;
use livegrant::core::Core;
use livegrant::db::{Author, Conn, Db, Fence, SystemTask, Work};
use livegrant::policy::{HolderId, Origin, PolicyChange, PolicyTable, Principal};
use livegrant::realtime::subject::EngineClock;
use livegrant::realtime::{postman, relay};
use livegrant::settings::Settings;
use livegrant::{sql_exec, sql_one};
use livegrant_actors::bus::memory::MemoryBus;
use livegrant_actors::{
    AccountId, CompanyId, Engine, EngineConfig, EngineHandle, Nobody, NodeId, Outside, PositionId, RoleId,
    SessionId,
};
use std::future::Future;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

use crate::support::TestDatabase;

/// The company of everyone here.
pub const COMPANY: CompanyId = CompanyId(DEFAULT_COMPANY);
/// Sessions last until the year 2286.
pub const FAR: i64 = 9_999_999_999_999;

/// A database with schema and first data.
#[derive(Clone)]
pub struct House {
    pub db: Db,
    pub settings: Settings,
}

impl House {
    /// Opens, migrates and fills a test's empty database.
    pub async fn build(database: &TestDatabase) -> Self {
        Self::with(database.settings(), Clock::system()).await
    }

    /// The same with settings and a clock of the test's choice.
    pub async fn with(settings: Settings, clock: Clock) -> Self {
        let db = Db::open(&settings.database, clock).await.unwrap();
        db.migrate().await.unwrap();
        first_data(&db).await.unwrap();
        Self { db, settings }
    }

    /// Begins a unit of work of the system.
    pub async fn work(&self) -> Work {
        self.db.begin(&Author::system("test")).await.unwrap()
    }

    /// Borrows a connection for reading.
    pub async fn read(&self) -> Conn {
        self.db.read().await.unwrap()
    }

    /// Makes an account without permissions.
    pub async fn account(&self, name: &str) -> AccountId {
        let mut work = self.work().await;
        let account = insert_account(work.conn(), name).await;
        work.change(PolicyChange::UserStatus { account, enabled: true });
        commit(work).await;
        account
    }

    /// Makes a role with permissions.
    pub async fn role(&self, code: &str, permissions: &[&str]) -> RoleId {
        let mut work = self.work().await;
        let role = access_store::insert_role(work.conn(), COMPANY, code, code, 1).await.unwrap();
        for permission in permissions {
            let id = permission_id(work.conn(), permission).await;
            access_store::grant(work.conn(), HolderId::Role(role), id, AccountId(0), 1).await.unwrap();
        }
        let added = permissions.iter().map(|code| (*code).to_owned()).collect();
        work.change(PolicyChange::RolePermissions { role, added, removed: Vec::new() });
        commit(work).await;
        role
    }

    /// Gives an account a role until an instant, or for good.
    pub async fn give(&self, account: AccountId, role: RoleId, to: Option<i64>) {
        let mut work = self.work().await;
        access_store::give_role(work.conn(), account, role, None, to, AccountId(0), 1).await.unwrap();
        work.change(PolicyChange::UserRoles { account, added: vec![role], removed: Vec::new() });
        commit(work).await;
    }

    /// Makes an account that holds a role of its own with these permissions, signed in.
    pub async fn person(&self, name: &str, permissions: &[&str]) -> Person {
        let account = self.account(name).await;
        let role = self.role(&format!("role-of-{name}"), permissions).await;
        self.give(account, role, None).await;
        let sid = self.sign_in(account).await;
        Person { account, role, sid }
    }

    /// Stores an active session.
    pub async fn sign_in(&self, account: AccountId) -> SessionId {
        let mut work = self.work().await;
        let sid = insert_session(work.conn(), account).await;
        commit(work).await;
        sid
    }

    /// Makes a position with permissions and puts a person of the account into it.
    pub async fn position(&self, code: &str, permissions: &[&str], holder: AccountId) -> PositionId {
        let mut work = self.work().await;
        let position = insert_position(work.conn(), code).await;
        for permission in permissions {
            let id = permission_id(work.conn(), permission).await;
            let holder = HolderId::Position(position);
            access_store::grant(work.conn(), holder, id, AccountId(0), 1).await.unwrap();
        }
        let staff = insert_staff(work.conn(), code, holder).await;
        place(work.conn(), staff, position).await;
        let added = permissions.iter().map(|code| (*code).to_owned()).collect();
        work.change(PolicyChange::PositionPermissions { position, added, removed: Vec::new() });
        let added = vec![position];
        work.change(PolicyChange::StaffPositions {
            staff,
            account: Some(holder),
            added,
            removed: Vec::new(),
        });
        commit(work).await;
        position
    }

    /// Loads the policy.
    pub async fn table(&self) -> Arc<PolicyTable> {
        PolicyTable::load(self.db.clone(), &self.settings.policy).await.unwrap()
    }

    /// Puts the rooms of the use cases around the database and lets the relay follow the log, with the fence as asked.
    pub async fn core(&self, engine: EngineHandle, fence: Fence) -> Core {
        let db = self.db.clone().with_fence(fence);
        let policy = PolicyTable::load(db.clone(), &self.settings.policy).await.unwrap();
        let (applied, receiver) = watch::channel(policy.applied());
        let clock = db.clock().clone();
        let settings = Arc::new(self.settings.clone());
        let node = engine.bus().node();
        let members = Arc::new(Members::new(node, &settings.cluster, ""));
        let core = Core { db, policy, clock, settings, engine, node, members, applied: receiver };
        relay::start(&core, applied, mpsc::channel(1).1, postman::letterbox().0);
        core
    }
}

/// An account with a role of its own and a session.
#[derive(Debug, Clone)]
pub struct Person {
    pub account: AccountId,
    pub role: RoleId,
    pub sid: SessionId,
}

impl Person {
    /// The caller of one request, whose id goes into every log row that the request writes.
    pub async fn calls(&self, core: &Core, request_id: &str) -> Principal {
        principal(&core.policy, &self.sid, request_id).await
    }
}

/// The caller of one request of a session.
pub async fn principal(policy: &PolicyTable, sid: &SessionId, request_id: &str) -> Principal {
    let origin = Origin { request_id: request_id.to_owned(), ..Origin::default() };
    Principal::of_session(policy, sid, origin).await.unwrap()
}

/// Starts an engine without tabs; it needs the actix system of the test.
pub fn engine() -> EngineHandle {
    let config = EngineConfig { shards: 1, ..EngineConfig::default() };
    let node = NodeId(1);
    let time = Arc::new(EngineClock { clock: Clock::system(), node });
    let bus = Arc::new(MemoryBus::alone(node));
    Engine::start(
        config,
        Outside { bus, time: Arc::clone(&time) as _, ids: time, observer: Arc::new(Nobody) },
    )
}

/// Runs a future on four threads of its own, so that what it spawns really runs at the same time.
pub async fn on_threads<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let threads = move || {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
        runtime.block_on(work)
    };
    match tokio::task::spawn_blocking(threads).await {
        Ok(result) => result,
        Err(failure) => std::panic::resume_unwind(failure.into_panic()),
    }
}

/// Commits as the operator's shell.
pub async fn commit(work: Work) {
    work.commit(SystemTask::Bootstrap).await.unwrap();
}

pub async fn insert_account(conn: &mut Conn, name: &str) -> AccountId {
    auth_store::insert_account(conn, &NewAccount::named(name, ""), COMPANY, &guid(), "", 1).await.unwrap()
}

pub async fn insert_session(conn: &mut Conn, account: AccountId) -> SessionId {
    let sid = SessionId::from(guid());
    let new = NewSession {
        sid: &sid,
        account,
        application: DEFAULT_APPLICATION,
        company: COMPANY,
        refresh_hash: "",
        device: "",
        ip: "",
        now: 1,
        expires_at: FAR,
    };
    auth_store::insert_session(conn, &new).await.unwrap();
    sid
}

pub async fn insert_position(conn: &mut Conn, code: &str) -> PositionId {
    let sql = sql_one!(
        conn,
        (i64,),
        "INSERT INTO hr_position (guid, company_id, code, name, created_at, updated_at)
         VALUES ($1, $2, $3, $3, 1, 1) RETURNING id",
        guid(),
        COMPANY.0,
        code
    );
    PositionId(sql.unwrap().0)
}

pub async fn insert_staff(conn: &mut Conn, number: &str, account: AccountId) -> i64 {
    let sql = sql_one!(
        conn,
        (i64,),
        "INSERT INTO hr_staff (guid, account_id, company_id, staff_no, name, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $4, 1, 1) RETURNING id",
        guid(),
        account.0,
        COMPANY.0,
        number
    );
    sql.unwrap().0
}

/// Puts staff into a position for good; 0: it was in it.
pub async fn place(conn: &mut Conn, staff: i64, position: PositionId) -> u64 {
    let sql = sql_exec!(
        conn,
        "INSERT INTO hr_r_staff_position (staff_id, position_id, assigned_by, created_at) VALUES ($1, $2, 0, 1)
         ON CONFLICT (staff_id, position_id) DO NOTHING",
        staff,
        position.0
    );
    sql.unwrap()
}

pub async fn permission_id(conn: &mut Conn, code: &str) -> i64 {
    sql_one!(conn, (i64,), "SELECT id FROM sys_permission WHERE code = $1", code).unwrap().0
}
