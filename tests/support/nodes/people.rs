//! Who takes part in a run: a platform administrator, accounts with tabs that hold a role with the right, and accounts
//! that are written to. Made past the nodes, before they start; they sign in through them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use livegrant::access::init::DEFAULT_COMPANY;
use livegrant::access::store as access;
use livegrant::auth::Keys;
use livegrant::auth::model::NewAccount;
use livegrant::auth::store as auth;
use livegrant::clock::{Clock, guid};
use livegrant::db::{Author, Conn, Db, SystemTask};
use livegrant::policy::{HolderId, PolicyChange};
use livegrant::settings::{Database, DatabaseUrl, Settings};
use livegrant_actors::{AccountId, CompanyId, RoleId};
use reqwest::Method;
use serde_json::{Value, json};

use super::caller::{Answer, Caller, Request};

pub const PASSWORD: &str = "correct horse battery";
pub const ADMIN: &str = "root";
/// What the guarded write and the guarded read need; a role has both or neither.
pub const RIGHT: [&str; 2] = ["account:update", "session:view"];
/// Roles with the right; every account begins with one of them.
pub const ROLES: usize = 4;

/// An account.
#[derive(Debug, Clone)]
pub struct Person {
    pub id: i64,
    pub username: String,
}

/// What the last role of all carries, which everyone is given in the end.
pub const LAST_RIGHT: &str = "staff:view";

/// Everyone, and the roles that come and go.
#[derive(Debug, Clone)]
pub struct People {
    pub admin: Person,
    pub accounts: Vec<Person>,
    pub targets: Vec<i64>,
    pub roles: Vec<i64>,
    /// Nobody holds it before the end.
    pub last_role: i64,
}

impl People {
    /// The role that an account holds in the beginning.
    pub fn first_role(&self, account: i64) -> Option<i64> {
        let place = self.accounts.iter().position(|person| person.id == account)?;
        Some(self.roles[place % self.roles.len()])
    }

    /// Makes them in the database of this URL.
    pub async fn make(url: &str, accounts: usize) -> Self {
        let database = Database { url: DatabaseUrl::new(url), max_connections: 2, ..Database::default() };
        let mut settings = Settings { database, ..Settings::default() };
        settings.auth.hash_memory_kib = 8;
        settings.auth.hash_iterations = 1;
        let db = Db::open(&settings.database, Clock::system()).await.expect("the database opens");
        let keys = Keys::prepare(&db, &settings.auth).await.expect("the keys are ready");
        let hash = keys.hasher.hash(PASSWORD.to_owned()).await.expect("a password can be hashed");
        let mut work = db.begin(&Author::system("people")).await.expect("a unit of work begins");
        let admin = insert(work.conn(), ADMIN, &hash).await;
        let last_role = insert_role(work.conn(), "last", &[LAST_RIGHT]).await;
        let mut people = Self { admin, accounts: vec![], targets: vec![], roles: vec![], last_role };
        auth::make_platform(work.conn(), AccountId(people.admin.id)).await.expect("it is there");
        for number in 0..ROLES {
            people.roles.push(insert_role(work.conn(), &format!("right-{number}"), &RIGHT).await);
        }
        for number in 0..accounts {
            let person = insert(work.conn(), &format!("person-{number}"), &hash).await;
            let role = RoleId(people.roles[number % ROLES]);
            access::give_role(work.conn(), AccountId(person.id), role, None, None, AccountId(0), 1)
                .await
                .expect("a role is given");
            people.accounts.push(person);
            people.targets.push(insert(work.conn(), &format!("target-{number}"), &hash).await.id);
        }
        work.change(PolicyChange::SystemAdjusted);
        work.commit(SystemTask::Bootstrap).await.expect("the people are committed");
        db.close().await;
        people
    }
}

async fn insert(conn: &mut Conn, username: &str, hash: &str) -> Person {
    let (new, company) = (NewAccount::named(username, PASSWORD), CompanyId(DEFAULT_COMPANY));
    let id = auth::insert_account(conn, &new, company, &guid(), hash, 1).await.expect("a new name");
    Person { id: id.0, username: username.to_owned() }
}

async fn insert_role(conn: &mut Conn, code: &str, codes: &[&str]) -> i64 {
    let company = CompanyId(DEFAULT_COMPANY);
    let role = access::insert_role(conn, company, code, code, 1).await.expect("a new role");
    for code in codes {
        let permission = permission(conn, code).await;
        access::grant(conn, HolderId::Role(role), permission, AccountId(0), 1).await.expect("a grant");
    }
    role.0
}

async fn permission(conn: &mut Conn, code: &str) -> i64 {
    let rows = livegrant::policy::store::permissions(conn).await.expect("the catalogue");
    rows.into_iter().find(|row| *row.code == *code).map(|row| row.id).expect("a code of the catalogue")
}

/// A session with its tokens, which every tab and request of it shares.
#[derive(Debug)]
pub struct Session {
    pub sid: String,
    pub person: Person,
    tokens: Mutex<(String, String)>,
    ended: AtomicBool,
}

impl Session {
    /// The session of a sign-in's answer.
    pub fn of(person: &Person, answer: &Value) -> Self {
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        Self {
            sid: text("sid"),
            person: person.clone(),
            tokens: Mutex::new((text("access"), text("refresh"))),
            ended: AtomicBool::new(false),
        }
    }

    pub fn access(&self) -> String {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    pub fn refresh(&self) -> String {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// Takes the tokens of a refresh's answer.
    pub fn renew(&self, answer: &Value) {
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        *self.tokens.lock().unwrap_or_else(PoisonError::into_inner) = (text("access"), text("refresh"));
    }

    /// Its client was told that it is over.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }
}

/// What signs a person in.
pub fn login(person: &Person, id: String) -> Request {
    Request {
        method: Method::POST,
        path: "/api/auth/login/".to_owned(),
        body: json!({ "username": person.username, "password": PASSWORD }),
        token: String::new(),
        id,
    }
}

/// Signs in before the run, while everything works.
pub async fn signed_in(caller: &Caller, node: usize, person: &Person) -> Session {
    let answer = caller.ask(node, &login(person, String::new())).await;
    match &answer {
        Answer::Given(200, body) => Session::of(person, body),
        other => panic!("{} cannot sign in: {other:?}", person.username),
    }
}
