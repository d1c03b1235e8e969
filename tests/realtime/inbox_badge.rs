//! The badge against a model: whatever comes, is marked, ends or is taken back, by REST, on whichever node and from
//! whichever device, while tabs come and go: every tab ends with the server's counts, those are what the lists say, and
//! whatever came was told every tab once at most, in order (FN1, FN3 to FN7, FN12, FN13, S0-20).

use std::collections::BTreeSet;
use std::time::Duration;

use livegrant::clock::iso;
use livegrant::db::{Author, SystemTask};
use livegrant::inbox::feed;
use livegrant::inbox::post::{self, Notice};
use livegrant::settings::Settings;
use livegrant::sql_one;
use livegrant_actors::{AccountId, CompanyId, MessageType, Transport};
use serde_json::{Value, json};

use crate::nodes::{Nodes, at, until};
use crate::support::{
    Account, Dice, PATIENCE, Setup, Stream, TestServer, both_databases, ok, run_on_postgres,
};

/// What happens in one run. With seven arrivals in seventeen it stays below a page of the list.
const STEPS: usize = 80;
const TABS: usize = 4;
/// How long what ends lasts, and how far the clock goes at a time.
const LASTS: Duration = Duration::from_secs(10);
/// The clock goes on so often in a run: a token lasts longer.
const LEAPS: usize = 8;
const LIST: &str = "/api/v1/notifications";
const TRANSPORTS: [Transport; 3] = [Transport::WebSocket, Transport::Sse, Transport::Poll];

/// What a client keeps.
#[derive(Debug, Default)]
struct Badge {
    counts: (i64, i64),
    rev: i64,
    place: [String; 3],
    inbox_seq: i64,
    inbox_rev: Option<i64>,
    titles: Vec<String>,
    known: BTreeSet<String>,
}

impl Badge {
    fn take(&mut self, frame: &Value) {
        let data = &frame["data"];
        let number = |name: &str| data[name].as_i64().unwrap_or_default();
        match frame["type"].as_str().unwrap_or_default() {
            "PERMISSION_UPDATE" => {
                let text = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
                self.place = [text("epoch"), data["rev"].to_string(), text("hash")];
            }
            "CONNECTED" => self.inbox_seq = self.inbox_seq.max(number("inboxSeq")),
            // Told before, and the place of before was given: known by its id.
            "MESSAGE_NOTIFICATION" if self.known.insert(frame["messageId"].to_string()) => {
                self.titles.push(data["title"].as_str().unwrap_or_default().to_owned());
            }
            kind @ ("NOTIFICATION" | "NOTIFICATION_STATE") if number("rev") >= self.rev => {
                self.rev = number("rev");
                self.counts = (number("unseen"), number("unread"));
                if kind == "NOTIFICATION_STATE" {
                    self.inbox_rev = self.inbox_rev.max(data["inboxRev"].as_i64());
                }
            }
            "RESYNC" => panic!("nothing is that old: {frame}"),
            _ => {}
        }
    }

    fn resume(&self) -> String {
        let [epoch, rev, hash] = &self.place;
        let inbox = self.inbox_rev.map(|rev| format!(".{rev}")).unwrap_or_default();
        format!("{epoch}:{rev}:{hash}:{}{inbox}", self.inbox_seq)
    }
}

struct Client {
    stream: Stream,
    badge: Badge,
}

impl Client {
    async fn open(server: &TestServer, account: &Account, transport: Transport, mut badge: Badge) -> Self {
        let place = badge.resume();
        let mut query = vec![("topics", "notifications")];
        if badge.inbox_rev.is_some() {
            query.push(("resume", &*place));
        }
        let account = at(server, account);
        let (stream, hello) = Stream::open(server, transport, &account, &query).await.expect("a stream");
        badge.take(&hello);
        let mut client = Self { stream, badge };
        // Whoever has been told where it stands can come back there.
        while client.badge.inbox_rev.is_none() {
            assert!(client.step().await, "no tab is told where it stands: {:?}", client.badge);
        }
        client
    }

    /// Takes the next message; answers whether one came.
    async fn step(&mut self) -> bool {
        let next = tokio::time::timeout(PATIENCE, self.stream.frame()).await;
        let came = next.is_ok();
        if let Ok(frame) = next {
            self.badge.take(&frame);
        }
        came
    }
}

/// Who takes part in a run, and what has come so far.
struct Run<'a> {
    seed: u64,
    servers: &'a [&'a TestServer],
    dice: Dice,
    /// Two devices of one account.
    devices: [Account; 2],
    sender: Account,
    root: Account,
    /// A role that comes and goes.
    crew: i64,
    is_of_crew: bool,
    clients: Vec<Client>,
    sent: Vec<String>,
    /// What was put off comes again, at a time of its own.
    put_off: BTreeSet<String>,
    leaps: usize,
    log: Vec<String>,
}

impl<'a> Run<'a> {
    async fn begin(servers: &'a [&'a TestServer], seed: u64) -> Self {
        let mut dice = Dice::of(seed);
        let name = format!("alice{seed}");
        let devices = [servers[0].account(&name, &[]).await, servers[0].signed_in(&name).await];
        let sends = ["notification:send", "notification:broadcast"];
        let sender = servers[0].account(&format!("sender{seed}"), &sends).await;
        let root = servers[0].platform().await.clone();
        let role = json!({ "code": format!("crew{seed}"), "name": "crew" });
        let crew = ok(root.post("/api/v1/roles", role).await)["id"].as_i64().expect("an id");
        let newest = servers[0].core.policy.applied();
        until("all nodes know them", async || servers.iter().all(|it| it.core.policy.applied() >= newest))
            .await;
        let mut clients = Vec::new();
        for tab in 0..TABS {
            let (server, transport) = (dice.pick(servers), dice.pick(&TRANSPORTS));
            clients.push(Client::open(server, &devices[tab % 2], transport, Badge::default()).await);
        }
        let (put_off, sent, log) = (BTreeSet::new(), Vec::new(), Vec::new());
        let (is_of_crew, leaps) = (false, 0);
        Self {
            seed,
            servers,
            dice,
            devices,
            sender,
            root,
            crew,
            is_of_crew,
            clients,
            sent,
            put_off,
            leaps,
            log,
        }
    }

    async fn step(&mut self, step: usize) {
        let server = self.dice.pick(self.servers);
        let device = self.dice.below(2);
        let me = at(server, &self.devices[device]);
        match self.dice.below(17) {
            0..=2 => self.message(server, &format!("message {step}")).await,
            3 | 4 => self.merged(server, &format!("merged {step}")).await,
            5 | 6 => self.broadcast(server, step).await,
            7..=9 => self.mark(&me).await,
            10 => self.mark_some(&me).await,
            11 => self.mark_found(&me).await,
            12 => self.mark_all(&me).await,
            13 => self.join_or_leave(server).await,
            14 => self.leap(server).await,
            15 => self.come_back(server).await,
            _ => {
                let tab = self.dice.below(TABS);
                self.levels(tab).await;
            }
        }
    }

    fn note(&mut self, what: String) {
        self.log.push(what);
    }

    async fn message(&mut self, server: &TestServer, title: &str) {
        self.note(format!("send {title}"));
        self.sent.push(title.to_owned());
        let body = json!({ "staffGuid": self.devices[0].guid, "title": title, "content": "内容" });
        ok(at(server, &self.sender).post(&format!("{LIST}/message"), body).await);
    }

    /// What happens to one thing becomes one notice (FN12); no route sends such a thing by hand.
    async fn merged(&mut self, server: &TestServer, title: &str) {
        self.note(format!("send {title}"));
        self.sent.push(title.to_owned());
        let mut work = server.core.db.begin(&Author::system("tests")).await.unwrap();
        let mut notice = Notice::new(MessageType::MessageNotification, title, "内容", CompanyId(1));
        notice.merge_key = Some("one thing".to_owned());
        post::post(&mut work, &[AccountId(self.devices[0].id)], notice);
        work.commit(SystemTask::Upkeep).await.unwrap();
    }

    async fn broadcast(&mut self, server: &TestServer, step: usize) {
        let by = if self.dice.below(3) == 0 { self.root.clone() } else { self.sender.clone() };
        let title = format!("broadcast {step}");
        let mut body = json!({ "title": title, "content": "c", "category": "维护", "severity": "信息" });
        match self.dice.below(3) {
            0 => {}
            1 => body["audience"] = json!({ "kind": "company" }),
            _ => body["audience"] = json!({ "kind": "role", "id": self.crew }),
        }
        if self.dice.below(2) == 0 {
            body["expires_at"] = json!(iso(server.clock.now_ms() + LASTS.as_millis() as i64 - 1));
        }
        self.note(format!("send {body}"));
        ok(at(server, &by).post(&format!("{LIST}/broadcast"), body).await);
    }

    /// One notice, from wherever it lies.
    async fn mark(&mut self, me: &Account) {
        let rows = self.rows(me).await;
        if rows.is_empty() {
            return;
        }
        let row = self.dice.pick(&rows);
        let (id, title) = (row["id"].clone(), row["title"].as_str().expect("a title").to_owned());
        let what = ["read", "unread", "seen", "archive", "unarchive", "snooze", "unsnooze", "delete"];
        let what = self.dice.pick(&what);
        self.note(format!("{what} {title}"));
        let path = format!("{LIST}/{id}/{what}");
        let (status, answer) = match what {
            "delete" => me.delete(&format!("{LIST}/{id}")).await,
            "snooze" => {
                self.put_off.insert(title);
                me.post(&path, self.until()).await
            }
            _ => me.post(&path, json!({})).await,
        };
        let refused = what == "snooze" && row["state"] == "archived";
        assert_eq!(status, if refused { 409 } else { 200 }, "{what}: {answer}");
    }

    fn until(&self) -> Value {
        json!({ "until": iso(self.servers[0].clock.now_ms() + LASTS.as_millis() as i64 - 1) })
    }

    /// Some by their ids, as one change (FN7).
    async fn mark_some(&mut self, me: &Account) {
        let mut rows = self.rows(me).await;
        rows.retain(|_| self.dice.below(3) == 0);
        let states = ["seen", "read", "unread", "archived", "unarchived", "unsnoozed", "snoozed", "deleted"];
        let state = self.dice.pick(&states);
        if state == "snoozed" {
            rows.retain(|row| row["state"] != "archived");
            let titles = rows.iter().map(|row| row["title"].as_str().expect("a title").to_owned());
            self.put_off.extend(titles);
        }
        let ids: Vec<&Value> = rows.iter().map(|row| &row["id"]).collect();
        let mut body = json!({ "state": state, "ids": ids });
        if state == "snoozed" {
            body["until"] = self.until()["until"].clone();
        }
        self.note(format!("bulk {body}"));
        ok(me.post(&format!("{LIST}/bulk"), body).await);
    }

    /// All that a filter finds.
    async fn mark_found(&mut self, me: &Account) {
        let body = self.dice.pick(&[
            json!({ "state": "read", "filter": {} }),
            json!({ "state": "seen", "filter": {} }),
            json!({ "state": "read", "filter": { "type": "system_notification" } }),
            json!({ "state": "seen", "filter": { "type": "message_notification" } }),
            json!({ "state": "unread", "filter": { "is_read": true } }),
            json!({ "state": "archived", "filter": { "is_read": true } }),
            json!({ "state": "unarchived", "filter": {} }),
            json!({ "state": "unsnoozed", "filter": {} }),
            json!({ "state": "deleted", "filter": { "state": "read" } }),
        ]);
        self.note(format!("bulk {body}"));
        ok(me.post(&format!("{LIST}/bulk"), body).await);
    }

    async fn mark_all(&mut self, me: &Account) {
        let what = self.dice.pick(&["mark_all_read", "mark_seen"]);
        self.note(what.to_owned());
        ok(me.post(&format!("/api/workflow/notifications/{what}/"), json!({})).await);
    }

    /// What a role was told is in the inbox of whoever comes into it, and of nobody who leaves it.
    async fn join_or_leave(&mut self, server: &TestServer) {
        let (root, account) = (at(server, &self.root), self.devices[0].id);
        let path = format!("/api/v1/accounts/{account}/roles/{}", self.crew);
        self.note(format!("of the crew: {}", !self.is_of_crew));
        if self.is_of_crew {
            ok(root.delete(&path).await);
        } else {
            ok(root.post(&path, json!({})).await);
        }
        self.is_of_crew = !self.is_of_crew;
    }

    /// Time goes on: what was put off comes back, what had an end is over.
    async fn leap(&mut self, server: &TestServer) {
        if self.leaps == LEAPS {
            return;
        }
        self.leaps += 1;
        self.note("leap".to_owned());
        server.advance(LASTS).await;
        let now = server.clock.now_ms();
        until("all that is due is done", async || {
            let mut conn = server.core.db.read().await.unwrap();
            let (due,) = sql_one!(
                &mut conn,
                (i64,),
                "SELECT (SELECT count(*) FROM sys_notification_recipient WHERE place = 2 AND snoozed_until <= $1)
                      + (SELECT count(*) FROM sys_notification WHERE over_at IS NULL AND expires_at <= $1)",
                now
            )
            .unwrap();
            due == 0
        })
        .await;
    }

    /// Leaves without having read all, and comes back, perhaps elsewhere.
    async fn come_back(&mut self, server: &TestServer) {
        let tab = self.dice.below(TABS);
        let (transport, device) = (self.dice.pick(&TRANSPORTS), self.dice.below(2));
        self.note(format!("tab {tab} comes back by {transport:?}"));
        let badge = std::mem::take(&mut self.clients[tab].badge);
        self.clients[tab] = Client::open(server, &self.devices[device], transport, badge).await;
    }

    /// Waits until a tab has the server's counts: nothing but what is told by itself brings them.
    async fn levels(&mut self, tab: usize) {
        loop {
            let truth = standing(self.servers[0], &self.devices[0]).await;
            let badge = &self.clients[tab].badge;
            assert!(badge.rev <= truth.state_rev, "{badge:?} is past {truth:?}");
            if badge.counts == (truth.unseen, truth.unread) {
                return;
            }
            let told = self.clients[tab].step().await;
            assert!(told, "tab {tab} has {:?} for ever and not {truth:?}", self.clients[tab].badge);
        }
    }

    /// All rows, wherever they lie.
    async fn rows(&self, me: &Account) -> Vec<Value> {
        let mut rows = Vec::new();
        for place in ["", "&archived=true", "&snoozed=true"] {
            let page = ok(me.get(&format!("{LIST}?page_size=100{place}")).await);
            assert_eq!(page["next"], Value::Null, "all are on one page");
            rows.extend(page["results"].as_array().expect("rows").iter().cloned());
        }
        rows
    }

    async fn end(mut self) {
        for tab in 0..TABS {
            self.levels(tab).await;
        }
        // Whatever was told before this has arrived before it.
        let server = self.servers[0];
        self.message(server, "the end").await;
        let truth = standing(server, &self.devices[0]).await;
        for client in &mut self.clients {
            while client.badge.rev < truth.state_rev {
                assert!(client.step().await, "{:?} is never told {truth:?}", client.badge);
            }
            assert_eq!(client.badge.rev, truth.state_rev, "{:?}", client.badge);
            assert_eq!(client.badge.counts, (truth.unseen, truth.unread), "{:?}", client.badge);
            // What was seen elsewhere before this tab came back is in its counts and is not told again; of what was merged it
            // is told the last.
            let is_plain = |title: &&String| !self.put_off.contains(*title);
            let mut of_sent = self.sent.iter().filter(is_plain);
            let in_order =
                client.badge.titles.iter().filter(is_plain).all(|title| of_sent.any(|sent| sent == title));
            assert!(in_order, "each once, in order: {:?} of {:?}", client.badge.titles, self.sent);
        }
        for server in self.servers {
            let me = at(server, &self.devices[1]);
            let rows = self.rows(&me).await;
            let here =
                rows.iter().filter(|row| row["archived_at"].is_null() && row["snoozed_until"].is_null());
            let counted = here.fold((0, 0), |(unseen, unread), row| {
                (unseen + i64::from(row["state"] == "unseen"), unread + i64::from(row["is_read"] == false))
            });
            assert_eq!(counted, (truth.unseen, truth.unread), "what the lists say");
            let told = ok(me.get(&format!("{LIST}/counts")).await);
            assert_eq!((&told["unseen"], &told["unread"]), (&json!(counted.0), &json!(counted.1)));
        }
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {}:\n{}", self.seed, self.log.join("\n"));
        }
    }
}

/// Plays a run; one that fails says what has happened in it.
async fn run(servers: &[&TestServer], seed: u64) {
    let mut run = Run::begin(servers, seed).await;
    for step in 0..STEPS {
        run.step(step).await;
    }
    run.end().await;
}

async fn standing(server: &TestServer, account: &Account) -> feed::Standing {
    let mut conn = server.core.db.read().await.unwrap();
    feed::standing(&mut conn, AccountId(account.id), CompanyId(1)).await.unwrap()
}

/// What is due is done soon, and a tab that was left makes none of the others go.
fn roomy(settings: &mut Settings) {
    settings.inbox.look_ms = 20;
    settings.realtime.max_connections_per_user = 100;
}

both_databases! {
    async fn every_tab_ends_with_the_servers_counts(database: TestDatabase) {
        let setup = Setup::on(&database).with(roomy);
        setup.run(async |server| {
            for seed in 1..=3 {
                run(&[&server], seed).await;
            }
        })
        .await;
    }
}

#[test]
fn on_two_nodes_too() {
    run_on_postgres(async |database| {
        let nodes = Nodes::start_with(&database, roomy).await;
        for seed in 11..=13 {
            run(&[&nodes.one, &nodes.two], seed).await;
        }
        nodes.stop().await;
    });
}
