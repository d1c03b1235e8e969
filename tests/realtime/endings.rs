//! Tabs that do not read, and the end of the process.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::{PASSWORD, PATIENCE, Setup, Tab, both_databases, ok, served_once};

served_once! {
    /// More is told than every buffer between server and tab can hold, and still nobody waits for that tab.
    async fn a_tab_that_does_not_read_delays_nobody(server: TestServer) {
        let admin = server.platform().await;
        let alice = server.account("alice", &["org:view"]).await;
        let address = server.url().replace("http://", "");
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let stream = socket.connect(address.parse().unwrap()).await.unwrap();
        let bearer = format!("Bearer {}", alice.access);
        let path = format!("{address}/ws/permission");
        let stuck = Tab::open_on(stream, &path, &[("authorization", &bearer)]).await.unwrap();
        let mut reading = server.tab(&alice).await;

        let content = "通".repeat(2_000);
        for number in 0..120 {
            let title = format!("notice {number}");
            let notice = json!({ "title": title, "content": content, "category": "x", "severity": "info" });
            ok(admin.post("/api/v1/notifications/broadcast", notice).await);
            assert_eq!(reading.next_of("SYSTEM_NOTICE").await["data"]["title"], title);
        }
        server.change_role(alice.role, "remove", &["org:view"]).await;
        assert_eq!(reading.frame().await["data"]["removed"], json!(["org:view"]));

        // Fifteen seconds without a byte taken end it; the list forgets it.
        server.advance(Duration::from_secs(20)).await;
        let gone = async {
            loop {
                let online = ok(admin.get("/api/v1/online-users").await);
                if online["results"][0]["tabs"].as_array().is_some_and(|tabs| tabs.len() == 1) {
                    break;
                }
                // A closing tab has three seconds for its last frame.
                server.advance(Duration::from_secs(1)).await;
                reading.send(json!({ "type": "ping" })).await;
            }
        };
        tokio::time::timeout(PATIENCE, gone).await.expect("a stuck tab is closed");
        drop(stuck);
    }
}

both_databases! {
    async fn a_stopping_server_sends_its_tabs_elsewhere_and_ends(database: TestDatabase) {
        Setup::on(&database).run(async |server| {
            let alice = server.account("alice", &[]).await;
            let address = server.url().replace("http://", "");
            let tabs = [server.tab(&alice).await, server.tab(&alice).await];
            let ends = async {
                for tab in tabs {
                    let (seen, code, _) = tab.end().await;
                    assert_eq!((seen, code), (Vec::<Value>::new(), 1012));
                }
            };
            tokio::join!(server.stop(), ends);
            assert!(TcpStream::connect(&address).await.is_err(), "nobody listens any more");
        })
        .await;
    }

    /// A request that is being answered is answered; a connection that merely idles is not waited for.
    async fn a_stopping_server_finishes_what_it_answers(database: TestDatabase) {
        let setup = Setup::on(&database).with(|settings| settings.server.shutdown_seconds = 3_600);
        setup.run(async |server| {
            server.account("alice", &[]).await;
            let address = server.url().replace("http://", "");
            let mut idle = TcpStream::connect(&address).await.unwrap();
            idle.write_all(format!("GET /healthz HTTP/1.1\r\nhost: {address}\r\n\r\n").as_bytes()).await.unwrap();
            let mut first = [0; 12];
            idle.read_exact(&mut first).await.unwrap();
            assert_eq!(&first, b"HTTP/1.1 200");

            let body = json!({ "username": "alice", "password": PASSWORD }).to_string();
            let (half, rest) = body.split_at(10);
            let length = body.len();
            let head = format!("POST /api/auth/login/ HTTP/1.1\r\nhost: {address}\r\ncontent-length: {length}\r\n\r\n");
            let mut asking = TcpStream::connect(&address).await.unwrap();
            asking.write_all(format!("{head}{half}").as_bytes()).await.unwrap();
            // Half a request has arrived when a whole one behind it has been answered.
            ok(server.anonymous().get("/healthz").await);
            let answered = async {
                while TcpStream::connect(&address).await.is_ok() {
                    tokio::task::yield_now().await;
                }
                asking.write_all(rest.as_bytes()).await.unwrap();
                let mut answer = [0; 12];
                asking.read_exact(&mut answer).await.unwrap();
                assert_eq!(&answer, b"HTTP/1.1 200");
            };
            tokio::join!(server.stop(), answered);
            drop(idle);
        })
        .await;
    }
}
