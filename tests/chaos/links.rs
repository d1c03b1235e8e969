//! The proxy itself: what each state of a link does to the bytes of a connection.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::nodes::proxy::{Link, Proxy, Way};
use crate::nodes::wait::{at_most, until};
use crate::random::runtime;

/// Longer than a word takes on loopback, however busy the machine: used where something must not come.
const LONG: Duration = Duration::from_millis(400);
const PATIENCE: Duration = Duration::from_secs(10);

/// A server that says back what it hears.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut into) = stream.split();
                let _ = tokio::io::copy(&mut from, &mut into).await;
            });
        }
    });
    address
}

async fn ask(stream: &mut TcpStream, word: &[u8]) -> std::io::Result<Vec<u8>> {
    stream.write_all(word).await?;
    hear(stream).await
}

async fn hear(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut answer = vec![0; 4];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

async fn opened() -> (Proxy, TcpStream) {
    let proxy = Proxy::to(echo().await).await;
    let mut stream = TcpStream::connect(proxy.address).await.unwrap();
    assert_eq!(ask(&mut stream, b"word").await.unwrap(), b"word");
    (proxy, stream)
}

#[test]
fn a_cut_link_resets_what_is_open_and_what_is_new_and_is_whole_again() {
    runtime().block_on(async {
        let (proxy, mut stream) = opened().await;
        proxy.set(Link::Cut);
        let answer = at_most(PATIENCE, hear(&mut stream)).await.expect("it is reset");
        assert_eq!(answer.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
        let new = async { ask(&mut TcpStream::connect(proxy.address).await?, b"word").await };
        assert!(at_most(PATIENCE, new).await.expect("it is reset").is_err());
        proxy.set(Link::Whole);
        let mut new = TcpStream::connect(proxy.address).await.unwrap();
        assert_eq!(ask(&mut new, b"word").await.unwrap(), b"word");
    });
}

#[test]
fn what_a_holding_link_holds_arrives_when_it_is_whole_again() {
    runtime().block_on(async {
        for way in [Way::There, Way::Back, Way::Both] {
            let (proxy, mut stream) = opened().await;
            proxy.set(Link::Holding(way));
            assert!(at_most(LONG, ask(&mut stream, b"held")).await.is_none(), "{way:?}");
            proxy.set(Link::Whole);
            assert_eq!(at_most(PATIENCE, hear(&mut stream)).await.unwrap().unwrap(), b"held", "{way:?}");
        }
    });
}

#[test]
fn what_a_swallowing_link_swallows_never_arrives_and_the_connection_is_reset() {
    runtime().block_on(async {
        for way in [Way::There, Way::Back] {
            let (proxy, mut stream) = opened().await;
            proxy.set(Link::Swallowing(way));
            assert!(at_most(LONG, ask(&mut stream, b"gone")).await.is_none(), "{way:?}");
            proxy.set(Link::Whole);
            let answer = at_most(PATIENCE, hear(&mut stream)).await.expect("it is reset");
            assert!(answer.is_err(), "{way:?}: {answer:?}");
        }
    });
}

#[test]
fn a_new_connection_over_a_held_link_waits_for_the_server() {
    runtime().block_on(async {
        let (proxy, _) = opened().await;
        proxy.set(Link::Holding(Way::Both));
        let mut new = TcpStream::connect(proxy.address).await.unwrap();
        assert!(at_most(LONG, ask(&mut new, b"wait")).await.is_none());
        proxy.set(Link::Slow(Duration::from_millis(1)));
        assert_eq!(at_most(PATIENCE, hear(&mut new)).await.unwrap().unwrap(), b"wait");
    });
}

#[test]
fn a_reset_ends_what_is_open_and_nothing_else() {
    runtime().block_on(async {
        let (proxy, mut stream) = opened().await;
        proxy.reset();
        assert!(at_most(PATIENCE, hear(&mut stream)).await.expect("it is reset").is_err());
        let answer = until("a new one is served", PATIENCE, async || {
            let mut new = TcpStream::connect(proxy.address).await.ok()?;
            ask(&mut new, b"word").await.ok()
        });
        assert_eq!(answer.await, b"word");
    });
}
