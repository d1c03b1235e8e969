//! Whom a message or a broadcast is for: named people, or everybody of a role, a position, an organisation with all below
//! it, a company. Nobody reaches beyond his company but a platform administrator, nor beyond the data scope of the permission
//! that he sends with (FC7): what lies outside is answered like what is not there.

use super::store::broadcasts as store;
use crate::access::scope::{covers, covers_below, covers_person};
use crate::core::Core;
use crate::db::bulk_moves;
use crate::hr::resolve::parse_guid;
use crate::policy::{DataScope, NoticeAudience, Principal};
use crate::refusal::Refusal;
use livegrant_actors::{AccountId, CompanyId, PositionId, RoleId};
use serde::Deserialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Most guids of one call: with their 39 bytes each they stay far below `server.body_limit_bytes`.
pub const GUIDS_MAX: usize = 1_000;
/// Most people that one message is written for, each a row; more are reached by a broadcast, which is one row.
pub const PEOPLE_MAX: i64 = 10_000;
/// Most people of an organisation whose tabs are told of a broadcast at once: their ids are in its row of the policy log. The
/// others find it in their inbox.
const TOLD_AT_ONCE: i64 = 5_000;

/// An audience, as a body names it.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AudienceIn {
    /// `all`, `company`, `role`, `position`, `organization` (with all below it) or `bloc`.
    pub kind: String,
    /// The role's id.
    pub id: Option<i64>,
    /// The position's or organisation's guid.
    pub guid: Option<String>,
}

/// An audience that exists and that the caller may reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audience {
    /// As the row says it.
    pub kind: &'static str,
    /// The role, position or organisation.
    pub id: i64,
    /// Whose feed shows it; 0: everybody's.
    pub company: CompanyId,
}

impl Audience {
    /// Reads an audience; without one it is everybody whom the caller may reach.
    ///
    /// # Errors
    /// `out_of_scope` for everybody, a company and a role when the scope reaches only some organisations: who holds a role
    /// may be anywhere.
    pub async fn parse(
        core: &Core,
        by: &Principal,
        scope: &DataScope,
        given: Option<&AudienceIn>,
    ) -> Result<Self, Refusal> {
        let own = Self { kind: "company", id: 0, company: by.company() };
        let everybody =
            if by.is_platform() { Self { kind: "all", id: 0, company: CompanyId(0) } } else { own.clone() };
        let Some(given) = given else { return everywhere(scope, "audience").map(|()| everybody) };
        let kind = match given.kind.as_str() {
            "all" => return everywhere(scope, "audience.kind").map(|()| everybody),
            "company" => return everywhere(scope, "audience.kind").map(|()| own),
            "role" => {
                everywhere(scope, "audience.kind")?;
                "role"
            }
            "position" => "position",
            "organization" => "organization",
            "bloc" => {
                let detail = "there are no groups of tenants here yet";
                return Err(Refusal::invalid("audience.kind", "invalid", detail));
            }
            _ => {
                let detail = "all, company, role, position or organization";
                return Err(Refusal::invalid("audience.kind", "invalid", detail));
            }
        };
        let (field, code) = match kind {
            "role" => ("audience.id", "unknown_role"),
            "position" => ("audience.guid", "unknown_position"),
            _ => ("audience.guid", "unknown_organization"),
        };
        let guid = match (kind, &given.guid) {
            ("role", _) => String::new(),
            (_, Some(guid)) => parse_guid(field, guid)?,
            (_, None) => return Err(Refusal::invalid(field, "invalid", "this audience is named by a guid")),
        };
        if kind == "role" && given.id.is_none() {
            return Err(Refusal::invalid(field, "invalid", "this audience is named by an id"));
        }
        let mut conn = core.db.read().await?;
        let named = store::audience_named(&mut conn, kind, given.id.unwrap_or_default(), &guid).await?;
        let named = named.filter(|named| named.company == by.company().0 || by.is_platform());
        let missing = || Refusal::invalid(field, code, format!("there is no such {kind} in your company"));
        let named = named.ok_or_else(missing)?;
        let reached = match kind {
            "role" => true,
            "position" => covers(&mut conn, scope, named.organization).await?,
            _ => covers_below(&mut conn, scope, named.organization).await?,
        };
        if !reached {
            return Err(missing());
        }
        Ok(Self { kind, id: named.id, company: CompanyId(named.company) })
    }

    /// Counts who it is now.
    pub async fn size(&self, core: &Core) -> Result<i64, Refusal> {
        Ok(store::size_of(&mut core.db.read().await?, self.kind, self.id, self.company).await?)
    }

    /// Lists who it is now.
    ///
    /// # Errors
    /// `too_many` beyond [`PEOPLE_MAX`].
    pub async fn people(&self, core: &Core) -> Result<Vec<AccountId>, Refusal> {
        let people =
            store::people_of(&mut core.db.read().await?, self.kind, self.id, self.company, PEOPLE_MAX + 1)
                .await?;
        if people.len() as i64 > PEOPLE_MAX {
            let detail = format!("more than {PEOPLE_MAX} people; send a broadcast");
            return Err(Refusal::invalid("audience", "too_many", detail));
        }
        Ok(people)
    }

    /// Whose tabs show it.
    pub async fn tabs(&self, core: &Core) -> Result<NoticeAudience, Refusal> {
        Ok(match self.kind {
            "all" => NoticeAudience::Everyone,
            "company" => NoticeAudience::Company(self.company),
            "role" => NoticeAudience::Role(RoleId(self.id)),
            "position" => NoticeAudience::Position(PositionId(self.id)),
            _ => {
                let mut conn = core.db.read().await?;
                let people =
                    store::people_of(&mut conn, self.kind, self.id, self.company, TOLD_AT_ONCE).await?;
                NoticeAudience::Accounts(people)
            }
        })
    }
}

/// Goes on when a scope reaches everybody.
fn everywhere(scope: &DataScope, field: &str) -> Result<(), Refusal> {
    if scope.all {
        return Ok(());
    }
    let detail = "your data scope reaches only some organizations: name one of them";
    Err(Refusal::invalid(field, "out_of_scope", detail))
}

/// Finds the accounts that guids of accounts or staff records mean (C12), in the caller's company and scope.
///
/// # Errors
/// `unknown_account` with the place of the first one that means nobody, or somebody without a login; nothing is sent then.
pub async fn named(
    core: &Core,
    by: &Principal,
    scope: &DataScope,
    field: &str,
    guids: &[String],
) -> Result<Vec<AccountId>, Refusal> {
    if guids.is_empty() {
        return Err(Refusal::invalid(field, "invalid", "nobody is named"));
    }
    if guids.len() > GUIDS_MAX {
        return Err(Refusal::invalid(field, "too_many", format!("at most {GUIDS_MAX} guids")));
    }
    let place = |at: usize| if field.ends_with('s') { format!("{field}[{at}]") } else { field.to_owned() };
    let mut written = Vec::with_capacity(guids.len());
    for (at, guid) in guids.iter().enumerate() {
        written.push(parse_guid(&place(at), guid)?);
    }
    let mut conn = core.db.read().await?;
    let found = bulk_moves::people_of_guids(&mut conn, by.company().0, &written).await?;
    let mut accounts = Vec::with_capacity(found.len());
    // Asked once for each organisation and for the caller himself, not once for each person.
    let mut asked = BTreeMap::new();
    for (at, (is_there, account, organization)) in found.into_iter().enumerate() {
        let account = account.map(AccountId);
        let about = (organization, account == Some(by.account()));
        let reached = if let Some(reached) = asked.get(&about) {
            *reached
        } else {
            let reached = covers_person(&mut conn, scope, organization, account, by.account()).await?;
            *asked.entry(about).or_insert(reached)
        };
        let detail = match account {
            Some(account) if reached => {
                accounts.push(account);
                continue;
            }
            None if is_there && reached => "this person has no login",
            _ => "there is no such person in your company",
        };
        return Err(Refusal::invalid(place(at), "unknown_account", detail));
    }
    Ok(accounts)
}
