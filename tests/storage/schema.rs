//! Schemas and databases that Livegrant refuses to work on: every message names what is wrong and says what to do.

use livegrant::access::init::first_data;
use livegrant::clock::Clock;
use livegrant::db::{Db, DbError};
use livegrant::settings::{Database, DatabaseUrl};
use livegrant::{sql_all, sql_one};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use crate::commit_order::execute;
use crate::house::House;
use crate::support::{self, Setup, TestDatabase, TestServer, both_databases, ok};
use serde_json::json;

async fn open(database: &TestDatabase) -> Result<Db, DbError> {
    Db::open(&database.settings().database, Clock::system()).await
}

/// A migrated database after statements past the application: what the check says of it, and what migrating says.
async fn refusals(database: &TestDatabase, sql: &str) -> [String; 2] {
    let db = open(database).await.unwrap();
    db.migrate().await.unwrap();
    db.check_schema().await.unwrap();
    execute(database, sql).await;
    let check = db.check_schema().await;
    let migrate = db.migrate().await;
    assert!(matches!(check, Err(DbError::Schema(_))), "{check:?}");
    assert!(matches!(migrate, Err(DbError::Schema(_))), "{migrate:?}");
    [check.unwrap_err().to_string(), migrate.unwrap_err().to_string()]
}

fn assert_says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "`{message}` does not say `{word}`");
    }
}

/// What a migration of a later version leaves behind.
const NEWER: &str = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                     SELECT 9999, 'newer', success, checksum, 1 FROM _sqlx_migrations WHERE version = 1";

const RESTORE: &str = "use the livegrant version that made it, or restore a backup";

both_databases! {
    async fn an_empty_database_is_to_be_migrated(database: TestDatabase) {
        let db = open(&database).await.unwrap();
        let refusal = db.check_schema().await.unwrap_err();
        assert!(matches!(refusal, DbError::Schema(_)), "{refusal:?}");
        assert_says(&refusal.to_string(), &["no livegrant schema", "run `livegrant migrate`"]);
    }

    async fn a_database_without_its_newest_migration_is_to_be_migrated(database: TestDatabase) {
        let db = open(&database).await.unwrap();
        db.migrate().await.unwrap();
        execute(&database, "DELETE FROM _sqlx_migrations WHERE version = (SELECT max(version) FROM _sqlx_migrations)").await;
        assert_says(&db.check_schema().await.unwrap_err().to_string(), &["run `livegrant migrate`"]);
    }

    /// S3-126.
    async fn a_schema_of_a_newer_livegrant_that_only_adds_is_worked_on(database: TestDatabase) {
        let db = open(&database).await.unwrap();
        db.migrate().await.unwrap();
        db.close().await;
        execute(&database, NEWER).await;
        for table in ["sys_role", "sys_session", "policy_log", "sys_login_user", "sys_websocket_session"] {
            execute(&database, &format!("ALTER TABLE {table} ADD COLUMN of_the_next TEXT NOT NULL DEFAULT 'x'")).await;
        }
        // As `serve` and as `migrate` start; then it signs in, writes, and tells a tab.
        Setup::on(&database).run(async |server: TestServer| {
            let root = server.platform().await;
            let alice = server.account("alice", &["org:view"]).await;
            let mut tab = server.tab(&alice).await;
            let path = format!("/api/v1/roles/{}/permissions/add", alice.role);
            let saved = ok(root.post(&path, json!({ "permissions": ["staff:view"] })).await);
            let update = tab.next_of("PERMISSION_UPDATE").await;
            assert_eq!(update["data"]["rev"], saved["rev"]);
            assert_eq!(alice.codes().await, ["org:view", "staff:view"]);
        }).await;
    }

    async fn a_schema_from_which_a_newer_livegrant_has_taken_something_is_refused(database: TestDatabase) {
        let db = open(&database).await.unwrap();
        db.migrate().await.unwrap();
        let own: i64 = sql_one!(&mut db.read().await.unwrap(), (i64,), "SELECT max(version) FROM _sqlx_migrations").unwrap().0;
        execute(&database, NEWER).await;
        execute(&database, &format!("INSERT INTO sys_meta (name, value) VALUES ('schema_min', '{own}')")).await;
        db.check_schema().await.unwrap();
        db.migrate().await.unwrap();
        db.close().await;
        drop(db);
        for (value, words) in [("9999", "needs one that knows migration 9999, this one knows"), ("x", "schema_min is no number")] {
            let sql = format!("UPDATE sys_meta SET value = '{value}' WHERE name = 'schema_min'");
            let [check, migrate] = refusals(&database, &sql).await;
            for message in [check, migrate] {
                assert_says(&message, &["newer livegrant (migration 9999)", words, RESTORE]);
            }
            execute(&database, "DELETE FROM sys_meta WHERE name = 'schema_min'").await;
            execute(&database, "INSERT INTO sys_meta (name, value) VALUES ('schema_min', '0')").await;
        }
    }

    async fn schema_min_says_nothing_to_a_binary_as_new_as_the_schema(database: TestDatabase) {
        let db = open(&database).await.unwrap();
        db.migrate().await.unwrap();
        execute(&database, "INSERT INTO sys_meta (name, value) SELECT 'schema_min', CAST(max(version) AS TEXT) FROM _sqlx_migrations").await;
        db.check_schema().await.unwrap();
        db.migrate().await.unwrap();
    }

    async fn an_edited_migration_is_refused(database: TestDatabase) {
        let sql = if database.kind == "SQLite" { "x'00'" } else { "'\\x00'" };
        let edited = format!("UPDATE _sqlx_migrations SET checksum = {sql} WHERE version = 1");
        let [check, migrate] = refusals(&database, &edited).await;
        assert_says(&check, &["migration 1 differs", RESTORE]);
        assert_says(&migrate, &["migration 1 ", RESTORE]);
    }

    async fn a_migration_that_failed_half_way_is_refused(database: TestDatabase) {
        let failed = "UPDATE _sqlx_migrations SET success = FALSE WHERE version = 1";
        let [check, migrate] = refusals(&database, failed).await;
        assert_says(&check, &["migration 1 failed half way", "restore a backup"]);
        assert_says(&migrate, &["migration 1 ", "restore a backup"]);
    }

    async fn a_record_of_migrations_of_another_shape_is_not_taken_for_none(database: TestDatabase) {
        let db = open(&database).await.unwrap();
        db.migrate().await.unwrap();
        execute(&database, "ALTER TABLE _sqlx_migrations RENAME COLUMN checksum TO sum").await;
        assert_says(&db.check_schema().await.unwrap_err().to_string(), &["record of migrations", RESTORE]);
    }

    async fn a_schema_without_first_data_does_not_start(database: TestDatabase) {
        let db = open(&database).await.unwrap();
        db.migrate().await.unwrap();
        let settings = database.settings();
        let refusal = livegrant::policy::PolicyTable::load(db, &settings.policy).await.unwrap_err();
        assert_says(&refusal.to_string(), &["no first data", "run `livegrant migrate`"]);
    }

    /// S1-37, S2-67.
    async fn migrating_and_first_data_again_change_nothing(database: TestDatabase) {
        let house = House::build(&database).await;
        let before = contents(&house.db).await;
        assert!(before.len() > 100, "the first data is there: {} rows", before.len());
        house.db.migrate().await.unwrap();
        first_data(&house.db).await.unwrap();
        house.db.check_schema().await.unwrap();
        assert_eq!(contents(&house.db).await, before);
    }

    async fn what_an_administrator_changed_in_a_preset_stays_changed(database: TestDatabase) {
        let house = House::build(&database).await;
        execute(&database, "DELETE FROM sys_role_menu WHERE role_id = (SELECT id FROM sys_role WHERE code = 'hr')").await;
        execute(&database, "UPDATE sys_permission SET name = 'renamed' WHERE code = 'org:view'").await;
        let before = contents(&house.db).await;
        first_data(&house.db).await.unwrap();
        assert_eq!(contents(&house.db).await, before);
    }

    async fn a_missing_builtin_permission_comes_back_and_everyone_is_told(database: TestDatabase) {
        let house = House::build(&database).await;
        let before = contents(&house.db).await;
        execute(&database, "DELETE FROM sys_role_menu WHERE permission_id = 6007").await;
        execute(&database, "DELETE FROM sys_permission WHERE id = 6007").await;
        first_data(&house.db).await.unwrap();
        let after = contents(&house.db).await;
        let lost: Vec<_> = before.iter().filter(|row| !after.contains(row)).collect();
        assert!(lost.iter().all(|row| row.starts_with("granted")), "{lost:?}");
        assert_eq!(after.last().map(String::as_str), Some("rev 1 [{\"kind\":\"system_adjusted\"}]"));
    }
}

/// All rows that first data could touch, as texts.
async fn contents(db: &Db) -> Vec<String> {
    let mut conn = db.read().await.unwrap();
    let rows = sql_all!(
        &mut conn,
        (String,),
        "SELECT what FROM (
            SELECT 1 AS part, id, 'permission ' || id || code || name || kind || status || coalesce(route, '') AS what
              FROM sys_permission
            UNION ALL SELECT 2, id, 'role ' || id || code || name || kind || version || company_id FROM sys_role
            UNION ALL SELECT 3, role_id * 100000 + permission_id, 'granted ' || role_id || ' ' || permission_id
              FROM sys_role_menu
            UNION ALL SELECT 4, id, 'company ' || id || name || created_at FROM company
            UNION ALL SELECT 5, id, 'application ' || id || code || created_at FROM t_application
            UNION ALL SELECT 6, 0, 'meta ' || name || value FROM sys_meta
            UNION ALL SELECT 7, version, 'migration ' || version FROM _sqlx_migrations
            UNION ALL SELECT 8, rev, 'revision ' || rev FROM policy_revision WHERE rev > 0
            UNION ALL SELECT 9, rev, 'rev ' || rev || ' ' || replace(CAST(changes AS TEXT), ' ', '') FROM policy_log
         ) AS everything ORDER BY part, id, what"
    );
    rows.unwrap().into_iter().map(|row| row.0).collect()
}

fn path_of(database: &TestDatabase) -> &Path {
    Path::new(database.url.trim_start_matches("sqlite://"))
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    support::run_on_sqlite(async |database| {
        std::fs::write(path_of(&database), "this is no database\n".repeat(500)).unwrap();
        let refusal = open(&database).await.unwrap_err();
        assert!(matches!(refusal, DbError::Schema(_)), "{refusal:?}");
        let path = path_of(&database).display().to_string();
        assert_says(&refusal.to_string(), &[&path, "damaged", "restore a backup"]);
    });
}

#[test]
fn a_damaged_file_is_not_taken_for_an_empty_one() {
    support::run_on_sqlite(async |database| {
        let house = House::build(&database).await;
        let (page, size) = sql_one!(
            &mut house.read().await,
            (i64, i64),
            "SELECT rootpage, page_size FROM sqlite_schema, pragma_page_size WHERE name = '_sqlx_migrations'"
        )
        .unwrap();
        house.db.close().await;
        drop(house);
        // One page is noise: the one that says which migrations were done.
        let mut bytes = std::fs::read(path_of(&database)).unwrap();
        bytes[((page - 1) * size) as usize..(page * size) as usize].fill(0xA5);
        std::fs::write(path_of(&database), bytes).unwrap();
        let db = open(&database).await.unwrap();
        let refusal = db.check_schema().await.unwrap_err();
        assert!(matches!(refusal, DbError::Schema(_)), "{refusal:?}");
        assert_says(&refusal.to_string(), &["damaged", "restore a backup"]);
    });
}

#[test]
fn a_file_in_use_by_another_process_is_refused() {
    support::run_on_sqlite(async |database| {
        let house = House::build(&database).await;
        let (answer, said) = migrate_elsewhere(&database);
        assert!(!answer, "a second process must not work on the file: {said}");
        assert_says(
            &said,
            &[path_of(&database).to_str().unwrap(), "in use by another livegrant process", "stop it first"],
        );
        house.db.close().await;
        drop(house);
        let (answer, said) = migrate_elsewhere(&database);
        assert!(answer, "nobody uses the file any more: {said}");
    });
}

/// Runs `livegrant migrate` in a process of its own.
fn migrate_elsewhere(database: &TestDatabase) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_livegrant"))
        .arg("migrate")
        .env("LIVEGRANT__DATABASE__URL", &database.url)
        .output()
        .unwrap();
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn an_unreachable_server_is_named() {
    support::run(async {
        // A port that was free a moment ago, and that nobody listens on.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = DatabaseUrl::new(format!("postgres://livegrant:secret@127.0.0.1:{port}/livegrant"));
        let settings = Database { url, acquire_timeout_seconds: 1, ..Database::default() };
        let refusal = Db::open(&settings, Clock::system()).await.unwrap_err();
        assert!(matches!(refusal, DbError::Unavailable(_)), "{refusal:?}");
        let place = format!("127.0.0.1:{port}");
        assert_says(&refusal.to_string(), &["PostgreSQL", &place, "database.url", "refused"]);
        assert!(!refusal.to_string().contains("secret"), "{refusal}");
    });
}

#[test]
fn a_wrong_password_is_told_from_a_missing_server() {
    support::run_on_postgres(async |database| {
        let (before, after) = database.url.rsplit_once('@').unwrap();
        let (scheme, _) = before.rsplit_once(':').unwrap();
        let url = DatabaseUrl::new(format!("{scheme}:wrong@{after}"));
        let settings = Database { url, acquire_timeout_seconds: 1, ..Database::default() };
        let refusal = Db::open(&settings, Clock::system()).await.unwrap_err();
        assert!(matches!(refusal, DbError::Unavailable(_)), "{refusal:?}");
        assert_says(&refusal.to_string(), &["password authentication failed", "database.url"]);
    });
}
