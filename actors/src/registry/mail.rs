//! A shard's part of the inboxes' ways: to the accounts that have a tab here, and to nobody else.

use std::rc::Rc;
use std::sync::Arc;

use actix::dev::{SendError, ToEnvelope};
use actix::{Actor, Handler, Message, ResponseFuture};

use super::Shard;
use super::actor::{Registry, hand_over};
use crate::change::Audience;
use crate::mail::{Answer, Content, Parcel};
use crate::protocol::ids::{AccountId, CompanyId};
use crate::session::{CompaniesOf, Learn, Receive, SessionActor};

/// Take a change of their inboxes to these accounts of the shard, each at its revision.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Parcels {
    pub to: Vec<(AccountId, i64)>,
    /// `None`: their tabs have to ask.
    pub content: Option<Arc<Content>>,
}

/// Take these answers to whom they are for.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Answers(pub Vec<Answer>);

/// Name the accounts that an audience means, with the companies of their tabs.
#[derive(Message)]
#[rtype(result = "Vec<(AccountId, CompanyId)>")]
pub(crate) struct Views {
    pub audience: Audience,
    /// This shard's part of [`Audience::Accounts`].
    pub accounts: Vec<AccountId>,
}

impl Handler<Parcels> for Registry {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, Parcels { to, content }: Parcels, _: &mut Self::Context) -> Self::Result {
        let parcels = to.into_iter().map(|(account, rev)| Parcel { account, rev, content: content.clone() });
        send_all(self.shard(), parcels.map(|parcel| (parcel.account, Receive(parcel))))
    }
}

impl Handler<Answers> for Registry {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, Answers(answers): Answers, _: &mut Self::Context) -> Self::Result {
        let answers = answers.into_iter().map(|answer| (answer.account, Learn(Arc::new(answer))));
        send_all(self.shard(), answers)
    }
}

/// Hands each its message; waits for those whose mailbox is full.
fn send_all<M>(shard: &Rc<Shard>, messages: impl Iterator<Item = (AccountId, M)>) -> ResponseFuture<()>
where
    M: Message<Result = ()> + Send + 'static,
    SessionActor: Handler<M>,
    <SessionActor as Actor>::Context: ToEnvelope<SessionActor, M>,
{
    let mut refused: Vec<(AccountId, M)> = Vec::new();
    {
        let directory = shard.directory.borrow();
        for (account, message) in messages {
            // Nobody is there to be told, or no longer: the inbox has it.
            let Some(addr) = directory.addr(account) else { continue };
            // What comes behind something that waits waits too.
            if refused.iter().any(|(waiting, _)| *waiting == account) {
                refused.push((account, message));
            } else if let Err(SendError::Full(message)) = addr.try_send(message) {
                refused.push((account, message));
            }
        }
    }
    let shard = Rc::clone(shard);
    Box::pin(async move {
        for (account, message) in refused {
            hand_over(&shard, account, message).await;
        }
    })
}

impl Handler<Views> for Registry {
    type Result = ResponseFuture<Vec<(AccountId, CompanyId)>>;

    fn handle(&mut self, Views { audience, accounts }: Views, _: &mut Self::Context) -> Self::Result {
        let directory = self.shard().directory.borrow();
        let accounts: Vec<AccountId> = match &audience {
            Audience::Accounts(_) => accounts,
            Audience::Holder(holder) => directory.with(*holder).collect(),
            Audience::AnyOf(holders) => directory.with_any(holders).into_iter().collect(),
            Audience::Everyone => directory.all().map(|(account, _)| account).collect(),
        };
        let asked: Vec<_> = accounts
            .into_iter()
            .filter_map(|account| Some((account, directory.addr(account)?)))
            .map(|(account, addr)| (account, addr.send(CompaniesOf(audience.clone()))))
            .collect();
        Box::pin(async move {
            let mut views = Vec::with_capacity(asked.len());
            for (account, asked) in asked {
                let companies = asked.await.unwrap_or_default();
                views.extend(companies.into_iter().map(|company| (account, company)));
            }
            views
        })
    }
}
