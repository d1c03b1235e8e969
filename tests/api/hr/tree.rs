//! The tree of organisations (S0-1, FC9, FC10): made at any depth, moved without circles, ended with everything accounted
//! for.

use livegrant::hr::model::{LEVELS_MAX, Organization};
use livegrant::sql_all;
use serde_json::{Value, json};

use super::{NOBODY, faulty, guid};
use crate::support::{Account, Dice, TestServer, ok, refused, served, served_once};

const PATH: &str = "/api/v1/organizations";

async fn under(by: &Account, code: &str, parent: Option<&str>) -> Value {
    ok(by.post(PATH, json!({ "code": code, "name": code, "parentGuid": parent })).await)
}

async fn moved(by: &Account, guid: &str, to: Option<&str>) -> (u16, Value) {
    by.post(&format!("{PATH}/{guid}/move"), json!({ "parentGuid": to })).await
}

/// Every organisation's path is the way from the top to it, and its level the length of that way.
async fn paths_agree(server: &TestServer) -> usize {
    let mut conn = server.core.db.read().await.unwrap();
    let rows = sql_all!(
        &mut conn,
        (i64, Option<i64>, String, i64),
        "SELECT id, parent_id, path, level FROM hr_organization ORDER BY id"
    )
    .unwrap();
    for (id, _, path, level) in &rows {
        let (mut way, mut at) = (vec![*id], *id);
        while let Some(parent) = rows.iter().find(|row| row.0 == at).and_then(|row| row.1) {
            assert!(!way.contains(&parent), "{id} lies in a circle: {way:?}");
            way.push(parent);
            at = parent;
        }
        let expected: String = way.iter().rev().map(|id| format!("/{id}")).collect();
        assert_eq!((path, *level), (&format!("{expected}/"), way.len() as i64), "{id}");
    }
    rows.len()
}

/// The tree as `code:people[children]`.
fn shown(nodes: &Value) -> String {
    let one = |node: &Value| {
        format!(
            "{}:{}[{}]",
            node["code"].as_str().unwrap_or_default(),
            node["staff_below"],
            shown(&node["children"])
        )
    };
    nodes.as_array().expect("a list").iter().map(one).collect::<Vec<_>>().join(" ")
}

async fn tree(by: &Account, query: &str) -> String {
    shown(&ok(by.get(&format!("{PATH}/tree{query}")).await)["organizations"])
}

served! {
    // S0-1: any depth; S1-36: the changed organisation is answered.
    async fn organisations_form_a_tree(server: TestServer) {
        let by = server.platform().await;
        let a = guid(&under(by, "a", None).await);
        let b = under(by, "b", Some(&a)).await;
        assert_eq!((&b["parent_guid"], &b["level"], &b["sort"]), (&json!(a), &json!(2), &json!(0)));
        let b = guid(&b);
        let c = guid(&under(by, "c", Some(&b)).await);
        let d = guid(&under(by, "d", Some(&a)).await);
        for (number, organization) in [&a, &c, &c, &d].iter().enumerate() {
            let body = json!({ "staff_no": number.to_string(), "name": "x", "organization_guid": organization });
            ok(by.post("/api/v1/staff", body).await);
        }
        assert_eq!(tree(by, "").await, "a:4[b:2[c:2[]] d:1[]]");
        assert_eq!(tree(by, "?depth=2").await, "a:2[b:0[] d:1[]]");
        assert_eq!(tree(by, &format!("?parent={b}")).await, "c:2[]");
        let codes = |page: Value| -> Vec<String> {
            page["results"].as_array().unwrap().iter().map(|row| row["code"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(codes(ok(by.get(&format!("{PATH}?parent={a}")).await)), ["b", "d"]);
        assert_eq!(codes(ok(by.get(&format!("{PATH}?parent={a}&depth=2")).await)), ["b", "d", "c"]);
        assert_eq!(codes(ok(by.get(&format!("{PATH}?parent=root")).await)), ["a"]);
        // FA1, FA2: order and filters by allow-list.
        assert_eq!(codes(ok(by.get(&format!("{PATH}?ordering=-code&level__gte=2")).await)), ["d", "c", "b"]);
        refused(by.get(&format!("{PATH}?ordering=secret")).await, 400, "invalid");
        refused(by.get(&format!("{PATH}?colour=red")).await, 400, "invalid");

        // Moved with everything below it, to a place among its new siblings.
        let body = json!({ "parentGuid": d, "position": 0, "operatorGuid": by.guid });
        let there = ok(by.post(&format!("{PATH}/{b}/move"), body).await);
        assert_eq!((&there["parent_guid"], &there["level"]), (&json!(d), &json!(3)));
        assert!(there["rev"].is_i64(), "what reaches below rests on the tree: {there}");
        assert_eq!(tree(by, "").await, "a:4[d:3[b:2[c:2[]]]]");
        let again = ok(moved(by, &b, Some(&d)).await);
        assert_eq!((&again["rev"], &again["version"]), (&Value::Null, &there["version"]), "it lies there already");
        ok(moved(by, &c, None).await);
        assert_eq!(tree(by, "").await, "a:2[d:1[b:0[]]] c:2[]");
        paths_agree(&server).await;
    }

    // S0-1, FC10: a circle is refused and nothing is changed.
    async fn no_move_makes_a_circle(server: TestServer) {
        let by = server.platform().await;
        let a = guid(&under(by, "a", None).await);
        let b = guid(&under(by, "b", Some(&a)).await);
        let c = guid(&under(by, "c", Some(&b)).await);
        let row = |guid: &str, to: &str, status, code, field| {
            ("POST", format!("{PATH}/{guid}/move"), json!({ "parentGuid": to }), status, code, field)
        };
        faulty(&server, by, &[
            row(&a, &a, 400, "cycle", "parentGuid"),
            row(&a, &b, 400, "cycle", "parentGuid"),
            row(&a, &c, 400, "cycle", "parentGuid"),
            row(&b, NOBODY, 400, "unknown_organization", "parentGuid"),
            row(&b, "7", 400, "invalid", "parentGuid"),
            row(NOBODY, &a, 404, "not_found", ""),
        ])
        .await;
        refused(by.post(&format!("{PATH}/{b}/move"), json!({ "version": 9 })).await, 412, "outdated");
        ok(by.patch(&format!("{PATH}/{c}"), json!({ "status": 0 })).await);
        refused(by.post(PATH, json!({ "code": "x", "name": "x", "parentGuid": c })).await, 409, "organization_off");
    }

    /// Two moves at once, each of one under the other: one of them is refused, whichever comes first.
    async fn moves_at_once_make_no_circle(server: TestServer) {
        let by = server.platform().await;
        for round in 0..8 {
            let a = guid(&under(by, &format!("a{round}"), None).await);
            let b = guid(&under(by, &format!("b{round}"), None).await);
            let (one, other) = tokio::join!(moved(by, &a, Some(&b)), moved(by, &b, Some(&a)));
            assert_eq!(u32::from(one.0 == 200) + u32::from(other.0 == 200), 1, "{one:?} {other:?}");
            paths_agree(&server).await;
        }
    }

    // FC9: the end of an organisation says the truth before and after.
    async fn an_organisation_ends_with_everything_accounted_for(server: TestServer) {
        let by = server.platform().await;
        let alice = server.account("alice", &[]).await;
        let a = guid(&under(by, "a", None).await);
        let b = guid(&under(by, "b", Some(&a)).await);
        let c = guid(&under(by, "c", Some(&b)).await);
        let aside = guid(&under(by, "aside", None).await);
        let one = format!("{PATH}/{b}");
        let body = json!({ "staff_no": "1", "name": "爱丽丝", "organization_guid": b, "account_id": alice.id });
        let staff = guid(&ok(by.post("/api/v1/staff", body).await));
        let body = json!({ "code": "p", "name": "p", "organization_guid": b });
        let position = guid(&ok(by.post("/api/v1/positions", body).await));
        let role = json!({ "code": "reach", "name": "r", "data_scope": "chosen", "data_scope_organizations": [b] });
        let role = ok(by.post("/api/v1/roles", role).await)["id"].clone();

        let before = server.rows().await;
        let preview = ok(by.delete(&format!("{one}?preview=true")).await);
        let counts = |answer: &Value| {
            ["staff", "positions", "organizations", "data_scopes"].map(|what| answer[what].as_i64().unwrap())
        };
        assert_eq!(counts(&preview), [1, 1, 1, 1]);
        assert_eq!((&preview["changed"], &preview["needs_target"]), (&json!(false), &json!(true)));
        let preview = ok(by.delete(&format!("{one}?preview=true&move_staff_to={aside}")).await);
        assert_eq!((&preview["needs_target"], &preview["move_to"]["guid"]), (&json!(false), &json!(aside)));
        refused(by.delete(&one).await, 409, "in_use");
        refused(by.delete(&format!("{one}?move_staff_to={c}")).await, 400, "cycle");
        refused(by.delete(&format!("{one}?move_staff_to={NOBODY}")).await, 400, "unknown_organization");
        assert_eq!(server.rows().await, before, "nothing was changed by asking");

        let gone = ok(by.delete(&format!("{one}?move_staff_to={aside}")).await);
        assert_eq!((counts(&gone), &gone["changed"]), ([1, 1, 1, 1], &json!(true)));
        refused(by.get(&one).await, 404, "not_found");
        for path in [format!("/api/v1/staff/{staff}"), format!("/api/v1/positions/{position}")] {
            assert_eq!(ok(by.get(&path).await)["organization_guid"], aside, "{path}");
        }
        assert_eq!(ok(by.get(&format!("{PATH}/{c}")).await)["parent_guid"], aside);
        let role = ok(by.get(&format!("/api/v1/roles/{role}")).await);
        assert_eq!((&role["data_scope"], &role["data_scope_organizations"]), (&json!("chosen"), &json!([])));
        paths_agree(&server).await;

        let gone = ok(by.delete(&format!("{PATH}/{aside}?move_staff_to=root")).await);
        assert_eq!(counts(&gone), [1, 1, 1, 0]);
        assert_eq!(ok(by.get(&format!("/api/v1/staff/{staff}")).await)["organization_guid"], Value::Null);
        assert_eq!(tree(by, "").await, "a:0[] c:0[]");
    }
}

served_once! {
    async fn a_tree_has_a_last_level(server: TestServer) {
        let by = server.platform().await;
        let mut above = None;
        for level in 1..=LEVELS_MAX {
            let made = under(by, &format!("l{level}"), above.as_deref()).await;
            assert_eq!(made["level"], level);
            above = Some(guid(&made));
        }
        let body = json!({ "code": "deeper", "name": "x", "parentGuid": above });
        let problem = refused(by.post(PATH, body).await, 400, "too_deep");
        assert!(problem["errors"]["parentGuid"].is_array());
        let aside = guid(&under(by, "aside", None).await);
        refused(moved(by, &aside, above.as_deref()).await, 400, "too_deep");
    }

    /// Whatever is made, moved and ended, in whatever order: the tree and the paths say the same.
    async fn the_tree_always_equals_the_paths(server: TestServer) {
        let by = server.platform().await;
        let mut dice = Dice::of(20_261_122);
        let mut alive: Vec<String> = Vec::new();
        let mut taken = 0;
        for round in 0..120 {
            let some = |dice: &mut Dice, alive: &[String]| {
                let at = dice.below(alive.len() + 1);
                alive.get(at).cloned()
            };
            let (one, to) = (some(&mut dice, &alive), some(&mut dice, &alive));
            match (dice.below(6), one) {
                (0..=2, parent) => {
                    alive.push(guid(&under(by, &format!("o{round}"), parent.as_deref()).await));
                }
                (3 | 4, Some(one)) => {
                    let body = json!({ "parentGuid": to, "position": dice.below(4) });
                    let answer = by.post(&format!("{PATH}/{one}/move"), body).await;
                    assert!(answer.0 == 200 || answer.1["code"] == "cycle", "{answer:?}");
                    taken += u32::from(answer.0 == 200);
                }
                (_, Some(one)) => {
                    let target = to.as_deref().unwrap_or("root");
                    let answer = by.delete(&format!("{PATH}/{one}?move_staff_to={target}")).await;
                    assert!(answer.0 == 200 || answer.1["code"] == "cycle", "{answer:?}");
                    if answer.0 == 200 {
                        alive.retain(|other| *other != one);
                    }
                }
                (_, None) => {}
            }
            if round % 10 == 9 {
                assert_eq!(paths_agree(&server).await, alive.len(), "round {round}");
            }
        }
        assert!(taken > 5, "hardly a move was taken");
        let count = ok(by.get(&format!("{PATH}/tree")).await)["count"].clone();
        assert_eq!(count, alive.len());
    }
}

/// The shape that tests read is the one that is served.
#[test]
fn an_organisation_is_shown_with_its_place() {
    let row = Organization {
        id: 17,
        guid: "g".to_owned(),
        code: "c".to_owned(),
        name: "前台部 😀 \"x\"".to_owned(),
        parent_guid: None,
        path: "/3/17/".to_owned(),
        level: 2,
        sort: 0,
        status: 1,
        leader_staff_guid: None,
        leader_name: None,
        staff: 0,
        version: 1,
    };
    let text = serde_json::to_value(&row).expect("JSON");
    assert_eq!((&text["path"], &text["name"]), (&json!("/3/17/"), &json!("前台部 😀 \"x\"")));
}
