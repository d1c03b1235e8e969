//! Permissions, menus and buttons: what may be put into the catalogue and changed in it, without IO.
//! Builtin rows keep code and parent for good (S1-18); what they are called and where they lead may be changed.

use crate::policy::{Permission, SYSTEM_ADMIN};
use crate::refusal::Refusal;
use crate::text::{check_code, check_name, check_text};
use serde::{Deserialize, Deserializer};
use std::collections::HashMap;
use utoipa::ToSchema;

/// Deepest menu tree: more than a person finds his way in.
const LEVEL_MAX: i64 = 8;
/// Largest place among siblings; keeps it below 2^53 for every client.
const SORT_MAX: i64 = 1_000_000;

/// A new permission, menu or button.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPermission {
    /// Unique in the whole catalogue (S1-18).
    pub code: String,
    /// Display name.
    pub name: String,
    /// What it allows.
    #[serde(default)]
    pub description: String,
    /// `api`, `menu` or `button`.
    pub kind: String,
    /// 0, when absent, is the core.
    #[serde(default)]
    pub application_id: i64,
    /// The menu that it hangs under; none: at the root.
    #[serde(default)]
    pub parent_id: Option<i64>,
    /// Order among siblings.
    #[serde(default)]
    pub sort: i64,
    /// Where a menu leads: a path of this site.
    #[serde(default)]
    pub route: Option<String>,
    /// A menu's icon name.
    #[serde(default)]
    pub icon: Option<String>,
}

/// What of a permission is to change; what is absent stays, null empties.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PermissionPatch {
    /// Not of builtin ones.
    pub code: Option<String>,
    /// Display name.
    pub name: Option<String>,
    /// What it allows.
    pub description: Option<String>,
    /// Not of builtin ones; null moves to the root.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    pub parent_id: Field<i64>,
    /// Order among siblings.
    pub sort: Option<i64>,
    /// Where a menu leads.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub route: Field<String>,
    /// A menu's icon name.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub icon: Field<String>,
    /// 1 enabled, 0 disabled: nobody has it, whoever was granted it.
    pub status: Option<i64>,
    /// The version that was read; a different one now is refused.
    pub version: Option<i64>,
}

/// A field of a patch that may be emptied: null is told from absence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Field<T> {
    /// Absent.
    #[default]
    Stays,
    /// Null or a value.
    Becomes(Option<T>),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        Option::deserialize(value).map(Self::Becomes)
    }
}

impl NewPermission {
    /// Makes the row that is to be inserted; its id and level are found out by others.
    pub fn into_row(self) -> Permission {
        Permission {
            id: 0,
            application_id: self.application_id,
            code: self.code,
            name: self.name,
            description: self.description,
            kind: self.kind,
            parent_id: self.parent_id,
            level: 1,
            sort: self.sort,
            route: self.route,
            icon: self.icon,
            builtin: false,
            critical: false,
            status: 1,
            version: 1,
        }
    }
}

impl PermissionPatch {
    /// Answers the row as it would be after the patch.
    pub fn applied_to(&self, row: &Permission) -> Result<Permission, Refusal> {
        let mut next = row.clone();
        if let Some(code) = &self.code {
            next.code.clone_from(code);
        }
        if let Some(name) = &self.name {
            next.name.clone_from(name);
        }
        if let Some(description) = &self.description {
            next.description.clone_from(description);
        }
        if let Field::Becomes(parent) = self.parent_id {
            next.parent_id = parent;
        }
        if let Field::Becomes(route) = &self.route {
            next.route.clone_from(route);
        }
        if let Field::Becomes(icon) = &self.icon {
            next.icon.clone_from(icon);
        }
        next.sort = self.sort.unwrap_or(row.sort);
        next.status = self.status.unwrap_or(row.status);
        if row.builtin && (next.code != row.code || next.parent_id != row.parent_id) {
            let detail = "what ships with Livegrant keeps its code and its place".to_owned();
            return Err(Refusal::Forbidden { code: "builtin", detail });
        }
        if row.code == SYSTEM_ADMIN && next.status != 1 {
            let detail = "without system:admin nobody could switch it on again".to_owned();
            return Err(Refusal::Forbidden { code: "builtin", detail });
        }
        Ok(next)
    }
}

/// Checks a row's own fields.
pub fn check(row: &Permission) -> Result<(), Refusal> {
    check_code(&row.code)?;
    check_name("name", &row.name)?;
    check_text("description", &row.description)?;
    if !["api", "menu", "button"].contains(&row.kind.as_str()) {
        return Err(Refusal::invalid("kind", "invalid", "api, menu or button"));
    }
    if !matches!(row.status, 0 | 1) {
        return Err(Refusal::invalid("status", "invalid", "1 (enabled) or 0 (disabled)"));
    }
    if row.sort.abs() > SORT_MAX {
        return Err(Refusal::invalid("sort", "invalid", format!("-{SORT_MAX} to {SORT_MAX}")));
    }
    if let Some(route) = &row.route {
        check_text("route", route)?;
        // A menu is followed by a click: it must not lead to a script or to another site.
        if !route.starts_with('/') || route.starts_with("//") || route.contains('\\') {
            return Err(Refusal::invalid("route", "invalid", "a path of this site, from `/`"));
        }
    }
    row.icon.as_deref().map_or(Ok(()), |icon| check_text("icon", icon))
}

/// Finds the level of every row that moves when `row` hangs under its parent: the row's own first, then those below it.
///
/// # Errors
/// The parent is missing, no menu, of another application, the row itself or below it, or the tree becomes too deep.
pub fn levels(rows: &[Permission], row: &Permission) -> Result<Vec<(i64, i64)>, Refusal> {
    let refuse = |detail: &str| Err(Refusal::invalid("parent_id", "invalid", detail));
    let by_id: HashMap<i64, &Permission> = rows.iter().map(|row| (row.id, row)).collect();
    let mut level = 1;
    if let Some(id) = row.parent_id {
        let Some(parent) = by_id.get(&id) else { return refuse("there is no such menu") };
        if parent.kind != "menu" {
            return refuse("only a menu has something under it");
        }
        if parent.application_id != 0 && parent.application_id != row.application_id {
            return refuse("the menu belongs to another application");
        }
        level = parent.level + 1;
    }
    let mut moved = vec![(row.id, level)];
    let mut at = 0;
    while let Some((id, level)) = moved.get(at).copied() {
        at += 1;
        if level > LEVEL_MAX {
            return refuse("the tree would be too deep");
        }
        if row.parent_id == Some(id) {
            return refuse("a menu cannot hang under itself");
        }
        // A new row has no id yet, and nothing hangs under it.
        moved.extend(
            rows.iter()
                .filter(|child| row.id != 0 && child.id != row.id && child.parent_id == Some(id))
                .map(|child| (child.id, level + 1)),
        );
    }
    Ok(moved)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: i64, kind: &str, parent_id: Option<i64>, level: i64) -> Permission {
        let new = NewPermission {
            code: format!("code:{id}"),
            name: "name".to_owned(),
            description: String::new(),
            kind: kind.to_owned(),
            application_id: 0,
            parent_id,
            sort: 0,
            route: None,
            icon: None,
        };
        Permission { id, level, ..new.into_row() }
    }

    fn field(refusal: Result<impl std::fmt::Debug, Refusal>) -> String {
        match refusal {
            Err(Refusal::Invalid { field, .. }) => field,
            other => panic!("not refused by a field: {other:?}"),
        }
    }

    #[test]
    fn a_menu_takes_what_hangs_under_it_along() {
        let rows = [
            row(1, "menu", None, 1),
            row(2, "menu", None, 1),
            row(3, "menu", Some(2), 2),
            row(4, "button", Some(3), 3),
        ];
        let moved = Permission { parent_id: Some(1), ..rows[1].clone() };
        assert_eq!(levels(&rows, &moved).expect("fits"), [(2, 2), (3, 3), (4, 4)]);
        let new = row(0, "button", Some(3), 1);
        assert_eq!(levels(&rows, &new).expect("fits"), [(0, 3)]);
    }

    #[test]
    fn a_parent_is_another_menu_that_is_not_below() {
        let rows = [
            row(1, "menu", None, 1),
            row(2, "menu", Some(1), 2),
            row(3, "menu", Some(2), 3),
            row(4, "button", None, 1),
        ];
        for parent in [1, 2, 3, 4, 99] {
            let moved = Permission { parent_id: Some(parent), ..rows[0].clone() };
            assert_eq!(field(levels(&rows, &moved)), "parent_id", "under {parent}");
        }
        let elsewhere = [Permission { application_id: 2, ..row(1, "menu", None, 1) }];
        assert_eq!(field(levels(&elsewhere, &row(0, "menu", Some(1), 1))), "parent_id");
    }

    #[test]
    fn a_tree_has_a_depth() {
        let mut rows: Vec<_> =
            (1..=LEVEL_MAX).map(|id| row(id, "menu", (id > 1).then_some(id - 1), id)).collect();
        assert_eq!(field(levels(&rows, &row(0, "menu", Some(LEVEL_MAX), 1))), "parent_id");
        let top = row(100, "menu", None, 1);
        rows.push(top);
        let moved = Permission { parent_id: Some(100), ..rows[0].clone() };
        assert_eq!(field(levels(&rows, &moved)), "parent_id");
    }

    /// S1-18.
    #[test]
    fn a_builtin_row_keeps_code_and_place_and_the_administrator_stays_on() {
        let builtin = Permission { builtin: true, ..row(1, "menu", None, 1) };
        let patch = |json: &str| serde_json::from_str::<PermissionPatch>(json).expect("a patch");
        let refused = |json: &str| patch(json).applied_to(&builtin).is_err();
        assert!(refused(r#"{"code":"other"}"#) && refused(r#"{"parent_id":2}"#));
        let next = patch(r#"{"name":"n","route":"/x","icon":null,"sort":3,"status":0,"code":"code:1"}"#)
            .applied_to(&builtin)
            .expect("display data may change");
        assert_eq!(
            (next.name.as_str(), next.route.as_deref(), next.sort, next.status),
            ("n", Some("/x"), 3, 0)
        );
        let admin = Permission { code: SYSTEM_ADMIN.to_owned(), ..builtin };
        assert!(patch(r#"{"status":0}"#).applied_to(&admin).is_err());
        assert!(patch(r#"{"status":1,"name":"n"}"#).applied_to(&admin).is_ok());
    }

    #[test]
    fn null_empties_and_absence_keeps() {
        let menu = Permission { route: Some("/a".to_owned()), parent_id: Some(7), ..row(1, "menu", None, 1) };
        let patch = |json: &str| serde_json::from_str::<PermissionPatch>(json).expect("a patch");
        assert_eq!(patch("{}").applied_to(&menu).expect("nothing"), menu);
        let emptied = patch(r#"{"route":null,"parent_id":null}"#).applied_to(&menu).expect("allowed");
        assert_eq!((emptied.route, emptied.parent_id), (None, None));
    }

    #[test]
    fn a_route_stays_on_this_site() {
        for route in
            ["javascript:alert(1)", "//elsewhere", "https://elsewhere", "", "/\\elsewhere", "relative"]
        {
            let menu = Permission { route: Some(route.to_owned()), ..row(1, "menu", None, 1) };
            assert_eq!(field(check(&menu)), "route", "{route}");
        }
        assert!(
            check(&Permission { route: Some("/staff?tab=1".to_owned()), ..row(1, "menu", None, 1) }).is_ok()
        );
    }
}
