//! `CheckAccessControl` over REST: the whole matrix, and everything unknown denied.

use super::{another_company, put_into_position};
use crate::support::{Account, Caller, TestServer, ok, refused, served, served_once};
use serde_json::{Value, json};

const PATH: &str = "/api/v1/access/check";
const OPERATIONS: [&str; 5] = ["view", "create", "update", "delete", "approve"];

/// Resource, and for each operation the code that it needs: `-` nobody may, `*` everybody may.
const MATRIX: [(&str, [&str; 5]); 5] = [
    ("organization", ["org:view", "org:create", "org:update", "org:delete", "-"]),
    ("position", ["position:view", "position:create", "position:update", "position:delete", "-"]),
    ("staff", ["staff:view", "staff:create", "staff:update", "staff:delete", "-"]),
    ("leave", ["leave:view", "*", "-", "-", "leave:approve"]),
    ("workflow", ["workflow:view", "workflow:admin", "workflow:admin", "workflow:admin", "-"]),
];

fn question(person: &str, operation: &str, resource: &str, id: Option<&str>) -> Value {
    json!({ "staffGuid": person, "operation": operation, "resource": resource, "resourceId": id })
}

async fn ask(by: &Caller, question: Value) -> Value {
    let answer = ok(by.post(PATH, question).await);
    let (yes, message) =
        (answer["hasPermission"].as_bool().unwrap(), answer["errorMessage"].as_str().unwrap());
    assert_eq!(yes, message.is_empty(), "a no has a message: {answer}");
    assert_eq!(yes, answer["code"].is_null(), "a no has a code: {answer}");
    answer
}

async fn code(by: &Caller, question: Value) -> String {
    ask(by, question).await["code"].as_str().unwrap_or("yes").to_owned()
}

async fn organization(server: &TestServer) -> String {
    let new = json!({ "code": "front", "name": "front" });
    let made = ok(server.platform().await.post("/api/v1/organizations", new).await);
    made["guid"].as_str().expect("a guid").to_owned()
}

served_once! {
    async fn every_cell_of_the_matrix_asks_for_its_code(server: TestServer) {
        let root = server.platform().await;
        let alice = server.account("alice", &[]).await;
        for (resource, cells) in MATRIX {
            for (operation, needed) in OPERATIONS.into_iter().zip(cells) {
                let asked = || question(&alice.guid, operation, resource, None);
                let case = format!("{operation} {resource}");
                assert_eq!(ask(&alice, asked()).await["hasPermission"], needed == "*", "{case} with nothing");
                let by_root = question(&root.guid, operation, resource, None);
                assert_eq!(ask(root, by_root).await["hasPermission"], needed != "-", "{case} with everything");
                if !["-", "*"].contains(&needed) {
                    let path = format!("/api/v1/roles/{}/permissions", alice.role);
                    ok(root.put(&path, json!({ "permissions": [needed] })).await);
                    assert_eq!(ask(&alice, asked()).await["permission"], needed, "{case}");
                    ok(root.put(&path, json!({ "permissions": [] })).await);
                }
            }
        }
    }

    async fn what_is_unknown_is_denied_and_what_is_broken_is_refused(server: TestServer) {
        let auditor = server.account("auditor", &["permission:view", "org:view", "staff:view"]).await;
        let own = auditor.guid.as_str();
        for operation in ["", "VIEW", "read", "view;approve"] {
            assert_eq!(code(&auditor, question(own, operation, "staff", None)).await, "unknown_operation");
        }
        for resource in ["", "Staff", "organisation", "role"] {
            assert_eq!(code(&auditor, question(own, "view", resource, None)).await, "unknown_resource");
        }
        let missing = livegrant::clock::guid();
        for person in ["", "7", "' OR 1=1 --", &missing] {
            assert_eq!(code(&auditor, question(person, "view", "staff", None)).await, "not_found");
        }
        for resource in ["organization", "position", "staff", "leave", "workflow"] {
            assert_eq!(code(&auditor, question(own, "view", resource, Some(&missing))).await, "not_found");
            assert_eq!(code(&auditor, question(own, "view", resource, Some("%"))).await, "not_found");
        }
        for broken in [
            json!({}),
            json!([]),
            json!({ "staffGuid": own, "operation": "view" }),
            json!({ "staffGuid": own, "operation": "view", "resource": 7 }),
            json!({ "staffGuid": own, "operation": "view", "resource": "staff", "extra": true }),
        ] {
            refused(auditor.post(PATH, broken).await, 400, "invalid");
        }
    }
}

/// Everything that is asked of an account about itself, its own record, and others.
async fn own_record(alice: &Account, staff: &str, bob: &Account) -> Vec<String> {
    let mut answers = Vec::new();
    for id in [Some(alice.guid.as_str()), Some(staff), None, Some(bob.guid.as_str())] {
        answers.push(code(alice, question(&alice.guid, "view", "staff", id)).await);
        answers.push(code(alice, question(staff, "create", "leave", id)).await);
    }
    answers
}

served! {
    async fn a_person_is_found_by_either_guid_and_may_see_his_own_record(server: TestServer) {
        let (alice, bob) = (server.account("alice", &[]).await, server.account("bob", &[]).await);
        let (_, staff) = put_into_position(&server, &alice, "desk", &["position:view"]).await;
        let no = "NoPermissionError";
        let expected = ["yes", "yes", "yes", "yes", no, "yes", no, no];
        assert_eq!(own_record(&alice, &staff, &bob).await, expected);
        for person in [&alice.guid, &staff] {
            let answer = ask(&alice, question(person, "view", "position", None)).await;
            assert_eq!(answer["permission"], "position:view", "a position gives it: {answer}");
        }
        let auditor = server.account("auditor", &["permission:view"]).await;
        assert_eq!(code(&auditor, question(&staff, "view", "position", None)).await, "yes");
        refused(bob.post(PATH, question(&staff, "view", "position", None)).await, 403, "NoPermissionError");
        refused(bob.post(PATH, question("nobody", "view", "position", None)).await, 403, "NoPermissionError");
    }

    async fn an_object_must_exist_in_the_company(server: TestServer) {
        let auditor = server.account("auditor", &["permission:view", "org:view", "position:view", "staff:view"]).await;
        let front = organization(&server).await;
        let (position, staff) = put_into_position(&server, &auditor, "desk", &[]).await;
        let elsewhere = another_company(&server).await;
        let own = auditor.guid.as_str();
        for (resource, here, there) in [
            ("organization", &front, &elsewhere.organization),
            ("position", &position, &elsewhere.position),
            ("staff", &staff, &elsewhere.staff),
        ] {
            assert_eq!(code(&auditor, question(own, "view", resource, Some(here))).await, "yes", "{resource}");
            assert_eq!(code(&auditor, question(own, "view", resource, Some(""))).await, "yes", "{resource}");
            assert_eq!(code(&auditor, question(own, "view", resource, Some(there))).await, "not_found", "{resource}");
            let root = server.platform().await;
            assert_eq!(code(root, question(own, "view", resource, Some(there))).await, "not_found", "{resource}");
        }
        for stranger in [&elsewhere.staff, &elsewhere.account] {
            assert_eq!(code(&auditor, question(stranger, "view", "staff", None)).await, "not_found");
        }
    }

    async fn a_change_counts_at_once_and_who_is_switched_off_may_nothing(server: TestServer) {
        let root = server.platform().await;
        let alice = server.account("alice", &["org:view"]).await;
        let asked = || question(&alice.guid, "view", "organization", None);
        assert_eq!(code(root, asked()).await, "yes");
        let role = format!("/api/v1/roles/{}", alice.role);
        ok(root.patch(&role, json!({ "status": 0 })).await);
        assert_eq!(code(root, asked()).await, "NoPermissionError");
        ok(root.patch(&role, json!({ "status": 1 })).await);
        ok(root.patch(&format!("/api/accounts/users/{}/", alice.id), json!({ "status": 0 })).await);
        assert_eq!(code(root, asked()).await, "NoPermissionError");
        let own_record = question(&alice.guid, "view", "staff", Some(&alice.guid));
        assert_eq!(code(root, own_record).await, "NoPermissionError");
    }
}
