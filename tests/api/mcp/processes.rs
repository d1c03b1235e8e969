//! A process from its start to its end through tools alone, and leave.

use serde_json::json;

use super::Model;
use crate::support::{ok, served};
use crate::workflow::{approve, define, task};

served! {
    // S0-50, S1-28, S1-29, S1-30, FW28, FW34
    async fn a_process_is_run_by_tools_as_over_rest(server: TestServer) {
        let (ann, bob) = (server.account("ann", &[]).await, server.account("bob", &[]).await);
        let cy = server.account("cy", &["permission:view"]).await;
        define(&server, "one", json!({}), json!([]), json!([approve("one", &[&bob], json!({}))])).await;
        let (model, approver) = (Model::of(&ann), Model::of(&bob));
        let order = json!({ "definitionCode": "one" });
        let with = |name: &str| {
            let mut order = order.clone();
            order[name] = json!(true);
            order
        };

        let before = server.rows().await;
        let path = model.done("startWorkflow", with("preview")).await;
        let body = json!({ "definition": "one" });
        let over_rest = ok(ann.post("/api/v1/workflows/instances/preview", body).await);
        assert_eq!(path, over_rest);
        let people = &path["steps"].as_array().expect("steps").last().expect("a step")["people"];
        assert_eq!(people[0]["guid"], json!(bob.guid), "{path}");
        let tried = model.done("startWorkflow", with("dryRun")).await;
        assert_eq!(tried["status"], "running");
        let unknown = model.refused("startWorkflow", json!({ "definitionCode": "none", "preview": true })).await;
        assert_eq!(unknown["code"], "unknown_definition");
        assert_eq!(server.rows().await, before);

        let started = model.done("startWorkflow", order.clone()).await;
        let guid = started["guid"].as_str().expect("a guid").to_owned();
        let one = json!({ "instanceGuid": guid });
        let list = model.done("listWorkflowInstances", json!({ "status": "running" })).await;
        assert_eq!((&list["count"], &list["results"][0]["guid"]), (&json!(1), &json!(guid)), "{list}");
        let none = model.done("listWorkflowInstances", json!({ "view": "todo" })).await;
        assert_eq!(none["count"], 0);
        let shown = approver.done("getWorkflowInstance", one.clone()).await;
        assert_eq!(shown, ok(bob.get(&format!("/api/v1/workflows/instances/{guid}")).await));
        assert_eq!(Model::of(&cy).refused("getWorkflowInstance", one.clone()).await["code"], "not_found");
        for (view, field) in [("all", "view"), ("started", "status")] {
            let asked = json!({ "view": view, "status": "odd" });
            let problem = model.refused("listWorkflowInstances", asked).await;
            assert!(problem["errors"][field].is_array(), "{problem}");
        }

        let may = |operation: &str| json!({ "staffGuid": bob.guid, "operation": operation, "instanceGuid": guid });
        for operation in ["approve", "view", "delete"] {
            let told = Model::of(&cy).done("checkWorkflowPermission", may(operation)).await;
            assert_eq!(told["hasPermission"], json!(operation != "delete"), "{told}");
            assert_eq!(told, ok(cy.post("/api/v1/access/check-workflow", may(operation)).await));
        }
        assert_eq!(model.refused("checkWorkflowPermission", may("view")).await["code"], "NoPermissionError");

        let tasks = approver.done("listMyTasks", json!({})).await;
        let mine = json!({ "taskGuid": task(&bob).await });
        assert_eq!((&tasks["count"], &tasks["results"][0]["guid"]), (&json!(1), &mine["taskGuid"]), "{tasks}");
        assert_eq!(tasks["counts"]["todo"], 1);
        let problem = approver.refused("listMyTasks", json!({ "state": "odd" })).await;
        assert!(problem["errors"]["state"].is_array(), "{problem}");
        assert_eq!(model.refused("approveTask", mine.clone()).await["status"], 403);
        let ended = approver.done("approveTask", mine.clone()).await;
        assert_eq!(ended["status"], "approved", "{ended}");
        assert_eq!(approver.refused("approveTask", mine).await["status"], 409);
        let done = approver.done("listMyTasks", json!({ "state": "done" })).await;
        assert_eq!((&done["count"], &done["results"][0]["guid"]), (&json!(1), &json!(guid)), "{done}");
    }

    // S1-31, S1-32, S1-33
    async fn leave_is_asked_for_and_listed(server: TestServer) {
        let root = server.platform().await;
        let (ann, hr) = (server.account("ann", &[]).await, server.account("hr", &["leave:view", "staff:create"]).await);
        let stranger = server.account("stranger", &[]).await;
        let staff = json!({ "staff_no": "1", "name": "安", "account_id": ann.id });
        let staff = ok(root.post("/api/v1/staff", staff).await)["guid"].clone();
        let new = json!({ "leaveType": "personal", "startAt": "2150-06-01", "endAt": "2150-06-02", "reason": "搬家 😀" });
        let model = Model::of(&ann);
        let before = server.rows().await;
        let mut tried = new.clone();
        tried["dryRun"] = json!(true);
        assert_eq!(model.done("createLeave", tried).await["status"], "draft");
        let problem = model.refused("createLeave", json!({ "leaveType": "none", "startAt": "2150-06-01", "endAt": "2150-06-02" })).await;
        assert!(problem["errors"]["leaveType"].is_array(), "{problem}");
        let mut for_another = new.clone();
        for_another["staffGuid"] = staff.clone();
        let problem = Model::of(&stranger).refused("createLeave", for_another.clone()).await;
        assert_eq!(problem["code"], "NoPermissionError");
        assert_eq!(server.rows().await, before);
        let made = model.done("createLeave", new).await;
        assert_eq!((&made["staff_guid"], &made["reason"]), (&staff, &json!("搬家 😀")), "{made}");
        let later = json!({ "startAt": "2150-06-08", "endAt": "2150-06-08" });
        for_another.as_object_mut().expect("an object").extend(later.as_object().expect("an object").clone());
        Model::of(&hr).done("createLeave", for_another).await;
        for (by, arguments, count) in [
            (&ann, json!({}), 2), (&hr, json!({ "staffGuid": staff }), 2), (&hr, json!({ "from": "2150-06-05" }), 1),
            (&stranger, json!({}), 0), (&ann, json!({ "status": "approved" }), 0),
        ] {
            let list = Model::of(by).done("listLeaves", arguments.clone()).await;
            assert_eq!(list["count"], json!(count), "{} {arguments}: {list}", by.username);
        }
        let problem = model.refused("listLeaves", json!({ "from": "soon" })).await;
        assert!(problem["errors"]["from"].is_array(), "{problem}");
    }

    // FM10, S0-47: an organisation is moved and deleted with its people; tried first, nothing changes.
    async fn organisations_are_moved_and_deleted_with_what_belongs_to_them(server: TestServer) {
        let model = Model::of(server.platform().await);
        let made = async |code: &str| model.done("createOrganization", json!({ "code": code, "name": code })).await["guid"].clone();
        let (above, below) = (made("above").await, made("below").await);
        let person = json!({ "staffNo": "1", "name": "n", "organizationGuid": below });
        let person = model.done("createStaff", person).await["guid"].clone();
        let before = server.rows().await;
        let order = |try_it: bool| json!({ "orgGuid": below, "newParentGuid": above, "dryRun": try_it });
        let tried = model.done("moveOrganization", order(true)).await;
        assert_eq!(tried["organization"]["parent_guid"], above, "{tried}");
        let circle = json!({ "orgGuid": below, "newParentGuid": below, "dryRun": true });
        assert_eq!(model.refused("moveOrganization", circle).await["status"], 400);
        let still = model.refused("deleteOrganization", json!({ "orgGuid": below, "dryRun": true })).await;
        assert_eq!(still["status"], 409, "{still}");
        let away = |try_it: bool| json!({ "orgGuid": below, "moveStaffTo": above, "dryRun": try_it });
        model.done("deleteOrganization", away(true)).await;
        assert_eq!(server.rows().await, before);
        model.done("moveOrganization", order(false)).await;
        let list = model.done("listOrganizations", json!({ "parentGuid": above, "search": "bel" })).await;
        assert_eq!((&list["count"], &list["results"][0]["guid"]), (&json!(1), &below), "{list}");
        model.done("moveOrganization", json!({ "orgGuid": below, "newParentGuid": "root" })).await;
        model.done("deleteOrganization", away(false)).await;
        let after = model.done("getStaff", json!({ "staffGuid": person })).await;
        assert!(after.to_string().contains(above.as_str().expect("a guid")), "{after}");
    }
}
