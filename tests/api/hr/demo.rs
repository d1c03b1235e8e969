//! The demo's people and positions.

use livegrant::demo::seed;
use livegrant::web::page::DEMO_PASSWORD;
use serde_json::json;

use crate::support::{Account, ok, served};

served! {
    async fn the_demo_can_be_seeded_again_and_hr_can_work_with_it(server: TestServer) {
        seed(&server.core.db, server.keys()).await.expect("an empty database takes the demo data");
        let before = server.rows().await;
        assert_eq!(seed(&server.core.db, server.keys()).await.expect("a second time changes nothing"), 0);
        assert_eq!(server.rows().await, before);

        let hr = Account::of_login(&server.anonymous(), &ok(server.login("hr", DEMO_PASSWORD).await));
        let alice = Account::of_login(&server.anonymous(), &ok(server.login("alice", DEMO_PASSWORD).await));
        let staff = ok(hr.get("/api/v1/staff?search=E003").await)["results"][0].clone();
        assert_eq!((&staff["username"], &staff["positions"][0]["code"]), (&json!("alice"), &json!("receptionist")));
        for position in ok(hr.get("/api/v1/positions").await)["results"].as_array().expect("a list") {
            let path = format!("/api/v1/staff/{}/positions", staff["guid"].as_str().unwrap_or_default());
            ok(hr.post(&path, json!({ "position_guid": position["guid"] })).await);
        }
        assert!(alice.codes().await.contains(&"leave:approve".to_owned()));
    }
}
