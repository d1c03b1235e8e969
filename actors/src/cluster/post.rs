//! News and questions between nodes.
//!
//! A question goes to named nodes and is answered within a time; who has not answered by then is named, so that a list
//! over all nodes says whose part is missing. Answers are cut into pieces that fit the bus.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, timeout_at};

use super::wire::{self, Said};
use crate::bus::{Bus, BusError, Channel, Heard, Message};
use crate::change::Publication;
use crate::handle::EngineHandle;
use crate::mail::Content;
use crate::protocol::ids::{AccountId, NodeId};

/// Pieces that wait for one asker. 256: a list of 100,000 tabs.
const PIECES: usize = 256;

/// An answer in pieces, each smaller than the bus's largest payload.
pub type Pieces = Vec<Box<RawValue>>;

/// The application's side: knows what is said.
pub trait Correspondent: Send + Sync + 'static {
    /// Takes news; called one after the other, so it must not wait.
    fn news(&self, from: NodeId, about: &str, body: &RawValue);
    /// Gives the bound of questions of a kind that are answered at one time; further ones stay unanswered, and `None` are
    /// not known here.
    fn bound(&self, about: &str) -> Option<Arc<Semaphore>>;
    /// Answers a question; `None`: nothing to say.
    fn answer(
        self: Arc<Self>,
        from: NodeId,
        about: String,
        body: Box<RawValue>,
    ) -> Pin<Box<dyn Future<Output = Option<Pieces>> + Send>>;
    /// The line was interrupted: whatever was said meanwhile may be lost.
    fn missed(&self);
}

/// What was answered, and who did not.
#[derive(Debug, Default)]
pub struct Gathered {
    /// Each node's whole answer.
    pub answers: Vec<(NodeId, Pieces)>,
    /// Who said nothing, or not all of it, in time.
    pub silent: Vec<NodeId>,
}

struct Piece {
    from: NodeId,
    place: usize,
    text: Option<Box<RawValue>>,
    more: bool,
}

/// The way of news and questions; clones share it.
#[derive(Clone)]
pub struct Post(Arc<Parts>);

struct Parts {
    bus: Arc<dyn Bus>,
    numbers: AtomicU64,
    /// Who waits for answers; bounded by the requests that this node serves.
    waiting: Mutex<HashMap<u64, mpsc::Sender<Piece>>>,
}

impl Post {
    pub(crate) fn new(bus: Arc<dyn Bus>) -> Self {
        let (numbers, waiting) = (AtomicU64::default(), Mutex::default());
        Self(Arc::new(Parts { bus, numbers, waiting }))
    }

    /// Tells every other node.
    ///
    /// # Errors
    /// When it could not be sent; then nobody or not everybody has it.
    pub async fn tell(&self, about: &str, body: &impl Serialize) -> Result<(), BusError> {
        if self.0.bus.is_alone() {
            return Ok(());
        }
        let Some(body) = raw(body) else { return Ok(()) };
        self.send(Channel::Nodes, &Said::News { about: about.to_owned(), body }).await
    }

    /// Asks these nodes, and waits for all of them or until the time is over. A dropped question is forgotten.
    pub async fn ask(
        &self,
        nodes: &[NodeId],
        about: &str,
        body: &impl Serialize,
        within: Duration,
    ) -> Gathered {
        let mut gathered = Gathered::default();
        let Some(body) = raw(body).filter(|_| !nodes.is_empty()) else { return gathered };
        let until = Instant::now() + within;
        let (sender, mut pieces) = mpsc::channel(PIECES);
        let asked = self.wait(sender);
        let question = Said::Question { number: asked.number, about: about.to_owned(), body };
        let Some(question) = wire::write(&question) else { return gathered };
        let send = |node: NodeId| {
            let question = question.clone();
            async move { (node, self.0.bus.publish(Channel::Node(node), question).await.is_ok()) }
        };
        let sent = timeout_at(until, join_all(nodes.iter().copied().map(send))).await.unwrap_or_default();
        let mut open: HashMap<NodeId, Pieces> =
            sent.iter().filter(|(_, sent)| *sent).map(|(node, _)| (*node, Pieces::new())).collect();
        while !open.is_empty() {
            let next = timeout_at(until, pieces.recv()).await;
            let Ok(Some(Piece { from, place, text, more })) = next else { break };
            let Some(so_far) = open.get_mut(&from) else { continue };
            if so_far.len() != place {
                // One was lost on the way: half an answer is none.
                open.remove(&from);
                continue;
            }
            so_far.extend(text);
            if !more && let Some(whole) = open.remove(&from) {
                gathered.answers.push((from, whole));
            }
        }
        let answered = |node: &NodeId| gathered.answers.iter().any(|(from, _)| from == node);
        gathered.silent = nodes.iter().copied().filter(|node| !answered(node)).collect();
        for node in &gathered.silent {
            tracing::warn!(%node, about, "a node did not answer in time");
            metrics::counter!("livegrant_node_silent_total").increment(1);
        }
        gathered
    }

    /// Listens for as long as the process lives.
    pub async fn run(self, engine: EngineHandle, correspondent: Arc<dyn Correspondent>) {
        let mut line = self.0.bus.line("nodes");
        let channels = vec![Channel::Nodes, Channel::Node(self.0.bus.node())];
        if let Err(error) = line.ears().listen(channels).await {
            tracing::warn!(%error, "other nodes are not heard yet");
        }
        while let Some(heard) = line.recv().await {
            match heard {
                Heard::Message(message) => self.take(message, &engine, &correspondent).await,
                Heard::Missed => correspondent.missed(),
            }
        }
        // The bus went away with its runtime: the process ends.
        std::future::pending::<()>().await;
    }

    async fn take(&self, message: Message, engine: &EngineHandle, correspondent: &Arc<dyn Correspondent>) {
        let from = message.from;
        match wire::read(&message.payload) {
            Some(Said::News { about, body }) => correspondent.news(from, &about, &body),
            Some(Said::Question { number, about, body }) => {
                let bound = correspondent.bound(&about);
                let Some(permit) = bound.and_then(|bound| bound.try_acquire_owned().ok()) else {
                    metrics::counter!("livegrant_questions_refused_total").increment(1);
                    return;
                };
                let (post, correspondent) = (self.clone(), Arc::clone(correspondent));
                tokio::spawn(async move {
                    let answer = correspondent.answer(from, about, body).await;
                    post.answer(from, number, answer.unwrap_or_default()).await;
                    drop(permit);
                });
            }
            Some(Said::Answer { number, place, piece, more }) => {
                let asker = self.waiting().get(&number).cloned();
                // Nobody waits any more, or more came than was asked: the asker's time runs out.
                let _ = asker.map(|asker| asker.try_send(Piece { from, place, text: piece, more }));
            }
            Some(Said::Publish(publication)) => spread(engine, publication).await,
            Some(Said::Mail { to, content }) => {
                let content = content.map(Arc::new);
                if let Err(error) = engine.mail_here(&to, content.as_ref()).await {
                    tracing::error!(%error, "mail of another node was not carried");
                }
            }
            None => {}
        }
    }

    async fn answer(&self, to: NodeId, number: u64, pieces: Pieces) {
        let mut pieces = pieces.into_iter().peekable();
        for place in 0.. {
            let piece = pieces.next();
            let more = pieces.peek().is_some();
            let said = Said::Answer { number, place, piece, more };
            if let Err(error) = self.send(Channel::Node(to), &said).await {
                tracing::warn!(%error, node = %to, "an answer was not sent");
                return;
            }
            if !more {
                return;
            }
        }
    }

    /// Carries a publication to the tabs on all other nodes.
    pub(crate) async fn publish(&self, publication: Publication) -> Result<(), BusError> {
        self.send(Channel::Nodes, &Said::Publish(publication)).await
    }

    /// Tells all other nodes of a change of inboxes.
    pub(crate) async fn mail(
        &self,
        to: Vec<(AccountId, i64)>,
        content: Option<Content>,
    ) -> Result<(), BusError> {
        self.send(Channel::Nodes, &Said::Mail { to, content }).await
    }

    async fn send(&self, channel: Channel, said: &Said) -> Result<(), BusError> {
        let payload: Option<Bytes> = wire::write(said);
        match payload {
            Some(payload) => self.0.bus.publish(channel, payload).await,
            None => Ok(()),
        }
    }

    fn wait(&self, sender: mpsc::Sender<Piece>) -> Asked<'_> {
        let number = self.0.numbers.fetch_add(1, Ordering::Relaxed);
        self.waiting().insert(number, sender);
        Asked { post: self, number }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<u64, mpsc::Sender<Piece>>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A question under way; forgotten when whoever asked has gone.
struct Asked<'a> {
    post: &'a Post,
    number: u64,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.post.waiting().remove(&self.number);
    }
}

async fn spread(engine: &EngineHandle, publication: Publication) {
    if let Err(error) = engine.publish_here(publication).await {
        tracing::error!(%error, "a publication of another node was not carried");
    }
}

fn raw(body: &impl Serialize) -> Option<Box<RawValue>> {
    serde_json::value::to_raw_value(body)
        .inspect_err(|error| tracing::error!(%error, "a message to other nodes cannot be written"))
        .ok()
}
