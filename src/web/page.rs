//! The page at `/`: a few small files compiled into the binary, served as they are.

use crate::core::Core;
use crate::refusal::Refusal;
use crate::web::problem::Problem;
use actix_web::{HttpRequest, HttpResponse, web};

/// The demo accounts of `livegrant seed --demo`: login name and what it shows.
pub const DEMO_ACCOUNTS: [(&str, &str); 6] = [
    ("admin", "platform administrator"),
    ("hr", "human resources"),
    ("manager", "department head"),
    ("alice", "front desk"),
    ("bob", "front desk"),
    ("auditor", "auditor"),
];
/// The password of all demo accounts.
pub const DEMO_PASSWORD: &str = "livegrant-demo";

macro_rules! files {
    ($($path:literal => $kind:literal,)*) => {
        /// Path, media type and content of every file of the page.
        const FILES: &[(&str, &str, &str)] = &[$((concat!("/", $path), $kind, include_str!(concat!("../page/", $path))),)*];
    };
}

files! {
    "index.html" => "text/html; charset=utf-8",
    "style.css" => "text/css; charset=utf-8",
    "icon.svg" => "image/svg+xml",
    "app.js" => "text/javascript; charset=utf-8",
    "js/accounts.js" => "text/javascript; charset=utf-8",
    "js/api.js" => "text/javascript; charset=utf-8",
    "js/ask.js" => "text/javascript; charset=utf-8",
    "js/changes.js" => "text/javascript; charset=utf-8",
    "js/codes.js" => "text/javascript; charset=utf-8",
    "js/dom.js" => "text/javascript; charset=utf-8",
    "js/frames.js" => "text/javascript; charset=utf-8",
    "js/i18n.js" => "text/javascript; charset=utf-8",
    "js/inbox.js" => "text/javascript; charset=utf-8",
    "js/leave.js" => "text/javascript; charset=utf-8",
    "js/lines.js" => "text/javascript; charset=utf-8",
    "js/live.js" => "text/javascript; charset=utf-8",
    "js/mine.js" => "text/javascript; charset=utf-8",
    "js/nodes.js" => "text/javascript; charset=utf-8",
    "js/officewords.js" => "text/javascript; charset=utf-8",
    "js/online.js" => "text/javascript; charset=utf-8",
    "js/permissions.js" => "text/javascript; charset=utf-8",
    "js/preferences.js" => "text/javascript; charset=utf-8",
    "js/receipt.js" => "text/javascript; charset=utf-8",
    "js/roles.js" => "text/javascript; charset=utf-8",
    "js/signin.js" => "text/javascript; charset=utf-8",
    "js/store.js" => "text/javascript; charset=utf-8",
    "js/tabs.js" => "text/javascript; charset=utf-8",
    "js/tasks.js" => "text/javascript; charset=utf-8",
    "js/telling.js" => "text/javascript; charset=utf-8",
    "js/toast.js" => "text/javascript; charset=utf-8",
    "js/words.js" => "text/javascript; charset=utf-8",
}

/// Registers the page's files. They are not part of the API and not in its description.
pub fn configure(app: &mut web::ServiceConfig) {
    app.route("/", web::get().to(file));
    for (path, _, _) in FILES {
        app.route(path, web::get().to(file));
    }
    app.route("/api/v1/demo", web::get().to(demo));
}

async fn file(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let path = if request.path() == "/" { "/index.html" } else { request.path() };
    let file = FILES.iter().find(|(name, _, _)| *name == path);
    let (_, kind, content) = file.ok_or(Refusal::NotFound { what: "file" })?;
    // Asked again each time: a new binary brings new files under the same names.
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-cache")).content_type(*kind).body(*content))
}

async fn demo(core: web::Data<Core>) -> Result<HttpResponse, Problem> {
    if !core.settings.demo.expose_accounts {
        return Err(Refusal::NotFound { what: "demo" }.into());
    }
    let accounts: Vec<_> = DEMO_ACCOUNTS
        .iter()
        .map(|(username, role)| serde_json::json!({"username": username, "password": DEMO_PASSWORD, "role": role}))
        .collect();
    Ok(HttpResponse::Ok().json(serde_json::json!({ "accounts": accounts })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_page_is_served() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/src/page");
        let mut found = 0;
        for folder in ["", "/js"] {
            for entry in std::fs::read_dir(format!("{root}{folder}")).expect("is there") {
                let entry = entry.expect("can be read");
                if entry.file_type().expect("has a kind").is_file() {
                    let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
                    assert!(FILES.iter().any(|(name, _, _)| *name == path), "{path} is not served");
                    found += 1;
                }
            }
        }
        assert_eq!(found, FILES.len());
    }
}
