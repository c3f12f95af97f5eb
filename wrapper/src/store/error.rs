//! Why a command of `cloudtaser store`, or the source `local`, could not do its work.
//!
//! Each text says what we were doing, with which file, and what to do about it. No text holds a
//! value, a key or a passphrase; mistakes inside secret text are told by place.

use std::io;
use std::path::{Path, PathBuf};

use super::document::DocumentError;
use super::dotenv::DotenvError;
use super::keys::KeyError;
use crate::config::server::ServerSettingError;
use crate::source::ReadError;
use crate::source::openbao::tree::TreeError;
use crate::status;

/// Why the store could not be used. [`StoreError::status`] is the exit status.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The command line asks for something that cannot be done.
    #[error("{0}")]
    Usage(String),
    /// A path is not one that a store can have.
    #[error("`{path}` is not a path of the store: {reason}")]
    BadPath {
        /// The path as written.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The secret, version or field is not there.
    #[error(transparent)]
    NotThere(#[from] ReadError),
    /// The secret has no such field.
    #[error("`{path}` has no field `{field}`; its fields are listed by `cloudtaser store list -l`")]
    NoField {
        /// The path as people write it.
        path: String,
        /// The field asked for.
        field: String,
    },
    /// Another version is the newest one than the caller expected.
    #[error("`{path}` is at version {found}, not {expected}; nothing was changed")]
    Conflict {
        /// The path as people write it.
        path: String,
        /// The newest version, 0 when there is none.
        found: u64,
        /// The version that the caller expected.
        expected: u64,
    },
    /// Neither an option nor the environment says where the store lies.
    #[error("cannot tell where the store lies: neither `--store` nor HOME is set")]
    NoHome,
    /// There is no store.
    #[error("there is no store at `{}`; create one with `cloudtaser store init`", .file.display())]
    Missing {
        /// Where it was looked for.
        file: PathBuf,
    },
    /// There is a store already.
    #[error("there is something at `{}` already; nothing was changed", .file.display())]
    Exists {
        /// The store's or identity's file.
        file: PathBuf,
    },
    /// A file cannot be read.
    #[error("cannot read `{}`", .file.display())]
    Read {
        /// The store's file, or one that was named on the command line.
        file: PathBuf,
        /// What the kernel answered.
        #[source]
        source: io::Error,
    },
    /// The store is no file, too large, or otherwise nothing that can be a store.
    #[error("`{}` is not a store: {what}", .file.display())]
    NotAStore {
        /// The store's file.
        file: PathBuf,
        /// What it is instead.
        what: &'static str,
    },
    /// The encrypted file was cut off or changed.
    #[error(
        "the store `{}` is damaged: {what}; restore it from a copy, nothing was changed",
        .file.display()
    )]
    Damaged {
        /// The store's file.
        file: PathBuf,
        /// What does not fit.
        what: &'static str,
    },
    /// The decrypted text is no document.
    #[error("cannot understand what is inside the store `{}`; nothing was changed", .file.display())]
    Document {
        /// The store's file.
        file: PathBuf,
        /// Where and why.
        #[source]
        source: DocumentError,
    },
    /// The decrypted document has a newer layout.
    #[error(
        "the store `{}` was written by a newer version of cloudtaser (layout {found}); upgrade \
         cloudtaser, nothing was changed",
        .file.display()
    )]
    Newer {
        /// The store's file.
        file: PathBuf,
        /// The layout's version.
        found: u64,
    },
    /// No identity opens the store.
    #[error(
        "no identity opens the store `{}`: tried {tried}; name another one with `--identity`, \
         or the store's head is damaged",
        .file.display()
    )]
    NoIdentity {
        /// The store's file.
        file: PathBuf,
        /// The identity files, in quotes.
        tried: String,
    },
    /// The passphrase does not open the store.
    #[error("the passphrase does not open the store `{}`, or its head is damaged", .file.display())]
    WrongPassphrase {
        /// The store's file.
        file: PathBuf,
    },
    /// An identity, a recipient or a passphrase cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Another writer holds the lock.
    #[error(
        "another writer has held `{}` for {seconds} s; wait for it or end it, nothing was changed",
        .file.display()
    )]
    Locked {
        /// The lock's file.
        file: PathBuf,
        /// How long we waited.
        seconds: u64,
    },
    /// The new content cannot be written.
    #[error("cannot write `{}`; what was there before is unchanged", .file.display())]
    Write {
        /// The file that was to be replaced.
        file: PathBuf,
        /// What the kernel answered.
        #[source]
        source: io::Error,
    },
    /// The new content was put in place, but the kernel could not promise that it stays.
    #[error(
        "`{}` was replaced, but its folder could not be synced: after a power cut the old content \
         may be back",
        .file.display()
    )]
    Sync {
        /// The file that was replaced.
        file: PathBuf,
        /// What the kernel answered.
        #[source]
        source: io::Error,
    },
    /// The new content cannot be encrypted.
    #[error("cannot encrypt the store `{}`; nothing was changed", .file.display())]
    Encrypt {
        /// The store's file.
        file: PathBuf,
        /// What age answered; holds no key.
        #[source]
        source: io::Error,
    },
    /// A new set of recipients has none of our identities in it.
    #[error(
        "none of the identities in use could open the store any more (tried {tried}); add one with \
         `--recipient`, or say `--force`"
    )]
    LockOut {
        /// The identity files, in quotes.
        tried: String,
    },
    /// A JSON text of the user does not parse.
    #[error("{origin} is not what is expected here")]
    Json {
        /// Where it came from, such as `standard input`.
        origin: String,
        /// Where and why.
        #[source]
        source: DocumentError,
    },
    /// A dotenv text of the user does not parse.
    #[error("{origin} is not a dotenv file")]
    Dotenv {
        /// Where it came from, such as `standard input`.
        origin: String,
        /// Where and why.
        #[source]
        source: DotenvError,
    },
    /// The editor could not be run, or said that it failed.
    #[error("the editor `{editor}` {what}; nothing was changed")]
    Editor {
        /// The program's name.
        editor: String,
        /// What happened, such as `ended with status 1`.
        what: String,
    },
    /// A setting of the server.
    #[error(transparent)]
    ServerSetting(#[from] ServerSettingError),
    /// The server, or a secret there.
    #[error("cannot import from the server; nothing was changed")]
    Server(#[from] TreeError),
    /// Reading from or writing to the caller failed.
    #[error("{call} failed")]
    Io {
        /// What we did, such as `writing to standard output`.
        call: &'static str,
        /// What the kernel answered.
        #[source]
        source: io::Error,
    },
}

impl StoreError {
    /// The exit status that says this to a script.
    #[must_use]
    pub fn status(&self) -> u8 {
        match self {
            Self::Usage(_)
            | Self::BadPath { .. }
            | Self::Conflict { .. }
            | Self::NoHome
            | Self::Exists { .. }
            | Self::LockOut { .. }
            | Self::Json { .. }
            | Self::Dotenv { .. } => status::USAGE,
            Self::NotThere(ReadError::BadPath { .. }) | Self::ServerSetting(_) => status::USAGE,
            Self::Server(error) => error.status(),
            Self::NotThere(_) | Self::NoField { .. } => status::NO_SECRET,
            Self::Key(error) if error.is_usage() => status::USAGE,
            Self::Editor { .. } | Self::Io { .. } => status::INTERNAL,
            _ => status::SOURCE,
        }
    }

    /// A file of the store that cannot be read.
    pub(super) fn read(file: &Path, source: io::Error) -> Self {
        Self::Read {
            file: file.to_owned(),
            source,
        }
    }

    /// A file that cannot be written.
    pub(super) fn write(file: &Path, source: impl Into<io::Error>) -> Self {
        Self::Write {
            file: file.to_owned(),
            source: source.into(),
        }
    }

    /// The store's file with what is wrong in its text.
    pub(super) fn document(file: &Path, source: DocumentError) -> Self {
        let file = file.to_owned();
        match source {
            DocumentError::Newer { found } => Self::Newer { file, found },
            source => Self::Document { file, source },
        }
    }
}
