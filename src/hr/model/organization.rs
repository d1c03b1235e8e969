//! Organisations: a tree in each company. `path` holds the rows from the root to the organisation itself (`/3/17/`), so what
//! lies below one begins with its path, and a move that would make a circle is seen without walking.

use super::Field;
use crate::refusal::Refusal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Levels of a tree at most. 32: more than any company has, and a path of 32 rows stays below 640 characters, which an
/// index takes.
pub const LEVELS_MAX: i64 = 32;
/// Organisations that one answer shows as a tree. 2,000: about 600 KB; whoever has more asks for a part.
pub const TREE_MAX: i64 = 2_000;
/// People, positions and organisations that the end of one organisation may move. 1,000: each person is told and looked at
/// again by every node, in one transaction.
pub const MOVED_MAX: i64 = 1_000;

/// An organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow, ToSchema)]
pub struct Organization {
    /// Integer id, as `path` names it.
    pub id: i64,
    /// 36-character id.
    pub guid: String,
    /// Unique in its company.
    pub code: String,
    /// Display name.
    pub name: String,
    /// The organisation that it belongs to; null at the top.
    pub parent_guid: Option<String>,
    /// Ids from the top to the organisation itself: `/3/17/`.
    pub path: String,
    /// 1 at the top.
    pub level: i64,
    /// Place among its siblings; equal ones stand by id.
    pub sort: i64,
    /// 1 enabled, 0 disabled: nothing new can belong to it.
    pub status: i64,
    /// Who leads it.
    pub leader_staff_guid: Option<String>,
    /// His name.
    pub leader_name: Option<String>,
    /// People who belong to it directly and have not left.
    pub staff: i64,
    /// For optimistic locking.
    pub version: i64,
}

impl Organization {
    /// Answers whether the path of another one lies at or below this one.
    pub fn contains(&self, path: &str) -> bool {
        path.starts_with(&self.path)
    }

    /// Answers the row of the organisation that it belongs to.
    pub fn parent_id(&self) -> Option<i64> {
        self.path.trim_end_matches('/').rsplit('/').nth(1).and_then(|id| id.parse().ok())
    }
}

/// A new organisation.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrganization {
    /// 1 to 64 letters, digits, `_`, `-`, `.` or `:`.
    pub code: String,
    /// Display name.
    pub name: String,
    /// The organisation that it belongs to; at the top when absent.
    #[serde(default, rename = "parentGuid", alias = "parent_guid")]
    pub parent_guid: Option<String>,
    /// Place among its siblings; last when absent.
    #[serde(default)]
    pub sort: Option<i64>,
    /// Who leads it.
    #[serde(default)]
    pub leader_staff_guid: Option<String>,
}

/// What of an organisation is to change; what is absent stays. Where it lies is changed by a move.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrganizationPatch {
    /// Unique in its company.
    pub code: Option<String>,
    /// Display name.
    pub name: Option<String>,
    /// Place among its siblings.
    pub sort: Option<i64>,
    /// 1 enabled, 0 disabled.
    pub status: Option<i64>,
    /// Who leads it; null for nobody.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub leader_staff_guid: Field<String>,
    /// The version that was read; a different one now is refused.
    pub version: Option<i64>,
    /// Account or staff guid of the caller; anybody else's is refused (C3).
    #[serde(rename = "operatorGuid")]
    pub operator_guid: Option<String>,
}

/// Where an organisation is to lie.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrganizationMove {
    /// The organisation that it shall belong to; null for the top.
    #[serde(rename = "parentGuid", alias = "parent_guid", default)]
    #[schema(value_type = Option<String>)]
    pub parent_guid: Field<String>,
    /// Place among its new siblings, from 0; last when absent.
    #[serde(default)]
    pub position: Option<i64>,
    /// The version that was read; a different one now is refused.
    pub version: Option<i64>,
    /// Account or staff guid of the caller; anybody else's is refused (C3).
    #[serde(rename = "operatorGuid")]
    pub operator_guid: Option<String>,
}

/// An organisation with everything below it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OrganizationNode {
    /// The organisation.
    #[serde(flatten)]
    pub organization: Organization,
    /// People who belong to it or to one below it, as far as it is shown here.
    pub staff_below: i64,
    /// In their order.
    #[schema(no_recursion)]
    pub children: Vec<OrganizationNode>,
}

/// A company's organisations.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OrganizationTree {
    /// Organisations shown.
    pub count: i64,
    /// Those that nothing shown lies above.
    pub organizations: Vec<OrganizationNode>,
}

/// Where everything goes that belongs to an organisation which ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MoveTo {
    /// Refuse while anything belongs to it.
    Refuse,
    /// To the top: to no organisation.
    Top,
    /// To this organisation.
    Organization(String),
}

/// What the end of an organisation moves, or would move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::FromRow, ToSchema)]
pub struct Belongings {
    /// People, also those who have left.
    pub staff: i64,
    /// Positions.
    pub positions: i64,
    /// Organisations directly below.
    pub organizations: i64,
    /// Roles and positions whose data scope names it; they lose it.
    pub data_scopes: i64,
}

impl Belongings {
    /// Answers whether nothing would have to move.
    pub fn is_empty(&self) -> bool {
        self.staff == 0 && self.positions == 0 && self.organizations == 0
    }
}

/// Puts the rows of a list into a tree. The list is in the order of levels, then of siblings; what lies above is shown or
/// is not, and what lies below nothing shown stands at the top.
pub fn tree(rows: Vec<Organization>) -> Vec<OrganizationNode> {
    let mut levels: Vec<OrganizationNode> = rows
        .into_iter()
        .map(|organization| OrganizationNode {
            staff_below: organization.staff,
            organization,
            children: Vec::new(),
        })
        .collect();
    let mut top = Vec::new();
    // From the deepest: whatever hangs below a node is there when the node itself is hung up.
    while let Some(node) = levels.pop() {
        let above = levels
            .iter_mut()
            .rev()
            .filter(|other| other.organization.contains(&node.organization.path))
            .max_by_key(|other| other.organization.level);
        match above {
            Some(parent) => {
                parent.staff_below += node.staff_below;
                parent.children.insert(0, node);
            }
            None => top.insert(0, node),
        }
    }
    top
}

/// Checks a place among siblings.
pub fn check_sort(field: &str, sort: Option<i64>) -> Result<(), Refusal> {
    if sort.is_none_or(|sort| (0..=1_000_000).contains(&sort)) {
        return Ok(());
    }
    Err(Refusal::invalid(field, "invalid", "0 to 1,000,000"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(id: i64, path: &str, sort: i64, staff: i64) -> Organization {
        Organization {
            id,
            guid: id.to_string(),
            code: String::new(),
            name: String::new(),
            parent_guid: None,
            path: path.to_owned(),
            level: path.matches('/').count() as i64 - 1,
            sort,
            status: 1,
            leader_staff_guid: None,
            leader_name: None,
            staff,
            version: 1,
        }
    }

    fn shown(nodes: &[OrganizationNode]) -> String {
        let one = |node: &OrganizationNode| {
            format!("{}:{}[{}]", node.organization.id, node.staff_below, shown(&node.children))
        };
        nodes.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_list_becomes_a_tree_and_people_are_counted_upwards() {
        let rows = vec![
            row(1, "/1/", 0, 1),
            row(2, "/2/", 1, 0),
            row(4, "/1/4/", 0, 2),
            row(3, "/1/3/", 1, 3),
            row(5, "/2/5/", 0, 0),
            row(7, "/1/3/7/", 0, 5),
        ];
        assert_eq!(shown(&tree(rows)), "1:11[4:2[] 3:8[7:5[]]] 2:0[5:0[]]");
    }

    // FC7: whoever sees only a part sees it as a tree of its own.
    #[test]
    fn what_lies_below_nothing_shown_stands_at_the_top() {
        let rows = vec![row(12, "/1/12/", 0, 0), row(7, "/1/3/7/", 0, 1), row(9, "/1/12/8/9/", 0, 1)];
        assert_eq!(shown(&tree(rows)), "12:1[9:1[]] 7:1[]");
    }

    #[test]
    fn a_path_names_the_parent() {
        assert_eq!(row(1, "/1/", 0, 0).parent_id(), None);
        assert_eq!(row(17, "/3/17/", 0, 0).parent_id(), Some(3));
        assert!(row(1, "/1/", 0, 0).contains("/1/2/") && !row(1, "/1/", 0, 0).contains("/11/2/"));
    }

    proptest! {
        /// Nobody is lost or shown twice, whatever part of a tree is listed.
        #[test]
        fn every_row_stands_in_the_tree_once(parents in proptest::collection::vec(0_usize..8, 1..12), shown in any::<u16>()) {
            let mut paths: Vec<String> = Vec::new();
            for (index, parent) in parents.iter().enumerate() {
                let above = if *parent < index { paths[*parent].clone() } else { "/".to_owned() };
                paths.push(format!("{above}{}/", index + 1));
            }
            let mut rows: Vec<_> = (1..).zip(&paths)
                .filter(|(id, _)| shown & (1 << *id) != 0)
                .map(|(id, path)| row(id, path, id, 1))
                .collect();
            rows.sort_by_key(|row| (row.level, row.id));
            let count = rows.len() as i64;
            let top = tree(rows);
            prop_assert_eq!(top.iter().map(|node| node.staff_below).sum::<i64>(), count);
        }
    }
}
