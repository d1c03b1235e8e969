//! A shard's own line to the bus: the channels of the accounts that have a tab here (the registry is sharded through the
//! bus by this).
//!
//! An account's channel is heard from its first tab on the node until after its last. Wishes are collected while the bus is
//! busy with the ones before, so a storm of new tabs costs few commands.

use std::cell::RefCell;
use std::mem;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::Notify;

use super::Shard;
use super::actor::hand_over;
use crate::bus::{Channel, Ears, Heard, Line};
use crate::change::Publication;
use crate::cluster::{Signal, wire};
use crate::protocol::ids::AccountId;
use crate::session::{CloseTab, Extend, Publish, Receive};

/// Which accounts the line is to hear; bounded by the accounts of the shard.
#[derive(Default)]
pub(crate) struct Wishes {
    to_hear: RefCell<Vec<AccountId>>,
    to_leave: RefCell<Vec<AccountId>>,
    more: Notify,
}

impl Wishes {
    pub fn hear(&self, account: AccountId) {
        self.to_hear.borrow_mut().push(account);
        self.more.notify_one();
    }

    pub fn leave(&self, account: AccountId) {
        self.to_leave.borrow_mut().push(account);
        self.more.notify_one();
    }
}

/// Makes the wishes come true, for as long as the shard lives.
pub(super) async fn follow_wishes(shard: Rc<Shard>, ears: Arc<dyn Ears>) {
    loop {
        shard.wishes.more.notified().await;
        let gone = mem::take(&mut *shard.wishes.to_leave.borrow_mut());
        let come = mem::take(&mut *shard.wishes.to_hear.borrow_mut());
        // An account may have come and gone since: what counts is whether it is here now.
        let here = |account: &AccountId| shard.directory.borrow().addr(*account).is_some();
        let channels = |accounts: Vec<AccountId>| accounts.into_iter().map(Channel::Account).collect();
        let gone: Vec<AccountId> = gone.into_iter().filter(|account| !here(account)).collect();
        let come: Vec<AccountId> = come.into_iter().filter(here).collect();
        if !gone.is_empty() {
            ears.leave(channels(gone));
        }
        // When the bus is away it keeps the wish, and says so itself.
        if !come.is_empty() && ears.listen(channels(come)).await.is_err() {
            tracing::debug!("accounts are heard once the bus is back");
        }
    }
}

/// Hands on what is said of the shard's accounts, for as long as it lives.
pub(super) async fn hear(shard: Rc<Shard>, mut line: Line) {
    while let Some(heard) = line.recv().await {
        // What was missed is only hints; the tail poll brings every change, and the inbox its notices.
        let Heard::Message(message) = heard else { continue };
        let Channel::Account(account) = message.channel else { continue };
        let Some(signal) = wire::read(&message.payload) else { continue };
        deliver(&shard, account, signal).await;
    }
}

async fn deliver(shard: &Shard, account: AccountId, signal: Signal) {
    match signal {
        Signal::Publish(publication) => {
            let publication: Arc<Publication> = Arc::new(publication);
            hand_over(shard, account, Publish(publication)).await;
        }
        Signal::Mail(parcel) => {
            hand_over(shard, account, Receive(parcel)).await;
        }
        Signal::Extend { session, expires_at } => {
            hand_over(shard, account, Extend { session, expires_at }).await;
        }
        Signal::Close { connection, reason } => {
            let asked =
                shard.directory.borrow().addr(account).map(|addr| addr.send(CloseTab { connection, reason }));
            if let Some(asked) = asked {
                // Another node may have it, or nobody any more.
                let _ = asked.await;
            }
        }
    }
}
