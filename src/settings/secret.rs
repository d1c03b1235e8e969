//! A text that is never printed.
//!
//! `Debug`, `Display` and `Serialize` all give `***` (nothing when empty, so that `check-config` shows an unset secret).

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// A secret text; only [`Secret::expose`] gives it away.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Gives the text itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Tells whether no secret was given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn shown(&self) -> &'static str {
        if self.is_empty() { "" } else { "***" }
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.shown())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Secret({})", self.shown())
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.shown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_way_of_printing_shows_a_secret() {
        let secret = Secret::new("correct horse");
        let shown = format!("{secret} {secret:?} {}", serde_json::to_string(&secret).unwrap());
        assert_eq!(shown, "*** Secret(***) \"***\"");
        assert_eq!(secret.expose(), "correct horse");
    }

    #[test]
    fn an_empty_secret_shows_as_empty() {
        assert_eq!(serde_json::to_string(&Secret::default()).unwrap(), "\"\"");
    }
}
