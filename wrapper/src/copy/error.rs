//! Why a copy failed, with the exit status.

use std::io;
use std::path::PathBuf;

use crate::status;

/// Why nothing was copied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// The target cannot hold programs: missing, no directory, `noexec`. Status 64.
    #[error("cannot copy into `{}`: {reason}", directory.display())]
    Unsuitable {
        /// The directory as given.
        directory: PathBuf,
        /// What is wrong with it, and what to do.
        reason: &'static str,
    },

    /// This user may not write there. Status 77.
    #[error(
        "cannot write into `{}` as uid {uid}; mount it writable, and give the pod an fsGroup or \
         the directory to this user",
        directory.display()
    )]
    NotWritable {
        /// The directory as given.
        directory: PathBuf,
        /// Our effective user id.
        uid: u32,
        /// What the kernel answered.
        #[source]
        source: io::Error,
    },

    /// The volume is full (`ENOSPC`, `EDQUOT`, `EFBIG`). Status 70.
    #[error("no room in `{}` for {needed} bytes; raise the volume's size limit", directory.display())]
    Full {
        /// The directory as given.
        directory: PathBuf,
        /// Size of the file to copy, in bytes.
        needed: u64,
        /// What the kernel answered.
        #[source]
        source: io::Error,
    },

    /// The file to copy cannot be read. Status 70.
    #[error("cannot read `{}`, the file to copy; is /proc mounted", file.display())]
    Source {
        /// Its path.
        file: PathBuf,
        /// What the kernel answered.
        #[source]
        source: io::Error,
    },

    /// What was written reads back differently. Status 70.
    #[error("the copy in `{}` differs from its source; the volume is not reliable", directory.display())]
    Differs {
        /// The directory as given.
        directory: PathBuf,
    },

    /// Another system call failed. Status 70.
    #[error("{call} failed in `{}`", directory.display())]
    Syscall {
        /// The kernel's name of the call.
        call: &'static str,
        /// The directory as given.
        directory: PathBuf,
        /// What the kernel answered.
        #[source]
        source: io::Error,
    },
}

impl CopyError {
    /// The exit status for this error.
    #[must_use]
    pub fn status(&self) -> u8 {
        match self {
            Self::Unsuitable { .. } => status::USAGE,
            Self::NotWritable { .. } => status::PRIVILEGE,
            _ => status::INTERNAL,
        }
    }
}
