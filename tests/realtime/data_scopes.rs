//! What tabs are told when a permission reaches something else though nobody's codes change (FC7): those whose scope it is,
//! on every transport and each once; nobody else.

use livegrant_actors::Transport;
use serde_json::{Value, json};

use crate::frames::{Copy, data};
use crate::support::{Account, Stream, Tab, TestServer, ok, served};

const NOTHING: Vec<Value> = Vec::new();

fn guid(body: &Value) -> String {
    body["guid"].as_str().expect("a guid").to_owned()
}

async fn organization(by: &Account, code: &str) -> String {
    guid(&ok(by.post("/api/v1/organizations", json!({ "code": code, "name": code })).await))
}

async fn person(by: &Account, account: &Account, organization: &str) -> String {
    let body = json!({ "staff_no": account.username, "name": account.username, "account_id": account.id,
        "organization_guid": organization });
    guid(&ok(by.post("/api/v1/staff", body).await))
}

async fn rescope(server: &TestServer, role: i64, scope: &str) {
    let by = server.platform().await;
    ok(by.patch(&format!("/api/v1/roles/{role}"), json!({ "data_scope": scope })).await);
}

async fn opened(server: &TestServer, account: &Account) -> (Tab, Copy) {
    let mut tab = server.socket(account).await;
    let copy = Copy::of(&tab.frame().await);
    (tab, copy)
}

/// The next frame says that the same codes reach something else; answers the version of what they reach.
async fn told(server: &TestServer, tab: &mut Tab, copy: &mut Copy, account: &Account, reason: &str) -> Value {
    let frame = tab.frame().await;
    let update = data(&frame, "PERMISSION_UPDATE", account, Some(server.platform().await));
    let (added, removed) = (&update["added"], &update["removed"]);
    assert_eq!(
        (&update["updateType"], added, removed),
        (&json!("REPLACE"), &json!([]), &json!([])),
        "{frame}"
    );
    assert_eq!(update["reason"], reason, "{frame}");
    copy.follow(&frame);
    copy.agrees(account).await;
    let own = ok(account.get("/api/v1/me/permissions").await);
    assert_eq!(own["data_scope_version"], update["dataScopeVersion"]);
    assert_eq!(own["data_scopes"] == json!({}), update["dataScopeVersion"].is_null(), "{own}");
    update["dataScopeVersion"].clone()
}

served! {
    // FC7, E2: the holders of a role of another scope, each by what it means for him; neither who reaches everything another
    // way, nor who never held it; and nobody when the scope is what it was.
    async fn a_roles_scope_is_told_to_its_holders(server: TestServer) {
        let root = server.platform().await;
        let desk = server.role("desk", &["org:view"]).await;
        let (north, south) = (organization(root, "north").await, organization(root, "south").await);
        let mut holders = Vec::new();
        for (name, place) in [("alice", &north), ("bob", &south), ("cy", &north)] {
            let account = server.account(name, &[]).await;
            person(root, &account, place).await;
            server.give(&account, desk).await;
            let (tab, copy) = opened(&server, &account).await;
            holders.push((account, tab, copy));
        }
        let both = server.account("both", &["org:view"]).await;
        server.give(&both, desk).await;
        let stranger = server.account("stranger", &["org:view"]).await;
        let mut others = Vec::new();
        for account in [&both, &stranger, root] {
            others.push((account, opened(&server, account).await));
        }
        let mut before = Vec::new();
        for (scope, differ) in [("own", true), ("own_and_below", true), ("self", false), ("all", false)] {
            rescope(&server, desk, scope).await;
            let mut versions = Vec::new();
            for (account, tab, copy) in &mut holders {
                versions.push(told(&server, tab, copy, account, "role:desk").await);
            }
            assert_eq!(versions[0] == versions[1], !differ, "{scope}: {versions:?}");
            assert_eq!(versions[0], versions[2], "{scope}: of one organisation");
            assert_eq!(versions[0].is_null(), scope == "all", "{scope}");
            assert_ne!(versions, before, "{scope}");
            before = versions;
        }
        rescope(&server, desk, "all").await;
        let mark = server.mark().await;
        for (_, tab, _) in &mut holders {
            assert_eq!(tab.until(&mark).await, NOTHING, "once each, and not for what it was");
        }
        for (account, (tab, copy)) in &mut others {
            assert_eq!(tab.until(&mark).await, NOTHING, "{}", account.username);
            copy.agrees(account).await;
        }
    }

    // FC7, E3: a position's scope, and the organisation that it belongs to; on every transport.
    async fn a_positions_scope_is_told_to_who_is_in_it(server: TestServer) {
        let root = server.platform().await;
        let (north, south) = (organization(root, "north").await, organization(root, "south").await);
        let (alice, bob) = (server.account("alice", &[]).await, server.account("bob", &["org:view"]).await);
        let staff = person(root, &alice, &north).await;
        person(root, &bob, &north).await;
        let keeper = guid(&ok(root.post("/api/v1/positions", json!({ "code": "keeper", "name": "k" })).await));
        let keeper = format!("/api/v1/positions/{keeper}");
        ok(root.post(&format!("{keeper}/permissions/org:view"), json!({})).await);
        let body = json!({ "position_guid": keeper.rsplit('/').next() });
        ok(root.post(&format!("/api/v1/staff/{staff}/positions"), body).await);
        let (mut his, _) = opened(&server, &bob).await;
        let (mut tab, mut copy) = opened(&server, &alice).await;
        let mut streams = Vec::new();
        for transport in [Transport::Sse, Transport::Poll] {
            let (mut stream, _) = Stream::open(&server, transport, &alice, &[]).await.expect("a stream");
            stream.next_of("PERMISSION_UPDATE").await;
            streams.push(stream);
        }
        let mut seen = Vec::new();
        for body in [
            json!({ "data_scope": "own" }),
            json!({ "organization_guid": south }),
            json!({ "data_scope": "chosen", "data_scope_organizations": [south, north] }),
        ] {
            ok(root.patch(&keeper, body).await);
            let version = told(&server, &mut tab, &mut copy, &alice, "position:keeper").await;
            for stream in &mut streams {
                let frame = stream.next_of("PERMISSION_UPDATE").await;
                assert_eq!(frame["data"]["dataScopeVersion"], version, "{frame}");
            }
            assert!(!version.is_null() && !seen.contains(&version), "{version}");
            seen.push(version);
        }
        // What was chosen is so no longer when it is no more.
        ok(root.delete(&format!("/api/v1/organizations/{north}?move_staff_to={south}")).await);
        let frame = tab.next_of("PERMISSION_UPDATE").await;
        // The same as when it was "own" over there: versions say what is reached, not by which word.
        assert_eq!(frame["data"]["dataScopeVersion"], seen[1], "{frame}");
        let mark = server.mark().await;
        assert_eq!(his.until(&mark).await, NOTHING);
    }

    // FC7: where somebody belongs is what "own" means to him.
    async fn another_organisation_of_ones_own_is_told(server: TestServer) {
        let root = server.platform().await;
        let (north, south) = (organization(root, "north").await, organization(root, "south").await);
        let (alice, bob) = (server.account("alice", &["org:view"]).await, server.account("bob", &["org:view"]).await);
        rescope(&server, alice.role, "own").await;
        rescope(&server, bob.role, "self").await;
        let (hers, his) = (person(root, &alice, &north).await, person(root, &bob, &north).await);
        let (mut tab, mut copy) = opened(&server, &alice).await;
        let (mut other, other_copy) = opened(&server, &bob).await;
        for staff in [&hers, &his] {
            ok(root.patch(&format!("/api/v1/staff/{staff}"), json!({ "organization_guid": south })).await);
        }
        told(&server, &mut tab, &mut copy, &alice, "organization").await;
        let mark = server.mark().await;
        assert_eq!(tab.until(&mark).await, NOTHING);
        assert_eq!(other.until(&mark).await, NOTHING, "his scope rests on no organisation");
        other_copy.agrees(&bob).await;
    }
}
