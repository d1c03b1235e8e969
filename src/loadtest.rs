//! Prepares a database for load tests (`livegrant loadtest prepare`): accounts with one role, a session each with tokens
//! that outlive the run, and a file of them for the load generators. Knows several areas on purpose, like `demo.rs`.
//! Refused unless `loadtest.enabled` is set, because the file opens every account in it. Can be repeated.

use crate::access::init::DEFAULT_COMPANY;
use crate::access::loadtest::{self as access, PERMISSIONS};
use crate::auth::Keys;
use crate::auth::loadtest::{self as auth, Ready};
use crate::db::{Author, Db, SystemTask};
use crate::hr::loadtest as office;
use crate::refusal::Refusal;
use crate::settings::Settings;
use livegrant_actors::{CompanyId, RoleId};
use serde_json::{Value, json};

/// Accounts in one transaction: each raises one scope, and a unit of work locks up to 500 of them one by one.
const AT_ONCE: u32 = 250;
/// The administrator's login name.
const ADMINISTRATOR: &str = "load-admin";

/// What to prepare.
#[derive(Debug, Clone)]
pub struct Order {
    /// How many accounts.
    pub accounts: u32,
    /// How many further accounts that never sign in.
    pub away: u32,
    /// How many tabs a load generator opens for each.
    pub tabs: u32,
    /// Code of the role that each of them holds.
    pub role: String,
    /// Whether they work in organisations with heads.
    pub office: bool,
    /// Life of the access tokens, in seconds.
    pub token_seconds: u64,
}

/// Why nothing was prepared, or not all.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The setting does not allow it.
    #[error(
        "load tests make accounts and live sessions: this needs the setting loadtest.enabled = true \
         (LIVEGRANT__LOADTEST__ENABLED=true), and a database that holds nothing else"
    )]
    Disabled,
    /// A use case refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Makes what is missing and answers the lines of the file: first the administrator and the role, then the accounts.
///
/// # Errors
/// When the setting does not allow it, or a name belongs to somebody else.
pub async fn prepare(db: &Db, settings: &Settings, order: &Order) -> Result<Vec<Value>, PrepareError> {
    if !settings.loadtest.enabled {
        return Err(PrepareError::Disabled);
    }
    let auth_settings =
        crate::settings::Auth { access_ttl_seconds: order.token_seconds, ..settings.auth.clone() };
    let keys = Keys::prepare(db, &auth_settings).await?;
    let company = CompanyId(DEFAULT_COMPANY);
    let role = access::role(db, company, &order.role).await?;
    let life = order.token_seconds.max(settings.auth.refresh_ttl_seconds) as i64 * 1000;
    let (administrator, expires_at) = administrator(db, &keys, company, life).await?;
    let mut lines = vec![json!({
        "role": { "id": role.0, "code": order.role, "permissions": PERMISSIONS },
        "accounts": order.accounts,
        "tabs": order.tabs,
        "tokens_until": expires_at - life + order.token_seconds as i64 * 1000,
        "administrator": line(&administrator),
    })];
    let mut next = 1;
    while next <= order.accounts {
        let last = order.accounts.min(next + AT_ONCE - 1);
        let accounts = members(db, &keys, company, role, life, next..=last).await?;
        for (number, ready) in (next..).zip(&accounts) {
            let mut line = line(ready);
            line["tabs"] = order.tabs.into();
            if order.office {
                line["head"] = office::seat(db, company, ready.account, number).await?.into();
            }
            lines.push(line);
        }
        next = last + 1;
    }
    let mut next = 1;
    while next <= order.away {
        let last = order.away.min(next + AT_ONCE - 1);
        absent(db, company, next..=last).await?;
        next = last + 1;
    }
    Ok(lines)
}

async fn administrator(db: &Db, keys: &Keys, company: CompanyId, life: i64) -> Result<(Ready, i64), Refusal> {
    let mut work = db.begin(&Author::system("load test")).await?;
    let expires_at = work.now() + life;
    let ready = auth::ready(&mut work, keys, ADMINISTRATOR, company, expires_at).await?;
    auth::promote(&mut work, ready.account).await?;
    work.audit("user_created", "account", ADMINISTRATOR, "operator's shell").await?;
    work.commit(SystemTask::Bootstrap).await?;
    Ok((ready, expires_at))
}

async fn members(
    db: &Db,
    keys: &Keys,
    company: CompanyId,
    role: RoleId,
    life: i64,
    numbers: std::ops::RangeInclusive<u32>,
) -> Result<Vec<Ready>, Refusal> {
    let mut work = db.begin(&Author::system("load test")).await?;
    let expires_at = work.now() + life;
    let (first, last) = (numbers.start(), numbers.end());
    let named = format!("{}..{}", username(*first), username(*last));
    let mut made = Vec::with_capacity(AT_ONCE as usize);
    for number in numbers {
        let ready = auth::ready(&mut work, keys, &username(number), company, expires_at).await?;
        access::give(&mut work, ready.account, role).await?;
        made.push(ready);
    }
    work.audit("user_created", "account", &named, "operator's shell").await?;
    work.commit(SystemTask::Bootstrap).await?;
    Ok(made)
}

async fn absent(db: &Db, company: CompanyId, numbers: std::ops::RangeInclusive<u32>) -> Result<(), Refusal> {
    let name = |number: &u32| format!("load-away-{number:06}");
    let mut work = db.begin(&Author::system("load test")).await?;
    let named = format!("{}..{}", name(numbers.start()), name(numbers.end()));
    for number in numbers {
        auth::away(&mut work, &name(&number), company).await?;
    }
    work.audit("user_created", "account", &named, "operator's shell").await?;
    work.commit(SystemTask::Bootstrap).await?;
    Ok(())
}

fn username(number: u32) -> String {
    format!("load-{number:06}")
}

fn line(ready: &Ready) -> Value {
    json!({
        "account": ready.account.0,
        "guid": ready.guid,
        "sid": ready.sid.as_str(),
        "token": ready.access,
        "refresh": ready.refresh,
    })
}
