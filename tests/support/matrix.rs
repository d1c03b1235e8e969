//! The check matrix (S1-23 × S1-24) as a table: what each cell asks for, and how a route is asked to do it. Every way in
//! (REST, MCP) is held against the same rows.

use serde_json::{Value, json};

/// One cell.
#[derive(Debug, Clone, Copy)]
pub struct Cell {
    pub operation: &'static str,
    pub resource: &'static str,
    /// Any one of these is enough for what is somebody else's; none: nobody may.
    pub codes: &'static [&'static str],
    /// What is one's own needs no code.
    pub own: bool,
}

const fn cell(
    operation: &'static str,
    resource: &'static str,
    codes: &'static [&'static str],
    own: bool,
) -> Cell {
    Cell { operation, resource, codes, own }
}

/// All cells.
pub const CELLS: [Cell; 25] = [
    cell("view", "organization", &["org:view"], false),
    cell("create", "organization", &["org:create"], false),
    cell("update", "organization", &["org:update"], false),
    cell("delete", "organization", &["org:delete"], false),
    cell("approve", "organization", &[], false),
    cell("view", "position", &["position:view"], false),
    cell("create", "position", &["position:create"], false),
    cell("update", "position", &["position:update"], false),
    cell("delete", "position", &["position:delete"], false),
    cell("approve", "position", &[], false),
    cell("view", "staff", &["staff:view"], true),
    cell("create", "staff", &["staff:create"], false),
    cell("update", "staff", &["staff:update"], false),
    cell("delete", "staff", &["staff:delete"], false),
    cell("approve", "staff", &[], false),
    cell("view", "leave", &["leave:view"], true),
    cell("create", "leave", &["staff:create"], true),
    cell("update", "leave", &[], true),
    cell("delete", "leave", &[], true),
    cell("approve", "leave", &["leave:approve"], false),
    cell("view", "workflow", &["workflow:view", "workflow:admin"], false),
    cell("create", "workflow", &["workflow:admin"], false),
    cell("update", "workflow", &["workflow:admin"], false),
    cell("delete", "workflow", &["workflow:admin"], false),
    cell("approve", "workflow", &[], false),
];

impl Cell {
    /// The REST request that does it with an object of this guid: method, path, body. `organization` is where something new
    /// belongs. `None`: there is no such route.
    pub fn request(&self, object: &str, organization: &str) -> Option<(&'static str, String, Value)> {
        let path = match self.resource {
            "organization" => "/api/v1/organizations",
            "position" => "/api/v1/positions",
            "staff" => "/api/v1/staff",
            _ => return None,
        };
        let one = format!("{path}/{object}");
        let code = format!("new-{}", &object[..8]);
        Some(match (self.operation, self.resource) {
            ("view", _) => ("GET", one, Value::Null),
            ("update", _) => ("PATCH", one, json!({ "name": "changed" })),
            ("delete", _) => ("DELETE", one, Value::Null),
            ("create", "organization") => {
                ("POST", path.to_owned(), json!({ "code": code, "name": "n", "parentGuid": organization }))
            }
            ("create", "position") => (
                "POST",
                path.to_owned(),
                json!({ "code": code, "name": "n", "organization_guid": organization }),
            ),
            ("create", "staff") => (
                "POST",
                path.to_owned(),
                json!({ "staff_no": code, "name": "n", "organization_guid": organization }),
            ),
            _ => return None,
        })
    }

    /// The tool that does the same, and its arguments. `None`: there is no such tool; a single position is not read by one.
    pub fn tool(&self, object: &str, organization: &str) -> Option<(&'static str, Value)> {
        let code = format!("new-{}", &object[..8]);
        Some(match (self.operation, self.resource) {
            ("view", "organization") => ("getOrganization", json!({ "orgGuid": object })),
            ("update", "organization") => {
                ("updateOrganization", json!({ "orgGuid": object, "name": "changed" }))
            }
            ("delete", "organization") => ("deleteOrganization", json!({ "orgGuid": object })),
            ("create", "organization") => {
                ("createOrganization", json!({ "code": code, "name": "n", "parentGuid": organization }))
            }
            ("update", "position") => {
                ("updatePosition", json!({ "positionGuid": object, "name": "changed" }))
            }
            ("delete", "position") => ("deletePosition", json!({ "positionGuid": object })),
            ("create", "position") => {
                ("createPosition", json!({ "code": code, "name": "n", "organizationGuid": organization }))
            }
            ("view", "staff") => ("getStaff", json!({ "staffGuid": object })),
            ("update", "staff") => ("updateStaff", json!({ "staffGuid": object, "name": "changed" })),
            ("delete", "staff") => ("deleteStaff", json!({ "staffGuid": object })),
            ("create", "staff") => {
                ("createStaff", json!({ "staffNo": code, "name": "n", "organizationGuid": organization }))
            }
            _ => return None,
        })
    }
}
