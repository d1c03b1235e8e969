//! A link between a node and a server, which can be broken: a TCP proxy in the test process, one a link.
//!
//! What lost packets do to TCP is that bytes wait: [`Link::Holding`] reads nothing more in one direction or both, and
//! what waits arrives when the link is whole again. What a firewall that has forgotten a connection does is
//! [`Link::Swallowing`]: bytes are taken and thrown away, and a connection that lost some is reset when the link is whole
//! again. [`Link::Cut`] resets what is open and what is new. New connections are taken at once in every state; a held one
//! does not reach the server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::wait::pass;

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the node to the server.
    There,
    /// From the server to the node.
    Back,
    /// Both.
    Both,
}

impl Way {
    fn is(self, way: Way) -> bool {
        self == way || self == Self::Both
    }
}

/// The state of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    Whole,
    /// Bytes arrive this much later each way.
    Slow(Duration),
    /// Bytes wait.
    Holding(Way),
    /// Bytes vanish.
    Swallowing(Way),
    /// Everything is reset.
    Cut,
}

/// See the head of this file.
#[derive(Debug)]
pub struct Proxy {
    pub address: SocketAddr,
    link: watch::Sender<Link>,
    /// Raised to reset what is open, whatever the state.
    resets: watch::Sender<u64>,
    /// Raised to forget what is open.
    forgets: watch::Sender<u64>,
    target: watch::Sender<SocketAddr>,
    task: JoinHandle<()>,
}

impl Proxy {
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port is free");
        let address = listener.local_addr().expect("it is bound");
        let (link, state) = watch::channel(Link::Whole);
        let (resets, reset) = watch::channel(0);
        let (forgets, forgotten) = watch::channel(0);
        let (target, to) = watch::channel(server);
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, to.clone(), state.clone(), (reset.clone(), forgotten.clone())));
            }
        });
        Self { address, link, resets, forgets, target, task }
    }

    /// Sets the link's state.
    pub fn set(&self, link: Link) {
        self.link.send_replace(link);
    }

    /// Resets what is open; what comes afterwards is served.
    pub fn reset(&self) {
        self.resets.send_modify(|resets| *resets += 1);
    }

    /// Forgets what is open, as a firewall does: its bytes vanish for good, and nobody is told. New ones are served.
    pub fn forget(&self) {
        self.forgets.send_modify(|forgets| *forgets += 1);
    }

    /// Leads new connections elsewhere.
    pub fn lead_to(&self, server: SocketAddr) {
        self.target.send_replace(server);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        self.link.send_replace(Link::Cut);
    }
}

async fn carry(
    near: TcpStream,
    to: watch::Receiver<SocketAddr>,
    mut link: watch::Receiver<Link>,
    (mut reset, mut forgotten): (watch::Receiver<u64>, watch::Receiver<u64>),
) {
    reset.mark_unchanged();
    forgotten.mark_unchanged();
    let opened = async {
        // A held connection does not reach the server before the link is whole.
        let open = |link: &Link| !matches!(link, Link::Holding(_) | Link::Swallowing(_));
        if *link.wait_for(open).await.ok()? == Link::Cut {
            return None;
        }
        let server = *to.borrow();
        TcpStream::connect(server).await.ok()
    };
    let far = tokio::select! {
        far = opened => far,
        _ = reset.changed() => None,
    };
    let Some(far) = far else {
        hang_up(&near);
        return;
    };
    // Latency is what the link's state says, and nothing else.
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let (near, far) = (Arc::new(near), Arc::new(far));
    let cut = {
        let mut link = link.clone();
        async move {
            let _ = link.wait_for(|link| *link == Link::Cut).await;
        }
    };
    let lost_bytes = tokio::select! {
        lost = pump(&near, &far, Way::There, link.clone()) => lost,
        lost = pump(&far, &near, Way::Back, link.clone()) => lost,
        () = cut => true,
        _ = reset.changed() => true,
        Ok(()) = forgotten.changed() => {
            // Both ends go on believing in it until the run is over.
            let _ = link.wait_for(|_| false).await;
            true
        }
    };
    if lost_bytes {
        hang_up(&near);
        hang_up(&far);
    }
}

fn hang_up(stream: &TcpStream) {
    // Closed with a reset: that is what the other side is to see. A stream that is gone needs none.
    let _ = stream.set_zero_linger();
}

/// Carries bytes one way until the connection ends; answers whether it must be reset.
async fn pump(from: &TcpStream, into: &TcpStream, way: Way, mut link: watch::Receiver<Link>) -> bool {
    let mut bytes = vec![0; 16 * 1024];
    let mut swallowed = false;
    loop {
        let readable = tokio::select! {
            readable = from.readable() => readable,
            changed = link.changed() => match changed {
                Ok(()) => Ok(()),
                Err(_) => return true,
            },
        };
        if readable.is_err() {
            return false;
        }
        let state = *link.borrow_and_update();
        match state {
            Link::Cut => return true,
            Link::Holding(held) if held.is(way) => {
                if link.changed().await.is_err() {
                    return true;
                }
                continue;
            }
            _ => {}
        }
        // What comes after a gap would be nonsense to the other side.
        if swallowed && !matches!(state, Link::Swallowing(_)) {
            return true;
        }
        let count = match from.try_read(&mut bytes) {
            Ok(0) => return false,
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(_) => return true,
        };
        match state {
            Link::Swallowing(lost) if lost.is(way) => {
                swallowed = true;
                continue;
            }
            Link::Slow(delay) => pass(delay).await,
            _ => {}
        }
        if write_all(into, &bytes[..count]).await.is_err() {
            return true;
        }
    }
}

async fn write_all(into: &TcpStream, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        into.writable().await?;
        match into.try_write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
