//! The definitions that ship with Livegrant: `leave` (请假), the example process (S0-54).
//!
//! Published with the first data, for the default company. Running it again changes nothing: whatever an administrator has
//! made of a definition stays, and so does one that he retired.

use super::definitions::model::{Content, Status};
use super::store::definitions as store;
use crate::db::{Author, Db, SystemTask};
use crate::refusal::Refusal;
use livegrant_actors::{AccountId, CompanyId};

/// Code and content. The content is the JSON that `POST /api/v1/workflows/definitions` takes, so that it is an example too.
const SHIPPED: [(&str, &str); 1] = [("leave", include_str!("shipped/leave.json"))];

/// Publishes what a company does not have yet, under any status; answers how many were added.
pub async fn publish(db: &Db, company: CompanyId) -> Result<usize, Refusal> {
    let mut added = 0;
    for (code, text) in SHIPPED {
        let content: Content = serde_json::from_str(text)
            .map_err(|error| Refusal::Defect(anyhow::anyhow!("the shipped definition {code}: {error}")))?;
        let mut work = db.begin(&Author::system("first data")).await?;
        if store::last_number(work.conn(), company, code).await? > 0 {
            continue;
        }
        let now = work.now();
        let place = store::Place { company, code, number: 1 };
        let id = store::insert(work.conn(), place, &content, AccountId(0), now).await?;
        store::set_status(work.conn(), id, Status::Published.word(), 1, now).await?;
        work.commit(SystemTask::Bootstrap).await?;
        added += 1;
    }
    Ok(added)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::builtin::PRESETS;
    use crate::workflow::validate::{Known, Reference, faults, references};

    #[test]
    fn what_ships_can_be_published_wherever_the_first_data_is() {
        // S0-54
        for (code, text) in SHIPPED {
            let content: Content = serde_json::from_str(text).unwrap();
            assert_eq!(faults(code, &content, &Known::default()), [], "{code}");
            for (at, reference) in references(&content) {
                let Reference::Role(role) = &reference else { panic!("{at} names {reference:?}") };
                assert!(PRESETS.iter().any(|(preset, ..)| preset == role), "{at} names the role {role}");
            }
        }
    }

    #[test]
    fn the_example_of_the_documentation_can_be_published() {
        let docs = include_str!("../../docs/workflow.md");
        let blocks = docs.split("```json\n").skip(1).filter_map(|block| block.split("```").next());
        let mut seen = 0;
        for block in blocks.filter(|block| block.contains("\"graph\"")) {
            let mut value: serde_json::Value = serde_json::from_str(block).unwrap();
            let code = value.as_object_mut().and_then(|whole| whole.remove("code")).unwrap();
            let content: Content = serde_json::from_value(value).unwrap();
            assert_eq!(faults(code.as_str().unwrap(), &content, &Known::default()), [], "{block}");
            seen += 1;
        }
        assert_eq!(seen, 1);
    }
}
