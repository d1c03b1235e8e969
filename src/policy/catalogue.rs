//! The permission catalogue in memory: every code with its bit, its display data and its state.
//! A code that is switched off stays in the catalogue and out of everyone's effective set.

use super::Bits;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::Arc;

/// One permission, menu or button, as stored in `sys_permission`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct Permission {
    /// Seeds' ids are kept (1001 `org:view` …); own ones start at 10000.
    pub id: i64,
    /// 0 is the core, valid in every application.
    pub application_id: i64,
    /// For example `org:view`.
    pub code: String,
    /// Display name.
    pub name: String,
    /// What it allows.
    pub description: String,
    /// `api`, `menu` or `button`.
    pub kind: String,
    /// The menu that it hangs under.
    pub parent_id: Option<i64>,
    /// Depth in the menu tree, from 1.
    pub level: i64,
    /// Order among siblings.
    pub sort: i64,
    /// Where a menu leads.
    pub route: Option<String>,
    /// A menu's icon name.
    pub icon: Option<String>,
    /// Shipped with Livegrant: cannot be deleted or re-coded (S1-18).
    pub builtin: bool,
    /// Granting it asks for confirmation (S1-47).
    pub critical: bool,
    /// 1 enabled, 0 disabled.
    pub status: i64,
    /// For optimistic locking.
    pub version: i64,
}

/// All permissions; immutable, replaced as a whole when one changes.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    rows: Vec<Permission>,
    codes: Vec<Arc<str>>,
    bit_of_code: HashMap<Arc<str>, usize>,
    bit_of_id: HashMap<i64, usize>,
    row_of_bit: HashMap<usize, usize>,
    enabled: Bits,
    /// The epoch of the scope `catalogue` that these rows were read after.
    pub epoch: i64,
}

impl Catalogue {
    /// Makes the next catalogue from rows, keeping the bit of every permission that this one knows.
    #[must_use]
    pub fn next(&self, rows: Vec<Permission>, epoch: i64) -> Self {
        let mut next =
            Self { codes: self.codes.clone(), bit_of_id: self.bit_of_id.clone(), epoch, ..Self::default() };
        for (index, row) in rows.iter().enumerate() {
            let code: Arc<str> = row.code.as_str().into();
            let bit = *next.bit_of_id.entry(row.id).or_insert_with(|| {
                next.codes.push(Arc::clone(&code));
                next.codes.len() - 1
            });
            next.codes[bit] = Arc::clone(&code);
            next.bit_of_code.insert(code, bit);
            next.row_of_bit.insert(bit, index);
            if row.status == 1 {
                next.enabled.insert(bit);
            }
        }
        next.rows = rows;
        next
    }

    /// Answers the bit of a code.
    pub fn bit(&self, code: &str) -> Option<usize> {
        self.bit_of_code.get(code).copied()
    }

    /// Answers the bit of a permission id.
    pub fn bit_of_id(&self, id: i64) -> Option<usize> {
        self.bit_of_id.get(&id).copied()
    }

    /// Answers the code behind a bit.
    pub fn code(&self, bit: usize) -> Option<&Arc<str>> {
        self.codes.get(bit)
    }

    /// Answers the row behind a bit.
    pub fn permission(&self, bit: usize) -> Option<&Permission> {
        self.row_of_bit.get(&bit).and_then(|index| self.rows.get(*index))
    }

    /// Answers the row of a code.
    pub fn find(&self, code: &str) -> Option<&Permission> {
        self.bit(code).and_then(|bit| self.permission(bit))
    }

    /// Answers all permissions that are switched on.
    pub fn enabled(&self) -> &Bits {
        &self.enabled
    }

    /// Walks all rows in the order of their ids.
    pub fn rows(&self) -> &[Permission] {
        &self.rows
    }

    /// Answers the sorted codes of a set.
    pub fn codes_of(&self, bits: &Bits) -> Vec<Arc<str>> {
        let mut codes: Vec<Arc<str>> = bits.iter().filter_map(|bit| self.codes.get(bit).cloned()).collect();
        codes.sort();
        codes
    }
}
