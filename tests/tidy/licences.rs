//! The licences of all dependencies are on the list in `deny.toml`; works without network and without cargo-deny.
//!
//! It reads the packages' own words (SPDX expressions), not their licence files: `make deny` does that.

use std::process::Command;

use crate::tree::{Offence, Tree};

/// Every dependency can be used under licences that `deny.toml` allows.
pub fn all_are_allowed(tree: &Tree) -> Vec<Offence> {
    let Some(deny) = tree.file("deny.toml") else { return vec![Offence::new("deny.toml", 0, "is missing")] };
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo must start");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("metadata is JSON");
    let packages = metadata["packages"].as_array().expect("metadata lists packages");
    assert!(packages.len() > 10, "metadata must list the dependencies");
    let licences = packages
        .iter()
        .map(|package| (package["name"].as_str().unwrap_or("?"), package["license"].as_str().unwrap_or("")));
    offences(&allowed(&deny.text), licences)
}

fn offences<'a>(allowed: &[&str], licences: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<Offence> {
    let refused = licences.filter(|(_, expression)| !is_allowed(expression, allowed));
    refused
        .map(|(name, expression)| {
            Offence::new("Cargo.lock", 0, format!("{name} has the licence `{expression}`"))
        })
        .collect()
}

/// The texts of the list `allow` in the section `[licenses]`.
fn allowed(deny: &str) -> Vec<&str> {
    let section = deny.split_once("[licenses]").map_or("", |(_, rest)| rest);
    let list = section.split_once("allow = [").map_or("", |(_, rest)| rest);
    list.split(']').next().unwrap_or("").split('"').skip(1).step_by(2).collect()
}

/// An SPDX expression: AND binds tighter than OR, parentheses group; `/` is an old way to write OR.
fn is_allowed(expression: &str, allowed: &[&str]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    let mut at = 0;
    either(&words, &mut at, allowed) == Some(true) && at == words.len()
}

/// `None`: this is no expression.
fn either(words: &[&str], at: &mut usize, allowed: &[&str]) -> Option<bool> {
    let mut result = both(words, at, allowed)?;
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        result |= both(words, at, allowed)?;
    }
    Some(result)
}

fn both(words: &[&str], at: &mut usize, allowed: &[&str]) -> Option<bool> {
    let mut result = one(words, at, allowed)?;
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        result &= one(words, at, allowed)?;
    }
    Some(result)
}

fn one(words: &[&str], at: &mut usize, allowed: &[&str]) -> Option<bool> {
    let word = *words.get(*at)?;
    *at += 1;
    if word == "(" {
        let result = either(words, at, allowed)?;
        let closed = words.get(*at) == Some(&")");
        *at += 1;
        return closed.then_some(result);
    }
    if words.get(*at) == Some(&"WITH") {
        let with = format!("{word} WITH {}", words.get(*at + 1)?);
        *at += 2;
        return Some(allowed.contains(&with.as_str()));
    }
    Some(allowed.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_weighed() {
        let allowed = ["MIT", "ISC", "Apache-2.0"];
        for good in ["MIT", "GPL-3.0 OR MIT", "(MIT OR GPL-3.0) AND ISC", "MIT/GPL-3.0", "A WITH B OR MIT"] {
            assert!(is_allowed(good, &allowed), "{good}");
        }
        for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "MIT OR", "MIT ISC", "Apache-2.0 WITH x", "(MIT"] {
            assert!(!is_allowed(bad, &allowed), "{bad}");
        }
    }

    #[test]
    fn a_licence_that_is_not_on_the_list_is_seen() {
        let list = "[advisories]\n[licenses]\nversion = 2\nallow = [\n    \"MIT\",\n    \"ISC\",\n]\n[bans]\nskip = [\"GPL-3.0\"]";
        assert_eq!(allowed(list), ["MIT", "ISC"]);
        let packages = [("good", "MIT"), ("bad", "GPL-3.0"), ("silent", "")];
        assert_eq!(offences(&allowed(list), packages.into_iter()).len(), 2);
    }
}
