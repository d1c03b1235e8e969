//! What becomes of a request: it stands where its instance stands, whoever moves it and however.

use std::collections::{BTreeMap, BTreeSet};

use livegrant::workflow::decide::Verdict;
use serde_json::{Value, json};

use super::{Office, PATH, consistent, days, decided, of_type, one, sent, sent_back, task};
use crate::support::{Account, Dice, TestServer, ok, refused, served};

served! {
    /// FW42, S1-28, S1-34, S0-40: sent, it has a number and an instance; its head decides, and it is given.
    async fn a_request_is_sent_and_given(server: TestServer) {
        let office = Office::open(&server).await;
        let draft = ok(office.ann.post(PATH, days("2150-06-01", "2150-06-02")).await);
        refused(office.bob.post(&format!("{}/submit", one(&draft)), json!({})).await, 404, "not_found");
        refused(office.ann.post(&format!("{}/submit", one(&draft)), json!({ "version": 7 })).await, 412, "outdated");
        let leave = ok(office.ann.post(&format!("{}/submit", one(&draft)), json!({ "version": 1 })).await);
        assert_eq!((&leave["status"], &leave["status_display"]), (&json!("running"), &json!("审批中")));
        let number = leave["approval_no"].as_str().unwrap();
        assert!(number.starts_with("AP") && number.len() == 15, "{number}");
        assert_eq!(leave["allowed_actions"], json!(["withdraw"]));
        refused(office.ann.post(&format!("{}/submit", one(&draft)), json!({})).await, 409, "leave_state");
        refused(office.ann.patch(&one(&draft), json!({ "reason": "x" })).await, 409, "leave_state");
        refused(office.ann.delete(&one(&draft)).await, 409, "leave_state");
        // Whose task it is reads it (FW29 aside); others do not find it.
        assert_eq!(ok(office.head.get(&one(&leave)).await)["status"], "running");
        refused(office.bob.get(&one(&leave)).await, 404, "not_found");

        decided(&server, &office.bob, &leave, Verdict::Approve).await.expect_err("it is not his");
        decided(&server, &office.ann, &leave, Verdict::Approve).await.expect_err("nobody decides on his own");
        assert_eq!(ok(office.ann.get(&one(&leave)).await)["status"], "running");
        decided(&server, &office.head, &leave, Verdict::Approve).await.expect("it is his task");
        let given = ok(office.ann.get(&one(&leave)).await);
        assert_eq!((&given["status"], &given["status_display"], &given["allowed_actions"]), (&json!("approved"), &json!("已通过"), &json!([])));
        refused(office.ann.post(&format!("{}/withdraw", one(&leave)), json!({})).await, 409, "leave_state");
        consistent(&server).await;
    }

    /// S1-14, S1-28, FW21: a holder of `leave:approve` decides on anybody's leave but his own.
    async fn the_global_permission_decides_but_never_ones_own(server: TestServer) {
        let office = Office::open(&server).await;
        let anns = ok(office.ann.post(PATH, sent(days("2150-06-01", "2150-06-01"))).await);
        decided(&server, &office.hr, &anns, Verdict::Reject).await.expect("leave:approve");
        assert_eq!(ok(office.ann.get(&one(&anns)).await)["status"], "rejected");
        let own = ok(office.hr.post(PATH, sent(days("2150-06-01", "2150-06-01"))).await);
        let refusal = decided(&server, &office.hr, &own, Verdict::Approve).await.expect_err("his own");
        assert!(refusal.contains("own_instance"), "{refusal}");
        assert_eq!(ok(office.hr.get(&one(&own)).await)["status"], "running");
        // What HR asks for on somebody's behalf is that person's: the head decides, and the person takes it back.
        let mut behalf = sent(days("2150-06-03", "2150-06-03"));
        behalf["staff_guid"] = json!(office.ann_staff);
        let behalf = ok(office.hr.post(PATH, behalf).await);
        refused(office.hr.post(&format!("{}/withdraw", one(&behalf)), json!({})).await, 403, "NoPermissionError");
        assert_eq!(ok(office.ann.post(&format!("{}/withdraw", one(&behalf)), json!({})).await)["status"], "withdrawn");
        consistent(&server).await;
    }

    /// S1-28, S1-30, FW7: advice is for the one who was asked; the question is answered as deciding would be.
    async fn the_global_permission_gives_no_advice(server: TestServer) {
        let office = Office::open(&server).await;
        let leave = ok(office.ann.post(PATH, sent(days("2150-06-01", "2150-06-01"))).await);
        let asked = json!({
            "staffGuid": office.hr.guid, "operation": "approve", "instanceGuid": leave["instance_guid"] });
        let may = async || {
            let answer = ok(office.hr.post("/api/v1/access/check-workflow", asked.clone()).await);
            answer["hasPermission"].as_bool().expect("yes or no")
        };
        assert!(may().await);
        let heads = task(&server, &leave).await.expect("his task");
        let asks = json!({ "staffGuid": office.bob.guid });
        ok(office.head.post(&format!("/api/v1/workflows/tasks/{heads}/delegate"), asks).await);
        assert!(!may().await, "only advice is waited for");
        decided(&server, &office.hr, &leave, Verdict::Approve).await.expect_err("he was not asked");
        decided(&server, &office.bob, &leave, Verdict::Approve).await.expect("he was");
        assert!(may().await);
        decided(&server, &office.hr, &leave, Verdict::Approve).await.expect("leave:approve");
    }

    /// FW10, FW11: sent back it is changed and sent again, with the same number; taken back it is over and its days are free.
    async fn a_request_is_sent_back_changed_sent_again_and_taken_back(server: TestServer) {
        let office = Office::open(&server).await;
        let leave = ok(office.ann.post(PATH, sent(days("2150-06-01", "2150-06-05"))).await);
        sent_back(&server, &office.head, &leave).await;
        let back = ok(office.ann.get(&one(&leave)).await);
        assert_eq!((&back["status"], &back["status_display"]), (&json!("returned"), &json!("已退回")));
        assert_eq!(back["allowed_actions"], json!(["update", "resubmit", "withdraw"]));
        refused(office.ann.delete(&one(&leave)).await, 409, "leave_state");
        ok(office.ann.patch(&one(&leave), json!({ "start_at": "2150-06-01", "end_at": "2150-06-02" })).await);
        let again = ok(office.ann.post(&format!("{}/resubmit", one(&leave)), json!({ "comment": "两天够了" })).await);
        assert_eq!((&again["status"], &again["days"]), (&json!("running"), &json!(2.0)));
        assert_eq!((&again["approval_no"], &again["instance_guid"]), (&leave["approval_no"], &leave["instance_guid"]));
        let mut conn = server.core.db.read().await.unwrap();
        let (form, revision) = livegrant::sql_one!(
            &mut conn,
            (sqlx::types::Json<Value>, i64),
            "SELECT form_data, revision FROM wf_instance WHERE guid = $1",
            leave["instance_guid"].as_str()
        )
        .unwrap();
        assert_eq!((form.0["days"].as_f64(), revision), (Some(2.0), 2));
        drop(conn);
        // The other days are free again, those of the request are not.
        refused(office.ann.post(PATH, days("2150-06-02", "2150-06-03")).await, 409, "leave_overlap");
        ok(office.ann.post(PATH, days("2150-06-03", "2150-06-03")).await);
        let gone = ok(office.ann.post(&format!("{}/withdraw", one(&leave)), json!({ "comment": "不去了" })).await);
        assert_eq!((&gone["status"], &gone["allowed_actions"]), (&json!("withdrawn"), &json!([])));
        ok(office.ann.post(PATH, days("2150-06-01", "2150-06-02")).await);
        consistent(&server).await;
    }

    /// Lists: one's own, with `leave:view` everybody's (S1-15), by state, type, person and time.
    async fn requests_are_listed(server: TestServer) {
        let office = Office::open(&server).await;
        let first = ok(office.ann.post(PATH, sent(days("2150-06-01", "2150-06-01"))).await);
        let second = ok(office.ann.post(PATH, of_type(days("2150-06-03", "2150-06-03"), "annual")).await);
        let bobs = ok(office.bob.post(PATH, days("2150-06-02", "2150-06-02")).await);
        let guids = |listed: &Value| -> Vec<Value> {
            listed["results"].as_array().unwrap().iter().map(|leave| leave["guid"].clone()).collect()
        };
        for (by, query, expected) in [
            (&office.ann, "", vec![&second, &first]),
            (&office.bob, "", vec![&bobs]),
            (&office.head, "", vec![]),
            (&office.hr, "", vec![&bobs, &second, &first]),
            (&office.hr, "?mine=true", vec![]),
            (&office.hr, "?status=running", vec![&first]),
            (&office.hr, "?leave_type=annual", vec![&second]),
            (&office.hr, "?from=2150-06-02&ordering=start_at", vec![&bobs, &second]),
            (&office.hr, "?to=2150-06-02&ordering=-start_at", vec![&bobs, &first]),
            (&office.hr, &format!("?staff={}", office.ann_staff), vec![&second, &first]),
            (&office.hr, &format!("?staff={}", crate::leave::NOBODY), vec![]),
        ] {
            let listed = ok(by.get(&format!("{PATH}{query}")).await);
            let expected: Vec<Value> = expected.into_iter().map(|leave| leave["guid"].clone()).collect();
            assert_eq!(guids(&listed), expected, "{query}");
            assert_eq!(listed["count"], json!(expected.len()), "{query}");
        }
        for query in ["?status=gone", "?from=yesterday", "?ordering=reason"] {
            refused(office.hr.get(&format!("{PATH}{query}")).await, 400, "invalid");
        }
    }

    /// FW41, FW42: after any sequence of actions by several people every request stands where its instance stands, as lists
    /// and the instance's own page say, and of the balance is taken what was given and asked for what is under way.
    async fn any_sequence_of_actions_keeps_them_together(server: TestServer) {
        let office = Office::open(&server).await;
        let boss = server.account("boss", &["workflow:admin"]).await;
        let seed = 20_261_122;
        let mut dice = Dice::of(seed);
        let mut leaves: Vec<Value> = Vec::new();
        let mut came: BTreeSet<String> = BTreeSet::new();
        for step in 0..80 {
            let day = format!("2150-06-{:02}", 1 + dice.below(28));
            let by = dice.pick(&[&office.ann, &office.bob]);
            let known = if leaves.is_empty() { None } else { Some(leaves[dice.below(leaves.len())].clone()) };
            let what = dice.below(12);
            match (what, known) {
                (0..=2, _) | (_, None) => {
                    let mut request = of_type(days(&day, &day), ["personal", "annual"][dice.below(2)]);
                    request["submit"] = json!(dice.below(4) > 0);
                    let (status, body) = by.post(PATH, request).await;
                    if status == 201 {
                        leaves.push(body);
                    }
                }
                (3, Some(leave)) => drop(by.post(&format!("{}/submit", one(&leave)), json!({})).await),
                (4, Some(leave)) => drop(by.post(&format!("{}/withdraw", one(&leave)), json!({})).await),
                (5, Some(leave)) => drop(by.post(&format!("{}/resubmit", one(&leave)), json!({})).await),
                (6, Some(leave)) => drop(by.patch(&one(&leave), json!({ "start_at": day, "end_at": day })).await),
                (7, Some(leave)) => {
                    let end = format!("/api/v1/workflows/instances/{}/terminate", leave["instance_guid"].as_str().unwrap_or("x"));
                    drop(boss.post(&end, json!({ "comment": "不批了" })).await);
                }
                (8, Some(leave)) => {
                    // Thrown away, as long as it is a draft.
                    if by.delete(&one(&leave)).await.0 / 100 == 2 {
                        leaves.retain(|other| other["guid"] != leave["guid"]);
                    }
                }
                (_, Some(leave)) => {
                    let leave = ok(office.hr.get(&one(&leave)).await);
                    if crate::leave::task(&server, &leave).await.is_some() {
                        // His head, or whoever holds `leave:approve`.
                        let decider = dice.pick(&[&office.head, &office.hr]);
                        match dice.below(3) {
                            0 => sent_back(&server, &office.head, &leave).await,
                            1 => decided(&server, decider, &leave, Verdict::Reject).await.unwrap(),
                            _ => decided(&server, decider, &leave, Verdict::Approve).await.unwrap(),
                        }
                    }
                }
            }
            consistent(&server).await;
            let now = as_the_tables_say(&server).await;
            came.extend(now.values().cloned());
            for leave in &leaves {
                let shown = ok(office.hr.get(&one(leave)).await);
                let said = now.get(leave["guid"].as_str().unwrap());
                assert_eq!(shown["status"].as_str(), said.map(String::as_str), "seed {seed} step {step}");
            }
            for person in [&office.ann, &office.bob] {
                balance_is_the_sum(&server, person).await;
            }
        }
        // They came to every state there is.
        let all = ["approved", "cancelled", "draft", "rejected", "returned", "running", "withdrawn"];
        assert_eq!(came.iter().map(String::as_str).collect::<Vec<_>>(), all, "seed {seed}");
    }
}

/// Every request with the state of its instance; a draft has none.
async fn as_the_tables_say(server: &TestServer) -> BTreeMap<String, String> {
    let mut conn = server.core.db.read().await.unwrap();
    let rows = livegrant::sql_all!(
        &mut conn,
        (String, String),
        "SELECT l.guid, coalesce(i.status, 'draft') FROM hr_leave l
           LEFT JOIN wf_instance i ON i.business_type = 'leave' AND i.business_id = l.guid"
    );
    rows.unwrap().into_iter().collect()
}

/// What somebody is told of his balance is the sum over his requests, reckoned here once more from their instances.
async fn balance_is_the_sum(server: &TestServer, person: &Account) {
    let had = ok(person.get(&format!("{PATH}/balance?year=2150")).await);
    let mut conn = server.core.db.read().await.unwrap();
    for of in had["balances"].as_array().unwrap() {
        let sum = async |conn: &mut livegrant::db::Conn, states: &str| {
            let rows = livegrant::sql_all!(
                conn,
                (i64, String),
                "SELECT l.amount, i.status FROM hr_leave l
                   JOIN hr_staff s ON s.id = l.staff_id
                   JOIN hr_leave_type t ON t.id = l.type_id
                   JOIN wf_instance i ON i.business_type = 'leave' AND i.business_id = l.guid
                  WHERE s.account_id = $1 AND t.code = $2",
                person.id,
                of["leave_type"].as_str()
            );
            rows.unwrap()
                .into_iter()
                .filter(|(_, status)| states.contains(status.as_str()))
                .map(|row| row.0)
                .sum::<i64>()
        };
        let (taken, asked) = (sum(&mut conn, "approved").await, sum(&mut conn, "running returned").await);
        // Whole days are asked for, and a working day has eight hours.
        let minutes = |name: &str| (of[name].as_f64().unwrap() * 480.0).round() as i64;
        assert_eq!(
            (minutes("used_days"), minutes("pending_days")),
            (taken, asked),
            "{}: {of}",
            person.username
        );
        let left = minutes("granted_days") - taken - asked;
        assert!(left >= 0 && minutes("left_days") == left, "{}: {of}", person.username);
    }
}
