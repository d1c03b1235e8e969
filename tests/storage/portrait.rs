//! What a policy table says, as lines that can be compared: of the roles and positions, of accounts, of sessions.
//!
//! Two tables that have applied the same revision say the same, however each came to it. Left out is what may differ: the
//! bits behind the codes, and the revision at which a set was first seen.

use livegrant::policy::{PolicyTable, Stamp};
use livegrant_actors::SessionId;

/// Everything that the table says, with these sessions and their accounts.
pub async fn of(table: &PolicyTable, sessions: &[SessionId]) -> Vec<String> {
    let mut lines = structure(table);
    for sid in sessions {
        lines.extend(session(table, sid).await);
    }
    lines
}

fn structure(table: &PolicyTable) -> Vec<String> {
    table.with_facts(|facts| {
        let mut lines: Vec<String> = facts
            .holders
            .values()
            .map(|holder| {
                let codes = facts.catalogue.codes_of(&holder.permissions);
                let (id, epoch, enabled) = (holder.id, holder.epoch, holder.enabled);
                format!("{id:?} {} {} epoch {epoch}, enabled {enabled}: {codes:?}", holder.code, holder.name)
            })
            .collect();
        lines.extend(facts.companies.iter().map(|company| format!("{company:?}")));
        lines.extend(facts.applications.iter().map(|application| format!("{application:?}")));
        lines.sort();
        lines.push(format!("catalogue epoch {}: {:?}", facts.catalogue.epoch, facts.catalogue.rows()));
        lines
    })
}

/// What the session's account may do, is told, and writes with.
async fn session(table: &PolicyTable, sid: &SessionId) -> Vec<String> {
    let entry = table.session(sid).await.unwrap().expect("it was stored");
    let member = table.member(entry.account).await.unwrap().expect("it was stored");
    let facts = member.facts();
    let snapshot = table.snapshot(&member, &entry);
    let state = table.published(&member, entry.view);
    let account = entry.account;
    let stamp: Stamp = snapshot.stamp(sid);
    vec![
        format!("{sid} of {account}: active {}, until {}", entry.is_active(), entry.expires_at()),
        format!("{account}: {} {:?} platform {}", facts.username, facts.display_name, facts.is_platform),
        format!("{account}: enabled {}, epoch {}, {:?}", facts.enabled, facts.epoch, facts.grants),
        format!("{account} may {:?} through {:?}", snapshot.codes(), snapshot.holders()),
        format!("{account} writes with {stamp:?}"),
        format!("{account} is told {:?} {:?} {:?}", state.permissions, state.roles, state.positions),
        format!("{account} is told {} {}", state.hash, state.menu_version),
    ]
}

/// Fails with the lines that differ.
pub fn assert_same(table: &[String], fresh: &[String], what: &str) {
    let differ: Vec<_> = table
        .iter()
        .zip(fresh)
        .filter(|(one, other)| one != other)
        .map(|(one, other)| format!("has   {one}\nfresh {other}"))
        .collect();
    assert!(differ.is_empty() && table.len() == fresh.len(), "\n{what}:\n{}\n", differ.join("\n"));
}
