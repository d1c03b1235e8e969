//! The badge against a model: whatever comes, is marked, on whichever node, while tabs come and go: every tab ends with the
//! server's counts, and has been told every notice once (FN3 to FN6, S0-20).

use livegrant::inbox::feed;
use livegrant_actors::{AccountId, CompanyId, Transport};
use serde_json::Value;

use crate::inbox::{mark_all, send};
use crate::nodes::{Nodes, at};
use crate::support::{Account, Dice, Setup, Stream, TestServer, run_on_postgres, run_on_sqlite};

/// What happens in one run.
const STEPS: usize = 60;
const TABS: usize = 4;

/// What a client keeps.
#[derive(Debug, Default)]
struct Badge {
    counts: (i64, i64),
    rev: i64,
    place: [String; 3],
    inbox_seq: i64,
    inbox_rev: Option<i64>,
    titles: Vec<String>,
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
            "MESSAGE_NOTIFICATION" => {
                let title = data["title"].as_str().unwrap_or_default().to_owned();
                // Told before, and the place of before was given: known by its id.
                if !self.titles.contains(&title) {
                    self.titles.push(title);
                }
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
            client.step().await;
        }
        client
    }

    async fn step(&mut self) {
        let frame = self.stream.frame().await;
        self.badge.take(&frame);
    }
}

async fn run(servers: &[&TestServer], seed: u64) {
    let mut dice = Dice::of(seed);
    let alice = servers[0].account(&format!("alice{seed}"), &[]).await;
    let transports = [Transport::WebSocket, Transport::Sse, Transport::Poll];
    let mut clients = Vec::new();
    for _ in 0..TABS {
        let (server, transport) = (dice.pick(servers), dice.pick(&transports));
        clients.push(Client::open(server, &alice, transport, Badge::default()).await);
    }
    let mut sent = Vec::new();
    for step in 0..STEPS {
        let server = dice.pick(servers);
        let tab = dice.below(TABS);
        match dice.below(8) {
            0..=3 => {
                sent.push(format!("notice {step}"));
                send(server, &[&alice], &sent[sent.len() - 1]).await;
            }
            4 | 5 => mark_all(server, &alice).await,
            6 => {
                // Leaves without having read all, and comes back, perhaps elsewhere.
                let Client { badge, .. } = clients.swap_remove(tab);
                clients.push(Client::open(server, &alice, dice.pick(&transports), badge).await);
            }
            _ => {
                let at_least = standing(server, &alice).await.state_rev;
                while clients[tab].badge.rev < at_least {
                    clients[tab].step().await;
                }
            }
        }
    }
    let truth = standing(servers[0], &alice).await;
    for client in &mut clients {
        while client.badge.rev < truth.state_rev {
            client.step().await;
        }
        assert_eq!(client.badge.rev, truth.state_rev, "seed {seed}");
        assert_eq!(client.badge.counts, (truth.unseen, truth.unread), "seed {seed}: {:?}", client.badge);
        // What was seen elsewhere before this tab came back is in its counts and is not told again.
        let mut of_sent = sent.iter();
        let in_order = client.badge.titles.iter().all(|title| of_sent.any(|sent| sent == title));
        assert!(in_order, "seed {seed}: each once, in order: {:?} of {sent:?}", client.badge.titles);
    }
}

async fn standing(server: &TestServer, account: &Account) -> feed::Standing {
    let mut conn = server.core.db.read().await.unwrap();
    feed::standing(&mut conn, AccountId(account.id), CompanyId(1)).await.unwrap()
}

#[test]
fn every_tab_ends_with_the_servers_counts() {
    run_on_sqlite(async |database| {
        Setup::on(&database)
            .run(async |server| {
                for seed in 1..=4 {
                    run(&[&server], seed).await;
                }
            })
            .await;
    });
}

#[test]
fn on_two_nodes_too() {
    run_on_postgres(async |database| {
        let nodes = Nodes::start(&database).await;
        for seed in 11..=14 {
            run(&[&nodes.one, &nodes.two], seed).await;
        }
        nodes.stop().await;
    });
}
