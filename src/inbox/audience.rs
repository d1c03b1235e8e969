//! Whom a message or a broadcast is for: named people, or everybody of a role, a position, an organisation with all below
//! it, a company. Nobody reaches beyond his company but a platform administrator.

use super::store::broadcasts as store;
use crate::core::Core;
use crate::db::bulk_moves;
use crate::hr::resolve::parse_guid;
use crate::policy::{NoticeAudience, Principal};
use crate::refusal::Refusal;
use livegrant_actors::{AccountId, CompanyId, PositionId, RoleId};
use serde::Deserialize;
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
    pub async fn parse(core: &Core, by: &Principal, given: Option<&AudienceIn>) -> Result<Self, Refusal> {
        let own = Self { kind: "company", id: 0, company: by.company() };
        let everybody =
            if by.is_platform() { Self { kind: "all", id: 0, company: CompanyId(0) } } else { own.clone() };
        let Some(given) = given else { return Ok(everybody) };
        let kind = match given.kind.as_str() {
            "all" => return Ok(everybody),
            "company" => return Ok(own),
            "role" => "role",
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
        let named =
            store::audience_named(&mut core.db.read().await?, kind, given.id.unwrap_or_default(), &guid)
                .await?;
        let named = named.filter(|(_, company)| *company == by.company().0 || by.is_platform());
        let Some((id, company)) = named else {
            return Err(Refusal::invalid(field, code, format!("there is no such {kind} in your company")));
        };
        Ok(Self { kind, id, company: CompanyId(company) })
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

/// Finds the accounts that guids of accounts or staff records mean (C12), in the caller's company.
///
/// # Errors
/// `unknown_account` with the place of the first one that means nobody, or somebody without a login; nothing is sent then.
pub async fn named(
    core: &Core,
    by: &Principal,
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
    let found = bulk_moves::people_of_guids(&mut core.db.read().await?, by.company().0, &written).await?;
    let mut accounts = Vec::with_capacity(found.len());
    for (at, person) in found.into_iter().enumerate() {
        let detail = match person {
            (_, Some(account)) => {
                accounts.push(AccountId(account));
                continue;
            }
            (true, None) => "this person has no login",
            (false, None) => "there is no such person in your company",
        };
        return Err(Refusal::invalid(place(at), "unknown_account", detail));
    }
    Ok(accounts)
}
