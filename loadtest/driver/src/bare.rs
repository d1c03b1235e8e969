//! The baseline: a writer on bare tokio, without a framework, that does nothing but write the frame it is given to every
//! socket. What the server costs above it is what the server does for its tabs. One thread, as the pinned server has.

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::frame::{ACCEPT, find};

/// A head or body above this is no client of ours.
const REQUEST_MAX: usize = 1024 * 1024;

type Sockets = Rc<RefCell<Vec<TcpStream>>>;

/// Serves until the process ends; prints the address once it can be reached.
pub fn serve(port: u16) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async move {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
        println!("{}", listener.local_addr()?);
        let sockets = Sockets::default();
        loop {
            let (socket, _) = listener.accept().await?;
            let sockets = Rc::clone(&sockets);
            tokio::task::spawn_local(async move {
                // A client that breaks off needs no answer.
                let _ = answer(socket, &sockets).await;
            });
        }
    })
}

async fn answer(mut socket: TcpStream, sockets: &Sockets) -> std::io::Result<()> {
    let mut request = BytesMut::new();
    let head = loop {
        if let Some(end) = find(&request, b"\r\n\r\n") {
            break request.split_to(end + 4);
        }
        if request.len() > REQUEST_MAX || socket.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    };
    if !head.starts_with(b"POST ") {
        let upgrade = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
        );
        socket.set_nodelay(true)?;
        socket.write_all(upgrade.as_bytes()).await?;
        sockets.borrow_mut().push(socket);
        return Ok(());
    }
    let text = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let length: usize = length.unwrap_or(0).min(REQUEST_MAX);
    while request.len() < length && socket.read_buf(&mut request).await? > 0 {}
    let frame = request.freeze();
    let written =
        sockets.borrow().iter().filter(|tab| tab.try_write(&frame).ok() == Some(frame.len())).count();
    let body = format!("{{\"written\":{written}}}");
    let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    socket.write_all(head.as_bytes()).await?;
    socket.write_all(body.as_bytes()).await?;
    socket.shutdown().await
}
