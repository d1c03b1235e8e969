//! People told and found online by tools.

use serde_json::json;

use super::Model;
use crate::support::served;

served! {
    // S0-51, S0-30, S0-55: told by tools, heard in the open tab; and who is online.
    async fn people_are_told_and_found_online_by_tools(server: TestServer) {
        let clerk = server.account("clerk", &["notification:send", "session:view"]).await;
        let alice = server.account("alice", &[]).await;
        let token = format!("Bearer {}", alice.access);
        let headers = [("authorization", &*token), ("sec-websocket-protocol", "wsp.v1")];
        let mut tab = server.try_socket("?topics=notifications", &headers).await.expect("a tab");
        tab.next_of("CONNECTED").await;
        let model = Model::of(&clerk);
        let message = json!({ "staffGuid": alice.guid, "title": "通知 🎉", "content": "“内容”" });
        let sent = model.done("notifyMessage", message.clone()).await;
        assert_eq!(sent["recipients"], 1, "{sent}");
        let told = tab.next_of("MESSAGE_NOTIFICATION").await;
        assert_eq!((&told["data"]["title"], &told["data"]["content"]), (&json!("通知 🎉"), &json!("“内容”")));
        let moved = json!({
            "staffGuid": alice.guid, "title": "晋升", "content": "恭喜", "oldPosition": "前台接待", "newPosition": "前台主管",
            "changeType": "晋升",
        });
        model.done("notifyPositionChange", moved).await;
        let told = tab.next_of("POSITION_CHANGE").await;
        assert_eq!(
            (&told["data"]["oldPosition"], &told["data"]["newPosition"], &told["data"]["changeType"]),
            (&json!("前台接待"), &json!("前台主管"), &json!("晋升"))
        );
        let online = model.done("listOnlineUsers", json!({})).await;
        assert_eq!((&online["count"], &online["results"][0]["guid"]), (&json!(1), &json!(alice.guid)), "{online}");
        let problem = Model::of(&alice).refused("notifyMessage", message).await;
        assert_eq!(problem["code"], "NoPermissionError");
    }
}
