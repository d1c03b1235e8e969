//! Collects the layers of settings, remembers where each value came from, and makes one `Settings` of them.
//!
//! A layer's unknown keys are refused before anything is merged, so that a typing mistake is reported where it was made.
//! Environment variables are read as the type their key has by default: `LIVEGRANT__AUTH__TOKEN_SECRET=0123` stays a text.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use figment::error::Kind;
use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::environment::{ENV_NAME, PREFIX, Surroundings};
use super::origin::Origin;
use super::{Settings, SettingsError};

const BASE: &str = include_str!("../../config/base.toml");

/// Keys whose values never stand in a message.
const SECRET_KEYS: [&str; 6] = [
    "auth.token_secret",
    "cluster.secret",
    "database.url",
    "redis.sentinel_password",
    "redis.url",
    "redis.urls",
];

/// Section -> key -> value as JSON text, which is also TOML for every kind of value that a setting has.
pub(super) fn tree(settings: &Settings) -> BTreeMap<String, BTreeMap<String, serde_json::Value>> {
    let value = serde_json::to_value(settings).expect("settings are plain data with text keys");
    serde_json::from_value(value).expect("settings are sections of keys")
}

#[derive(Debug, Clone)]
struct Layer {
    origin: Origin,
    values: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named("settings")
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        Ok(Profile::default().collect(self.values.clone()))
    }
}

/// All layers, the weakest first.
pub(super) struct Layers {
    all: Vec<Layer>,
}

impl Layers {
    /// Reads and checks every layer.
    pub(super) fn collect(dir: &Path, surroundings: Surroundings) -> Result<Self, SettingsError> {
        let mut all = vec![Layer::from_toml(Origin::BuiltIn, BASE)?];
        let base = dir.join("base.toml");
        if base.is_file() {
            all.push(Layer::from_file(base)?);
        }
        let named = surroundings.name();
        let file = dir.join(format!("{}.toml", named.unwrap_or("local")));
        if named.is_some_and(|name| !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))) {
            let problem = "must be a word: letters, digits, - and _";
            return Err(Origin::Environment.problem_of_variable(ENV_NAME, problem));
        }
        // A misspelt name must not start a node with other settings than were meant.
        if file.is_file() || named.is_some() {
            all.push(Layer::from_file(file)?);
        }
        all.push(Layer::from_variables(Origin::DotEnv, surroundings.dotenv)?);
        all.push(Layer::from_variables(Origin::Environment, surroundings.environment)?);
        for layer in &all {
            layer.refuse_unknown_keys()?;
        }
        Ok(Self { all })
    }

    /// Merges the layers; types are checked here.
    pub(super) fn extract(&self) -> Result<Settings, SettingsError> {
        let figment = self.all.iter().cloned().fold(Figment::new(), Figment::merge);
        figment.extract().map_err(|error: figment::Error| {
            let key = error.path.iter().take(2).cloned().collect::<Vec<_>>().join(".");
            let problem = describe(&error.kind, SECRET_KEYS.contains(&key.as_str()));
            self.locate(&key, &problem)
        })
    }

    /// Names the last layer that set `key`.
    pub(super) fn locate(&self, key: &str, problem: &str) -> SettingsError {
        let holds = |layer: &&Layer| match key.split_once('.') {
            Some((section, key)) => {
                layer.values.get(section).and_then(Value::as_dict).is_some_and(|keys| keys.contains_key(key))
            }
            None => layer.values.contains_key(key),
        };
        let origin = self.all.iter().rev().find(holds).map_or(&Origin::BuiltIn, |layer| &layer.origin);
        origin.problem(key, problem)
    }
}

fn describe(kind: &Kind, secret: bool) -> String {
    match kind {
        Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
            let expected = in_words(expected);
            if secret {
                format!("expected {expected}")
            } else {
                format!("expected {expected}, found {found}")
            }
        }
        Kind::UnknownVariant(found, known) => {
            format!("expected one of {}, found `{found}`", known.join(", "))
        }
        other => one_line(&other.to_string()),
    }
}

/// What serde calls the types, in words for someone who writes a settings file.
fn in_words(expected: &str) -> &str {
    match expected {
        "u16" => "a whole number 0 to 65535",
        "u32" => "a whole number 0 to 4294967295",
        "u64" | "usize" => "a whole number",
        "a boolean" => "true or false",
        other => other,
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Layer {
    fn from_file(file: PathBuf) -> Result<Self, SettingsError> {
        match std::fs::read_to_string(&file) {
            Ok(text) => Self::from_toml(Origin::File(file), &text),
            Err(error) => Err(SettingsError::File { file, problem: error.to_string() }),
        }
    }

    fn from_toml(origin: Origin, text: &str) -> Result<Self, SettingsError> {
        let data = Toml::string(text).data().map_err(|error| {
            let file =
                if let Origin::File(file) = &origin { file.clone() } else { PathBuf::from("base.toml") };
            SettingsError::File { file, problem: toml_problem(&error.to_string()) }
        })?;
        let values = data.into_iter().next().map(|(_, values)| values).unwrap_or_default();
        Ok(Self { origin, values })
    }

    fn from_variables(origin: Origin, variables: BTreeMap<String, String>) -> Result<Self, SettingsError> {
        let known = tree(&Settings::default());
        let mut values = Dict::new();
        for (variable, text) in variables {
            let Some(path) = variable.strip_prefix(PREFIX) else { continue };
            let path = path.to_lowercase();
            let (section, key) = path.split_once("__").unwrap_or((&path, ""));
            let Some(like) = known.get(section).and_then(|keys| keys.get(key)) else {
                return Err(origin.problem_of_variable(&variable, "there is no such setting"));
            };
            let value =
                parse(&text, like).map_err(|problem| origin.problem_of_variable(&variable, &problem))?;
            let slot = values.entry(section.to_owned()).or_insert_with(|| Value::from(Dict::new()));
            if let Value::Dict(_, keys) = slot {
                keys.insert(key.to_owned(), value);
            }
        }
        Ok(Self { origin, values })
    }

    fn refuse_unknown_keys(&self) -> Result<(), SettingsError> {
        let known = tree(&Settings::default());
        for (section, value) in &self.values {
            let Some(known) = known.get(section) else {
                return Err(self.origin.problem(section, "there is no such section"));
            };
            let Some(keys) = value.as_dict() else {
                return Err(self.origin.problem(section, "expected a section, [name] and keys below it"));
            };
            if let Some(key) = keys.keys().find(|key| !known.contains_key(*key)) {
                return Err(self.origin.problem(&format!("{section}.{key}"), "there is no such setting"));
            }
        }
        Ok(())
    }
}

/// Reads a variable's text as the type that the setting has by default.
fn parse(text: &str, like: &serde_json::Value) -> Result<Value, String> {
    let text = text.trim();
    match like {
        serde_json::Value::Bool(_) => text
            .parse::<bool>()
            .map(Value::from)
            .map_err(|_| format!("expected true or false, found `{text}`")),
        serde_json::Value::Number(_) => text
            .parse::<u64>()
            .map(Value::from)
            .map_err(|_| format!("expected a whole number, found `{text}`")),
        serde_json::Value::Array(_) => {
            let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
            let items = inner.split(',').map(|item| item.trim().trim_matches('"'));
            Ok(Value::from(items.filter(|item| !item.is_empty()).collect::<Vec<_>>()))
        }
        _ => Ok(Value::from(text)),
    }
}

/// Keeps a TOML error's place and words, and leaves out the quoted line, which may hold a secret.
fn toml_problem(error: &str) -> String {
    let mut lines = error.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or("is not TOML");
    match lines.next_back() {
        Some(last) => format!("{first}: {last}"),
        None => first.to_owned(),
    }
}
