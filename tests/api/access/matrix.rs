//! The check matrix held against the routes: every cell × (holder, holder out of reach, somebody without, one's own record).
//! What `CheckAccessControl` says is what the route then does, and what is refused changes nothing (S1-21 … S1-27).

use serde_json::{Value, json};

use crate::support::matrix::{CELLS, Cell};
use crate::support::{Account, ok, served, served_once};

/// An organisation with an object of each kind in it: a part of it, a position, a staff record.
pub(crate) struct Part {
    pub(crate) organization: String,
    spare: String,
    position: String,
    staff: String,
}

fn guid(body: &Value) -> String {
    body["guid"].as_str().expect("a guid").to_owned()
}

pub(crate) async fn part(root: &Account, code: &str) -> Part {
    let new = |code: String, above: Option<String>| json!({ "code": code, "name": "n", "parentGuid": above });
    let organization = guid(&ok(root.post("/api/v1/organizations", new(code.to_owned(), None)).await));
    let spare = new(format!("{code}-spare"), Some(organization.clone()));
    let spare = guid(&ok(root.post("/api/v1/organizations", spare).await));
    let body = json!({ "code": code, "name": "n", "organization_guid": organization });
    let position = guid(&ok(root.post("/api/v1/positions", body).await));
    let body = json!({ "staff_no": code, "name": "n", "organization_guid": organization });
    let staff = guid(&ok(root.post("/api/v1/staff", body).await));
    Part { organization, spare, position, staff }
}

impl Part {
    pub(crate) fn object(&self, cell: &Cell) -> &str {
        match (cell.resource, cell.operation) {
            ("organization", "create") => &self.organization,
            ("organization", _) => &self.spare,
            ("position", _) => &self.position,
            _ => &self.staff,
        }
    }
}

/// What the check answers: `yes`, or the code of the no.
async fn checked(by: &Account, person: &str, cell: &Cell, id: Option<&str>) -> String {
    let question = json!({ "staffGuid": person, "operation": cell.operation, "resource": cell.resource,
        "resourceId": id });
    let answer = ok(by.post("/api/v1/access/check", question).await);
    assert_eq!(answer["hasPermission"], answer["errorMessage"] == "", "{cell:?}: {answer}");
    answer["code"].as_str().unwrap_or("yes").to_owned()
}

async fn asked(by: &Account, cell: &Cell, part: &Part) -> Option<u16> {
    let (method, path, body) = cell.request(part.object(cell), &part.organization)?;
    Some(by.ask(method, &path, &body).await.0)
}

served! {
    // S1-1 … S1-13, S1-21, S1-25, S1-26, S1-27, S1-32: every cell that has a route.
    async fn the_routes_do_what_the_check_says(server: TestServer) {
        let root = server.platform().await;
        let stranger = server.account("stranger", &[]).await;
        for (number, cell) in CELLS.iter().enumerate() {
            let Some(code) = cell.codes.first().copied() else { continue };
            let (near, far) = (part(root, &format!("near{number}")).await, part(root, &format!("far{number}")).await);
            if cell.request(&near.spare, &near.spare).is_none() {
                continue;
            }
            let holder = server.account(&format!("holder{number}"), &[code]).await;
            let body = json!({ "staff_no": holder.username, "name": "n", "account_id": holder.id,
                "organization_guid": near.organization });
            ok(root.post("/api/v1/staff", body).await);
            let role = format!("/api/v1/roles/{}", holder.role);
            ok(root.patch(&role, json!({ "data_scope": "own_and_below" })).await);
            let case = format!("{} {}", cell.operation, cell.resource);
            let about = |part: &Part| {
                // Something new has no guid yet, but for an organisation the one above is asked about.
                let named = cell.operation != "create" || cell.resource == "organization";
                named.then(|| part.object(cell).to_owned())
            };

            let before = server.rows().await;
            let no = checked(&stranger, &stranger.guid, cell, about(&near).as_deref()).await;
            assert_eq!((no.as_str(), asked(&stranger, cell, &near).await), ("NoPermissionError", Some(403)), "{case}");
            if let Some(id) = about(&far) {
                let no = checked(&holder, &holder.guid, cell, Some(&id)).await;
                assert_eq!(no, "not_found", "{case} out of reach");
            }
            let status = asked(&holder, cell, &far).await;
            let expected = if cell.operation == "create" { 400 } else { 404 };
            assert_eq!(status, Some(expected), "{case} out of reach");
            assert_eq!(server.rows().await, before, "{case}: a refused request changed something");

            let yes = checked(&holder, &holder.guid, cell, about(&near).as_deref()).await;
            let status = asked(&holder, cell, &near).await;
            assert_eq!((yes.as_str(), status.map(|status| status / 100)), ("yes", Some(2)), "{case} within reach");
        }
    }

    // S1-25, C25: one's own staff record is read without a permission, and only that.
    async fn ones_own_record_needs_no_permission_to_be_read(server: TestServer) {
        let root = server.platform().await;
        let alice = server.account("alice", &[]).await;
        let body = json!({ "staff_no": "alice", "name": "n", "account_id": alice.id });
        let own = guid(&ok(root.post("/api/v1/staff", body).await));
        for cell in CELLS.iter().filter(|cell| cell.resource == "staff") {
            let decision = checked(&alice, &alice.guid, cell, Some(&own)).await;
            assert_eq!(decision == "yes", cell.own, "{cell:?}");
            let Some((method, path, body)) = cell.request(&own, &own).filter(|_| cell.operation != "create") else {
                continue;
            };
            assert_eq!(alice.ask(method, &path, &body).await.0 == 200, cell.own, "{cell:?}");
        }
    }
}

served_once! {
    // S1-17, S1-26, C25: what has no code is allowed to nobody, and an administrator passes every other check.
    async fn an_administrator_passes_what_has_a_code_and_nothing_else(server: TestServer) {
        let admin = server.account("admin", &["system:admin"]).await;
        for cell in &CELLS {
            let decision = checked(&admin, &admin.guid, cell, None).await;
            // Leave for oneself needs no code: the class of creating it is about oneself.
            let expected = !cell.codes.is_empty();
            assert_eq!(decision == "yes", expected, "{cell:?}: {decision}");
        }
    }
}
