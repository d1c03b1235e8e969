//! What there is in the company of what a definition names: read for `validate.rs`.

use super::Definition;
use super::model::{Content, Status};
use crate::access::holders;
use crate::core::Core;
use crate::db::{Conn, DbError};
use crate::hr::reporting;
use crate::refusal::Refusal;
use crate::workflow::graph::{Graph, NodeKind};
use crate::workflow::store::definitions as store;
use crate::workflow::validate::{self, Fault, Known, Reference, Subprocess};
use crate::workflow::walk;
use livegrant_actors::CompanyId;
use std::collections::BTreeSet;

/// Definitions that one definition may run, over all levels; a longer chain is not looked at further.
const SUBPROCESSES_MAX: usize = 50;

/// Lists everything that is wrong with a definition now.
pub async fn faults(
    core: &Core,
    conn: &mut Conn,
    company: CompanyId,
    code: &str,
    content: &Content,
) -> Result<Vec<Fault>, Refusal> {
    let targets = core.settings.workflow.triggers.keys().cloned().collect();
    let mut known = Known { missing: missing(conn, company, content).await?, targets, ..Known::default() };
    let mut open: Vec<String> = runs(&content.graph).into_iter().collect();
    while let Some(next) = open.pop() {
        if known.subprocesses.contains_key(&next) || known.subprocesses.len() == SUBPROCESSES_MAX {
            continue;
        }
        let Some(row) = store::of_status(conn, company, &next, Status::Published.word()).await? else {
            continue;
        };
        let called = Definition::try_from(row)?;
        let runs = runs(&called.graph);
        open.extend(runs.iter().cloned());
        let chosen_at = validate::chosen_at(&called.graph);
        known.subprocesses.insert(next, Subprocess { runs, form: called.form, chosen_at });
    }
    Ok(validate::faults(code, content, &known))
}

fn runs(graph: &Graph) -> BTreeSet<String> {
    let of = |node: &crate::workflow::graph::Node| match &node.kind {
        NodeKind::Subprocess { definition } => Some(definition.clone()),
        _ => None,
    };
    walk::all(graph).into_iter().filter_map(of).collect()
}

async fn missing(
    conn: &mut Conn,
    company: CompanyId,
    content: &Content,
) -> Result<BTreeSet<Reference>, DbError> {
    let named: BTreeSet<Reference> = validate::references(content).into_iter().map(|(_, one)| one).collect();
    let mut missing = BTreeSet::new();
    for reference in named {
        let is_there = match &reference {
            Reference::Account(guid) => {
                let guid = guid.clone();
                !reporting::accounts_named(conn, company, &[guid]).await?.is_empty()
            }
            Reference::Role(code) => holders::role_exists(conn, company, code).await?,
            Reference::Position(code) => reporting::position_exists(conn, company, code).await?,
            Reference::Organization(guid) => reporting::organization_exists(conn, company, guid).await?,
        };
        if !is_there {
            missing.insert(reference);
        }
    }
    Ok(missing)
}
