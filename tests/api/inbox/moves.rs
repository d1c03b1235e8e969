//! What somebody does in his own inbox, over REST: each move answers the notice and absolute counts, repeating is harmless.

use livegrant_actors::Transport;
use serde_json::{Value, json};

use super::{LIST, counts, of, shout, tell, titles};
use crate::support::{Account, Stream, ok, refused, served};

async fn act(by: &Account, id: i64, what: &str) -> Value {
    ok(by.post(&format!("{LIST}/{id}/{what}"), json!({})).await)
}

served! {
    // FN1, FN2, FN5, FN6, S2-44, C28
    async fn one_notice_from_place_to_place(server: TestServer) {
        let sender = server.account("sender", &["notification:send", "notification:broadcast"]).await;
        let alice = server.account("alice", &[]).await;
        let own = tell(&sender, &alice, "own").await;
        let told_to_all = shout(&sender, "all").await;
        let mut rev = 0;
        for id in [own, told_to_all] {
            for (what, state, expected) in [
                ("seen", "seen", (0, 1)), ("seen", "seen", (0, 1)), ("read", "read", (0, 0)), ("unread", "seen", (0, 1)),
                ("archive", "archived", (0, 0)), ("read", "archived", (0, 0)), ("unread", "archived", (0, 0)),
                ("unarchive", "seen", (0, 1)), ("unarchive", "seen", (0, 1)), ("unsnooze", "seen", (0, 1)),
            ] {
                let answer = act(&alice, id, what).await;
                let (unseen, unread) = of(&answer["counts"]);
                let others = i64::from(id == own);
                assert_eq!((&answer["state"], (unseen - others, unread - others)), (&json!(state), expected), "{id} {what}");
                let now = answer["counts"]["state_rev"].as_i64().unwrap();
                assert!(now >= rev, "{what}: {now} after {rev}");
                rev = now;
                assert_eq!(counts(&alice).await, (unseen, unread), "{what}: the answer's counts are the counts");
            }
            act(&alice, id, "read").await;
        }
        let same = act(&alice, own, "read").await["counts"]["rev"].clone();
        assert_eq!(act(&alice, own, "read").await["counts"]["rev"], same, "what is so already takes no revision");
        let path = format!("/api/workflow/notifications/{own}/mark_read/");
        assert_eq!(ok(alice.post(&path, json!({})).await)["is_read"], true);

        let snoozed = ok(alice.post(&format!("{LIST}/{own}/snooze"), json!({ "preset": "tomorrow" })).await);
        assert_eq!(snoozed["state"], "snoozed");
        assert_eq!((titles(&alice, LIST).await, titles(&alice, &format!("{LIST}?snoozed=true")).await), ("all".to_owned(), "own".to_owned()));
        server.clock.advance(std::time::Duration::from_millis(1));
        let back = act(&alice, own, "unsnooze").await;
        assert_eq!((&back["state"], of(&back["counts"])), (&json!("unseen"), (1, 1)), "comes back as new");
        assert_eq!(titles(&alice, LIST).await, "own all");
        act(&alice, own, "archive").await;
        refused(alice.post(&format!("{LIST}/{own}/snooze"), json!({ "preset": "hour" })).await, 409, "archived");
        assert_eq!(ok(alice.delete(&format!("{LIST}/{own}")).await)["title"], "own");
        refused(alice.delete(&format!("{LIST}/{own}")).await, 404, "not_found");
        refused(alice.get(&format!("{LIST}/{own}")).await, 404, "not_found");
        ok(alice.delete(&format!("{LIST}/{told_to_all}")).await);
        assert_eq!(titles(&alice, LIST).await, "");
        assert_eq!(titles(&sender, LIST).await, "all", "another one's broadcast is where it was");
    }

    // FN7, FN16
    async fn many_at_once(server: TestServer) {
        let sender = server.account("sender", &["notification:send", "notification:broadcast"]).await;
        let alice = server.account("alice", &[]).await;
        let mut ids = Vec::new();
        for title in ["a", "b", "c"] {
            ids.push(tell(&sender, &alice, title).await);
        }
        shout(&sender, "all").await;
        let bulk = async |body: Value| ok(alice.post(&format!("{LIST}/bulk"), body).await);
        let seen = ok(alice.post("/api/workflow/notifications/mark_seen/", json!({})).await);
        assert_eq!((&seen["changed"], of(&seen["counts"])), (&json!(4), (0, 4)));
        let rev = seen["counts"]["rev"].as_i64().unwrap();
        let read = bulk(json!({ "state": "read", "ids": [ids[0], ids[1], 999_999] })).await;
        assert_eq!((&read["changed"], of(&read["counts"])), (&json!(2), (0, 2)));
        assert_eq!(read["counts"]["rev"], rev + 1, "one revision, however many");
        let archived = bulk(json!({ "state": "archived", "filter": { "is_read": true } })).await;
        assert_eq!(archived["changed"], 2);
        assert_eq!(titles(&alice, LIST).await, "all c");
        let all = ok(alice.post("/api/workflow/notifications/mark_all_read/", json!({})).await);
        assert_eq!((&all["changed"], of(&all["counts"])), (&json!(2), (0, 0)));
        assert_eq!(ok(alice.post("/api/workflow/notifications/mark_all_read/", json!({})).await)["changed"], 0);
        assert_eq!(bulk(json!({ "state": "unread", "filter": { "type": "system_notification" } })).await["changed"], 1);
        assert_eq!(counts(&alice).await, (0, 1));
        assert_eq!(bulk(json!({ "state": "unarchived", "filter": {} })).await["changed"], 2);
        assert_eq!(bulk(json!({ "state": "snoozed", "filter": {}, "preset": "hour" })).await["changed"], 4);
        assert_eq!(titles(&alice, LIST).await, "");
        let back = bulk(json!({ "state": "unsnoozed", "filter": {} })).await;
        assert_eq!((&back["changed"], of(&back["counts"])), (&json!(4), (4, 4)));
        assert_eq!(bulk(json!({ "state": "deleted", "filter": { "search": "a" } })).await["changed"], 2, "a and all");
        assert_eq!(titles(&alice, &format!("{LIST}?search=b")).await, "b");
    }

    // FN3, FN7, E26: every tab, also the acting one's, is told absolute counts.
    async fn every_tab_is_told_once(server: TestServer) {
        let sender = server.account("sender", &["notification:send"]).await;
        let alice = server.account("alice", &[]).await;
        let (a, b) = (tell(&sender, &alice, "a").await, tell(&sender, &alice, "b").await);
        let listens = [("topics", "notifications")];
        let opened = Stream::open(&server, Transport::WebSocket, &alice, &listens).await;
        let (mut tab, _) = opened.expect("a stream");
        ok(alice.post(&format!("{LIST}/bulk"), json!({ "state": "read", "ids": [a, b] })).await);
        let state = loop {
            let frame = tab.next_of("NOTIFICATION_STATE").await;
            if frame["data"]["state"] == "read" {
                break frame;
            }
        };
        assert_eq!((&state["data"]["ids"], of(&state["data"])), (&json!([a, b]), (0, 0)), "{state}");
    }
}
