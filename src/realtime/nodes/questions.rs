//! What is asked of other nodes, and how this node answers. Lists are gathered from every node that lives, within
//! `cluster.request_timeout_ms`; who was silent is named. What concerns one tab is asked of its node alone.

use super::node_of;
use crate::core::Core;
use bytes::Bytes;
use livegrant_actors::cluster::{Gathered, Pieces};
use livegrant_actors::{
    AccountId, AccountReceipt, CloseReason, ConnectionId, NodeId, OnlineAccount, Polled, Receipt, Rev,
    SessionId, TracedMessage,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Largest piece of a list, bytes. Half of what the bus carries: a piece is measured before its envelope.
const PIECE_BYTES: usize = 512 * 1024;
/// Lines of a receipt in one piece: some 400 KB.
const LINES_A_PIECE: usize = 5_000;
/// What a poll on another node may take beyond its own wait.
const POLL_SLACK: Duration = Duration::from_secs(1);

/// A question; see the functions below for what is answered.
#[expect(missing_docs, reason = "each variant's sentence names its fields")]
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// Who has a tab?
    Online,
    /// What became of this change at your tabs?
    Receipt(Rev),
    /// Which of these accounts have no tab?
    Absent(Vec<AccountId>),
    /// What became of this message?
    Trace(String),
    /// Close this tab.
    Close { account: AccountId, connection: ConnectionId, reason: CloseReason },
    /// This tab has applied this.
    Acknowledge { account: AccountId, session: SessionId, connection: ConnectionId, rev: Rev },
    /// Wait for messages of this tab.
    Poll {
        account: AccountId,
        session: SessionId,
        connection: ConnectionId,
        cursor: u64,
        ack: Option<Rev>,
        wait_ms: u64,
    },
}

/// The name of questions that are answered at once, in the engine's post.
pub const QUESTION: &str = "tabs";
/// The name of polls, which wait.
pub const POLL: &str = "poll";

/// What every node said together.
#[derive(Debug)]
pub struct Everywhere<T> {
    /// This node first.
    pub parts: Vec<(NodeId, T)>,
    /// Who said nothing.
    pub silent: Vec<NodeId>,
}

/// What a poll brought, as it travels.
#[derive(Debug, Serialize, Deserialize)]
struct PolledPiece {
    cursor: u64,
    messages: Vec<Box<RawValue>>,
    closed: Option<(CloseReason, String)>,
}

/// A part of one node's receipt, as it travels.
#[derive(Debug, Serialize, Deserialize)]
struct ReceiptPiece {
    accepted_at: i64,
    applied_at: Option<i64>,
    settled: bool,
    waiting: u32,
    accounts: Vec<AccountReceipt>,
}

/// Answers who has a tab, over all nodes: an account's tabs together.
pub async fn online(core: &Core) -> (Vec<OnlineAccount>, Vec<NodeId>) {
    let gathered = ask_all(core, &Question::Online);
    let (mine, gathered) = tokio::join!(core.engine.online(), gathered);
    let theirs = gathered.answers.iter().flat_map(|(_, pieces)| read_lists::<OnlineAccount>(pieces));
    let mut accounts: BTreeMap<AccountId, OnlineAccount> = BTreeMap::new();
    for online in mine.into_iter().chain(theirs) {
        match accounts.get_mut(&online.account) {
            Some(known) => known.tabs.extend(online.tabs),
            None => drop(accounts.insert(online.account, online)),
        }
    }
    let mut accounts: Vec<_> = accounts.into_values().collect();
    for account in &mut accounts {
        // Stable: the tabs of one node stay in the order in which they came.
        account.tabs.sort_by_key(|tab| tab.connected_at);
    }
    (accounts, gathered.silent)
}

/// Answers each node's receipt of a change.
pub async fn receipts(core: &Core, rev: Rev) -> Everywhere<Option<Receipt>> {
    let gathered = ask_all(core, &Question::Receipt(rev)).await;
    let mut parts = vec![(core.members.node, core.engine.receipt(rev))];
    for (node, pieces) in gathered.answers {
        parts.push((node, read_receipt(rev, &pieces)));
    }
    Everywhere { parts, silent: gathered.silent }
}

/// Answers which of these accounts have no tab on any node that answers.
pub async fn absent(core: &Core, accounts: &[AccountId]) -> Vec<AccountId> {
    if accounts.is_empty() {
        return Vec::new();
    }
    let question = Question::Absent(accounts.to_vec());
    let (mine, gathered) = tokio::join!(core.engine.absent(accounts), ask_all(core, &question));
    let mut absent: BTreeSet<AccountId> = mine.into_iter().collect();
    for (_, pieces) in gathered.answers {
        let theirs: BTreeSet<AccountId> = read_lists(&pieces).collect();
        absent = absent.intersection(&theirs).copied().collect();
    }
    absent.into_iter().collect()
}

/// Finds what became of a message, on whichever node it was sent; a message for several nodes has an entry on each.
pub async fn trace(core: &Core, message_id: &str) -> Option<TracedMessage> {
    let question = Question::Trace(message_id.to_owned());
    let (mine, gathered) = tokio::join!(core.engine.trace(message_id), ask_all(core, &question));
    let theirs = gathered.answers.iter().filter_map(|(_, pieces)| read_one::<TracedMessage>(pieces));
    mine.into_iter().chain(theirs).reduce(|mut whole, part| {
        whole.at = whole.at.min(part.at);
        whole.tabs.extend(part.tabs);
        whole
    })
}

/// Closes a tab wherever it is; answers whether it was open.
pub async fn close(core: &Core, account: AccountId, connection: &ConnectionId, reason: CloseReason) -> bool {
    match elsewhere(core, connection) {
        None => core.engine.close_tab(account, connection, reason).await,
        Some(node) => {
            let question = Question::Close { account, connection: connection.clone(), reason };
            ask_one(core, node, QUESTION, &question, timeout(core)).await.unwrap_or(false)
        }
    }
}

/// Notes what a tab has applied, wherever it is; answers whether the session has such a tab.
pub async fn acknowledge(
    core: &Core,
    account: AccountId,
    session: &SessionId,
    connection: &ConnectionId,
    rev: Rev,
) -> bool {
    match elsewhere(core, connection) {
        None => core.engine.acknowledge(account, session, connection, rev).await,
        Some(node) => {
            let (session, connection) = (session.clone(), connection.clone());
            let question = Question::Acknowledge { account, session, connection, rev };
            ask_one(core, node, QUESTION, &question, timeout(core)).await.unwrap_or(false)
        }
    }
}

/// Waits for messages of a polling tab, wherever it is; `None` when the session has no such tab that answers.
pub async fn poll(
    core: &Core,
    account: AccountId,
    session: &SessionId,
    connection: &ConnectionId,
    (cursor, ack): (u64, Option<Rev>),
    wait: Duration,
) -> Option<Polled> {
    let Some(node) = elsewhere(core, connection) else {
        return core.engine.poll(account, session, connection, (cursor, ack), wait).await;
    };
    let wait_ms = wait.as_millis() as u64;
    let (session, connection) = (session.clone(), connection.clone());
    let question = Question::Poll { account, session, connection, cursor, ack, wait_ms };
    let asked = ask_one::<Option<PolledPiece>>(core, node, POLL, &question, wait + POLL_SLACK).await;
    asked.flatten().map(|PolledPiece { cursor, messages, closed }| Polled {
        cursor,
        messages: messages.iter().map(|text| Bytes::copy_from_slice(text.get().as_bytes())).collect(),
        closed,
    })
}

/// Answers another node's question; `None` is never right, so that the other waits no longer than it must.
pub async fn answer(core: &Core, question: Question) -> Option<Pieces> {
    match question {
        Question::Online => Some(write_lists(&core.engine.online().await)),
        Question::Receipt(rev) => core.engine.receipt(rev).map(|receipt| write_receipt(&receipt)),
        Question::Absent(accounts) => Some(write_lists(&core.engine.absent(&accounts).await)),
        Question::Trace(message_id) => one(&core.engine.trace(&message_id).await?),
        Question::Close { account, connection, reason } => {
            one(&core.engine.close_tab(account, &connection, reason).await)
        }
        Question::Acknowledge { account, session, connection, rev } => {
            one(&core.engine.acknowledge(account, &session, &connection, rev).await)
        }
        Question::Poll { account, session, connection, cursor, ack, wait_ms } => {
            let longest = Duration::from_secs(core.settings.realtime.poll_seconds);
            let wait = Duration::from_millis(wait_ms).min(longest);
            let polled = core.engine.poll(account, &session, &connection, (cursor, ack), wait).await;
            one(&polled.map(|Polled { cursor, messages, closed }| PolledPiece {
                cursor,
                messages: messages.iter().filter_map(|text| serde_json::from_slice(text).ok()).collect(),
                closed,
            }))
        }
    }
}

/// Answers the node that has a tab, when it is another one.
fn elsewhere(core: &Core, connection: &ConnectionId) -> Option<NodeId> {
    node_of(connection).filter(|node| *node != core.members.node && !core.engine.bus().is_alone())
}

fn timeout(core: &Core) -> Duration {
    Duration::from_millis(core.settings.cluster.request_timeout_ms)
}

async fn ask_all(core: &Core, question: &Question) -> Gathered {
    if core.engine.bus().is_alone() {
        // Several nodes without a bus: their changes are followed, but they cannot be asked.
        return Gathered { silent: core.members.others(), ..Gathered::default() };
    }
    core.engine.post().ask(&core.members.others(), QUESTION, question, timeout(core)).await
}

async fn ask_one<T: DeserializeOwned>(
    core: &Core,
    node: NodeId,
    about: &str,
    question: &Question,
    within: Duration,
) -> Option<T> {
    // Nobody waits for a node that is gone.
    if !core.members.others().contains(&node) {
        return None;
    }
    let gathered = core.engine.post().ask(&[node], about, question, within).await;
    gathered.answers.first().and_then(|(_, pieces)| read_one(pieces))
}

fn one(answer: &impl Serialize) -> Option<Pieces> {
    Some(vec![raw(answer)?])
}

fn raw(answer: &impl Serialize) -> Option<Box<RawValue>> {
    to_raw_value(answer).inspect_err(|error| tracing::error!(%error, "an answer cannot be written")).ok()
}

/// Cuts a list into pieces that the bus carries. A single row is never so large.
fn write_lists<T: Serialize>(list: &[T]) -> Pieces {
    let Some(piece) = raw(&list) else { return Pieces::new() };
    if piece.get().len() <= PIECE_BYTES || list.len() < 2 {
        return vec![piece];
    }
    let (front, back) = list.split_at(list.len() / 2);
    let mut pieces = write_lists(front);
    pieces.extend(write_lists(back));
    pieces
}

fn write_receipt(receipt: &Receipt) -> Pieces {
    let piece = |accounts: &[AccountReceipt]| ReceiptPiece {
        accepted_at: receipt.accepted_at,
        applied_at: receipt.applied_at,
        settled: receipt.settled,
        waiting: receipt.waiting,
        accounts: accounts.to_vec(),
    };
    if receipt.accounts.is_empty() {
        return one(&piece(&[])).unwrap_or_default();
    }
    receipt.accounts.chunks(LINES_A_PIECE).filter_map(|part| raw(&piece(part))).collect()
}

/// Puts a node's receipt together; `None`: it has none.
fn read_receipt(rev: Rev, pieces: &Pieces) -> Option<Receipt> {
    let mut whole: Option<Receipt> = None;
    for piece in pieces {
        let ReceiptPiece { accepted_at, applied_at, settled, waiting, accounts } = read(piece)?;
        match &mut whole {
            Some(whole) => whole.accounts.extend(accounts),
            None => whole = Some(Receipt { rev, accepted_at, applied_at, settled, waiting, accounts }),
        }
    }
    whole
}

fn read_lists<T: DeserializeOwned>(pieces: &Pieces) -> impl Iterator<Item = T> {
    pieces.iter().filter_map(|piece| read::<Vec<T>>(piece)).flatten()
}

fn read_one<T: DeserializeOwned>(pieces: &Pieces) -> Option<T> {
    pieces.first().and_then(|piece| read(piece))
}

/// Reads what another node answered; one of another version may answer something else.
fn read<T: DeserializeOwned>(piece: &RawValue) -> Option<T> {
    serde_json::from_str(piece.get())
        .inspect_err(|error| tracing::warn!(%error, "another node's answer cannot be read"))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_any_length_is_cut_into_pieces_that_fit() {
        for length in [0, 1, 3, 1_000] {
            let list: Vec<String> = (0..length).map(|n| format!("{n:02000}")).collect();
            let pieces = write_lists(&list);
            assert!(pieces.iter().all(|piece| piece.get().len() <= PIECE_BYTES));
            assert_eq!(read_lists::<String>(&pieces).collect::<Vec<_>>(), list);
        }
    }

    #[test]
    fn a_receipt_of_many_lines_is_put_together_again() {
        let line = |account| AccountReceipt {
            account: AccountId(account),
            tabs_sent: 3,
            tabs_acked: 2,
            tabs_gone: 1,
            slowest_ms: Some(9),
        };
        for lines in [0, 1, LINES_A_PIECE as i64, LINES_A_PIECE as i64 + 1] {
            let receipt = Receipt {
                rev: Rev(7),
                accepted_at: 5,
                applied_at: Some(6),
                settled: true,
                waiting: 1,
                accounts: (0..lines).map(line).collect(),
            };
            let pieces = write_receipt(&receipt);
            assert_eq!(read_receipt(Rev(7), &pieces), Some(receipt), "{lines} lines");
        }
        assert_eq!(read_receipt(Rev(7), &Pieces::new()), None);
    }
}
