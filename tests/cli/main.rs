//! The binary as an operator meets it: what is wrong is one line that names it and an exit code, what is right works.
//!
//! Every call runs in an empty folder and with an empty environment, so that no setting of this machine counts.

mod logs;
#[path = "../support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};
use tempfile::TempDir;

use support::{Caller, PATIENCE, both_databases, ok};

/// A folder to run in, and the settings that every call gets.
struct Shell {
    folder: TempDir,
    settings: Vec<(String, String)>,
}

impl Shell {
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("livegrant-cli-").tempdir().expect("a temporary folder");
        let shell = Self { folder, settings: Vec::new() };
        shell.with("AUTH__HASH_MEMORY_KIB", "8").with("AUTH__HASH_ITERATIONS", "1").with("SERVER__PORT", "0")
    }

    fn on(url: &str) -> Self {
        Self::new().with("DATABASE__URL", url).with("DATABASE__MAX_CONNECTIONS", "4")
    }

    fn with(mut self, key: &str, value: &str) -> Self {
        self.settings.push((format!("LIVEGRANT__{key}"), value.to_owned()));
        self
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_livegrant"));
        command.args(arguments.split_whitespace()).current_dir(self.folder.path()).env_clear();
        command.envs(self.settings.iter().map(|(key, value)| (key, value)));
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &str) -> Output {
        self.command(arguments).output().expect("the binary starts")
    }

    /// Runs with a text on standard input.
    fn told(&self, arguments: &str, input: &str) -> Output {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        child.stdin.take().expect("it was piped").write_all(input.as_bytes()).expect("it is read");
        child.wait_with_output().expect("it ends")
    }

    fn file(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("it has a folder")).expect("the folder is ours");
        std::fs::write(path, text).expect("the folder is ours");
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("output is UTF-8")
}

#[track_caller]
fn succeeds(output: &Output) -> String {
    assert!(output.status.success(), "{} {}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout).to_owned()
}

/// It failed, and said so in one line that names all of this.
#[track_caller]
fn fails_with(output: &Output, names: &[&str]) {
    let (said, answered) = (text(&output.stderr), text(&output.stdout));
    assert_eq!((output.status.code(), answered), (Some(1), ""), "{said}");
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 1, "not one line: {said}");
    assert!(lines[0].starts_with("livegrant: "), "{said}");
    for name in names {
        assert!(lines[0].contains(name), "{name}: {said}");
    }
}

/// A server process; killed with its test.
struct Serving {
    child: Child,
    address: String,
    /// Everything that it has logged so far.
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Serving {
    fn start(shell: &Shell) -> Self {
        let mut child = shell.command("serve").stderr(Stdio::piped()).spawn().expect("the binary starts");
        let log = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&log);
        let lines = BufReader::new(child.stderr.take().expect("it was piped")).lines();
        let mut lines = lines.map(move |line| {
            let line = line.expect("the log is text");
            kept.lock().expect("nobody crashed").extend([&line, "\n"]);
            line
        });
        let serves = |line: &String| line.contains("serving") && line.contains("address=");
        let line = lines.find(serves).expect("the log says where it serves");
        let address = line.split("address=").nth(1).expect("with the address").split_whitespace().next();
        let address = format!("http://{}", address.expect("with the address"));
        // A full pipe would stop the server.
        let reader = std::thread::spawn(move || lines.for_each(drop));
        Self { child, address, log, reader: Some(reader) }
    }

    /// Waits for a line of the log that holds all of these.
    async fn says(&self, words: &[&str]) {
        let holds = |line: &str| words.iter().all(|word| line.contains(word));
        let said = async {
            while !self.log.lock().expect("nobody crashed").lines().any(holds) {
                tokio::task::yield_now().await;
            }
        };
        let log = || self.log.lock().expect("nobody crashed").clone();
        tokio::time::timeout(PATIENCE, said)
            .await
            .unwrap_or_else(|_| panic!("{words:?} is not in\n{}", log()));
    }

    fn caller(&self) -> Caller {
        Caller::new(self.address.clone(), reqwest::Client::new(), None)
    }

    /// Asks it to stop as a supervisor does; answers its exit code.
    fn stop(self) -> Option<i32> {
        self.stop_and_read().0
    }

    /// The same with everything that it logged while it served.
    fn stop_and_read(mut self) -> (Option<i32>, String) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill is there").success());
        let code = self.child.wait().expect("it ends").code();
        self.reader.take().expect("it is read once").join().expect("the log is read to its end");
        let log = std::mem::take(&mut *self.log.lock().expect("nobody crashed"));
        (code, log)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_wrong_setting_is_named_with_its_place() {
    for task in ["check-config", "serve", "migrate", "seed --demo", "user add alice"] {
        let shell = Shell::new().with("SERVER__PROT", "1");
        fails_with(&shell.run(task), &["LIVEGRANT__SERVER__PROT", "no such setting"]);
    }
    for (key, value, names) in [
        ("SERVER__PORT", "abc", ["LIVEGRANT__SERVER__PORT", "abc"]),
        ("SERVER__PORT", "70000", ["LIVEGRANT__SERVER__PORT", "65535"]),
        ("DOCS__ENABLED", "maybe", ["LIVEGRANT__DOCS__ENABLED", "maybe"]),
        ("DATABASE__URL", "mysql://somewhere", ["LIVEGRANT__DATABASE__URL", "postgres://"]),
        ("POLICY__LEASE_MS", "1", ["LIVEGRANT__POLICY__LEASE_MS", "100"]),
        ("REALTIME__ALLOWED_ORIGINS", "app.example", ["LIVEGRANT__REALTIME__ALLOWED_ORIGINS", "app.example"]),
    ] {
        fails_with(&Shell::new().with(key, value).run("check-config"), &names);
    }
    let shell = Shell::new();
    for (file, names) in [
        ("[server]\nprot = 1\n", ["config/local.toml", "server.prot"]),
        ("[server]\nshutdown_seconds = \"soon\"\n", ["config/local.toml", "server.shutdown_seconds"]),
        ("[sever]\nport = 1\n", ["config/local.toml", "sever"]),
        ("[server\n", ["config/local.toml", ""]),
    ] {
        shell.file("config/local.toml", file);
        fails_with(&shell.run("check-config"), &names);
    }
    let mut shell = Shell::new();
    shell.settings.push(("LIVEGRANT_ENV".to_owned(), "staging".to_owned()));
    fails_with(&shell.run("check-config"), &["staging.toml"]);
}

/// Wherever a secret came from and whatever is wrong beside it, it is not printed.
#[test]
fn no_secret_is_printed() {
    let secret = "an-extremely-secret-key-of-many-letters";
    let shell = Shell::on("postgres://livegrant:hunter2hunter2@db.example:5432/livegrant");
    let shell = shell.with("AUTH__TOKEN_SECRET", secret);
    let shown = succeeds(&shell.run("check-config"));
    for section in ["[server]", "[database]", "[auth]", "[realtime]", "[policy]"] {
        assert!(shown.contains(section), "{shown}");
    }
    assert!(shown.contains("db.example") && shown.contains("***"), "{shown}");
    assert!(!shown.contains(secret) && !shown.contains("hunter2"), "{shown}");
    for (key, value) in [
        ("AUTH__TOKEN_SECRET", "hunter2"),
        ("DATABASE__URL", "mysql://livegrant:hunter2@db.example"),
        ("DATABASE__URL", "postgres://livegrant:hunter2@127.0.0.1:1/livegrant"),
    ] {
        let shell = Shell::new().with(key, value).with("DATABASE__ACQUIRE_TIMEOUT_SECONDS", "1");
        for task in ["check-config", "migrate"] {
            let output = shell.run(task);
            let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
}

#[test]
fn an_unreachable_database_is_named() {
    let away = Shell::on("postgres://livegrant:x@127.0.0.1:1/livegrant");
    let away = away.with("DATABASE__ACQUIRE_TIMEOUT_SECONDS", "1");
    let nowhere = Shell::on("sqlite:///proc/livegrant/none.db");
    let damaged = Shell::on("sqlite://damaged.db");
    damaged.file("damaged.db", &"this is no database at all\n".repeat(1000));
    for task in ["serve", "migrate", "seed --demo", "user add alice"] {
        fails_with(&away.run(task), &["127.0.0.1:1"]);
        fails_with(&nowhere.run(task), &["/proc/livegrant/none.db"]);
        fails_with(&damaged.run(task), &["damaged.db"]);
    }
}

#[test]
fn a_taken_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("it has one").port().to_string();
    let shell = Shell::on("sqlite://here.db");
    succeeds(&shell.run("migrate"));
    let shell = shell.with("SERVER__PORT", &port);
    fails_with(&shell.run("serve"), &["server.port", &format!("127.0.0.1:{port}")]);
}

/// A SQLite file belongs to one process: the second is told so instead of being let in.
#[test]
fn a_file_in_use_is_not_shared() {
    let shell = Shell::on("sqlite://here.db");
    succeeds(&shell.run("migrate"));
    let serving = Serving::start(&shell);
    for task in ["serve", "migrate", "seed --demo"] {
        fails_with(&shell.run(task), &["here.db", "in use"]);
    }
    assert_eq!(serving.stop(), Some(0));
    succeeds(&shell.run("migrate"));
}

/// The database is named in `.env` or in the environment, which wins; `migrate` makes it (S2-67, S2-68).
#[test]
fn the_database_is_the_one_that_a_file_or_the_environment_names() {
    let shell = Shell::new();
    shell.file(".env", "LIVEGRANT__DATABASE__URL=sqlite://of-the-file.db\n");
    let made = |name: &str| shell.folder.path().join(name).exists();
    assert!(succeeds(&shell.run("migrate")).contains("of-the-file.db"));
    assert!(made("of-the-file.db") && !made("of-the-environment.db"));
    let mut command = shell.command("migrate");
    let output = command.env("LIVEGRANT__DATABASE__URL", "sqlite://of-the-environment.db").output();
    assert!(succeeds(&output.expect("the binary starts")).contains("of-the-environment.db"));
    assert!(made("of-the-environment.db"));
}

#[test]
fn the_description_is_printed_without_any_setting() {
    let document: Value = serde_json::from_str(&succeeds(&Shell::new().run("openapi"))).expect("it is JSON");
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["paths"].as_object().is_some_and(|paths| paths.len() > 30));
    let broken = Shell::new().with("SERVER__PROT", "1");
    succeeds(&broken.run("openapi"));
}

#[test]
fn an_unknown_command_is_explained() {
    let output = Shell::new().run("fly");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("fly"), "{}", text(&output.stderr));
}

async fn execute(url: &str, sql: &str) {
    if url.starts_with("sqlite") {
        let mut conn = SqliteConnection::connect(url).await.expect("the file opens");
        conn.execute(AssertSqlSafe(sql)).await.expect(sql);
        conn.close().await.expect("the file closes");
    } else {
        let mut conn = PgConnection::connect(url).await.expect("the database answers");
        conn.execute(AssertSqlSafe(sql)).await.expect(sql);
        conn.close().await.expect("a connection closes");
    }
}

both_databases! {
    async fn a_schema_that_does_not_fit_is_refused(database: TestDatabase) {
        let shell = Shell::on(&database.url);
        for task in ["serve", "seed --demo", "user add alice"] {
            fails_with(&shell.run(task), &["livegrant migrate"]);
        }
        succeeds(&shell.run("migrate"));
        succeeds(&shell.run("migrate"));
        let edited = "UPDATE _sqlx_migrations SET checksum = checksum || checksum";
        let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                     SELECT 999999, 'from the future', TRUE, checksum, 0 FROM _sqlx_migrations LIMIT 1";
        execute(&database.url, newer).await;
        // It has taken away what this one needs; without this entry it would fit.
        execute(&database.url, "INSERT INTO sys_meta (name, value) VALUES ('schema_min', '999999')").await;
        for task in ["serve", "migrate", "seed --demo"] {
            fails_with(&shell.run(task), &["newer"]);
        }
        execute(&database.url, "DELETE FROM _sqlx_migrations WHERE version = 999999").await;
        execute(&database.url, "DELETE FROM sys_meta WHERE name = 'schema_min'").await;
        execute(&database.url, edited).await;
        for task in ["serve", "migrate"] {
            fails_with(&shell.run(task), &["migration 1 differs"]);
        }
    }

    async fn an_account_from_the_shell_signs_in(database: TestDatabase) {
        let shell = Shell::on(&database.url);
        succeeds(&shell.run("migrate"));
        assert!(succeeds(&shell.told("user add root --platform", "a long password\n")).contains("added"));
        fails_with(&shell.told("user add root", "a long password\n"), &["root", "taken"]);
        fails_with(&shell.told("user add alice", "short\n"), &["characters"]);
        fails_with(&shell.told("user add alice", ""), &["characters"]);
        assert!(succeeds(&shell.told("user add alice", "another password")).contains("added"));

        let serving = Serving::start(&shell);
        let caller = serving.caller();
        for (username, password, platform) in
            [("root", "a long password", true), ("alice", "another password", false)]
        {
            let body = json!({ "username": username, "password": password });
            let signed_in = ok(caller.post("/api/auth/login/", body).await);
            assert_eq!(signed_in["user"]["is_platform"], platform);
            let status = caller.bearing(signed_in["access"].as_str().unwrap()).get("/api/v1/roles").await.0;
            assert_eq!(status, if platform { 200 } else { 403 });
        }
        assert_eq!(serving.stop(), Some(0));
    }

    /// S0-8, S0-44, FN15: what the process answered is there after `kill -9`, and who was away finds it.
    async fn a_killed_process_has_lost_nothing_that_it_answered(database: TestDatabase) {
        let shell = Shell::on(&database.url);
        succeeds(&shell.run("migrate"));
        succeeds(&shell.told("user add root --platform", "a long password\n"));
        succeeds(&shell.told("user add alice", "another password"));
        let sign_in = async |serving: &Serving, username: &str, password: &str| {
            let body = json!({ "username": username, "password": password });
            let signed_in = ok(serving.caller().post("/api/auth/login/", body).await);
            serving.caller().bearing(signed_in["access"].as_str().expect("a token"))
        };
        let inbox = "/api/v1/notifications";
        let (read, seen) = {
            let serving = Serving::start(&shell);
            let root = sign_in(&serving, "root", "a long password").await;
            let alice = sign_in(&serving, "alice", "another password").await;
            let guid = ok(alice.get("/api/accounts/users/me/").await)["guid"].clone();
            let words = |title: &str| json!({ "title": title, "content": "内容 “𠮷” 🎉" });
            let mut message = words("one");
            message["staffGuid"] = guid;
            let id = ok(root.post(&format!("{inbox}/message"), message.clone()).await)["id"].clone();
            ok(alice.post(&format!("{inbox}/{id}/read"), json!({})).await);
            ok(root.post("/api/v1/organizations", json!({ "code": "hall", "name": "大厅" })).await);
            ok(root.post("/api/v1/staff", json!({ "staff_no": "7", "name": "王五" })).await);
            let mut broadcast = words("two");
            (broadcast["category"], broadcast["severity"]) = (json!("维护"), json!("信息"));
            ok(root.post(&format!("{inbox}/broadcast"), broadcast).await);
            message["title"] = json!("three");
            let lists = [ok(root.get("/api/v1/organizations").await), ok(root.get("/api/v1/staff").await)];
            ok(root.post(&format!("{inbox}/message"), message).await);
            // Dropped here: killed, right after its answer.
            (lists, ok(alice.get(inbox).await))
        };
        let serving = Serving::start(&shell);
        let root = sign_in(&serving, "root", "a long password").await;
        let alice = sign_in(&serving, "alice", "another password").await;
        assert_eq!([ok(root.get("/api/v1/organizations").await), ok(root.get("/api/v1/staff").await)], read);
        let list = ok(alice.get(inbox).await);
        assert_eq!((&list["results"], &list["counts"]), (&seen["results"], &seen["counts"]));
        let rows = list["results"].as_array().expect("rows");
        let rows: Vec<_> = rows.iter().map(|row| (row["title"].as_str(), row["state"].as_str())).collect();
        let state = |title, state| (Some(title), Some(state));
        assert_eq!(rows, [state("three", "unseen"), state("two", "unseen"), state("one", "read")]);
    }

    /// Demo data comes once, however often it is asked for, and every account of it signs in.
    async fn demo_data(database: TestDatabase) {
        let shell = Shell::on(&database.url);
        succeeds(&shell.run("migrate"));
        assert!(succeeds(&shell.run("seed --demo")).contains("6 accounts"));
        assert!(succeeds(&shell.run("seed --demo")).contains("0 accounts"));
        let serving = Serving::start(&shell);
        let caller = serving.caller();
        for username in ["admin", "hr", "manager", "alice", "bob", "auditor"] {
            let body = json!({ "username": username, "password": "livegrant-demo" });
            let signed_in = ok(caller.post("/api/auth/login/", body).await);
            let me = caller.bearing(signed_in["access"].as_str().unwrap()).get("/api/accounts/users/me/").await;
            assert!(!ok(me)["permissions"].as_array().unwrap().is_empty(), "{username}");
        }
        assert_eq!(serving.stop(), Some(0));
    }

    /// Load tests get what they need only where a setting allows it, and as often as they ask.
    async fn accounts_for_load_tests(database: TestDatabase) {
        let shell = Shell::on(&database.url);
        let prepare = "loadtest prepare --accounts 260 --tabs-per-account 3 --out accounts.jsonl";
        succeeds(&shell.run("migrate"));
        fails_with(&shell.run(prepare), &["loadtest.enabled"]);
        assert!(!shell.folder.path().join("accounts.jsonl").exists());

        let shell = shell.with("LOADTEST__ENABLED", "true");
        assert!(succeeds(&shell.run(prepare)).contains("260 accounts"));
        let first = prepared(&shell);
        assert!(succeeds(&shell.run(prepare)).contains("260 accounts"));
        let again = prepared(&shell);
        assert_eq!((first.len(), again.len()), (261, 261));
        for (first, again) in first.iter().zip(&again).skip(1) {
            for same in ["account", "guid", "sid"] {
                assert_eq!(first[same], again[same]);
            }
            assert_ne!(first["refresh"], again["refresh"]);
        }

        let serving = Serving::start(&shell);
        let caller = serving.caller();
        let bearing = |line: &Value| caller.bearing(line["token"].as_str().expect("a token"));
        // Both files' tokens work: the sessions are the same.
        for line in [&first[260], &again[260]] {
            let me = ok(bearing(line).get("/api/accounts/users/me/").await);
            assert_eq!(me["username"], "load-000260");
            let mut codes: Vec<&str> =
                first[0]["role"]["permissions"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            codes.sort_unstable();
            assert_eq!(me["permissions"], json!(codes));
        }
        let administrator = bearing(&again[0]["administrator"]);
        let role = ok(administrator.get(&format!("/api/v1/roles/{}", again[0]["role"]["id"])).await);
        assert_eq!(role["code"], "loadtest");
        let sessions = ok(administrator.get("/api/v1/sessions?search=load-0").await);
        assert_eq!(sessions["count"], 260, "one each");
        let refresh = json!({ "refresh": again[1]["refresh"] });
        assert_eq!(caller.post("/api/auth/refresh/", refresh).await.0, 200);
        let stale = json!({ "refresh": first[2]["refresh"] });
        assert_eq!(caller.post("/api/auth/refresh/", stale).await.0, 401);
        assert_eq!(bearing(&again[2]).get("/api/accounts/users/me/").await.0, 200, "and nothing more happens");
        for password in ["!", "", "livegrant-demo"] {
            let body = json!({ "username": "load-000001", "password": password });
            assert_ne!(caller.post("/api/auth/login/", body).await.0, 200, "{password}");
        }
        assert_eq!(serving.stop(), Some(0));
    }

    /// What people have made is not given to load tests.
    async fn load_tests_leave_other_names_alone(database: TestDatabase) {
        let shell = Shell::on(&database.url).with("LOADTEST__ENABLED", "true");
        succeeds(&shell.run("migrate"));
        let prepare = "loadtest prepare --accounts 1 --tabs-per-account 1 --out accounts.jsonl";
        fails_with(&shell.run(&format!("{prepare} --role hr")), &["the role hr"]);
        fails_with(&shell.run(&format!("{prepare} --role a/b")), &["letters"]);
        succeeds(&shell.told("user add load-000001", "a long password\n"));
        fails_with(&shell.run(prepare), &["load-000001"]);
        let nowhere = "loadtest prepare --accounts 1 --tabs-per-account 1 --out nowhere/accounts.jsonl";
        execute(&database.url, "DELETE FROM sys_login_user WHERE username = 'load-000001'").await;
        fails_with(&shell.run(nowhere), &["nowhere/accounts.jsonl"]);
    }
}

/// The lines of the file of accounts, which nobody else may read.
fn prepared(shell: &Shell) -> Vec<Value> {
    let path = shell.folder.path().join("accounts.jsonl");
    let mode = std::fs::metadata(&path).expect("it is written").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = std::fs::read_to_string(path).expect("it is text");
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}
