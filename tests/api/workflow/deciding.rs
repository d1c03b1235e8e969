//! Deciding: who may, what it leads to, who is told.

use serde_json::{Value, json};

use super::{act, agree, approve, define, history, instance, notices, start, task, todo};
use crate::support::{Account, TestServer, ok, refused, served, served_once};

async fn people<const N: usize>(server: &TestServer) -> [Account; N] {
    let mut people = Vec::new();
    for name in ["ann", "bob", "cy", "dee", "eve"].iter().take(N) {
        people.push(server.account(name, &[]).await);
    }
    people.try_into().unwrap_or_else(|_| panic!("five names are enough"))
}

served! {
    // S0-40, S0-42, S0-33, S0-38, S0-16, FW31, FW33: the applicant hears the end only at the end.
    async fn two_steps_are_told_as_they_are(server: TestServer) {
        let [ann, bob, cy] = people(&server).await;
        let settings = json!({ "title": "{initiator.name} · {name} · {why}" });
        let form = json!([{ "code": "why", "name": "事由", "type": "text" }]);
        let nodes = json!([approve("one", &[&bob], json!({})), approve("two", &[&cy], json!({}))]);
        define(&server, "trip", settings, form, nodes).await;
        let why = "看病 \"😷\" O'Neil";
        let (guid, number) = start(&ann, "trip", json!({ "why": why })).await;
        assert!(number.starts_with("AP") && number.len() == 15 && number.ends_with("00001"), "{number}");
        let seen = instance(&ann, &guid).await;
        assert_eq!(seen["form"]["why"], json!(why));
        assert!(seen["title"].as_str().unwrap().contains(why), "{seen}");
        assert_eq!(seen["approvalState"], json!("审批中"));
        let mine = notices(&server, &bob).await;
        assert_eq!((mine.len(), mine[0].0.as_str()), (1, "请假申请待审批"));
        assert_eq!((&mine[0].1["approvalId"], &mine[0].1["approvalState"]), (&json!(number), &json!("审批中")));
        assert!(notices(&server, &cy).await.is_empty(), "his turn has not come");

        let after = agree(&bob).await;
        assert_eq!((&after["status"], &after["currentNodes"][0]["code"]), (&json!("running"), &json!("two")));
        let told = notices(&server, &ann).await;
        assert_eq!((told.len(), &told[0].1["step"], &told[0].1["of"]), (1, &json!(1), &json!(2)));
        assert_eq!(told[0].1["approvalState"], json!("审批中"), "not approved yet");

        assert_eq!(agree(&cy).await["status"], json!("approved"));
        let told = notices(&server, &ann).await;
        assert_eq!((told.len(), told[1].0.as_str()), (2, "请假申请已审批"));
        assert_eq!((&told[1].1["approvalState"], &told[1].1["approver"]), (&json!("已通过"), &json!("cy")));
        assert_eq!(
            history(&ann, &guid).await,
            ["started", "assigned", "approved", "assigned", "approved"]
        );
        let (_, next) = start(&ann, "trip", json!({})).await;
        assert!(next.ends_with("00002"), "{next}");
    }

    // FW2, FW32, FW35: the first decides, the second is told who and when.
    async fn the_second_is_told_who_was_first(server: TestServer) {
        let [ann, bob, cy] = people(&server).await;
        define(&server, "any", json!({}), json!([]), json!([approve("one", &[&bob, &cy], json!({}))])).await;
        let (guid, _) = start(&ann, "any", json!({})).await;
        let cys = task(&cy).await;
        agree(&bob).await;
        let late = refused(act(&cy, &cys, "approve", json!({})).await, 409, "already_handled");
        assert_eq!((&late["handled_by"], &late["state"]), (&json!("bob"), &json!("cancelled")));
        assert!(late["handled_at"].is_string(), "{late}");
        assert!(todo(&cy).await.is_empty());
        let bobs = instance(&bob, &guid).await["tasks"][0]["guid"].as_str().unwrap().to_owned();
        refused(act(&bob, &bobs, "reject", json!({ "comment": "no" })).await, 409, "already_handled");
        assert_eq!(instance(&cy, &guid).await["status"], json!("approved"));
    }

    // FW1, FW3, FW4, FW5 over REST, with a rejection that needs words (FW30).
    async fn several_decide_by_their_rule(server: TestServer) {
        let [ann, bob, cy, dee] = people(&server).await;
        let all = [&bob, &cy, &dee];
        for (code, mode) in [
            ("all", json!({ "kind": "all" })),
            ("row", json!({ "kind": "sequential" })),
            ("vote", json!({ "kind": "vote", "percent": 60 })),
        ] {
            define(&server, code, json!({}), json!([]), json!([approve("one", &all, json!({ "mode": mode }))])).await;
            let (guid, _) = start(&ann, code, json!({})).await;
            if code == "row" {
                assert!(todo(&cy).await.is_empty() && todo(&dee).await.is_empty());
            }
            agree(&bob).await;
            assert_eq!(instance(&ann, &guid).await["status"], json!("running"), "{code}");
            let after = agree(&cy).await;
            if code == "vote" {
                assert_eq!(after["status"], json!("approved"));
                continue;
            }
            assert_eq!(after["status"], json!("running"), "{code}");
            let dees = task(&dee).await;
            refused(act(&dee, &dees, "reject", json!({})).await, 400, "required");
            let end = ok(act(&dee, &dees, "reject", json!({ "comment": "不行" })).await);
            assert_eq!((&end["status"], &end["approvalState"]), (&json!("rejected"), &json!("已拒绝")));
        }
    }
}

served_once! {
    // S1-28, S1-34, C3, FW21: nobody but the designated one, in nobody else's name, and not on his own.
    async fn only_the_designated_one_decides(server: TestServer) {
        let [ann, bob, cy] = people(&server).await;
        define(&server, "one", json!({}), json!([]), json!([approve("one", &[&bob], json!({}))])).await;
        let (guid, _) = start(&ann, "one", json!({})).await;
        let bobs = task(&bob).await;
        refused(act(&cy, &bobs, "approve", json!({})).await, 404, "not_found");
        refused(act(&ann, &bobs, "approve", json!({})).await, 403, "NoPermissionError");
        let platform = server.platform().await;
        refused(act(platform, &bobs, "approve", json!({})).await, 403, "NoPermissionError");
        for field in ["approverGuid", "operatorGuid"] {
            refused(act(&bob, &bobs, "approve", json!({ field: cy.guid })).await, 403, "NoPermissionError");
        }
        assert_eq!(instance(&ann, &guid).await["status"], json!("running"));
        ok(act(&bob, &bobs, "approve", json!({ "approverGuid": bob.guid })).await);

        // He is left out where he started it himself; where he alone is named, somebody else decides.
        let other = server.account("boss", &["workflow:admin"]).await;
        let (own, _) = start(&bob, "one", json!({})).await;
        assert!(todo(&bob).await.is_empty());
        agree(&other).await;
        assert_eq!(instance(&bob, &own).await["status"], json!("approved"));
        let allowed = approve("one", &[&bob], json!({ "when_initiator": "allow" }));
        define(&server, "free", json!({}), json!([]), json!([allowed])).await;
        start(&bob, "free", json!({})).await;
        assert_eq!(agree(&bob).await["status"], json!("approved"));
    }

    // FW30: what a decision has to bring along is asked for by name.
    async fn what_is_needed_is_asked_for(server: TestServer) {
        let [ann, bob] = people(&server).await;
        let needs = json!({ "needs": { "comment_on_approve": true, "signature": true, "attachment": true } });
        define(&server, "strict", json!({}), json!([]), json!([approve("one", &[&bob], needs)])).await;
        start(&ann, "strict", json!({})).await;
        let bobs = task(&bob).await;
        let mut body = json!({});
        for (field, value) in
            [("comment", json!("好")), ("signature", json!("data:,x")), ("attachments", json!(["a.pdf"]))]
        {
            let problem = refused(act(&bob, &bobs, "approve", body.clone()).await, 400, "required");
            assert!(problem["errors"][field].is_array(), "{problem}");
            body[field] = value;
        }
        for (field, value) in [("comment", json!("长".repeat(10_000))), ("attachments", json!(["x".repeat(10_000)]))] {
            let mut long = body.clone();
            long[field] = value;
            let problem = refused(act(&bob, &bobs, "approve", long).await, 400, "invalid");
            assert!(problem["errors"][field].is_array(), "{problem}");
        }
        ok(act(&bob, &bobs, "approve", body).await);
    }

    // FW37: each of a batch has its own result.
    async fn a_batch_answers_for_each(server: TestServer) {
        let [ann, bob, cy] = people(&server).await;
        define(&server, "one", json!({}), json!([]), json!([approve("one", &[&bob], json!({}))])).await;
        for _ in 0..3 {
            start(&ann, "one", json!({})).await;
        }
        let mut guids: Vec<Value> = todo(&bob).await.iter().map(|task| task["guid"].clone()).collect();
        ok(act(&bob, guids[0].as_str().unwrap(), "approve", json!({})).await);
        guids.push(json!("00000000-0000-4000-8000-000000000000"));
        let path = "/api/v1/workflows/tasks/batch-approve";
        let items = ok(bob.post(path, json!({ "taskGuids": guids })).await);
        let codes: Vec<_> = items.as_array().unwrap().iter().map(|item| item["code"].clone()).collect();
        assert_eq!(codes, [json!("already_handled"), Value::Null, Value::Null, json!("not_found")]);
        assert!(todo(&bob).await.is_empty());
        refused(cy.post(path, json!({ "taskGuids": [] })).await, 400, "too_many");
        refused(cy.post(path, json!({ "taskGuids": ["a", "a"] })).await, 400, "invalid");
    }
}
