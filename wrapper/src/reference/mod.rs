//! What a user writes to name a secret, and how it is read: `docs/references.md` is the page.
//!
//! Text goes in, checked values come out; nothing is looked up here and nothing is expanded. The
//! plan decides what is read and which variable gets it. [`parse()`] reads one reference,
//! [`template::parse`] a whole environment value, [`parse_env_from`] "all keys of a path".

mod env_from;
mod error;
mod parse;
pub mod template;

use std::fmt;

pub use env_from::{EnvFrom, parse_env_from};
pub use error::{Part, Place, ReferenceError, Unsupported};
pub use parse::parse;
pub use template::Template;

/// Schemes that mean "the configured source", whichever it is.
pub const CONFIGURED_SOURCE: [&str; 2] = ["vault", "bao"];

/// The words that may stand before a reference's first colon.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Schemes {
    names: Vec<String>,
}

impl Schemes {
    /// [`CONFIGURED_SOURCE`] and the names of the registered sources.
    pub fn new<'n>(sources: impl IntoIterator<Item = &'n str>) -> Self {
        let mut names: Vec<String> = CONFIGURED_SOURCE.map(String::from).into();
        for source in sources {
            if !source.is_empty() && !names.iter().any(|name| name == source) {
                names.push(source.into());
            }
        }
        Self { names }
    }

    /// Splits `text` behind its scheme and colon, if it begins with one of ours.
    #[must_use]
    pub fn strip<'t>(&self, text: &'t str) -> Option<(&'t str, &'t str)> {
        self.names.iter().find_map(|name| {
            let rest = text.strip_prefix(name.as_str())?.strip_prefix(':')?;
            Some((text.get(..name.len())?, rest))
        })
    }
}

/// What happens when the secret, the version or the field is not there.
///
/// Never used when the source refuses or cannot be reached: a program must not run on a default
/// because of an outage.
#[derive(Clone, Eq, PartialEq)]
pub enum Fallback {
    /// The start fails.
    Required,
    /// `?`: the variable is left out; inside a longer value the reference becomes empty text.
    Optional,
    /// `:-text`: this text, never expanded. It may be sensitive and is never printed.
    Default(String),
}

impl fmt::Debug for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Required => "Required",
            Self::Optional => "Optional",
            Self::Default(_) => "Default(…)",
        })
    }
}

/// One reference to one field of one secret.
///
/// Its text form gives the reference back in canonical spelling, the default's text as `…`.
#[derive(Clone, Eq, PartialEq)]
pub struct Reference {
    /// `vault`, `bao` or a source's name.
    pub scheme: String,
    /// The path without escapes, not empty, no control characters.
    pub path: String,
    /// The field without escapes; when absent, the secret must have exactly one.
    pub field: Option<String>,
    /// A pinned version, 1 or more; only together with a field.
    pub version: Option<u64>,
    /// What happens when it is missing.
    pub fallback: Fallback,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.scheme, escape(&self.path, SYNTAX))?;
        if let Some(field) = &self.field {
            write!(f, "#{}", escape(field, SYNTAX))?;
        }
        if let Some(version) = self.version {
            write!(f, "#{version}")?;
        }
        f.write_str(match self.fallback {
            Fallback::Required => "",
            Fallback::Optional => "?",
            Fallback::Default(_) => ":-…",
        })
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reference({self})")
    }
}

/// Characters that a backslash may stand before in a path or field.
const SYNTAX: &[char] = &['\\', '#', '?', ':', '}'];

/// Characters that are escaped in an entry's label, `path#field#version`.
const LABEL_SYNTAX: &[char] = &['\\', '#'];

/// The name of one value in the region: `path#field`, or `path#field#version` when pinned.
#[must_use]
pub fn label(path: &str, field: Option<&str>, version: Option<u64>) -> String {
    let mut text = escape(path, LABEL_SYNTAX);
    if let Some(field) = field {
        text.push('#');
        text.push_str(&escape(field, LABEL_SYNTAX));
    }
    if let Some(version) = version {
        text.push_str(&format!("#{version}"));
    }
    text
}

fn escape(text: &str, syntax: &[char]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if syntax.contains(&c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_is_never_printed() {
        let reference = parse("vault:a#b:-hunter2", &Schemes::new([])).unwrap();
        assert_eq!(reference.fallback, Fallback::Default("hunter2".into()));
        for text in [
            reference.to_string(),
            format!("{reference:?}"),
            format!("{:?}", reference.fallback),
        ] {
            assert!(!text.contains("hunter2"), "{text}");
        }
        assert_eq!(reference.to_string(), "vault:a#b:-…");
    }

    #[test]
    fn only_known_schemes_count() {
        let schemes = Schemes::new(["local", "vault"]);
        assert_eq!(schemes.strip("local:x"), Some(("local", "x")));
        assert_eq!(schemes.strip("bao:x:y"), Some(("bao", "x:y")));
        assert_eq!(schemes.strip("loc:x"), None);
        assert_eq!(schemes.strip("vaults:x"), None);
        assert_eq!(schemes.strip("Vault:x"), None);
        assert_eq!(schemes.strip("vault"), None);
    }

    #[test]
    fn a_label_is_unambiguous() {
        assert_eq!(
            label("secret/data/db", Some("password"), None),
            "secret/data/db#password"
        );
        assert_eq!(label("a#b", Some("c"), Some(3)), "a\\#b#c#3");
    }
}
