//! Definitions written: a new one, a draft changed, a new draft of what is published. A draft may be wrong in every way
//! that `validate.rs` knows; only what could not be stored or read is refused here.

use super::audited::audited;
use super::model::{Definition, DefinitionOut, DefinitionPatch, NewDefinition, Status};
use super::read::MISSING;
use crate::core::Core;
use crate::db::Work;
use crate::policy::Principal;
use crate::refusal::Refusal;
use crate::text::{check_code, check_name, check_text};
use crate::workflow::store::definitions as store;

/// The permission that all of this needs (S1-16).
pub(super) const ADMIN: &str = "workflow:admin";

/// Creates a definition: a first draft.
pub async fn create(core: &Core, by: &Principal, new: &NewDefinition) -> Result<DefinitionOut, Refusal> {
    by.require(ADMIN)?;
    check_code(&new.code)?;
    check_name("name", &new.content.name)?;
    check_text("category", &new.content.category)?;
    let mut work = core.db.begin(&by.author()).await?;
    if store::best(work.conn(), by.company(), &new.code).await?.is_some() {
        return Err(Refusal::on_duplicate("code")(crate::db::DbError::Duplicate));
    }
    let id = insert(&mut work, by, &new.code, &new.content).await?;
    finish(work, by, id, "definition_created", None).await
}

/// Changes the draft of a code; where there is none, begins one with what is published and changes that.
pub async fn update(
    core: &Core,
    by: &Principal,
    code: &str,
    patch: &DefinitionPatch,
) -> Result<DefinitionOut, Refusal> {
    by.require(ADMIN)?;
    patch.name.as_deref().map_or(Ok(()), |name| check_name("name", name))?;
    patch.category.as_deref().map_or(Ok(()), |category| check_text("category", category))?;
    let mut work = core.db.begin(&by.author()).await?;
    let draft = store::of_status(work.conn(), by.company(), code, Status::Draft.word()).await?;
    let row = match draft {
        Some(draft) => draft,
        None => store::best(work.conn(), by.company(), code).await?.ok_or(MISSING)?,
    };
    let before = Definition::try_from(row)?;
    if patch.version.is_some_and(|version| version != before.version) {
        return Err(Refusal::Outdated);
    }
    let content = patch.on(before.content());
    let id = if before.status == Status::Draft {
        let now = work.now();
        if store::update(work.conn(), before.id, &content, before.version, now).await? == 0 {
            return Err(Refusal::Outdated);
        }
        before.id
    } else {
        insert(&mut work, by, code, &content).await?
    };
    finish(work, by, id, "definition_updated", Some(&before)).await
}

async fn insert(
    work: &mut Work,
    by: &Principal,
    code: &str,
    content: &super::model::Content,
) -> Result<i64, Refusal> {
    let now = work.now();
    let number = store::last_number(work.conn(), by.company(), code).await? + 1;
    let place = store::Place { company: by.company(), code, number };
    store::insert(work.conn(), place, content, by.account(), now).await.map_err(|error| match error {
        // Somebody began a draft at the same moment.
        crate::db::DbError::Duplicate => Refusal::Outdated,
        other => other.into(),
    })
}

/// Says in the audit log what was changed, and commits.
async fn finish(
    mut work: Work,
    by: &Principal,
    id: i64,
    action: &str,
    before: Option<&Definition>,
) -> Result<DefinitionOut, Refusal> {
    let made = super::by_id(work.conn(), id).await?.ok_or(MISSING)?;
    let (old, new) = (before.map(audited), audited(&made));
    work.audit_diff(action, "workflow_definition", &made.code, ADMIN, old.as_ref(), Some(&new)).await?;
    work.commit(&by.stamp()).await?;
    Ok(DefinitionOut::whole(&made))
}
