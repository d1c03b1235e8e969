//! Leave: asking for it, and who is away when (S1-31 … S1-33).

use super::{Rows, page};
use crate::leave::ask;
use crate::leave::model::{Leave, NewLeave};
use crate::leave::read::{self, LeaveQuery};
use crate::mcp::scope::Scope;
use crate::mcp::tool::Kind::{Reads, Writes};
use crate::mcp::tool::{Nothing, Tool, tool};
use serde::Deserialize;
use utoipa::ToSchema;

/// Which requests.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct LeavesIn {
    /// Guid of the account or staff record of whose they are.
    staff_guid: Option<String>,
    /// `draft`, `running`, `approved`, `rejected`, `returned`, `withdrawn` or `cancelled`.
    status: Option<String>,
    /// Code of the type.
    leave_type: Option<String>,
    /// They end on this day or later: `2026-11-22`.
    from: Option<String>,
    /// They begin on this day or before: `2026-11-22`.
    to: Option<String>,
    /// Only the account's own and those that it wrote.
    mine: Option<bool>,
    /// `start_at` or `-start_at`; the newest first when absent.
    ordering: Option<String>,
    /// From 1.
    page: Option<i64>,
    /// 1 to 100; 20 when absent.
    page_size: Option<i64>,
}

/// The tools of leave.
pub(super) fn tools() -> Vec<Tool> {
    let create = tool::<Nothing, NewLeave, Leave, _, _>(
        ("createLeave", "Ask for leave"),
        "Writes a request for leave, for the account's own person or with staff:create for somebody else (staffGuid). With \
         submit it goes to those who decide at once, else it stays a draft.",
        (Writes, Scope::Workflow, &[]),
        |call, _, new| {
            call.write(move |core, by| {
                let new = new.clone();
                async move { ask::create(&core, &by, &new).await }
            })
        },
    );
    let list = tool::<LeavesIn, Nothing, Rows<Leave>, _, _>(
        ("listLeaves", "List leave"),
        "Lists requests for leave, a page at a time: the account's own and those that it wrote, with leave:view everybody's.",
        (Reads, Scope::Workflow, &[]),
        |call, asked, _| async move {
            let page = page(asked.page, asked.page_size);
            let LeavesIn { staff_guid: staff, status, leave_type, from, to, mine, ordering, .. } = asked;
            let query = LeaveQuery { staff, status, leave_type, from, to, mine, ordering };
            Ok(Rows::new(read::list(&call.core, &call.by, &query, page).await?, page))
        },
    );
    vec![create.rehearsed().hiding(&["operatorGuid"]), list]
}
