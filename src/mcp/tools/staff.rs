//! Staff, and who is in which position (S0-48).

use super::{Done, ListIn, Rows};
use crate::hr::change_staff::{self, Change, Login, StaffLeft};
use crate::hr::model::{HeldOut, NewHeld, NewStaff, StaffOut, StaffPatch};
use crate::hr::staff::{self, Among};
use crate::hr::staff_positions;
use crate::mcp::scope::Scope;
use crate::mcp::tool::Kind::{Destroys, DestroysOnce, Reads, Writes, WritesOnce};
use crate::mcp::tool::{Nothing, Tool, tool};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which person.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct StaffIn {
    /// Guid of the staff record.
    staff_guid: String,
}

/// Who leaves.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct LeaverIn {
    /// Guid of the staff record.
    staff_guid: String,
    /// Disable the login too.
    #[serde(default)]
    disable_account: bool,
    /// Account or staff guid of whoever gets the tasks that the person has open; needs workflow:admin.
    hand_over_to: Option<String>,
}

/// Who is taken out of which position.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct OutOf {
    /// Guid of the staff record.
    staff_guid: String,
    /// Guid of the position.
    position_guid: String,
}

/// A person in a position.
#[derive(Debug, Serialize, ToSchema)]
struct InPosition {
    /// Its place in the log of changes; null when nobody's permissions rest on it.
    rev: Option<i64>,
    /// False: it already was so.
    changed: bool,
    /// The person.
    staff_guid: String,
    /// The position, and how the person is in it.
    position: HeldOut,
}

/// The tools of staff.
pub(super) fn tools() -> Vec<Tool> {
    let mut tools = records();
    let assign = tool::<StaffIn, NewHeld, InPosition, _, _>(
        ("assignStaffPosition", "Put a person into a position"),
        "Puts a person into a position, or changes since when, until when and how (changeType: 入职, 晋升, 调岗, 兼任, 降职). The \
         person is told and has what the position carries at once. Repeating it is harmless. Needs staff:update.",
        (WritesOnce, Scope::Org, &["staff:update"]),
        |call, asked, new| async move {
            let staff_guid = asked.staff_guid.to_lowercase();
            let (rev, change, position) = call
                .write(move |core, by| {
                    let (asked, new) = (asked.clone(), new.clone());
                    async move { staff_positions::assign(&core, &by, &asked.staff_guid, &new).await }
                })
                .await?;
            let changed = change == Change::Changed;
            Ok(InPosition { rev: rev.map(|rev| rev.0), changed, staff_guid, position })
        },
    );
    let remove = tool::<OutOf, Nothing, Done, _, _>(
        ("removeStaffPosition", "Take a person out of a position"),
        "Takes a person out of a position; what only it gave is gone at once. Repeating it is harmless. Needs staff:update.",
        (DestroysOnce, Scope::Org, &["staff:update"]),
        |call, asked, _| async move {
            let rev = call
                .write(move |core, by| {
                    let asked = asked.clone();
                    async move {
                        staff_positions::end(&core, &by, &asked.staff_guid, &asked.position_guid).await
                    }
                })
                .await?;
            Ok(Done { rev: rev.map(|rev| rev.0), changed: rev.is_some() })
        },
    );
    tools.extend([assign.rehearsed(), remove.rehearsed()]);
    tools
}

fn records() -> Vec<Tool> {
    let list = tool::<ListIn, Nothing, Rows<StaffOut>, _, _>(
        ("listStaff", "List staff"),
        "Lists the staff of the company with their positions, a page at a time, by a part of number or name if one is given.",
        (Reads, Scope::Org, &["staff:view"]),
        |call, asked, _| async move {
            let wanted = staff::searched(asked.search.as_deref(), asked.page())?;
            let found = staff::list(&call.core, &call.by, &Among::default(), &wanted).await?;
            Ok(Rows::new(found, asked.page()))
        },
    );
    let get = tool::<StaffIn, Nothing, StaffOut, _, _>(
        ("getStaff", "Read a staff record"),
        "Reads one staff record with its positions; one's own without a permission.",
        (Reads, Scope::Org, &[]),
        |call, asked, _| async move { staff::get(&call.core, &call.by, &asked.staff_guid).await },
    );
    let create = tool::<Nothing, NewStaff, StaffOut, _, _>(
        ("createStaff", "Create a staff record"),
        "Creates a staff record; the person is in no position yet. Needs staff:create.",
        (Writes, Scope::Org, &["staff:create"]),
        |call, _, new| {
            call.write(move |core, by| {
                let new = new.clone();
                async move { staff::create(&core, &by, &new).await }
            })
        },
    );
    let update = tool::<StaffIn, StaffPatch, StaffOut, _, _>(
        ("updateStaff", "Change a staff record"),
        "Changes what is given of a staff record; the rest stays. Login and status decide who holds the person's positions. \
         Needs staff:update.",
        (Writes, Scope::Org, &["staff:update"]),
        |call, asked, patch| {
            call.write(move |core, by| {
                let (asked, patch) = (asked.clone(), patch.clone());
                async move { change_staff::update(&core, &by, &asked.staff_guid, &patch).await }
            })
        },
    );
    let delete = tool::<LeaverIn, Nothing, StaffLeft, _, _>(
        ("deleteStaff", "A person leaves"),
        "Marks a person as left and ends all positions; the record stays. disableAccount ends the login as well, handOverTo \
         gives the open tasks to somebody else. Needs staff:delete.",
        (Destroys, Scope::Org, &["staff:delete"]),
        |call, asked, _| {
            call.write(move |core, by| {
                let asked = asked.clone();
                let login = if asked.disable_account { Login::Disable } else { Login::Keep };
                async move {
                    let to = asked.hand_over_to.as_deref();
                    change_staff::leave(&core, &by, &asked.staff_guid, login, to).await
                }
            })
        },
    );
    vec![list, get, create.rehearsed(), update.rehearsed(), delete.rehearsed()]
}
