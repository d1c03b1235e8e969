//! An echo server on the engine's transport, for conformance runs (`scripts/autobahn.sh`):
//! `cargo run -p livegrant-actors --features bare --example echo [PORT [LIMIT]]`.
//!
//! The handshake comes through `actix-http` as the application's does. It prints its address, takes messages of up to
//! `LIMIT` bytes, 16 MiB when it is not said, and ends with its standard input.

use std::convert::Infallible;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};

use actix_codec::Framed;
use actix_http::{HttpService, Request, Response, h1};
use actix_server::Server;
use actix_service::fn_service;
use livegrant_actors::transport::{echo, ws};
use tokio::net::TcpStream;

/// The largest message of Autobahn's cases 9.1 and 9.2.
const LARGEST: usize = 16 * 1024 * 1024;

#[actix_rt::main]
async fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(0);
    let limit = std::env::args().nth(2).and_then(|limit| limit.parse().ok()).unwrap_or(LARGEST);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    listener.set_nonblocking(true)?;
    println!("ws://{}", listener.local_addr()?);
    let server = Server::build()
        .workers(1)
        .listen("echo", listener, move || {
            HttpService::build()
                .upgrade(fn_service(move |(request, framed)| async move {
                    upgrade(request, framed, limit).await;
                    Ok::<(), Infallible>(())
                }))
                .finish(|_| async { Ok::<_, Infallible>(Response::not_found()) })
                .tcp()
        })?
        .run();
    let handle = server.handle();
    std::thread::spawn(move || {
        // Whoever started it holds the other end: it goes when he goes.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        drop(handle.stop(false));
    });
    server.await
}

async fn upgrade(request: Request, framed: Framed<TcpStream, h1::Codec>, limit: usize) {
    let Ok(answer) = ws::handshake(request.head(), None) else { return };
    drop(request);
    let parts = framed.into_parts();
    let leftover = parts.read_buf.freeze();
    if let Ok(stream) = ws::accept(parts.io, answer).await
        && let Err(error) = echo::serve(stream, leftover, limit).await
    {
        eprintln!("{error}");
    }
}
