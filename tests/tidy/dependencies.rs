//! Dependencies point one way: main → app → areas → {policy, db, realtime} → the engine.

use std::collections::BTreeSet;

use crate::code::{Texts, blank, paths, without_tests};
use crate::tree::{File, Offence, Tree};

/// The areas of the business: folders of `src/`, built alike.
const AREAS: [&str; 9] = ["auth", "access", "hr", "leave", "workflow", "tickets", "tenancy", "inbox", "mcp"];

/// The rooms that areas stand on.
const LOWER_ROOMS: [&str; 5] = ["settings", "clock", "telemetry", "db", "policy"];

/// The files that join several areas, and why.
const JOINTS: [(&str, &str); 6] = [
    ("src/demo.rs", "puts a little of everything into the database"),
    ("src/loadtest.rs", "makes accounts, sessions and their role for load tests"),
    ("src/app.rs", "builds the application from all areas"),
    ("src/web/routes.rs", "lists every route"),
    ("src/main.rs", "has a subcommand for each"),
    ("src/lib.rs", "declares the modules"),
];

/// The engine imports nothing of the application.
pub fn engine_stands_alone(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for file in tree.under("actors/").filter(|file| file.has_extension(&["rs"])) {
        for (line, path) in paths(&file.path, &file.text) {
            if path.starts_with("livegrant::") {
                offences.push(Offence::new(&file.path, line, format!("the engine imports {path}")));
            }
        }
    }
    let Some(manifest) = tree.file("actors/Cargo.toml") else {
        return vec![Offence::new("actors/Cargo.toml", 0, "is missing: where is the engine?")];
    };
    for (number, line) in manifest.text.lines().enumerate() {
        if line.contains("path =") || line.starts_with("livegrant ") || line.starts_with("sqlx") {
            offences.push(Offence::new(
                &manifest.path,
                number + 1,
                "the engine depends on a crate of ours or on SQL",
            ));
        }
    }
    offences
}

/// Only an area's own files name its `store`.
pub fn stores_are_private(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for file in tree.under("src/").filter(|file| file.has_extension(&["rs"])) {
        for (line, path) in paths(&file.path, &file.text) {
            let Some((area, "store")) = area_and_room(&path) else { continue };
            if area_of(file) != Some(area) {
                let problem = format!("names {path}; call a use case of {area} instead");
                offences.push(Offence::new(&file.path, line, problem));
            }
        }
    }
    offences
}

/// What areas stand on does not know them.
pub fn lower_rooms_know_no_area(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for file in tree.under("src/").filter(|file| LOWER_ROOMS.contains(&room_of(file))) {
        for (line, path) in paths(&file.path, without_tests(&file.text)) {
            if let Some((area, _)) = area_and_room(&path) {
                offences.push(Offence::new(&file.path, line, format!("knows the area {area} ({path})")));
            }
        }
    }
    offences
}

/// Outside the areas, only the joints know more than one.
pub fn only_joints_know_several_areas(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for file in tree.under("src/").filter(|file| file.has_extension(&["rs"]) && area_of(file).is_none()) {
        if JOINTS.iter().any(|(joint, _)| *joint == file.path) {
            continue;
        }
        let paths = paths(&file.path, without_tests(&file.text));
        let areas: BTreeSet<_> =
            paths.iter().filter_map(|(_, path)| area_and_room(path)).map(|(area, _)| area).collect();
        if areas.len() > 1 {
            let problem =
                format!("knows several areas: {}", areas.into_iter().collect::<Vec<_>>().join(", "));
            offences.push(Offence::new(&file.path, 0, problem));
        }
    }
    offences
}

/// Builders of `HttpResponse` that say it went well; every other status is a problem, and `web/problem.rs` knows those.
const SUCCESSES: [&str; 8] =
    ["Ok", "Created", "Accepted", "NoContent", "NotModified", "SwitchingProtocols", "build_from", "new"];

/// Files that answer a status which is no problem's, and why.
const STATUSES_ELSEWHERE: [(&str, &str); 3] = [
    ("src/mcp/bridge.rs", "hands on the status of the SDK's answer"),
    ("src/web/operations.rs", "a load balancer reads the status of readiness, not its body"),
    ("src/web/idempotency.rs", "answers the stored status of the first answer"),
];

/// Only `web/problem.rs` names the statuses of failures.
pub fn statuses_stay_in_one_file(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for file in
        tree.under("src/").filter(|file| file.has_extension(&["rs"]) && file.path != "src/web/problem.rs")
    {
        if STATUSES_ELSEWHERE.iter().any(|(path, _)| *path == file.path) {
            continue;
        }
        let code = blank(without_tests(&file.text), Texts::Blank);
        for (number, line) in code.lines().enumerate() {
            let mut names = words_after(line, "StatusCode::").collect::<Vec<_>>();
            names.extend(
                words_after(line, "HttpResponse::")
                    .filter(|name| name.starts_with(char::is_uppercase) && !SUCCESSES.contains(name)),
            );
            for name in names {
                offences.push(Offence::new(&file.path, number + 1, format!("names the HTTP status {name}")));
            }
        }
    }
    offences
}

fn words_after<'a>(line: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    line.match_indices(prefix).map(move |(at, _)| {
        let rest = &line[at + prefix.len()..];
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        &rest[..end]
    })
}

/// `crate::auth::store::find` → (`auth`, `store`).
fn area_and_room(path: &str) -> Option<(&str, &str)> {
    let mut words = path.split("::").skip_while(|word| *word == "crate" || *word == "livegrant");
    let area = words.next().filter(|word| AREAS.contains(word))?;
    Some((area, words.next().unwrap_or("")))
}

fn room_of(file: &File) -> &str {
    let inside = file.path.strip_prefix("src/").unwrap_or(&file.path);
    inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs")
}

fn area_of(file: &File) -> Option<&str> {
    Some(room_of(file)).filter(|room| AREAS.contains(room))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(offences: &[Offence]) -> Vec<(&str, usize)> {
        offences.iter().map(|offence| (offence.path.as_str(), offence.line)).collect()
    }

    #[test]
    fn an_engine_that_knows_the_application_is_seen() {
        let tree = Tree::of(&[
            ("actors/Cargo.toml", "[dependencies]\nlivegrant = { path = \"..\" }"),
            ("actors/src/lib.rs", "//! x\nuse livegrant::db::Db;"),
        ]);
        assert_eq!(lines(&engine_stands_alone(&tree)), [("actors/src/lib.rs", 2), ("actors/Cargo.toml", 2)]);
        assert_eq!(engine_stands_alone(&Tree::of(&[])).len(), 1);
    }

    #[test]
    fn a_foreign_store_is_seen_however_it_is_named() {
        let tree = Tree::of(&[
            ("src/auth/login.rs", "use super::store;\nuse crate::auth::store::find;"),
            ("src/access/grant.rs", "use crate::{\n    db::Db, auth::{model, store},\n};"),
            ("src/hr/mod.rs", "fn f() { super::access::store::get() }"),
            ("src/app.rs", "// crate::auth::store\nuse crate::auth::login;"),
        ]);
        assert_eq!(lines(&stores_are_private(&tree)), [("src/access/grant.rs", 1), ("src/hr/mod.rs", 1)]);
    }

    #[test]
    fn a_lower_room_that_knows_an_area_is_seen() {
        let tree = Tree::of(&[
            ("src/db/work.rs", "use crate::policy::X;\nuse crate::hr::model::Staff;"),
            ("src/clock.rs", "fn f() {}\n#[cfg(test)]\nmod tests { use crate::hr::model; }"),
        ]);
        assert_eq!(lines(&lower_rooms_know_no_area(&tree)), [("src/db/work.rs", 2)]);
    }

    #[test]
    fn a_file_that_joins_areas_is_seen() {
        let both = "use crate::hr::model::Staff;\nuse crate::auth::login::login;";
        let tree = Tree::of(&[
            ("src/web/extract.rs", both),
            ("src/web/routes.rs", both),
            ("src/realtime/gateway.rs", "use crate::auth::ticket;"),
            ("src/hr/http.rs", both),
        ]);
        assert_eq!(lines(&only_joints_know_several_areas(&tree)), [("src/web/extract.rs", 0)]);
    }

    #[test]
    fn a_status_outside_the_problem_file_is_seen() {
        let named = "//! StatusCode::OK\nfn f() { HttpResponse::NotFound().finish() }\nfn g() { StatusCode::CONFLICT }";
        let tree = Tree::of(&[
            ("src/hr/http.rs", named),
            ("src/web/problem.rs", named),
            ("src/auth/http.rs", "fn f() { HttpResponse::NoContent().finish() }"),
        ]);
        assert_eq!(lines(&statuses_stay_in_one_file(&tree)), [("src/hr/http.rs", 2), ("src/hr/http.rs", 3)]);
    }
}
