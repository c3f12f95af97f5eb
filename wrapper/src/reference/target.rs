//! A reference as a checked value, its canonical text, and the label of a value in the region.

use std::fmt;

use super::{Parameters, SYNTAX, WRITES, escape};

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

/// What a reference asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Target {
    /// `path#field#version`: a field of what stands there.
    Read {
        /// The path without escapes, not empty, no control characters.
        path: String,
        /// The field without escapes; when absent, the secret must have exactly one.
        field: Option<String>,
        /// A pinned version, 1 or more; only together with a field.
        version: Option<u64>,
    },
    /// `>>path#field#{json}`: a field of the answer to a write.
    Write {
        /// As for a read.
        path: String,
        /// As for a read.
        field: Option<String>,
        /// What is written; empty when left out.
        parameters: Parameters,
    },
    /// `v1:…`: what the transit engine encrypted. Always required.
    Decrypt {
        /// The ciphertext in the server's spelling, `vault:v1:…`.
        ciphertext: String,
    },
}

impl Target {
    /// The path as the user wrote it, without escapes; for [`Target::Decrypt`] the ciphertext.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::Read { path, .. } | Self::Write { path, .. } => path,
            Self::Decrypt { ciphertext } => ciphertext,
        }
    }

    /// The field, if one is named.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Read { field, .. } | Self::Write { field, .. } => field.as_deref(),
            Self::Decrypt { .. } => None,
        }
    }

    /// The pinned version, if there is one.
    #[must_use]
    pub fn version(&self) -> Option<u64> {
        match self {
            Self::Read { version, .. } => *version,
            Self::Write { .. } | Self::Decrypt { .. } => None,
        }
    }
}

/// One reference to one value.
///
/// Its text form gives the reference back in canonical spelling; a default, parameters and the
/// base64 of a ciphertext are `…` there.
#[derive(Clone, Eq, PartialEq)]
pub struct Reference {
    /// `vault`, `bao` or a source's name.
    pub scheme: String,
    /// What it asks for.
    pub target: Target,
    /// What happens when it is missing.
    pub fallback: Fallback,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = &self.scheme;
        match &self.target {
            Target::Decrypt { ciphertext } => {
                let version = ciphertext.split(':').nth(1).unwrap_or_default();
                return write!(f, "{scheme}:{version}:…");
            }
            Target::Read { .. } => write!(f, "{scheme}:")?,
            Target::Write { .. } => write!(f, "{WRITES}{scheme}:")?,
        }
        f.write_str(&escape(self.target.path(), SYNTAX))?;
        if let Some(field) = self.target.field() {
            write!(f, "#{}", escape(field, SYNTAX))?;
        }
        match &self.target {
            Target::Read {
                version: Some(version),
                ..
            } => write!(f, "#{version}")?,
            Target::Write { parameters, .. } if !parameters.is_empty() => f.write_str("#{…}")?,
            _ => {}
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{Schemes, parse};

    #[test]
    fn what_may_be_sensitive_is_never_printed() {
        for (text, canonical) in [
            ("vault:a#b:-hunter2", "vault:a#b:-…"),
            (
                ">>vault:a#b#{\"p\":\"hunter2\"}:-hunter2",
                ">>vault:a#b#{…}:-…",
            ),
            (">>bao:a#b#{ }?", ">>bao:a#b?"),
            ("bao:v7:hunter2=", "bao:v7:…"),
        ] {
            let reference = parse(text, &Schemes::new([])).unwrap();
            assert_eq!(reference.to_string(), canonical);
            for text in [
                format!("{reference:?}"),
                format!("{:?}", reference.fallback),
            ] {
                assert!(!text.contains("hunter2"), "{text}");
            }
        }
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
