//! What a receipt says, and to whom: *accepted* (committed), *enforced* (every node applies it), *delivered* (every tab that
//! was told has said that it applied it). Nobody of another company is named. Notices are not acknowledged, and their
//! receipts say so. It deliberately looks nothing up but names.

use super::whole::{NodeReceiptOut, Whole};
use crate::clock::iso;
use crate::core::Core;
use crate::policy::Principal;
use crate::refusal::Refusal;
use livegrant_actors::{AccountId, CompanyId, Receipt};
use serde::Serialize;
use std::cmp::Reverse;
use utoipa::ToSchema;

/// Accounts and names listed in a receipt. 100: ten thousand lines must not travel; the totals are over all.
pub const LISTED: usize = 100;
/// Lines looked through for those. Twice as many: other companies' are passed over, and changes that concern several
/// companies are rare.
const LOOKED_THROUGH: usize = 2 * LISTED;
/// How far a change has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReceiptState {
    /// Committed.
    Accepted,
    /// Every check on every node sees it, or the node refuses (`lease_over`), and the tabs are being told.
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

/// Whom the change concerns and who had no tab when the receipt was first looked at.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct OfflineOut {
    /// How many.
    pub count: usize,
    /// The first 100 login names.
    pub names: Vec<String>,
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
    /// Enforced on all nodes and handed to every shard at, ISO 8601.
    enforced_at: Option<String>,
    /// Each node that lives; who has not answered is `pending`, or `lease_over` once it cannot act on what was before.
    nodes: Vec<NodeReceiptOut>,
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
    /// Where he works.
    pub company: CompanyId,
    /// He sees every company.
    pub is_platform: bool,
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

/// What a receipt says of its change.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// `change_type` of the first change; `None` for a notice.
    pub change_type: Option<&'static str>,
    /// Whether its tabs acknowledge it.
    pub answered: bool,
}

/// Writes a receipt down as its viewer may see it; `offline` is who had no tab, by company.
pub async fn write(
    core: &Core,
    viewer: Viewer,
    about: About,
    offline: Option<&[(CompanyId, OfflineOut)]>,
    whole: Whole,
) -> Result<ReceiptOut, Refusal> {
    let Whole { receipt, nodes } = whole;
    let Receipt { rev, accepted_at, applied_at, settled, waiting, accounts: mut lines } = receipt;
    let sent = lines.iter().map(|line| line.tabs_sent).sum();
    let acked: u32 = lines.iter().map(|line| line.tabs_acked).sum();
    let gone: u32 = lines.iter().map(|line| line.tabs_gone).sum();
    let complete = settled && waiting == 0 && (!about.answered || acked + gone >= sent);
    let state = match applied_at {
        Some(_) if complete && about.answered && acked >= sent => ReceiptState::Delivered,
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
            tabs_acked: about.answered.then_some(line.tabs_acked),
            slowest_ms: line.slowest_ms,
        });
    }
    let named = match slowest {
        Some((account, _)) => {
            name(core, viewer, account).await?.map(|username| SlowestOut { account_id: account.0, username })
        }
        None => None,
    };
    Ok(ReceiptOut {
        rev: rev.0,
        change_type: about.change_type,
        state,
        complete,
        accepted_at: iso(accepted_at),
        nodes,
        enforced_at: applied_at.map(iso),
        accounts_told,
        tabs_sent: sent,
        tabs_acked: about.answered.then_some(acked),
        waiting,
        slowest_ms: slowest.and_then(|(_, slowest_ms)| slowest_ms),
        slowest: named,
        accounts,
        offline: offline.map(|found| seen(viewer, found)),
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

#[cfg(test)]
mod tests {
    use super::*;

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
