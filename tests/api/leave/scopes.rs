//! Whose leave somebody reaches (FC7), and the check matrix of leave (S1-14, S1-15, S1-28, S1-31, S1-32, C25): what
//! `CheckAccessControl` says is what the routes then do, and what lies outside is not found.

use livegrant::workflow::decide::Verdict;
use serde_json::{Value, json};

use super::{Office, PATH, days, decided, one, sent, sent_back};
use crate::support::matrix::CELLS;
use crate::support::{Account, TestServer, ok, refused, served};

fn guid(body: &Value) -> String {
    body["guid"].as_str().expect("a guid").to_owned()
}

async fn rescope(server: &TestServer, account: &Account, scope: &str) {
    let role = format!("/api/v1/roles/{}", account.role);
    ok(server.platform().await.patch(&role, json!({ "data_scope": scope })).await);
}

/// Somebody of another organisation, with a login; answers the staff record.
async fn elsewhere(server: &TestServer) -> (Account, String) {
    let root = server.platform().await;
    let org = guid(&ok(root.post("/api/v1/organizations", json!({ "code": "far", "name": "远处" })).await));
    let far = server.account("far", &[]).await;
    let body = json!({ "staff_no": "far", "name": "far", "account_id": far.id, "organization_guid": org });
    let staff = guid(&ok(root.post("/api/v1/staff", body).await));
    (far, staff)
}

/// What the check says: `yes`, or the code of the no.
async fn checked(by: &Account, operation: &str, id: Option<&str>) -> String {
    let question =
        json!({ "staffGuid": by.guid, "operation": operation, "resource": "leave", "resourceId": id });
    let answer = ok(by.post("/api/v1/access/check", question).await);
    assert_eq!(answer["hasPermission"], answer["errorMessage"] == "", "{operation}: {answer}");
    answer["code"].as_str().unwrap_or("yes").to_owned()
}

async fn listed(by: &Account) -> i64 {
    ok(by.get(PATH).await)["count"].as_i64().expect("a count")
}

served! {
    // FC7, S1-15: lists, one request and balances show whom `leave:view` reaches; all others are not found.
    async fn others_leave_is_seen_as_far_as_the_scope_reaches(server: TestServer) {
        let office = Office::open(&server).await;
        let (far, far_staff) = elsewhere(&server).await;
        let near = ok(office.ann.post(PATH, sent(days("2150-06-01", "2150-06-01"))).await);
        let away = ok(far.post(PATH, days("2150-06-01", "2150-06-01")).await);
        let balances = |staff: &str| format!("/api/v1/leaves/balance?staff_guid={staff}");
        for (scope, count, sees_near, sees_far) in
            [("all", 2, true, true), ("own_and_below", 1, true, false), ("own", 1, true, false), ("self", 0, false, false)]
        {
            rescope(&server, &office.hr, scope).await;
            assert_eq!(listed(&office.hr).await, count, "{scope}");
            for (leave, staff, sees) in [(&near, &office.ann_staff, sees_near), (&away, &far_staff, sees_far)] {
                let expected = if sees { 200 } else { 404 };
                assert_eq!(office.hr.get(&one(leave)).await.0, expected, "{scope}");
                let changed = office.hr.patch(&one(leave), json!({ "reason": "x" })).await.0;
                assert_eq!(changed, if sees { 403 } else { 404 }, "{scope}: not his to change");
                assert_eq!(office.hr.get(&balances(staff)).await.0, expected, "{scope}");
                let said = checked(&office.hr, "view", leave["guid"].as_str()).await;
                assert_eq!(said == "yes", sees, "{scope}: {said}");
            }
        }
    }

    // FC7, S1-32: `staff:create` asks for whom it reaches, and what one wrote is changed as long as it does.
    async fn one_asks_for_others_as_far_as_the_scope_reaches(server: TestServer) {
        let office = Office::open(&server).await;
        let (_, far_staff) = elsewhere(&server).await;
        rescope(&server, &office.hr, "own_and_below").await;
        let for_whom = |staff: &str| {
            let mut request = days("2150-06-01", "2150-06-01");
            request["staff_guid"] = json!(staff);
            request
        };
        refused(office.hr.post(PATH, for_whom(&far_staff)).await, 400, "unknown_staff");
        assert_eq!(checked(&office.hr, "create", Some(&far_staff)).await, "not_found");
        assert_eq!(checked(&office.hr, "create", Some(&office.ann_staff)).await, "yes");
        let written = ok(office.hr.post(PATH, for_whom(&office.ann_staff)).await);
        ok(office.hr.patch(&one(&written), json!({ "reason": "补一句" })).await);
        rescope(&server, &office.hr, "self").await;
        refused(office.hr.patch(&one(&written), json!({ "reason": "x" })).await, 403, "NoPermissionError");
        refused(office.hr.delete(&one(&written)).await, 403, "NoPermissionError");
        // Whoever it is for still can.
        assert_eq!(office.ann.delete(&one(&written)).await.0 / 100, 2);
    }

    // FC7, FW41: who may ask for others backdates, and asks for blocked days, as far as that reaches and no further.
    async fn exemptions_reach_as_far_as_the_scope(server: TestServer) {
        let office = Office::open(&server).await;
        let block = json!({ "first_day": "2150-06-10", "last_day": "2150-06-12", "reason": "盘点" });
        ok(office.hr.post("/api/v1/leaves/blocks", block).await);
        let for_ann = |from: &str| {
            let mut request = days(from, from);
            request["staff_guid"] = json!(office.ann_staff);
            request
        };
        ok(office.hr.post(PATH, for_ann("2001-01-02")).await);
        ok(office.hr.post(PATH, sent(for_ann("2150-06-10"))).await);
        ok(office.hr.post(PATH, days("2001-01-02", "2001-01-02")).await);
        // Now he may ask for people of another organisation only: he is not one of them.
        elsewhere(&server).await;
        let mut conn = server.core.db.read().await.unwrap();
        let (far,) =
            livegrant::sql_one!(&mut conn, (String,), "SELECT guid FROM hr_organization WHERE code = 'far'").unwrap();
        drop(conn);
        let chosen = json!({ "data_scope": "chosen", "data_scope_organizations": [far] });
        ok(server.platform().await.patch(&format!("/api/v1/roles/{}", office.hr.role), chosen).await);
        refused(office.hr.post(PATH, days("2001-03-01", "2001-03-01")).await, 403, "leave_backdated");
        refused(office.hr.post(PATH, sent(days("2150-06-11", "2150-06-11"))).await, 409, "leave_blocked");
        ok(office.hr.post(PATH, days("2150-06-11", "2150-06-11")).await);
        // A draft that he wrote in time for somebody is that person's to send, without the exemption.
        refused(office.ann.post(PATH, days("2001-01-03", "2001-01-03")).await, 403, "leave_backdated");
    }

    // FC7, S1-14, S1-28: `leave:approve` decides within its scope and nowhere else.
    async fn the_global_permission_decides_within_its_scope(server: TestServer) {
        let office = Office::open(&server).await;
        let leave = ok(office.ann.post(PATH, sent(days("2150-06-01", "2150-06-01"))).await);
        rescope(&server, &office.hr, "self").await;
        assert_eq!(checked(&office.hr, "approve", leave["guid"].as_str()).await, "not_found");
        decided(&server, &office.hr, &leave, Verdict::Approve).await.expect_err("out of reach");
        assert_eq!(ok(office.ann.get(&one(&leave)).await)["status"], "running");
        rescope(&server, &office.hr, "own").await;
        assert_eq!(checked(&office.hr, "approve", leave["guid"].as_str()).await, "yes");
        decided(&server, &office.hr, &leave, Verdict::Approve).await.expect("within reach");
        assert_eq!(ok(office.ann.get(&one(&leave)).await)["status"], "approved");
        assert_eq!(checked(&office.hr, "approve", leave["guid"].as_str()).await, "NoPermissionError", "it is over");
    }

    // S1-25, S1-28, S1-31, C25: the row of leave of the check matrix, for a request in each of its states.
    async fn the_matrix_of_leave(server: TestServer) {
        let office = Office::open(&server).await;
        let draft = ok(office.ann.post(PATH, days("2150-06-01", "2150-06-01")).await);
        let running = ok(office.ann.post(PATH, sent(days("2150-06-02", "2150-06-02"))).await);
        let returned = ok(office.ann.post(PATH, sent(days("2150-06-03", "2150-06-03"))).await);
        sent_back(&server, &office.head, &returned).await;
        let (no, yes) = ("NoPermissionError", "yes");
        #[rustfmt::skip] // a table
        let table = [
            // who, which request, view, update, delete, approve
            (&office.ann,      &draft,    [yes, yes, yes, no]),
            (&office.ann,      &running,  [yes, no,  no,  no]),
            (&office.ann,      &returned, [yes, yes, no,  no]),
            (&office.bob,      &draft,    [no,  no,  no,  no]),
            (&office.bob,      &running,  [no,  no,  no,  no]),
            (&office.head,     &draft,    [no,  no,  no,  no]),
            (&office.head,     &running,  [yes, no,  no,  yes]),
            (&office.hr,       &draft,    [yes, no,  no,  no]),
            (&office.hr,       &running,  [yes, no,  no,  yes]),
            (&office.hr,       &returned, [yes, no,  no,  no]),
            (&office.stranger, &running,  [no,  no,  no,  no]),
        ];
        for (who, leave, expected) in table {
            for (operation, expected) in ["view", "update", "delete", "approve"].into_iter().zip(expected) {
                let case = format!("{} {operation} {}", who.username, leave["status"]);
                assert!(CELLS.iter().any(|cell| (cell.resource, cell.operation) == ("leave", operation)));
                assert_eq!(checked(who, operation, leave["guid"].as_str()).await, expected, "{case}");
                // The routes do the same; those that change come last, below.
                if operation == "view" {
                    assert_eq!(who.get(&one(leave)).await.0 == 200, expected == yes, "{case}");
                }
                if operation == "update" {
                    let changed = who.patch(&one(leave), json!({ "reason": "家里有事" })).await.0;
                    assert_eq!(changed == 200, expected == yes, "{case}");
                }
            }
        }
        assert_eq!(checked(&office.stranger, "create", None).await, yes, "leave for oneself needs nothing");
        assert_eq!(checked(&office.bob, "create", Some(&office.ann_staff)).await, no);
        for leave in [&running, &returned] {
            refused(office.ann.delete(&one(leave)).await, 409, "leave_state");
        }
        assert_eq!(office.ann.delete(&one(&draft)).await.0 / 100, 2);
        assert_eq!(checked(&office.ann, "view", draft["guid"].as_str()).await, "not_found");
    }
}
