//! Service tokens: made, listed, revoked. A token is a session of its account, so that a kick, a disabled account and the
//! fence apply to it as to anybody (I4, I12). The token is answered once; only its digest is kept.

use super::model::{ApiClient, ApiClientRow, NewApiClient, PREFIX};
use super::store::{self, NewRow};
use crate::access::dominance::{Lasting, dominates_wholly};
use crate::auth::model::{AccountRow, SessionFilter};
use crate::auth::token::digest;
use crate::auth::{accounts, end_sessions, service_sessions};
use crate::core::Core;
use crate::db::paging::Page;
use crate::db::{Author, Authority, Db, SystemTask, Work};
use crate::hr::resolve::parse_guid;
use crate::policy::{EndCode, Principal, SYSTEM_ADMIN};
use crate::refusal::Refusal;
use livegrant_actors::{AccountId, CompanyId, SessionId};

const MISSING: Refusal = Refusal::NotFound { what: "api client" };

/// Makes a service token; answers it with what the list shows.
pub async fn add(core: &Core, by: &Principal, new: &NewApiClient) -> Result<(ApiClient, String), Refusal> {
    by.require(SYSTEM_ADMIN)?;
    let (_, expires_at) = new.check(core.clock.now_ms())?;
    let account = account(core, by, new).await?;
    if account.is_platform {
        // Whoever holds the token is the account: nobody makes himself a platform administrator by it.
        by.require_platform()?;
    }
    let mut work = core.db.begin(&by.author()).await?;
    let company = CompanyId(account.company_id);
    let until = Lasting::Until(expires_at);
    dominates_wholly(core, &mut work, by, AccountId(account.user_id), until).await?;
    let (guid, token) = insert(&mut work, company, AccountId(account.user_id), new).await?;
    let row = store::client(work.conn(), company, &guid).await?.ok_or(MISSING)?;
    let now = work.now();
    let committed = work.commit(&by.stamp()).await?;
    core.settle(committed).await;
    tracing::info!(event = "authz_admin", account = by.account().0, client = guid, "service token made");
    Ok((ApiClient::of(row, true, now), token))
}

/// Writes a service token inside a unit of work; answers its guid and the token.
pub async fn insert(
    work: &mut Work,
    company: CompanyId,
    account: AccountId,
    new: &NewApiClient,
) -> Result<(String, String), Refusal> {
    let now = work.now();
    let (scopes, expires_at) = new.check(now)?;
    let sid = service_sessions::start(work, account, &new.name, expires_at).await?;
    let (guid, token) = (crate::clock::guid(), format!("{PREFIX}{}", crate::clock::random_text::<43>()));
    let by = work.author().account;
    let row = NewRow {
        guid: &guid,
        company,
        name: new.name.trim(),
        secret_hash: &digest(&token),
        account,
        sid: &sid,
        scopes: &scopes.to_string(),
        on_behalf: new.on_behalf,
        expires_at,
        now,
        by,
    };
    store::insert_client(work.conn(), &row).await.map_err(Refusal::on_duplicate("name"))?;
    work.audit("session_created", "api_client", &guid, SYSTEM_ADMIN).await?;
    Ok((guid, token))
}

/// Makes a service token from the operator's shell (`livegrant api-client add`); answers the token.
pub async fn bootstrap(db: &Db, new: &NewApiClient) -> Result<String, Refusal> {
    let name = new.username.as_deref().unwrap_or_default();
    let unknown = || Refusal::invalid("username", "unknown_account", format!("there is no account {name}"));
    let (account, company) = accounts::place_of(db, name).await?.ok_or_else(unknown)?;
    let mut work = db.begin(&Author::system("api-client add")).await?;
    let (_, token) = insert(&mut work, company, account, new).await?;
    work.commit(SystemTask::Bootstrap).await?;
    Ok(token)
}

async fn account(core: &Core, by: &Principal, new: &NewApiClient) -> Result<AccountRow, Refusal> {
    let found = match (new.account_id, new.username.as_deref()) {
        (Some(id), None) => accounts::in_company(core, by, AccountId(id)).await,
        (None, Some(name)) => accounts::named(core, by, name).await,
        _ => {
            let detail = "name the account by account_id or by username";
            return Err(Refusal::invalid("username", "invalid", detail));
        }
    };
    let field = if new.account_id.is_some() { "account_id" } else { "username" };
    found.map_err(|refusal| match refusal {
        Refusal::NotFound { .. } => Refusal::invalid(field, "unknown_account", "there is no such account"),
        other => other,
    })
}

/// Lists the service tokens of the caller's company.
pub async fn list(core: &Core, by: &Principal, page: Page) -> Result<(i64, Vec<ApiClient>), Refusal> {
    by.require(SYSTEM_ADMIN)?;
    let (count, rows) = store::clients(&mut core.db.read().await?, by.company(), page).await?;
    let mut shown = Vec::with_capacity(rows.len());
    for row in rows {
        let session = core.policy.session(&SessionId::from(row.sid.clone())).await?;
        let alive = session.is_some_and(|session| session.is_active());
        shown.push(ApiClient::of(row, alive, core.clock.now_ms()));
    }
    Ok((count, shown))
}

/// Revokes a service token: its session ends on every node. Repeating it is harmless.
pub async fn revoke(core: &Core, by: &Principal, guid: &str) -> Result<(), Refusal> {
    by.require(SYSTEM_ADMIN)?;
    let guid = parse_guid("guid", guid)?;
    let mut work = core.db.begin(&by.author()).await?;
    let row = store::client(work.conn(), by.company(), &guid).await?.ok_or(MISSING)?;
    let now = work.now();
    store::revoke_client(work.conn(), &guid, now).await?;
    let sid = Some(SessionId::from(row.sid));
    let filter = SessionFilter { sid, ..SessionFilter::default() };
    work.because("service token revoked");
    end_sessions::end(&mut work, &filter, EndCode::SessionKicked).await?;
    work.audit("authn_token_revoked", "api_client", &guid, SYSTEM_ADMIN).await?;
    let committed = work.commit(Authority::Stamp(&by.stamp())).await?;
    core.settle(committed).await;
    Ok(())
}

/// Finds the service token that somebody brings; `None` for one that nobody made or that was revoked.
pub async fn of_token(core: &Core, token: &str) -> Result<Option<ApiClientRow>, Refusal> {
    if token.len() > 128 {
        return Ok(None);
    }
    Ok(store::client_of_secret(&mut core.db.read().await?, &digest(token)).await?)
}
