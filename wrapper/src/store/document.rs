//! What stands inside the encrypted file: a JSON document in the shape of OpenBao's KV version 2.
//!
//! A [`Document`] borrows from the decrypted text: the values of a version stay where they were
//! decrypted to, unparsed, until somebody asks for that version. So reading 10 of 1,000 secrets
//! copies 10, and a rewrite carries all others over byte for byte. Errors never show what stands
//! in the text, only where.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::path::SecretPath;

use crate::json::{self, JsonError};

/// Value of `format`, so that no other JSON document is taken for a store.
pub const FORMAT: &str = "cloudtaser-store";
/// The version of the layout that this program reads and writes.
pub const VERSION: u64 = 1;
/// Versions that are kept of a secret (OpenBao's default of `max_versions`).
pub const MAX_VERSIONS: u64 = 10;

/// The whole store.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Document<'a> {
    /// Always [`FORMAT`].
    #[serde(borrow)]
    pub format: Cow<'a, str>,
    /// [`VERSION`], or a greater one when a newer program wrote the file.
    pub version: u64,
    /// To whom the next rewrite encrypts.
    pub recipients: Recipients,
    /// Canonical path → secret.
    #[serde(borrow)]
    pub secrets: BTreeMap<String, Entry<'a>>,
}

/// To whom a store is encrypted, kept inside it so that every rewrite reaches all of them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Recipients {
    /// Public keys as text, `age1…` or `ssh-…`.
    Keys(Vec<String>),
    /// One passphrase, which cannot be mixed with keys (age's rule).
    Passphrase(PassphraseWord),
}

/// The word `passphrase` in place of a list of keys.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PassphraseWord {
    /// The only value.
    Passphrase,
}

/// One secret: its metadata and its versions.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Entry<'a> {
    /// When the first version was written, RFC 3339 in UTC.
    #[serde(borrow)]
    pub created_time: Cow<'a, str>,
    /// When the newest version was written, RFC 3339 in UTC.
    #[serde(borrow)]
    pub updated_time: Cow<'a, str>,
    /// Number of the newest version, 1 or more.
    pub current_version: u64,
    /// Number of the oldest version that is kept.
    pub oldest_version: u64,
    /// How many versions are kept; 0 means [`MAX_VERSIONS`].
    pub max_versions: u64,
    /// Number → version.
    #[serde(borrow)]
    pub versions: BTreeMap<u64, Version<'a>>,
}

/// One version of a secret.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Version<'a> {
    /// When it was written, RFC 3339 in UTC.
    #[serde(borrow)]
    pub created_time: Cow<'a, str>,
    /// When it was deleted; it can be restored until it is destroyed or pruned.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub deletion_time: Option<Cow<'a, str>>,
    /// Whether its data is gone for good.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub destroyed: bool,
    /// Field → value, a JSON object in its own text; absent when destroyed.
    #[serde(
        borrow,
        default,
        deserialize_with = "raw",
        skip_serializing_if = "Option::is_none"
    )]
    pub data: Option<Cow<'a, RawValue>>,
}

/// Keeps the text of a value in place.
fn raw<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Cow<'a, RawValue>>, D::Error> {
    Ok(Some(Cow::Borrowed(<&'de RawValue>::deserialize(
        deserializer,
    )?)))
}

/// Why a text is not a store's document. Never shows what stands in it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// It is not JSON, or not JSON of this shape.
    #[error("line {line}, column {column}: {what}")]
    Json {
        /// Counted from 1; 0 when the place is not known.
        line: usize,
        /// Counted from 1 in bytes; 0 when the place is not known.
        column: usize,
        /// What is wrong there.
        what: &'static str,
    },
    /// A newer program wrote it.
    #[error("it has layout version {found}, this program knows up to {VERSION}")]
    Newer {
        /// The version found.
        found: u64,
    },
    /// It is JSON, but something in it contradicts the rest.
    #[error("{what}")]
    Inconsistent {
        /// What contradicts what.
        what: &'static str,
    },
}

impl From<JsonError> for DocumentError {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::Syntax { line, column } => Self::Json {
                line,
                column,
                what: "this is not valid JSON",
            },
            JsonError::NoObject => Self::Inconsistent {
                what: "the JSON here is no object of fields",
            },
            JsonError::TooDeep | JsonError::TooMany => Self::Inconsistent {
                what: "the JSON here is nested deeper than 64 levels",
            },
        }
    }
}

impl From<serde_json::Error> for DocumentError {
    /// Keeps the place only: the text of these errors may quote the value.
    fn from(error: serde_json::Error) -> Self {
        let what = match error.classify() {
            serde_json::error::Category::Eof => "the JSON text ends too early",
            serde_json::error::Category::Syntax => "this is not valid JSON",
            serde_json::error::Category::Data | serde_json::error::Category::Io => {
                "the JSON here does not have the expected shape"
            }
        };
        Self::Json {
            line: error.line(),
            column: error.column(),
            what,
        }
    }
}

/// Reads a document without copying the secrets' values.
///
/// # Errors
///
/// [`DocumentError`]; unknown fields are errors, because a rewrite would lose them.
pub fn parse(text: &str) -> Result<Document<'_>, DocumentError> {
    let document: Document<'_> = match serde_json::from_str(text) {
        Ok(document) => document,
        Err(error) => return Err(newer(text).unwrap_or_else(|| error.into())),
    };
    if document.format != FORMAT {
        return Err(DocumentError::Inconsistent {
            what: "it is not a store of this program",
        });
    }
    if document.version > VERSION {
        return Err(DocumentError::Newer {
            found: document.version,
        });
    }
    if document.version == 0 {
        return Err(DocumentError::Inconsistent {
            what: "it has layout version 0",
        });
    }
    for (path, entry) in &document.secrets {
        check(path, entry)?;
    }
    Ok(document)
}

/// Whether a text that does not parse comes from a newer program.
fn newer(text: &str) -> Option<DocumentError> {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(borrow)]
        format: Cow<'a, str>,
        version: u64,
    }
    let head: Head<'_> = serde_json::from_str(text).ok()?;
    (head.format == FORMAT && head.version > VERSION).then_some(DocumentError::Newer {
        found: head.version,
    })
}

/// What the rest of the program relies on.
fn check(path: &str, entry: &Entry<'_>) -> Result<(), DocumentError> {
    let fail = |what| Err(DocumentError::Inconsistent { what });
    if SecretPath::parse(path).as_ref().map(SecretPath::canonical) != Ok(path) {
        return fail("a secret's path is not in the canonical form");
    }
    if !entry.versions.contains_key(&entry.current_version) || entry.current_version == 0 {
        return fail("a secret's newest version is missing");
    }
    if entry
        .versions
        .keys()
        .any(|number| !(1..=entry.current_version).contains(number))
    {
        return fail("a secret has a version with an impossible number");
    }
    for version in entry.versions.values() {
        let is_object = version
            .data
            .as_ref()
            .is_some_and(|data| data.get().starts_with('{'));
        if is_object == version.destroyed {
            return fail("a version has no fields, or fields although it was destroyed");
        }
    }
    Ok(())
}

impl Document<'_> {
    /// A store without secrets.
    #[must_use]
    pub fn new(recipients: Recipients) -> Self {
        Self {
            format: FORMAT.into(),
            version: VERSION,
            recipients,
            secrets: BTreeMap::new(),
        }
    }
}

impl Version<'_> {
    /// The fields, in the order in which they were written; empty when destroyed.
    ///
    /// # Errors
    ///
    /// [`DocumentError::Json`] when the text is no object after all.
    pub fn fields(&self) -> Result<Map<String, Value>, DocumentError> {
        match &self.data {
            Some(data) => Ok(json::parse_own_object(data.get().as_bytes())?),
            None => Ok(Map::new()),
        }
    }
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
