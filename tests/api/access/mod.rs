//! What one may do oneself, the catalogue, checks and their reasons, the review and the logs.

mod catalogue;
mod check;
mod explain;
mod lists;
mod logs;
pub(crate) mod matrix;
mod own;
mod review;
mod scopes;

use livegrant::access::init::DEFAULT_APPLICATION;
use livegrant::db::{Author, SystemTask};
use livegrant::policy::PolicyChange;
use livegrant::{sql_exec, sql_one};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Account, Caller, TestServer, ok};

/// Reads the tag of an answer.
async fn tag(caller: &Caller, path: &str) -> String {
    let answer = caller.request(Method::GET, path).send().await.expect("the server answers");
    answer.headers()["etag"].to_str().expect("a tag is text").to_owned()
}

/// Asks again with a tag; answers the status and the revision in the header.
async fn ask_again(caller: &Caller, path: &str, tag: &str) -> (u16, String) {
    let request = caller.request(Method::GET, path).header("if-none-match", tag);
    let answer = request.send().await.expect("the server answers");
    let version = answer.headers()["x-permission-version"].to_str().expect("a number").to_owned();
    (answer.status().as_u16(), version)
}

/// The texts of a list.
fn texts(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(|text| text.as_str().expect("a text")).collect()
}

/// The texts of one field of a list's rows.
fn fields<'v>(list: &'v Value, field: &str) -> Vec<&'v str> {
    list.as_array().expect("a list").iter().map(|row| row[field].as_str().expect("a text")).collect()
}

/// Puts an account into a new position that carries these codes; answers the guids of position and staff record.
async fn put_into_position(
    server: &TestServer,
    account: &Account,
    code: &str,
    codes: &[&str],
) -> (String, String) {
    let root = server.platform().await;
    let position = ok(root.post("/api/v1/positions", json!({ "code": code, "name": code })).await);
    let position = position["guid"].as_str().expect("a guid").to_owned();
    for carried in codes {
        ok(root.post(&format!("/api/v1/positions/{position}/permissions/{carried}"), json!({})).await);
    }
    let staff = json!({ "staff_no": code, "name": account.username, "account_id": account.id });
    let staff = ok(root.post("/api/v1/staff", staff).await)["guid"].as_str().expect("a guid").to_owned();
    let held = json!({ "position_guid": position });
    ok(root.post(&format!("/api/v1/staff/{staff}/positions"), held).await);
    (position, staff)
}

/// Makes a second company with one organisation, position, staff record, role and account; answers it.
async fn another_company(server: &TestServer) -> Elsewhere {
    let guid = livegrant::clock::guid;
    let (organization, position, staff, account) = (guid(), guid(), guid(), guid());
    let mut work = server.core.db.begin(&Author::system("tests")).await.unwrap();
    let now = work.now();
    let conn = work.conn();
    let (company,) = sql_one!(
        conn,
        (i64,),
        "INSERT INTO company (name, created_at) VALUES ('elsewhere', $1) RETURNING id",
        now
    )
    .unwrap();
    sql_exec!(
        conn,
        "INSERT INTO hr_organization (guid, company_id, code, name, created_at, updated_at)
         VALUES ($1, $2, 'o', 'o', $3, $3)",
        &organization,
        company,
        now
    )
    .unwrap();
    sql_exec!(
        conn,
        "INSERT INTO hr_position (guid, company_id, code, name, created_at, updated_at)
         VALUES ($1, $2, 'p', 'p', $3, $3)",
        &position,
        company,
        now
    )
    .unwrap();
    sql_exec!(
        conn,
        "INSERT INTO hr_staff (guid, company_id, staff_no, name, created_at, updated_at)
         VALUES ($1, $2, 's', 's', $3, $3)",
        &staff,
        company,
        now
    )
    .unwrap();
    let (account_id,) = sql_one!(
        conn,
        (i64,),
        "INSERT INTO sys_login_user (guid, company_id, username, password_hash, created_at, updated_at)
         VALUES ($1, $2, 'stranger', '', $3, $3) RETURNING user_id",
        &account,
        company,
        now
    )
    .unwrap();
    let (role,) = sql_one!(
        conn,
        (i64,),
        "INSERT INTO sys_role (code, name, company_id, application_id, created_at, updated_at)
         VALUES ('r', 'r', $1, $2, $3, $3) RETURNING id",
        company,
        DEFAULT_APPLICATION,
        now
    )
    .unwrap();
    work.change(PolicyChange::SystemAdjusted);
    let committed = work.commit(SystemTask::Bootstrap).await.unwrap();
    server.core.settle(committed).await;
    Elsewhere { organization, position, staff, account, account_id, role }
}

/// What lies in another company.
struct Elsewhere {
    organization: String,
    position: String,
    staff: String,
    account: String,
    account_id: i64,
    role: i64,
}
