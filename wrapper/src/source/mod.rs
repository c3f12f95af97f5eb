//! Where secrets come from: one trait, and a registry that finds a source by scheme or by name.
//!
//! A source answers for *paths*; which fields of them are needed, and under which names they are
//! delivered, is the plan's business. `local` is the embedded store. A source outside this crate
//! is added to a [`Registry`] and needs no change elsewhere.

pub mod local;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::secret::Secret;

/// One path to read: each (path, version) pair occurs once in a fetch.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Request {
    /// The path as the user wrote it, without scheme, such as `secret/db` or `secret/data/db`.
    pub path: String,
    /// A pinned version, 1 or more; the newest one when absent.
    pub version: Option<u64>,
}

/// What stands at a path: the fields of one version.
#[derive(Clone, Debug)]
pub struct Fields {
    /// The path in the form of the server's API, such as `secret/data/db`. Two spellings of one
    /// path have the same canonical path.
    pub canonical_path: String,
    /// Field name → value, rendered to bytes (see [`render`]).
    pub values: BTreeMap<String, Secret>,
}

/// Why one path could not be read although the source itself answered.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// There is no secret at the path. A reference's default or `?` covers this.
    #[error("there is no secret at `{path}`")]
    NoSecret {
        /// The path as the user wrote it.
        path: String,
    },
    /// The path has no such version, or it was pruned.
    #[error("`{path}` has no version {version}")]
    NoVersion {
        /// The path as the user wrote it.
        path: String,
        /// The version asked for.
        version: u64,
    },
    /// The version was deleted; it can be restored.
    #[error("version {version} of `{path}` was deleted; it can be restored")]
    Deleted {
        /// The path as the user wrote it.
        path: String,
        /// The version asked for, or the newest one.
        version: u64,
    },
    /// The version's data was destroyed for good.
    #[error("version {version} of `{path}` was destroyed and cannot be restored")]
    Destroyed {
        /// The path as the user wrote it.
        path: String,
        /// The version asked for, or the newest one.
        version: u64,
    },
    /// The path is not one that the source can have.
    #[error("`{path}` is not a path of this source: {reason}")]
    BadPath {
        /// The path as the user wrote it.
        path: String,
        /// What is wrong with it, and what a path looks like.
        reason: &'static str,
    },
}

/// Why a source could not be opened or did not answer at all. Exit status 69.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the secret source `{source_name}`")]
pub struct SourceError {
    /// The source's name, such as `local`.
    pub source_name: &'static str,
    /// The source's own error.
    #[source]
    pub cause: Box<dyn std::error::Error + Send + Sync>,
}

/// What sources need to know to open themselves, checked by `config`.
#[derive(Clone, Debug, Default)]
pub struct SourceConfig {
    /// The store's file (`--store`).
    pub store: PathBuf,
    /// Files with age or SSH identities (`--identity`).
    pub identities: Vec<PathBuf>,
    /// File with the store's passphrase (`--passphrase-file`).
    pub passphrase_file: Option<PathBuf>,
}

/// A place that secrets are read from.
pub trait Source {
    /// Reads every requested path, each once, in parallel where the source can.
    ///
    /// The answers stand in the order of `requests`, one for each.
    ///
    /// # Errors
    ///
    /// [`SourceError`] when the source as a whole fails; what concerns one path stands in that
    /// path's answer.
    fn read(&mut self, requests: &[Request])
    -> Result<Vec<Result<Fields, ReadError>>, SourceError>;
}

/// How to make a source.
#[derive(Clone, Copy, Debug)]
pub struct SourceKind {
    /// The name that `--source` takes, such as `local`; also the scheme that always means it.
    pub name: &'static str,
    /// Logs in or opens files; reads nothing yet.
    pub open: fn(&SourceConfig) -> Result<Box<dyn Source>, SourceError>,
}

/// The sources that this program knows.
#[derive(Clone, Debug)]
pub struct Registry {
    kinds: Vec<SourceKind>,
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            kinds: vec![local::KIND],
        }
    }
}

impl Registry {
    /// Adds a source; a later one of the same name is never found.
    #[must_use]
    pub fn with(mut self, kind: SourceKind) -> Self {
        self.kinds.push(kind);
        self
    }

    /// The source called `name`.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&SourceKind> {
        self.kinds.iter().find(|kind| kind.name == name)
    }

    /// The names of all sources, in the order in which they were added.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.kinds.iter().map(|kind| kind.name)
    }
}

/// Renders a JSON value of a secret's field to the bytes that a program receives.
///
/// | JSON | bytes |
/// |---|---|
/// | string | its UTF-8 text, unchanged |
/// | number | the digits as they stand in the document |
/// | `true`, `false` | `true`, `false` |
/// | `null` | nothing (zero bytes) |
/// | array, object | compact JSON, keys in the document's order |
#[must_use]
pub fn render(value: serde_json::Value) -> Secret {
    match value {
        serde_json::Value::String(text) => text.into(),
        serde_json::Value::Null => Secret::new(Vec::new()),
        other => other.to_string().into(),
    }
}
