//! What a user writes to name a secret, and how it is read: `docs/references.md` is the page.
//!
//! Text goes in, checked values come out; nothing is looked up here and nothing is expanded. The
//! plan decides what is read and which variable gets it. [`parse()`] reads one reference,
//! [`template::parse`] a whole environment value, [`parse_env_from`] "all keys of a path".

mod ciphertext;
mod env_from;
mod error;
mod parameters;
mod parse;
mod parser;
mod target;
pub mod template;

pub use env_from::{EnvFrom, parse_env_from};
pub use error::{Part, Place, ReferenceError, Unsupported};
pub use parameters::{MAX_PARAMETER_BYTES, ParameterFault, Parameters};
pub use parse::parse;
pub use target::{Fallback, Reference, Target, label};
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

/// Whether `text` begins with a reference: `scheme:` or `>>scheme:`.
fn begins_reference(text: &str, schemes: &Schemes) -> bool {
    let target = text.strip_prefix(WRITES).unwrap_or(text);
    schemes.strip(target).is_some()
}

/// What stands before a reference that writes.
const WRITES: &str = ">>";

/// Characters that a backslash may stand before in a path or field.
const SYNTAX: &[char] = &['\\', '#', '?', ':', '}'];

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
mod property_tests;

#[cfg(test)]
mod tests {
    use super::*;

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
}
