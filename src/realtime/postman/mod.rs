//! The postman: what comes to inboxes reaches the tabs, on every node, and so do the messages of topics.
//!
//! After a commit `rounds.rs` takes its errands to this node's tabs and `elsewhere.rs` to the other nodes; a tab that
//! lacks something asks, and `desk.rs` answers from the database, for many tabs at once; `look.rs` finds what nobody was
//! told (I6: a push is a hint, the inbox is the truth); `delivered.rs` notes what has reached a tab. The engine decides
//! which tab is told what (`actors/src/session/mail.rs`); nothing here changes what anybody has in his inbox.

mod delivered;
mod desk;
mod elsewhere;
mod look;
mod outbox;
mod rounds;
mod words;

use super::tasks::Tasks;
use crate::core::Core;
use livegrant_actors::{Audience, Want};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;

/// Questions of tabs that wait to be answered. 4,096: the tabs of a second of a reconnect storm; a tab for whose question
/// there is no room asks again a second later.
const WANTS_WAITING: usize = 4_096;
/// Audiences whose counts have changed. 64: past that everybody is counted again.
const RECOUNTS_WAITING: usize = 64;

/// Whose counts are others now.
#[derive(Debug, Clone)]
pub enum Recount {
    /// Those of everybody whom a broadcast is for.
    Of(Audience),
    /// Those of people who came into a role, a position or an organisation, or left it: if there is a broadcast for one.
    Moved(Audience),
}

/// Where tabs' questions and the audiences of broadcasts are put in.
#[derive(Debug, Clone)]
pub struct Letterbox {
    wants: mpsc::Sender<Want>,
    recounts: mpsc::Sender<Recount>,
    recount_all: Arc<AtomicBool>,
}

/// Where the postman takes them out.
#[derive(Debug)]
pub struct Inside {
    wants: mpsc::Receiver<Want>,
    recounts: mpsc::Receiver<Recount>,
    recount_all: Arc<AtomicBool>,
}

/// Makes both ends.
pub fn letterbox() -> (Letterbox, Inside) {
    let (wants, asked) = mpsc::channel(WANTS_WAITING);
    let (recounts, changed) = mpsc::channel(RECOUNTS_WAITING);
    let recount_all = Arc::new(AtomicBool::new(false));
    let inside = Inside { wants: asked, recounts: changed, recount_all: Arc::clone(&recount_all) };
    (Letterbox { wants, recounts, recount_all }, inside)
}

impl Letterbox {
    /// Takes a tab's question; answers whether there was room.
    pub fn put(&self, want: Want) -> bool {
        let has_room = self.wants.try_send(want).is_ok();
        if !has_room {
            metrics::counter!("livegrant_mail_questions_refused_total").increment(1);
        }
        has_room
    }

    /// Has the counts of everybody told who is online and among them, in the background.
    pub fn recount(&self, who: Recount) {
        if self.recounts.try_send(who).is_err() {
            self.recount_all.store(true, Ordering::Release);
        }
    }
}

impl Inside {
    /// Answers, once, whether more audiences came than there was room for.
    fn take_recount_all(&self) -> bool {
        self.recount_all.swap(false, Ordering::AcqRel)
    }
}

/// Starts the postman's tasks. Without them nobody is told of anything: one that crashes ends the process.
pub fn start(core: &Core, tasks: &mut Tasks, inside: Inside) {
    let (told, to_note) = delivered::queue();
    let (further, to_publish) = elsewhere::queue();
    if let Some(errands) = core.db.errands() {
        tasks.run("mail rounds", rounds::run(core.clone(), errands, further));
    } else {
        // One database serves one application; a second one on it finds its mail by looking.
        tracing::warn!("errands of this database are run by somebody else");
    }
    tasks.run("mail elsewhere", elsewhere::run(core.clone(), to_publish));
    tasks.run("mail desk", desk::run(core.clone(), inside, told));
    tasks.run("mail look", look::run(core.clone()));
    tasks.run("mail delivered", delivered::run(core.clone(), to_note));
    tasks.run("outbox", outbox::run(core.clone()));
}
