//! The menu tree that a set of permissions shows. Pure. Hiding is comfort, not control (C20): every route checks its own
//! permission, whatever the tree shows.

use crate::policy::{Catalogue, Permission};
use serde::Serialize;
use std::collections::HashMap;
use utoipa::ToSchema;

/// A visible menu or button.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MenuOut {
    /// Its permission's id.
    pub id: i64,
    /// Its permission's code.
    pub code: String,
    /// Display name.
    pub name: String,
    /// `menu` or `button`.
    pub kind: String,
    /// Where it leads.
    pub route: Option<String>,
    /// Icon name.
    pub icon: Option<String>,
    /// What hangs under it, in order.
    #[schema(no_recursion)]
    pub children: Vec<MenuOut>,
}

/// Makes the tree of the menus and buttons among the codes. What hangs under a menu that is not shown is not shown.
pub fn tree<C: AsRef<str>>(catalogue: &Catalogue, codes: &[C]) -> Vec<MenuOut> {
    let mut under: HashMap<Option<i64>, Vec<&Permission>> = HashMap::new();
    for row in codes.iter().filter_map(|code| catalogue.find(code.as_ref())) {
        if row.kind != "api" && row.status == 1 {
            under.entry(row.parent_id).or_default().push(row);
        }
    }
    for siblings in under.values_mut() {
        siblings.sort_by_key(|row| (row.sort, row.id));
    }
    grow(&under, None)
}

/// Starts at the root, so rows that hang under each other in a circle are never reached.
fn grow(under: &HashMap<Option<i64>, Vec<&Permission>>, parent: Option<i64>) -> Vec<MenuOut> {
    let siblings = under.get(&parent).map(Vec::as_slice).unwrap_or_default();
    siblings
        .iter()
        .map(|row| MenuOut {
            id: row.id,
            code: row.code.clone(),
            name: row.name.clone(),
            kind: row.kind.clone(),
            route: row.route.clone(),
            icon: row.icon.clone(),
            children: grow(under, Some(row.id)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue(rows: &[(i64, &str, Option<i64>, i64, i64)]) -> Catalogue {
        let rows = rows.iter().map(|(id, kind, parent_id, sort, status)| Permission {
            id: *id,
            application_id: 0,
            code: id.to_string(),
            name: String::new(),
            description: String::new(),
            kind: (*kind).to_owned(),
            parent_id: *parent_id,
            level: 1,
            sort: *sort,
            route: None,
            icon: None,
            builtin: false,
            critical: false,
            status: *status,
            version: 1,
        });
        Catalogue::default().next(rows.collect(), 0)
    }

    fn shape(menus: &[MenuOut]) -> String {
        let shown = |menu: &MenuOut| match menu.children.as_slice() {
            [] => menu.code.clone(),
            children => format!("{}({})", menu.code, shape(children)),
        };
        menus.iter().map(shown).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_tree_holds_what_is_held_switched_on_and_under_something_shown() {
        let catalogue = catalogue(&[
            (1, "menu", None, 20, 1),
            (2, "menu", None, 10, 1),
            (3, "button", Some(1), 2, 1),
            (4, "menu", Some(1), 1, 1),
            (5, "button", Some(4), 1, 1),
            (6, "button", Some(4), 2, 0),
            (7, "api", None, 0, 1),
            (8, "menu", Some(9), 0, 1),
            (9, "menu", Some(8), 0, 1),
        ]);
        let all = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "unknown"];
        assert_eq!(shape(&tree(&catalogue, &all)), "2 1(4(5) 3)");
        assert_eq!(shape(&tree(&catalogue, &["1", "5"])), "1");
        assert_eq!(shape(&tree(&catalogue, &[] as &[&str])), "");
    }
}
