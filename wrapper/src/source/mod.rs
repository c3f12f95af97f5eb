//! Where secrets come from: one trait, and a registry that finds a source by scheme or by name.
//!
//! A source answers for *paths*; which fields of them are needed, and under which names they are
//! delivered, is the plan's business. `local` is the embedded store. A source outside this crate
//! is added to a [`Registry`] and needs no change elsewhere.

pub mod local;
pub mod openbao;
pub mod opened;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use cloudtaser_abi::protection::Protection;

use self::openbao::settings::ServerConfig;
use crate::report::Report;
use crate::secret::Secret;

/// One thing to ask a source for. Equal requests are asked once in a fetch, so that everything
/// that a dynamic secret or an issued certificate consists of is from one answer.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Request {
    /// The path as the user wrote it, without scheme, such as `secret/db` or `secret/data/db`;
    /// for [`Action::Decrypt`] the ciphertext, `vault:v1:…`.
    pub path: String,
    /// What is done there.
    pub action: Action,
}

impl Request {
    /// Reads `path`, at a pinned version or the newest one.
    pub fn read(path: impl Into<String>, version: Option<u64>) -> Self {
        Self {
            path: path.into(),
            action: Action::Read { version },
        }
    }
}

/// What a [`Request`] does at its path.
#[derive(Clone, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Action {
    /// Reads it.
    Read {
        /// A pinned version, 1 or more; the newest one when absent.
        version: Option<u64>,
    },
    /// Writes to it and takes the answer: certificates and the like (`>>vault:…`).
    Write {
        /// A JSON object, compact, its keys sorted on every level. May be sensitive; never printed.
        parameters: String,
    },
    /// Decrypts a ciphertext of the transit engine. The answer has the one field
    /// [`PLAINTEXT_FIELD`].
    Decrypt,
}

/// The name of the only field that an answer to [`Action::Decrypt`] has.
pub const PLAINTEXT_FIELD: &str = "plaintext";

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { version: None } => f.write_str("Read"),
            Self::Read { version: Some(n) } => write!(f, "Read({n})"),
            Self::Write { .. } => f.write_str("Write(…)"),
            Self::Decrypt => f.write_str("Decrypt"),
        }
    }
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
    /// The source cannot do what the reference asks for, such as a file that is asked to issue.
    #[error("{reason}")]
    Unsupported {
        /// What it cannot do, and which source can.
        reason: &'static str,
    },
    /// The source's policies do not allow it. No default covers this.
    #[error("permission denied at `{path}`: {fix}")]
    Forbidden {
        /// The path as the source spells it.
        path: String,
        /// What to change at the source.
        fix: String,
    },
    /// The source refuses the request as such: a role that there is not, parameters that the role
    /// does not allow.
    #[error("the server refuses `{path}`: {text}")]
    Refused {
        /// The path as the source spells it.
        path: String,
        /// The server's own words, printable, shortened, without anything that we sent in secret.
        text: String,
    },
}

/// Why a source could not be opened or did not answer at all.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the secret source `{source_name}`")]
pub struct SourceError {
    /// The source's name, such as `local`.
    pub source_name: &'static str,
    /// The wrapper's exit status, one of [`crate::status`]: [`crate::status::SOURCE`] unless the
    /// source knows better.
    pub status: u8,
    /// The source's own error.
    #[source]
    pub cause: Box<dyn std::error::Error + Send + Sync>,
}

/// What sources need to know to open themselves, checked by `config`.
#[derive(Clone, Debug)]
pub struct SourceConfig {
    /// The store's file (`--store`).
    pub store: PathBuf,
    /// Files with age or SSH identities (`--identity`).
    pub identities: Vec<PathBuf>,
    /// File with the store's passphrase (`--passphrase-file`).
    pub passphrase_file: Option<PathBuf>,
    /// The least protection of memory that holds a secret.
    pub min_protection: Protection,
    /// The server, for `openbao`.
    pub server: ServerConfig,
    /// Where a source says what it does.
    pub report: Report,
}

impl Default for SourceConfig {
    fn default() -> Self {
        Self {
            store: PathBuf::new(),
            identities: Vec::new(),
            passphrase_file: None,
            min_protection: Protection::None,
            server: ServerConfig::default(),
            report: Report::default(),
        }
    }
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

    /// Whether the source ends by itself when a signal comes while it reads: then every signal is
    /// blocked before, and stays so until the program runs.
    fn takes_signals(&self) -> bool {
        false
    }

    /// What the source must end later, such as a login. Called once, after the read, however that
    /// went; the source itself and everything that it read go here.
    fn leave(self: Box<Self>) -> Option<Box<dyn Closing>> {
        None
    }
}

/// What stays of a source while the program runs. It holds no value.
pub trait Closing {
    /// Ends what the source holds open elsewhere; the last call, however the start went.
    ///
    /// # Errors
    ///
    /// [`SourceError`] when something stays behind; the program's end is not changed by it.
    fn close(self: Box<Self>, ending: Ending) -> Result<(), SourceError>;
}

/// Why a source is closed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ending {
    /// The program has ended, or never began.
    Over,
    /// The program is about to replace us, and will use what was fetched: what keeps that alive
    /// must stay.
    Replaced,
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
            kinds: vec![local::KIND, openbao::KIND],
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
