//! What a tab listens to beyond what concerns it anyway (C29).
//!
//! The application is asked at subscribe and again after every change (S3-71): who loses the right to
//! hear stops hearing, and is told so. A publication reaches only tabs that listen to its topic.

use std::sync::Arc;

use super::actor::SessionActor;
use super::desk::Desk;
use super::tab::{INBOX_TOPIC, Tab};
use crate::change::Publication;
use crate::protocol::client::TOPICS_MAX;
use crate::protocol::envelope::{MessageType, Subscribed};
use crate::protocol::frame::raw;

impl Desk {
    pub(super) fn subscribe(&self, tab: &mut Tab, asked: &[String]) {
        let heard = tab.hears(INBOX_TOPIC);
        let refused = listen_to(tab, asked);
        self.tell_topics(tab, &refused);
        if !heard && tab.hears(INBOX_TOPIC) {
            // From now on it shows how the inbox stands.
            self.ask(tab);
        }
    }

    pub(super) fn unsubscribe(&self, tab: &mut Tab, asked: &[String]) {
        if let Some(extras) = &mut tab.extras {
            extras.topics.retain(|topic| !asked.iter().any(|asked| **asked == **topic));
        }
        self.tell_topics(tab, &[]);
    }

    fn tell_topics(&self, tab: &mut Tab, refused: &[Arc<str>]) {
        let body = raw(&Subscribed { topics: tab.topics(), refused });
        self.tell(tab, &self.letter(MessageType::Subscribed, &body, None), None);
    }

    /// Asks again whether the tab may hear what it listens to.
    fn recheck(&self, tab: &mut Tab) {
        let mut lost = Vec::new();
        let (extras, subject) = (&mut tab.extras, &tab.subject);
        if let Some(extras) = extras {
            extras.topics.retain(|topic| {
                let may = subject.may_hear(topic);
                if !may {
                    lost.push(Arc::clone(topic));
                }
                may
            });
        }
        if !lost.is_empty() {
            self.tell_topics(tab, &lost);
        }
    }
}

/// Listens to what the session may hear; gives what it may not.
pub(super) fn listen_to(tab: &mut Tab, asked: &[String]) -> Vec<Arc<str>> {
    let mut refused = Vec::new();
    for topic in asked.iter().map(|topic| Arc::from(topic.as_str())) {
        if tab.hears(&topic) {
            continue;
        }
        if tab.topics().len() < TOPICS_MAX && tab.subject.may_hear(&topic) {
            tab.extras.get_or_insert_default().topics.push(topic);
        } else {
            refused.push(topic);
        }
    }
    refused
}

impl SessionActor {
    pub(super) fn recheck_topics(&mut self) {
        let desk = &self.desk;
        for tab in self.tabs.iter_mut().filter(|tab| tab.is_open() && tab.extras.is_some()) {
            desk.recheck(tab);
        }
    }

    pub(super) fn publish(&mut self, publication: &Publication) {
        let desk = &self.desk;
        let message_id = publication.message_id.clone().unwrap_or_else(|| desk.shard.ids.message_id());
        let operator = publication.operator.as_ref();
        let letter = desk.named_letter(publication.kind, &publication.data, operator, (message_id, 0));
        for tab in self.tabs.iter_mut().filter(|tab| tab.is_open() && tab.subject.is_active()) {
            if tab.is_meant(&publication.audience) {
                desk.publish(tab, &letter, publication.topic.as_deref());
            }
        }
    }

    /// Keeps the registry's index of what this account listens to.
    pub(super) fn settle_topics(&mut self) {
        let mut now: Vec<Arc<str>> = Vec::new();
        for tab in self.tabs.iter().filter(|tab| tab.is_open()) {
            now.extend(tab.topics().iter().cloned());
        }
        now.sort_unstable();
        now.dedup();
        if now != self.topics {
            let mut directory = self.desk.shard.directory.borrow_mut();
            directory.hear(self.desk.account, &self.topics, &now);
            self.topics = now;
        }
    }
}
