//! Data scopes (FC7): what a permission reaches is what is listed, read, changed and checked; the rest is not found. Nobody
//! gives a wider scope than he has (FC8), and a narrowed one holds for writes that are under way (I3).

use livegrant::access::scope;
use livegrant::hr::model::OrganizationPatch;
use livegrant::hr::organizations;
use livegrant::policy::{Origin, Principal};
use livegrant_actors::SessionId;
use serde_json::{Value, json};

use crate::support::{Account, ok, refused, served};

const ORGANIZATIONS: &str = "/api/v1/organizations";

/// A company: `north` with `port` below it, and `south`; in each one position and one person of the same name.
struct Land {
    north: String,
    port: String,
    south: String,
}

fn guid(body: &Value) -> String {
    body["guid"].as_str().expect("a guid").to_owned()
}

async fn land(by: &Account) -> Land {
    let mut guids = Vec::new();
    for (code, above) in [("north", None), ("port", Some(0)), ("south", None)] {
        let above: Option<&String> = above.map(|at: usize| &guids[at]);
        let body = json!({ "code": code, "name": code, "parentGuid": above });
        let made = guid(&ok(by.post(ORGANIZATIONS, body).await));
        let position = json!({ "code": code, "name": code, "organization_guid": made });
        ok(by.post("/api/v1/positions", position).await);
        let person = json!({ "staff_no": code, "name": code, "organization_guid": made });
        ok(by.post("/api/v1/staff", person).await);
        guids.push(made);
    }
    Land { north: guids[0].clone(), port: guids[1].clone(), south: guids[2].clone() }
}

/// The person of an account, in an organisation.
async fn settle(by: &Account, account: &Account, organization: &str) -> String {
    let body = json!({ "staff_no": account.username, "name": account.username, "account_id": account.id,
        "organization_guid": organization });
    guid(&ok(by.post("/api/v1/staff", body).await))
}

async fn rescope(by: &Account, account: &Account, scope: &str, organizations: &[&str]) {
    let body = json!({ "data_scope": scope, "data_scope_organizations": organizations });
    ok(by.patch(&format!("/api/v1/roles/{}", account.role), body).await);
}

/// The codes or numbers that a list shows, in the order of ids.
async fn listed(by: &Account, path: &str, field: &str) -> Vec<String> {
    let page = ok(by.get(&format!("{path}?ordering=id")).await);
    let rows = page["results"].as_array().expect("a list");
    assert_eq!(page["count"], rows.len());
    rows.iter().map(|row| row[field].as_str().expect("a text").to_owned()).collect()
}

/// The path of the object of the south in a list.
async fn in_the_south(by: &Account, path: &str, field: &str) -> String {
    let page = ok(by.get(&format!("{path}?{field}=south")).await);
    format!("{path}/{}", guid(&page["results"][0]))
}

const EVERYTHING: &[&str] = &[
    "org:view",
    "org:create",
    "org:update",
    "org:delete",
    "position:view",
    "position:create",
    "position:update",
    "position:delete",
    "staff:view",
    "staff:create",
    "staff:update",
    "staff:delete",
];

served! {
    // FC7, S1-25: the five scopes, on every list.
    async fn lists_show_what_a_scope_reaches(server: TestServer) {
        let root = server.platform().await;
        let land = land(root).await;
        let alice = server.account("alice", EVERYTHING).await;
        settle(root, &alice, &land.north).await;
        for (name, chosen, expected) in [
            ("all", vec![], vec!["north", "port", "south"]),
            ("chosen", vec![land.port.as_str(), land.south.as_str()], vec!["port", "south"]),
            ("own_and_below", vec![], vec!["north", "port"]),
            ("own", vec![], vec!["north"]),
            ("self", vec![], vec![]),
        ] {
            rescope(root, &alice, name, &chosen).await;
            assert_eq!(listed(&alice, ORGANIZATIONS, "code").await, expected, "{name}");
            assert_eq!(listed(&alice, "/api/v1/positions", "code").await, expected, "{name}");
            let mut people = listed(&alice, "/api/v1/staff", "staff_no").await;
            let own = people.pop_if(|last| last == "alice");
            assert_eq!(people, expected, "{name}");
            assert_eq!(own.is_some(), name != "chosen", "{name}: her own record");
            let tree = ok(alice.get(&format!("{ORGANIZATIONS}/tree")).await);
            assert_eq!(tree["count"], expected.len(), "{name}");
            let limits = ok(alice.get("/api/v1/me/permissions").await)["data_scopes"].clone();
            assert_eq!(limits.as_object().expect("an object").is_empty(), name == "all", "{name}: {limits}");
            if name == "own_and_below" {
                assert_eq!(limits["org:view"]["organizations_and_below"], json!([land.north]));
            }
        }
        let role = ok(root.get(&format!("/api/v1/roles/{}", alice.role)).await);
        assert_eq!(role["data_scope"], "self");
        let explained = ok(root.get(&format!("/api/v1/access/explain?account={}&permission=org:view", alice.id)).await);
        assert_eq!((&explained["held"], &explained["reaches"]["own_record"]), (&json!(true), &json!(true)));
        assert_eq!(explained["paths"][0]["data_scope"], "self");
    }

    // FC7: the union over what gives a permission; each permission has its own.
    async fn a_scope_is_the_union_over_roles_and_positions(server: TestServer) {
        let root = server.platform().await;
        let land = land(root).await;
        let alice = server.account("alice", &["org:view", "position:view"]).await;
        let staff = settle(root, &alice, &land.north).await;
        rescope(root, &alice, "own", &[]).await;
        let body = json!({ "code": "keeper", "name": "k", "organization_guid": land.south, "data_scope": "own" });
        let position = guid(&ok(root.post("/api/v1/positions", body).await));
        ok(root.post(&format!("/api/v1/positions/{position}/permissions/org:view"), json!({})).await);
        ok(root.post(&format!("/api/v1/staff/{staff}/positions"), json!({ "position_guid": position })).await);
        assert_eq!(listed(&alice, ORGANIZATIONS, "code").await, ["north", "south"], "her own and the position's");
        assert_eq!(listed(&alice, "/api/v1/positions", "code").await, ["north"], "only the role gives it");
        // Where she belongs is what "own" means.
        ok(root.patch(&format!("/api/v1/staff/{staff}"), json!({ "organization_guid": land.port })).await);
        assert_eq!(listed(&alice, ORGANIZATIONS, "code").await, ["port", "south"]);
        ok(root.patch(&format!("/api/v1/positions/{position}"), json!({ "organization_guid": land.north })).await);
        assert_eq!(listed(&alice, ORGANIZATIONS, "code").await, ["north", "port"]);
    }

    // FC7: outside the scope everything is 404 or refused by name, and nothing is changed.
    async fn what_lies_outside_is_not_found(server: TestServer) {
        let root = server.platform().await;
        let land = land(root).await;
        let alice = server.account("alice", EVERYTHING).await;
        settle(root, &alice, &land.north).await;
        rescope(root, &alice, "own_and_below", &[]).await;
        let south = format!("{ORGANIZATIONS}/{}", land.south);
        let position = in_the_south(root, "/api/v1/positions", "code").await;
        let person = in_the_south(root, "/api/v1/staff", "staff_no").await;
        let before = server.rows().await;
        for path in [&south, &position, &person] {
            refused(alice.get(path).await, 404, "not_found");
            refused(alice.patch(path, json!({ "name": "mine" })).await, 404, "not_found");
            refused(alice.delete(path).await, 404, "not_found");
        }
        refused(alice.post(&format!("{south}/move"), json!({ "parentGuid": land.north })).await, 404, "not_found");
        let north = format!("{ORGANIZATIONS}/{}", land.north);
        let port = format!("{ORGANIZATIONS}/{}", land.port);
        let refusals = [
            (ORGANIZATIONS.to_owned(), json!({ "code": "x", "name": "x" }), "parentGuid", "out_of_scope"),
            (ORGANIZATIONS.to_owned(), json!({ "code": "x", "name": "x", "parentGuid": land.south }), "parentGuid",
                "unknown_organization"),
            ("/api/v1/positions".to_owned(), json!({ "code": "x", "name": "x" }), "organization_guid", "out_of_scope"),
            ("/api/v1/staff".to_owned(), json!({ "staff_no": "x", "name": "x", "organization_guid": land.south }),
                "organization_guid", "unknown_organization"),
            (format!("{port}/move"), json!({ "parentGuid": land.south }), "parentGuid", "unknown_organization"),
            (format!("{port}/move"), json!({ "parentGuid": null }), "parentGuid", "out_of_scope"),
        ];
        for (path, body, field, code) in refusals {
            let problem = refused(alice.post(&path, body.clone()).await, 400, code);
            assert!(problem["errors"][field].is_array(), "{path} {body}: {problem}");
        }
        // Where north itself lies is beyond her reach, so she cannot take it away from there.
        let away = alice.post(&format!("{north}/move"), json!({ "parentGuid": land.port })).await;
        assert_eq!(away.0, 403, "{away:?}");
        assert_eq!(server.rows().await, before, "a refused request changed something");
        // Inside she works as ever.
        ok(alice.post(ORGANIZATIONS, json!({ "code": "dock", "name": "dock", "parentGuid": land.port })).await);
        ok(alice.patch(&port, json!({ "name": "harbour" })).await);
    }

    // FC7: whoever moves a person reaches where he is and where he is to be: organisations and positions alike.
    async fn a_person_is_moved_inside_the_scope_alone(server: TestServer) {
        let root = server.platform().await;
        let land = land(root).await;
        let alice = server.account("alice", EVERYTHING).await;
        let hers = format!("/api/v1/staff/{}", settle(root, &alice, &land.north).await);
        rescope(root, &alice, "own_and_below", &[]).await;
        let bob = server.account("bob", &[]).await;
        let his = format!("/api/v1/staff/{}", settle(root, &bob, &land.port).await);
        let stranger = in_the_south(root, "/api/v1/staff", "staff_no").await;
        let to = |organization: &str| json!({ "organization_guid": organization });
        let code_of = async |name: &str| {
            let page = ok(root.get(&format!("/api/v1/positions?code={name}")).await);
            guid(&page["results"][0])
        };
        let (near, far) = (code_of("port").await, code_of("south").await);
        ok(root.post(&format!("{his}/positions"), json!({ "position_guid": far, "is_primary": true })).await);

        let before = server.rows().await;
        let problem = refused(alice.patch(&his, to(&land.south)).await, 400, "unknown_organization");
        assert!(problem["errors"]["organization_guid"].is_array(), "{problem}");
        refused(alice.patch(&his, json!({ "organization_guid": null })).await, 400, "out_of_scope");
        refused(alice.patch(&stranger, to(&land.north)).await, 404, "not_found");
        let positions = format!("{his}/positions");
        let into = alice.post(&format!("{hers}/positions"), json!({ "position_guid": far })).await;
        refused(into, 400, "unknown_position");
        refused(alice.delete(&format!("{positions}/{far}")).await, 404, "not_found");
        refused(alice.patch(&format!("{positions}/{far}"), json!({ "change_type": "晋升" })).await, 400, "unknown_position");
        let main = json!({ "position_guid": near, "is_primary": true });
        refused(alice.post(&positions, main.clone()).await, 403, "NoPermissionError");
        let port = format!("/api/v1/positions/{near}");
        refused(alice.patch(&port, to(&land.south)).await, 400, "unknown_organization");
        assert_eq!(server.rows().await, before, "a refused request changed something");

        // Inside both ends are hers; a further position takes nothing from the one beyond.
        ok(alice.patch(&his, to(&land.north)).await);
        ok(alice.patch(&his, to(&land.port)).await);
        ok(alice.post(&positions, json!({ "position_guid": near })).await);
        ok(alice.delete(&format!("{positions}/{near}")).await);
        ok(root.delete(&format!("{positions}/{far}")).await);
        ok(alice.post(&positions, main).await);
    }

    // FC7: one's own record is no way out of an organisation that one does not reach.
    async fn nobody_moves_himself_from_where_he_does_not_reach(server: TestServer) {
        let root = server.platform().await;
        let land = land(root).await;
        let alice = server.account("alice", &["staff:view", "staff:update"]).await;
        let hers = format!("/api/v1/staff/{}", settle(root, &alice, &land.north).await);
        rescope(root, &alice, "chosen", &[&land.port]).await;
        let body = json!({ "code": "selves", "name": "selves", "data_scope": "self" });
        let selves = ok(root.post("/api/v1/roles", body).await)["id"].clone();
        let codes = json!({ "permissions": ["staff:view", "staff:update"] });
        ok(root.post(&format!("/api/v1/roles/{selves}/permissions/add"), codes).await);
        ok(root.post(&format!("/api/v1/accounts/{}/roles/{selves}", alice.id), json!({})).await);
        ok(alice.patch(&hers, json!({ "mobile": "1" })).await);
        let before = server.rows().await;
        let to = json!({ "organization_guid": land.port });
        refused(alice.patch(&hers, to.clone()).await, 403, "NoPermissionError");
        assert_eq!(server.rows().await, before);
        rescope(root, &alice, "chosen", &[&land.port, &land.north]).await;
        ok(alice.patch(&hers, to).await);
    }

    /// FC7, FC8: what "own" means is not chosen by whom it gives something to.
    async fn nobody_reaches_further_by_moving_himself(server: TestServer) {
        let root = server.platform().await;
        let land = land(root).await;
        let clerk = server.account("clerk", &["staff:update"]).await;
        let own = format!("/api/v1/staff/{}", settle(root, &clerk, &land.port).await);
        let role = json!({ "code": "lead", "name": "主管", "data_scope": "own_and_below" });
        let role = ok(root.post("/api/v1/roles", role).await)["id"].clone();
        let codes = json!({ "permissions": ["leave:approve"] });
        ok(root.post(&format!("/api/v1/roles/{role}/permissions/add"), codes).await);
        let held = format!("/api/v1/accounts/{}/roles/{role}", clerk.id);
        ok(root.post(&held, json!({})).await);
        let up = json!({ "organization_guid": land.north });
        let problem = refused(clerk.patch(&own, up.clone()).await, 403, "NoPermissionError");
        assert!(problem["detail"].as_str().unwrap().contains("leave:approve"), "{problem}");
        ok(root.delete(&held).await);
        ok(clerk.patch(&own, up).await);
    }

    // FC7, I2: a move in the tree changes what "below" is, at once.
    async fn a_moved_organisation_is_out_of_reach_at_once(server: TestServer) {
        let root = server.platform().await;
        let land = land(root).await;
        let alice = server.account("alice", &["org:view", "org:update"]).await;
        settle(root, &alice, &land.north).await;
        rescope(root, &alice, "own_and_below", &[]).await;
        let port = format!("{ORGANIZATIONS}/{}", land.port);
        ok(alice.patch(&port, json!({ "name": "harbour" })).await);

        // Decided before the move, written after it: the fence has the last word.
        let sid = SessionId::from(alice.sid.clone());
        let before = Principal::of_session(&server.core.policy, &sid, Origin::default()).await.unwrap();
        assert_eq!(scope::of_caller(&server.core, &before, "org:update").below.len(), 1);
        ok(root.post(&format!("{port}/move"), json!({ "parentGuid": land.south })).await);
        let patch = OrganizationPatch { name: Some("late".to_owned()), ..OrganizationPatch::default() };
        let late = organizations::update(&server.core, &before, &land.north, &patch).await;
        assert!(matches!(late, Err(livegrant::refusal::Refusal::Stale)), "{late:?}");
        refused(alice.patch(&port, json!({ "name": "mine" })).await, 404, "not_found");
        ok(alice.patch(&format!("{ORGANIZATIONS}/{}", land.north), json!({ "name": "mine" })).await);
    }

    // FC7, I3: a write decided by the wider scope does not commit once the scope is narrower.
    async fn a_narrowed_scope_stops_what_was_allowed_by_the_wider_one(server: TestServer) {
        let root = server.platform().await;
        let land = land(root).await;
        let alice = server.account("alice", &["org:view", "org:update"]).await;
        settle(root, &alice, &land.north).await;
        let sid = SessionId::from(alice.sid.clone());
        let patch = OrganizationPatch { name: Some("late".to_owned()), ..OrganizationPatch::default() };
        for narrow in ["chosen", "own", "self"] {
            rescope(root, &alice, "all", &[]).await;
            let wide = Principal::of_session(&server.core.policy, &sid, Origin::default()).await.unwrap();
            let chosen = if narrow == "chosen" { vec![land.port.as_str()] } else { Vec::new() };
            rescope(root, &alice, narrow, &chosen).await;
            let late = organizations::update(&server.core, &wide, &land.south, &patch).await;
            assert!(late.is_err(), "{narrow}: {late:?}");
            let south = ok(root.get(&format!("{ORGANIZATIONS}/{}", land.south)).await);
            assert_eq!(south["name"], "south", "{narrow}");
        }
    }

    // FC8: nobody gives a wider scope than his own, by whatever way.
    async fn nobody_gives_a_wider_scope_than_his_own(server: TestServer) {
        let root = server.platform().await;
        let land = land(root).await;
        let codes = ["org:view", "role:view", "role:create", "role:update", "role:grant", "permission:assign", "account:view"];
        let alice = server.account("alice", &codes).await;
        settle(root, &alice, &land.north).await;
        let (near, far) = (server.account("near", &[]).await, server.account("far", &[]).await);
        settle(root, &near, &land.port).await;
        settle(root, &far, &land.south).await;
        let mut roles = Vec::new();
        for (code, scope, chosen) in [
            ("wide", "all", vec![]),
            ("relative", "own", vec![]),
            ("ports", "chosen", vec![land.port.clone()]),
            ("souths", "chosen", vec![land.south.clone()]),
            ("selves", "self", vec![]),
        ] {
            let body = json!({ "code": code, "name": code, "data_scope": scope, "data_scope_organizations": chosen });
            let role = ok(root.post("/api/v1/roles", body).await)["id"].clone();
            let path = format!("/api/v1/roles/{role}/permissions/add");
            ok(root.post(&path, json!({ "permissions": ["org:view"] })).await);
            roles.push((code, role));
        }
        rescope(root, &alice, "own_and_below", &[]).await;
        for (to, code, allowed) in [
            (&near, "wide", false),
            (&near, "relative", true),
            (&far, "relative", false),
            (&near, "ports", true),
            (&near, "souths", false),
            (&far, "selves", true),
        ] {
            let role = &roles.iter().find(|role| role.0 == code).expect("made").1;
            let answer = alice.post(&format!("/api/v1/accounts/{}/roles/{role}", to.id), json!({})).await;
            assert_eq!(answer.0 == 200, allowed, "{code} to {}: {answer:?}", to.username);
        }
        // Nor by widening what a role reaches, nor by adding a code to a role that reaches more.
        let of = |code: &str| roles.iter().find(|role| role.0 == code).expect("made").1.clone();
        let wider = json!({ "data_scope": "all" });
        refused(alice.patch(&format!("/api/v1/roles/{}", of("ports")), wider).await, 403, "NoPermissionError");
        let narrower = json!({ "data_scope": "self" });
        ok(alice.patch(&format!("/api/v1/roles/{}", of("wide")), narrower).await);
        let add = json!({ "permissions": ["role:view"] });
        let add_to = |role: Value| format!("/api/v1/roles/{role}/permissions/add");
        refused(alice.post(&add_to(of("souths")), add.clone()).await, 403, "NoPermissionError");
        ok(alice.post(&add_to(of("ports")), add).await);
        ok(root.patch(&format!("/api/v1/roles/{}", of("ports")), json!({ "data_scope": "all" })).await);
    }

    async fn a_wrong_scope_is_refused_by_name(server: TestServer) {
        let root = server.platform().await;
        let land = land(root).await;
        for (body, field) in [
            (json!({ "data_scope": "everything" }), "data_scope"),
            (json!({ "data_scope": "own", "data_scope_organizations": [land.port] }), "data_scope_organizations"),
            (json!({ "data_scope": "chosen", "data_scope_organizations": ["7"] }), "data_scope_organizations"),
        ] {
            let mut new = json!({ "code": "x", "name": "x" });
            new.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
            for path in ["/api/v1/roles", "/api/v1/positions"] {
                let answer = root.post(path, new.clone()).await;
                assert_eq!(answer.0, 400, "{path} {new}: {answer:?}");
                assert!(answer.1["errors"][field].is_array(), "{path} {new}: {answer:?}");
            }
        }
    }
}
