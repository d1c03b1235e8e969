//! What a receipt says, for whoever asks and live for whoever made the change (S3-140): *accepted* (committed), *enforced*
//! (this node applies it), *delivered* (every tab that was told has said that it applied it).
//! Nobody of another company is named. Whom nobody is told of: notices are not acknowledged, and the receipt says so.
//! It deliberately keeps nothing that outlives the engine's own receipts.

use super::store::{self, Concerned};
use super::topics;
use crate::clock::iso;
use crate::core::Core;
use crate::policy::{HolderId, PolicyChange, Principal, store as policy};
use crate::refusal::Refusal;
use livegrant_actors::{
    AccountId, AccountReceipt, Audience, CompanyId, MessageType, Publication, Receipt, Rev,
};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::MissedTickBehavior;
use utoipa::ToSchema;

/// Accounts and names listed in a receipt. 100: ten thousand lines must not travel; the totals are over all.
const LISTED: usize = 100;
/// Lines looked through for those. Twice as many: other companies' are passed over, and changes that concern several
/// companies are rare.
const LOOKED_THROUGH: usize = 2 * LISTED;
/// Changes whose author and absent people are remembered. 256: as many receipts as the engine keeps.
const ENTRIES: usize = 256;
/// Roles, positions and accounts of one change whose people are looked up. 16: a form saves fewer.
const TARGETS: usize = 16;
/// Time between two looks at what has changed: an eye sees no more steps than these.
const TELL_EVERY: Duration = Duration::from_millis(200);

/// How far a change has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReceiptState {
    /// Committed.
    Accepted,
    /// Every check on this node sees it, and the tabs are being told.
    Enforced,
    /// Every tab that was told has said that it applied it.
    Delivered,
}

/// What became of a change at one account.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountReceiptOut {
    account_id: i64,
    username: String,
    tabs_sent: u32,
    /// Null: its tabs are not asked.
    tabs_acked: Option<u32>,
    /// From commit to the last acknowledgement, ms.
    slowest_ms: Option<i64>,
}

/// The account that answered last.
#[derive(Debug, Serialize, ToSchema)]
pub struct SlowestOut {
    account_id: i64,
    username: String,
}

/// What a node did.
#[derive(Debug, Serialize, ToSchema)]
pub struct NodeOut {
    /// Which one; `this` is the one that answers.
    node: &'static str,
    /// ISO 8601; null while it does not enforce it.
    enforced_at: Option<String>,
}

/// Whom the change concerns and who had no tab when the receipt was first looked at.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct OfflineOut {
    count: usize,
    /// The first 100 login names.
    names: Vec<String>,
}

/// What became of a change.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReceiptOut {
    rev: i64,
    /// Of the first change of this revision; null for a notice.
    change_type: Option<&'static str>,
    state: ReceiptState,
    /// Nothing more is to come.
    complete: bool,
    /// Committed at, ISO 8601.
    accepted_at: String,
    /// Enforced and handed to every shard at, ISO 8601.
    enforced_at: Option<String>,
    nodes: Vec<NodeOut>,
    /// Accounts of which a tab was told.
    accounts_told: usize,
    tabs_sent: u32,
    /// Null for a notice: tabs do not acknowledge those.
    tabs_acked: Option<u32>,
    /// Accounts that will be told together with later changes, within the merging window.
    waiting: u32,
    /// From commit to the last acknowledgement, ms.
    slowest_ms: Option<i64>,
    /// Whose that was; null also when it is somebody of another company.
    slowest: Option<SlowestOut>,
    /// At most 100: those that have not answered first, then the slowest. The totals above are over all.
    accounts: Vec<AccountReceiptOut>,
    /// Null for a change that concerns everybody.
    offline: Option<OfflineOut>,
}

/// Who looks: people of other companies do not exist for him.
#[derive(Debug, Clone, Copy)]
pub struct Viewer {
    company: CompanyId,
    is_platform: bool,
}

impl From<&Principal> for Viewer {
    fn from(by: &Principal) -> Self {
        Self { company: by.company(), is_platform: by.is_platform() }
    }
}

impl Viewer {
    fn sees(self, company: CompanyId) -> bool {
        self.is_platform || self.company == company
    }
}

/// What a change is, as far as its receipt needs it.
#[derive(Debug)]
pub struct Entry {
    /// Who made it.
    pub operator: AccountId,
    /// Where he worked.
    pub company: CompanyId,
    change_type: Option<&'static str>,
    /// Whether its tabs acknowledge it.
    answered: bool,
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
            change_type: row.changes.first().and_then(PolicyChange::change_type),
            answered: !row.changes.iter().all(|change| matches!(change, PolicyChange::Notice { .. })),
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
            PolicyChange::StaffPositions { account: None, .. } => continue,
            PolicyChange::Catalogue { .. } | PolicyChange::SystemAdjusted | PolicyChange::Notice { .. } => {
                return None;
            }
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
    let absent = core.engine.absent(&asked).await;
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

/// Writes a receipt down as its viewer may see it.
pub async fn write(
    core: &Core,
    viewer: Viewer,
    entry: &Entry,
    receipt: Receipt,
) -> Result<ReceiptOut, Refusal> {
    let Receipt { rev, accepted_at, applied_at, settled, waiting, accounts: mut lines } = receipt;
    let offline = match &entry.targets {
        None => None,
        Some(targets) => {
            let found = entry.offline.get_or_try_init(|| offline(core, targets, &lines)).await?;
            Some(seen(viewer, found))
        }
    };
    let sent = lines.iter().map(|line| line.tabs_sent).sum();
    let acked: u32 = lines.iter().map(|line| line.tabs_acked).sum();
    let complete = settled && waiting == 0 && (!entry.answered || acked >= sent);
    let state = match applied_at {
        Some(_) if complete && entry.answered => ReceiptState::Delivered,
        Some(_) => ReceiptState::Enforced,
        None => ReceiptState::Accepted,
    };
    let accounts_told = lines.len();
    let slowest = lines.iter().filter(|line| line.slowest_ms.is_some()).max_by_key(|line| line.slowest_ms);
    let slowest = slowest.map(|line| (line.account, line.slowest_ms));
    lines.sort_unstable_by_key(|line| {
        (line.tabs_acked >= line.tabs_sent, Reverse(line.slowest_ms), line.account)
    });
    let mut accounts = Vec::new();
    for line in lines.into_iter().take(LOOKED_THROUGH) {
        let Some(username) = name(core, viewer, line.account).await? else { continue };
        if accounts.len() == LISTED {
            break;
        }
        accounts.push(AccountReceiptOut {
            account_id: line.account.0,
            username,
            tabs_sent: line.tabs_sent,
            tabs_acked: entry.answered.then_some(line.tabs_acked),
            slowest_ms: line.slowest_ms,
        });
    }
    let named = match slowest {
        Some((account, _)) => {
            name(core, viewer, account).await?.map(|username| SlowestOut { account_id: account.0, username })
        }
        None => None,
    };
    let enforced_at = applied_at.map(iso);
    Ok(ReceiptOut {
        rev: rev.0,
        change_type: entry.change_type,
        state,
        complete,
        accepted_at: iso(accepted_at),
        nodes: vec![NodeOut { node: "this", enforced_at: enforced_at.clone() }],
        enforced_at,
        accounts_told,
        tabs_sent: sent,
        tabs_acked: entry.answered.then_some(acked),
        waiting,
        slowest_ms: slowest.and_then(|(_, slowest_ms)| slowest_ms),
        slowest: named,
        accounts,
        offline,
    })
}

fn seen(viewer: Viewer, found: &[(CompanyId, OfflineOut)]) -> OfflineOut {
    let mut all = OfflineOut::default();
    for (_, part) in found.iter().filter(|(company, _)| viewer.sees(*company)) {
        all.count += part.count;
        all.names.extend(part.names.iter().take(LISTED - all.names.len()).cloned());
    }
    all
}

/// The login name of an account, if the viewer may know of it.
async fn name(core: &Core, viewer: Viewer, account: AccountId) -> Result<Option<String>, Refusal> {
    let member = core.policy.member(account).await?;
    let facts = member.map(|member| member.facts()).filter(|facts| viewer.sees(facts.company));
    Ok(facts.map(|facts| facts.username.to_string()))
}

/// Tells those who listen how the receipts of their own changes fill. The last state of each is always told: what could
/// not be told is tried again with the next look.
pub async fn tell(core: Core, ledger: Arc<Ledger>) {
    let mut every = tokio::time::interval(TELL_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut untold = BTreeSet::new();
    loop {
        every.tick().await;
        untold.extend(core.engine.changed_receipts());
        if untold.is_empty() {
            continue;
        }
        let listeners = core.engine.listeners(topics::RECEIPTS).await;
        for rev in std::mem::take(&mut untold) {
            if let Err(error) = tell_one(&core, &ledger, &listeners, rev).await {
                tracing::warn!(rev = rev.0, %error, "receipt not told");
                untold.insert(rev);
            }
        }
    }
}

async fn tell_one(core: &Core, ledger: &Ledger, listeners: &[AccountId], rev: Rev) -> Result<(), Refusal> {
    if listeners.is_empty() {
        return Ok(());
    }
    let Some(entry) = ledger.entry(core, rev).await? else { return Ok(()) };
    if !listeners.contains(&entry.operator) {
        return Ok(());
    }
    let Some(receipt) = core.engine.receipt(rev) else { return Ok(()) };
    let Some(author) = core.policy.member(entry.operator).await? else { return Ok(()) };
    let viewer = Viewer { company: entry.company, is_platform: author.facts().is_platform };
    let told = write(core, viewer, &entry, receipt).await?;
    let data = serde_json::value::to_raw_value(&told).map_err(|error| Refusal::Defect(error.into()))?;
    let publication = Publication {
        kind: MessageType::Receipt,
        topic: Some(topics::RECEIPTS.into()),
        audience: Audience::Accounts(Arc::from([entry.operator])),
        data: Arc::from(data),
        operator: None,
        message_id: None,
    };
    core.engine.publish(publication).await.map_err(|error| Refusal::Defect(error.into()))
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

    #[test]
    fn only_people_of_the_viewers_company_are_counted_and_a_hundred_named() {
        let part = |count: usize| OfflineOut { count, names: vec!["x".to_owned(); count.min(LISTED)] };
        let found = [(CompanyId(1), part(150)), (CompanyId(2), part(30))];
        let view = |company, is_platform| {
            let all = seen(Viewer { company: CompanyId(company), is_platform }, &found);
            (all.count, all.names.len())
        };
        assert_eq!((view(1, false), view(2, false), view(3, false)), ((150, 100), (30, 30), (0, 0)));
        assert_eq!(view(3, true), (180, 100));
    }
}
