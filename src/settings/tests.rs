//! What the layers promise: order, provenance, one line an error, no secret shown.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::*;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn load(dir: &Path, environment: &[(&str, &str)]) -> Result<Settings, String> {
    let surroundings = Surroundings { environment: variables(environment), ..Surroundings::default() };
    Settings::from_surroundings(dir, surroundings).map_err(|error| error.to_string())
}

fn refusal(files: &[(&str, &str)], environment: &[(&str, &str)]) -> String {
    let dir = folder(files);
    let text = load(dir.path(), environment).expect_err("the settings must be refused");
    assert_eq!(text.lines().count(), 1, "not one line: {text}");
    text.replace(&format!("{}/", dir.path().display()), "config/")
}

#[test]
fn the_base_file_says_what_the_defaults_say() {
    let dir = folder(&[]);
    assert_eq!(load(dir.path(), &[]).unwrap(), Settings::default());
}

#[test]
fn later_layers_win() {
    let dir = folder(&[
        ("base.toml", "[server]\nport = 1001\nworkers = 3"),
        ("local.toml", "[server]\nport = 1002"),
        ("other.toml", "[server]\nport = 1003"),
    ]);
    let port = |environment: &[(&str, &str)]| load(dir.path(), environment).unwrap().server.port;
    assert_eq!(port(&[]), 1002);
    assert_eq!(port(&[("LIVEGRANT_ENV", "other")]), 1003);
    assert_eq!(port(&[("LIVEGRANT__SERVER__PORT", "1004")]), 1004);
    assert_eq!(load(dir.path(), &[]).unwrap().server.workers, 3);

    let surroundings = Surroundings {
        dotenv: variables(&[("LIVEGRANT__SERVER__PORT", "1005"), ("LIVEGRANT__SERVER__HOST", "::1")]),
        environment: variables(&[("LIVEGRANT__SERVER__PORT", "1006")]),
    };
    let server = Settings::from_surroundings(dir.path(), surroundings).unwrap().server;
    assert_eq!((server.port, server.host.as_str()), (1006, "::1"));
}

#[test]
fn variables_are_read_as_the_type_of_their_setting() {
    let dir = folder(&[]);
    let settings = load(
        dir.path(),
        &[
            ("LIVEGRANT__AUTH__TOKEN_SECRET", "01234567890123456789012345678901"),
            ("LIVEGRANT__REALTIME__ALLOWED_ORIGINS", "https://a.example, https://b.example"),
            ("LIVEGRANT__SERVER__TRUSTED_PROXIES", "[\"10.0.0.1\"]"),
            ("LIVEGRANT__AUTH__COOKIE_SECURE", "true"),
            ("LIVEGRANT__DATABASE__SYNCHRONOUS", "full"),
        ],
    )
    .unwrap();
    assert_eq!(settings.auth.token_secret.expose(), "01234567890123456789012345678901");
    assert_eq!(settings.realtime.allowed_origins, ["https://a.example", "https://b.example"]);
    assert_eq!(settings.server.trusted_proxies, ["10.0.0.1".parse().unwrap()]);
    assert!(settings.auth.cookie_secure);
    assert_eq!(settings.database.synchronous, Synchronous::Full);
}

#[test]
fn a_refusal_names_the_key_and_the_file() {
    for (text, expected) in [
        ("[server]\nprot = 1", "setting server.prot in config/local.toml: there is no such setting"),
        ("[sever]\nport = 1", "setting sever in config/local.toml: there is no such section"),
        ("server = 1", "setting server in config/local.toml: expected a section, [name] and keys below it"),
        (
            "[server]\nport = \"8080\"",
            "setting server.port in config/local.toml: expected a whole number 0 to 65535, found string \"8080\"",
        ),
        (
            "[server]\nport = 99999",
            "setting server.port in config/local.toml: expected a whole number 0 to 65535, found signed int `99999`",
        ),
        (
            "[server]\ntrusted_proxies = [\"x\"]",
            "setting server.trusted_proxies in config/local.toml: invalid IP address syntax",
        ),
        (
            "[telemetry]\nlog_format = \"xml\"",
            "setting telemetry.log_format in config/local.toml: expected one of pretty, json, found `xml`",
        ),
        (
            "[server]\nbody_limit_bytes = 1",
            "setting server.body_limit_bytes in config/local.toml: must be 1024 to 67108864, is 1",
        ),
        (
            "[realtime]\nheartbeat_seconds = 60",
            "setting realtime.heartbeat_timeout_seconds in the compiled-in config/base.toml: must be more than realtime.heartbeat_seconds, 60",
        ),
        (
            "[database]\nurl = \"mysql://u:hunter2@h/d\"",
            "setting database.url in config/local.toml: must begin with sqlite://, postgres:// or postgresql://",
        ),
        (
            "[auth]\ntoken_secret = 314159",
            "setting auth.token_secret in config/local.toml: expected a string",
        ),
        (
            "[redis]\nurl = \"rediss://:hunter2@h\"",
            "setting redis.url in config/local.toml: must begin with redis://: TLS to Redis is not built in",
        ),
        (
            "[redis]\nurl = \"redis://h\"",
            "setting cluster.secret in the compiled-in config/base.toml: must be at least 32 bytes long when redis is set, the same on all nodes",
        ),
    ] {
        assert_eq!(refusal(&[("local.toml", text)], &[]), expected);
    }
}

#[test]
fn a_refusal_names_the_variable() {
    for (variable, value, expected) in [
        (
            "LIVEGRANT__SERVER__PORT",
            "http",
            "environment variable LIVEGRANT__SERVER__PORT: expected a whole number, found `http`",
        ),
        (
            "LIVEGRANT__SERVER__PORT",
            "70000",
            "environment variable LIVEGRANT__SERVER__PORT: expected a whole number 0 to 65535, found unsigned int `70000`",
        ),
        ("LIVEGRANT__PORT", "1", "environment variable LIVEGRANT__PORT: there is no such setting"),
        (
            "LIVEGRANT__AUTH__TOKEN",
            "1",
            "environment variable LIVEGRANT__AUTH__TOKEN: there is no such setting",
        ),
        (
            "LIVEGRANT__AUTH__TOKEN_SECRET",
            "hunter2",
            "environment variable LIVEGRANT__AUTH__TOKEN_SECRET: must be empty or at least 32 bytes long",
        ),
        (
            "LIVEGRANT__DOCS__ENABLED",
            "yes",
            "environment variable LIVEGRANT__DOCS__ENABLED: expected true or false, found `yes`",
        ),
        (
            "LIVEGRANT_ENV",
            "../x",
            "environment variable LIVEGRANT_ENV: must be a word: letters, digits, - and _",
        ),
    ] {
        assert_eq!(refusal(&[], &[(variable, value)]), expected);
    }
}

#[test]
fn a_refusal_says_when_the_variable_came_from_dotenv() {
    let dir = folder(&[(".env", "# mine\nLIVEGRANT__SERVER__PORT=x\nOTHER=1\n")]);
    let surroundings = Surroundings::of_process(&dir.path().join(".env")).unwrap();
    let error = Settings::from_surroundings(dir.path(), surroundings).unwrap_err().to_string();
    assert_eq!(
        error,
        "environment variable LIVEGRANT__SERVER__PORT (from .env): expected a whole number, found `x`"
    );
}

#[test]
fn a_named_environment_needs_its_file() {
    let text = refusal(&[], &[("LIVEGRANT_ENV", "clustre")]);
    assert!(text.starts_with("settings file config/clustre.toml: "), "{text}");
}

#[test]
fn a_file_that_is_not_toml_is_refused_without_quoting_it() {
    let text = refusal(&[("local.toml", "[auth]\ntoken_secret = hunter2")], &[]);
    assert!(text.starts_with("settings file config/local.toml: "), "{text}");
    assert!(text.contains("line 2") && !text.contains("hunter2"), "{text}");
}

#[test]
fn the_shipped_files_can_be_used() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    for name in ["local", "cluster", "test"] {
        load(&dir, &[("LIVEGRANT_ENV", name)]).unwrap();
    }
    let cluster = load(&dir, &[("LIVEGRANT_ENV", "cluster")]).unwrap();
    assert!(cluster.auth.cookie_secure && !cluster.demo.expose_accounts);
    assert_eq!(cluster.database.url.kind(), Some(DatabaseKind::Postgres));
}

#[test]
fn settings_print_as_settings_without_secrets() {
    let mut settings = Settings::default();
    settings.auth.token_secret = Secret::new("hunter2");
    settings.database.url = DatabaseUrl::new("postgres://lg:hunter2@db/lg");
    settings.redis.mode = RedisMode::Sentinel;
    settings.redis.urls = vec![RedisUrl::new("redis://:hunter2@s1:26379")];
    settings.redis.sentinel_password = Secret::new("hunter2");
    settings.cluster.secret = Secret::new("hunter2".repeat(5));
    settings.realtime.allowed_origins = vec!["https://a.example".to_owned()];
    let shown = settings.to_string();
    assert!(!format!("{shown}{settings:?}").contains("hunter2"), "{shown}");
    assert!(shown.contains("[server]\n") && shown.contains("port = 8080\n"), "{shown}");

    settings.auth.token_secret = Secret::default();
    settings.database.url = DatabaseUrl::new("postgres://lg:***@db/lg");
    settings.redis = Redis::default();
    settings.cluster.secret = Secret::default();
    let dir = folder(&[("local.toml", &settings.to_string())]);
    assert_eq!(load(dir.path(), &[]).unwrap(), settings);
}
