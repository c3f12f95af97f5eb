//! Why a program cannot be started, with the shells' exit statuses.

use std::io;
use std::path::PathBuf;

use super::format::FormatError;
use crate::status;

/// Why a program cannot be started.
///
/// [`ProgramError::status`] gives what POSIX shells and `env(1)` give: 127 when something that
/// must be there is not (the program, or the interpreter that it names), 126 for the rest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// No such file, or none in any directory of `PATH`. Status 127.
    #[error("cannot find the program `{program}` {place}")]
    NotFound {
        /// The program's name as given.
        program: String,
        /// Where we looked.
        place: String,
    },

    /// The file is there; the interpreter that it names is not. Status 127, as in dash and bash.
    #[error(
        "cannot start `{}`: its interpreter `{}` does not exist; install it or change {origin}",
        path.display(),
        interpreter.display()
    )]
    NoInterpreter {
        /// The program.
        path: PathBuf,
        /// What it wants to be started with.
        interpreter: PathBuf,
        /// Where the program names it.
        origin: &'static str,
    },

    /// The file is there and is no program for us. Status 126.
    #[error("cannot start `{}`: {reason}", path.display())]
    NotExecutable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: &'static str,
    },

    /// The file claims a format and breaks it. Status 126.
    #[error("cannot start `{}`", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: FormatError,
    },

    /// The kernel refused for another reason. Status 126.
    #[error("cannot start `{}`: {call} failed", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// The kernel's name of the call.
        call: &'static str,
        /// What the kernel answered.
        #[source]
        source: io::Error,
    },
}

/// The hint for a file without any format (`ENOEXEC`).
pub(super) const NO_FORMAT: &str = "it is neither an ELF program nor a script with a `#!` line; \
     write the interpreter into its first line, or start it as `sh FILE`";

impl ProgramError {
    /// The exit status for this error.
    #[must_use]
    pub fn status(&self) -> u8 {
        match self {
            Self::NotFound { .. } | Self::NoInterpreter { .. } => status::NOT_FOUND,
            _ => status::NOT_EXECUTABLE,
        }
    }

    /// The error for a failed `execve(2)` of a program that was found at `path`.
    #[must_use]
    pub fn from_exec(path: PathBuf, error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::ENOEXEC) => Self::NotExecutable {
                path,
                reason: NO_FORMAT,
            },
            Some(libc::ENOENT) => Self::NotFound {
                program: path.display().to_string(),
                place: String::from("any more, or an interpreter or linker that it needs"),
            },
            _ => Self::Refused {
                path,
                call: "execve",
                source: error,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exec_errors_have_the_shells_statuses() {
        let status = |errno| {
            let error = io::Error::from_raw_os_error(errno);
            ProgramError::from_exec(PathBuf::from("/x"), error).status()
        };
        assert_eq!(status(libc::ENOENT), 127);
        assert_eq!(status(libc::ENOEXEC), 126);
        assert_eq!(status(libc::EACCES), 126);
        assert_eq!(status(libc::E2BIG), 126);
    }
}
