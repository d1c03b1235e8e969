//! Who the accounts of a list over all nodes are: from memory as far as they are in use here, the others in one statement
//! for many. It answers names alone, never what somebody may do.

use super::store::people::{self as store, Person};
use crate::core::Core;
use crate::db::DbError;
use livegrant_actors::AccountId;
use std::collections::HashMap;

/// Accounts in one statement: some ms.
const AT_ONCE: usize = 1_000;

/// Finds them; who is not there any more is left out.
pub async fn of(
    core: &Core,
    accounts: impl IntoIterator<Item = AccountId>,
) -> Result<HashMap<AccountId, Person>, DbError> {
    let (mut people, mut unknown) = (HashMap::new(), Vec::new());
    for account in accounts {
        let Some(member) = core.policy.known(account) else {
            unknown.push(account);
            continue;
        };
        let facts = member.facts();
        let (username, display_name) = (facts.username.to_string(), facts.display_name.to_string());
        people.insert(account, Person { account, username, display_name, company: facts.company });
    }
    for some in unknown.chunks(AT_ONCE) {
        let found = store::named(&mut core.db.read().await?, some).await?;
        people.extend(found.into_iter().map(|person| (person.account, person)));
    }
    Ok(people)
}
