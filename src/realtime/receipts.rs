//! Receipts, for whoever asks and live for whoever made the change (S3-140): whose change it was, whom it concerns, who of
//! them had no tab. What a receipt says stands in `receipt.rs`.
//! It deliberately keeps nothing that outlives the engine's own receipts.

use super::nodes::news::{self, News};
use super::nodes::{Filled, questions};
use super::receipt::{self, About, LISTED, OfflineOut, ReceiptOut, Viewer};
use super::store::receipts::{self as store, Concerned};
use super::topics;
use super::whole::{self, Whole};
use crate::core::Core;
use crate::policy::{HolderId, PolicyChange, store as policy};
use crate::refusal::Refusal;
use livegrant_actors::{AccountId, AccountReceipt, Audience, CompanyId, MessageType, Publication, Rev};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::MissedTickBehavior;

/// Changes whose author and absent people are remembered. 256: as many receipts as the engine keeps.
const ENTRIES: usize = 256;
/// Roles, positions and accounts of one change whose people are looked up. 16: a form saves fewer.
const TARGETS: usize = 16;
/// Time between two looks at what has changed: an eye sees no more steps than these.
const TELL_EVERY: Duration = Duration::from_millis(200);
/// Time between two looks at a receipt on which a node is silent, ms.
const AGAIN_MS: i64 = 1_000;
/// How long such a receipt is looked at again, ms: a minute, in which a node is back or off the list.
const PENDING_MS: i64 = 60_000;

/// What a change is, as far as its receipt needs it.
#[derive(Debug)]
pub struct Entry {
    /// Who made it.
    pub operator: AccountId,
    /// Where he worked.
    pub company: CompanyId,
    about: About,
    /// When this node first looked at it, by the clock that nobody sets: later than its commit.
    since: i64,
    targets: Option<Vec<Target>>,
    /// Who had no tab, at most `LISTED` names of each company.
    offline: OnceCell<Vec<(CompanyId, OfflineOut)>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Holder(HolderId),
    Account(AccountId),
}

/// The changes of late: who made them, and who was not there.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<BTreeMap<Rev, Arc<Entry>>>);

impl Ledger {
    /// Finds a change; `None` when there is none of this revision.
    pub async fn entry(&self, core: &Core, rev: Rev) -> Result<Option<Arc<Entry>>, Refusal> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&rev).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let (row, company) = {
            let mut conn = core.db.read().await?;
            (policy::log_at(&mut conn, rev).await?, policy::log_company(&mut conn, rev).await?)
        };
        let Some((row, company)) = row.zip(company) else { return Ok(None) };
        let entry = Entry {
            operator: row.operator,
            company,
            about: About {
                change_type: row.changes.first().and_then(PolicyChange::change_type),
                answered: !row.changes.iter().all(|change| {
                    matches!(change, PolicyChange::Notice { .. } | PolicyChange::NoticesOver { .. })
                }),
            },
            since: core.clock.monotonic_ms(),
            targets: targets(&row.changes),
            offline: OnceCell::new(),
        };
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = Arc::clone(entries.entry(rev).or_insert_with(|| Arc::new(entry)));
        while entries.len() > ENTRIES {
            entries.pop_first();
        }
        Ok(Some(entry))
    }
}

/// Whom changes concern; `None`: everybody.
fn targets(changes: &[PolicyChange]) -> Option<Vec<Target>> {
    let mut targets = Vec::new();
    for change in changes {
        let target = match change {
            PolicyChange::RolePermissions { role, .. } | PolicyChange::RoleEdited { role, .. } => {
                Target::Holder(HolderId::Role(*role))
            }
            PolicyChange::PositionPermissions { position, .. }
            | PolicyChange::PositionEdited { position, .. } => Target::Holder(HolderId::Position(*position)),
            PolicyChange::UserRoles { account, .. }
            | PolicyChange::UserStatus { account, .. }
            | PolicyChange::AccountEdited { account }
            | PolicyChange::SessionsEnded { account, .. }
            | PolicyChange::StaffPositions { account: Some(account), .. } => Target::Account(*account),
            PolicyChange::StaffPositions { account: None, .. } | PolicyChange::OrganizationsMoved { .. } => {
                continue;
            }
            PolicyChange::Catalogue { .. }
            | PolicyChange::SystemAdjusted
            | PolicyChange::Notice { .. }
            | PolicyChange::NoticesOver { .. } => return None,
        };
        if !targets.contains(&target) && targets.len() < TARGETS {
            targets.push(target);
        }
    }
    Some(targets)
}

/// Finds who had no tab and was not told, by company.
async fn offline(
    core: &Core,
    targets: &[Target],
    told: &[AccountReceipt],
) -> Result<Vec<(CompanyId, OfflineOut)>, Refusal> {
    let mut people: BTreeMap<AccountId, Concerned> = BTreeMap::new();
    {
        let mut conn = core.db.read().await?;
        for target in targets {
            let found = match target {
                Target::Holder(holder) => store::holders(&mut conn, *holder, core.clock.now_ms()).await?,
                Target::Account(account) => store::person(&mut conn, *account).await?.into_iter().collect(),
            };
            people.extend(found.into_iter().map(|person| (person.account, person)));
        }
    }
    for line in told {
        people.remove(&line.account);
    }
    let asked: Vec<AccountId> = people.keys().copied().collect();
    let absent = questions::absent(core, &asked).await;
    let mut absent: Vec<_> = absent.into_iter().filter_map(|account| people.remove(&account)).collect();
    absent.sort_unstable_by(|one, other| one.username.cmp(&other.username));
    let mut companies: BTreeMap<CompanyId, OfflineOut> = BTreeMap::new();
    for Concerned { username, company, .. } in absent {
        let offline = companies.entry(company).or_default();
        offline.count += 1;
        if offline.names.len() < LISTED {
            offline.names.push(username);
        }
    }
    Ok(companies.into_iter().collect())
}

/// Gathers a change's receipt from all nodes; `None` when none of them keeps it.
pub async fn everywhere(core: &Core, rev: Rev, entry: &Entry) -> Option<Whole> {
    let everywhere = questions::receipts(core, rev).await;
    let is_over = core.clock.monotonic_ms() - entry.since > core.settings.policy.lease_ms as i64;
    whole::merge(&core.members, rev, is_over, everywhere)
}

/// Answers a receipt as its viewer may see it.
pub async fn of(core: &Core, viewer: Viewer, entry: &Entry, whole: Whole) -> Result<ReceiptOut, Refusal> {
    let receipt = &whole.receipt;
    let absent = match &entry.targets {
        None => None,
        Some(targets) => {
            let found = || offline(core, targets, &receipt.accounts);
            Some(entry.offline.get_or_try_init(found).await?.as_slice())
        }
    };
    receipt::write(core, viewer, entry.about, absent, whole).await
}

/// Tells those who listen how the receipts of their own changes fill. The last state of each is always told: what could
/// not be told is tried again with the next look.
pub async fn tell(core: Core, ledger: Arc<Ledger>, filled: Arc<Filled>) {
    let mut every = tokio::time::interval(TELL_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut untold, mut pending) = (BTreeSet::new(), Pending::default());
    loop {
        every.tick().await;
        let here = core.engine.changed_receipts();
        untold.extend(filled.take());
        untold.extend(pending.due(core.clock.now_ms()));
        untold.extend(here.iter().copied());
        if !here.is_empty() {
            news::say(&core, &News::Receipts(here)).await;
        }
        if untold.is_empty() {
            continue;
        }
        let listeners = core.engine.listeners(topics::RECEIPTS).await;
        for rev in std::mem::take(&mut untold) {
            match tell_one(&core, &ledger, &listeners, rev).await {
                Ok(None) => {}
                Ok(Some(accepted_at)) => pending.add(rev, accepted_at, core.clock.now_ms()),
                Err(error) => {
                    tracing::warn!(rev = rev.0, %error, "receipt not told");
                    untold.insert(rev);
                }
            }
        }
    }
}

/// Tells one; answers when it was committed if a node is still to be heard of.
async fn tell_one(
    core: &Core,
    ledger: &Ledger,
    listeners: &[AccountId],
    rev: Rev,
) -> Result<Option<i64>, Refusal> {
    if listeners.is_empty() {
        return Ok(None);
    }
    let Some(entry) = ledger.entry(core, rev).await? else { return Ok(None) };
    if !listeners.contains(&entry.operator) {
        return Ok(None);
    }
    let Some(whole) = everywhere(core, rev, &entry).await else { return Ok(None) };
    let again = whole.is_pending().then_some(whole.receipt.accepted_at);
    let Some(author) = core.policy.member(entry.operator).await? else { return Ok(None) };
    let viewer = Viewer { company: entry.company, is_platform: author.facts().is_platform };
    let told = of(core, viewer, &entry, whole).await?;
    let data = serde_json::value::to_raw_value(&told).map_err(|error| Refusal::Defect(error.into()))?;
    let publication = Publication {
        kind: MessageType::Receipt,
        topic: Some(topics::RECEIPTS.into()),
        audience: Audience::Accounts(Arc::from([entry.operator])),
        data: Arc::from(data),
        operator: None,
        message_id: None,
    };
    // Each node tells the tabs that it has.
    core.engine.publish_here(publication).await.map_err(|error| Refusal::Defect(error.into()))?;
    Ok(again)
}

/// Receipts on which a node is still to be heard of: looked at again until its lease is over, and then now and then.
#[derive(Debug, Default)]
struct Pending(BTreeMap<Rev, (i64, i64)>);

impl Pending {
    fn add(&mut self, rev: Rev, accepted_at: i64, now: i64) {
        if now - accepted_at < PENDING_MS {
            self.0.insert(rev, (accepted_at, now));
        }
        while self.0.len() > ENTRIES {
            self.0.pop_first();
        }
    }

    fn due(&mut self, now: i64) -> Vec<Rev> {
        let is_due = |told_at: i64| now - told_at >= AGAIN_MS;
        let due: Vec<Rev> =
            self.0.iter().filter(|(_, (_, told_at))| is_due(*told_at)).map(|(rev, _)| *rev).collect();
        for rev in &due {
            self.0.remove(rev);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use livegrant_actors::RoleId;

    #[test]
    fn a_change_concerns_each_role_and_account_once_and_a_notice_everybody() {
        let role = PolicyChange::RolePermissions { role: RoleId(7), added: Vec::new(), removed: Vec::new() };
        let account = PolicyChange::UserStatus { account: AccountId(3), enabled: true };
        let found = targets(&[role.clone(), account.clone(), role.clone()]);
        let expected = vec![Target::Holder(HolderId::Role(RoleId(7))), Target::Account(AccountId(3))];
        assert_eq!(found, Some(expected));
        assert_eq!(targets(&[role, PolicyChange::SystemAdjusted]), None);
    }
}
