use crate::support::{ok, served};

served! {
    async fn smoke(server: TestServer) {
        let before = server.rows().await;
        let alice = server.account("alice", &["org:view", "role:view"]).await;
        assert_ne!(before, server.rows().await);
        assert_eq!(alice.codes().await, ["org:view", "role:view"]);
        let mut tab = server.tab(&alice).await;
        let mark = server.mark().await;
        assert!(tab.until(&mark).await.is_empty());
        ok(alice.get("/api/v1/roles").await);
    }
}
