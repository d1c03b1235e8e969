//! The port after that of MCP, for clients that expect the event streams there (C6).

use std::net::TcpListener;

use crate::support::{Setup, TestServer, run_on_sqlite};

// S0-45, S0-46
#[test]
fn the_streams_have_a_port_of_their_own_when_asked() {
    run_on_sqlite(|database| async move {
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let setup = Setup::on(&database).with(|settings| settings.server.compat_sse_port = port);
        setup
            .run(async move |server: TestServer| {
                let by = server.account("by", &["org:view"]).await;
                let get = async |path: &str| {
                    let request = server.client().get(format!("http://127.0.0.1:{port}{path}"));
                    let response = request.bearer_auth(&by.access).send().await.expect("an answer");
                    (response.status().as_u16(), response.headers().clone())
                };
                let path = format!("/api/v1/events?userGuid={}", by.guid);
                let (status, headers) = get(&path).await;
                assert_eq!(status, 200, "{headers:?}");
                assert!(headers["content-type"].to_str().expect("text").starts_with("text/event-stream"));
                assert_eq!(get("/readyz").await.0, 200);
                for elsewhere in ["/api/v1/organizations", "/", "/mcp", "/api/accounts/users/me/"] {
                    assert_eq!(get(elsewhere).await.0, 404, "{elsewhere}");
                }
                // The first port has them too.
                let request = server.client().get(format!("{}{path}", server.url())).bearer_auth(&by.access);
                assert_eq!(request.send().await.expect("an answer").status(), 200);
            })
            .await;
    });
}
