//! One call of a tool: the rooms, the caller, and whether it is a rehearsal. And the caller as the door has let him in.

use super::scope::Scopes;
use crate::core::Core;
use crate::hr::resolve::account_of_guid;
use crate::policy::Principal;
use crate::refusal::Refusal;
use livegrant_actors::AccountId;
use std::future::Future;

/// Who calls, as his token says.
#[derive(Debug, Clone)]
pub struct Guest {
    /// The acting account (C3).
    pub by: Principal,
    /// What the token is narrowed to.
    pub scopes: Scopes,
    /// Whether the token may name somebody on whose behalf it acts.
    pub on_behalf: bool,
    /// The name of the service token, for the audit log; a person's session has none.
    pub client: Option<String>,
    /// What the program calls itself in its `User-Agent`.
    pub agent: String,
    /// `Idempotency-Key`, for clients that cannot set `_meta`.
    pub key: Option<String>,
}

/// See the head of this file.
#[derive(Debug, Clone)]
pub struct Call {
    /// The rooms; those of a rehearsal commit nothing.
    pub core: Core,
    /// The caller.
    pub by: Principal,
    /// Everything but the commit.
    pub rehearsal: bool,
    /// The key under which it is done once, if it has one.
    pub key: Option<String>,
}

impl Call {
    /// Runs a guarded write as its REST route does; a rehearsal once, and rolled back.
    pub async fn write<T, F, R>(self, use_case: F) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: Fn(Core, Principal) -> R + Send + 'static,
        R: Future<Output = Result<T, Refusal>> + Send,
    {
        if self.rehearsal {
            return use_case(self.core.rehearsing(), self.by).await;
        }
        let Self { core, by, .. } = self;
        core.write(by, use_case).await
    }

    /// Finds the account of an account's or staff record's guid (C12). Who may not ask about others, whatever the
    /// permission, does not learn which guids there are.
    pub async fn account(&self, guid: &str, permission: &str) -> Result<AccountId, Refusal> {
        let found = account_of_guid(&self.core, &self.by, guid).await?.and_then(|person| person.account);
        if found != Some(self.by.account()) {
            self.by.require(permission)?;
        }
        found.ok_or_else(|| {
            Refusal::invalid("staffGuid", "unknown_account", format!("{guid} names nobody with an account"))
        })
    }
}
