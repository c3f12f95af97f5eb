//! Program inspection: which file will be started, and which route its secrets can take to it.
//!
//! [`resolve()`] finds the file, [`inspect()`] reads what it is, [`route::choose`] decides. Nothing
//! is executed. What stands here is read *before* the program starts: the kernel has the last word,
//! and its refusal becomes a [`ProgramError`] by [`ProgramError::from_exec`]. Whatever cannot be
//! told for sure is [`Kind::Unknown`], which never stops a program.

mod elf;
mod error;
mod format;
mod inspect;
pub mod library;
mod resolve;
pub mod route;

use std::ffi::OsString;
use std::path::PathBuf;

pub use elf::{Elf, Machine};
pub use error::ProgramError;
pub use format::{Format, FormatError, ReadAt, Shebang, inspect_bytes};
pub use inspect::inspect;
pub use resolve::resolve;

/// A program that was found and looked at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Program {
    /// The file that will be executed.
    pub path: PathBuf,
    /// How it is made.
    pub kind: Kind,
    /// Privileges that the file gives to whoever starts it. The dynamic linker then ignores
    /// preload libraries (`AT_SECURE`). Of a script, those of its interpreter count.
    pub privileged: Option<Privileged>,
    /// Its machine, if it is not the wrapper's own.
    pub foreign: Option<Machine>,
}

/// How a program is made.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// Dynamically linked against the GNU C library.
    DynamicGlibc {
        /// Its dynamic linker.
        interpreter: PathBuf,
    },
    /// Dynamically linked against musl.
    DynamicMusl {
        /// Its dynamic linker.
        interpreter: PathBuf,
    },
    /// Dynamically linked by a linker that we do not know.
    DynamicOther {
        /// Its dynamic linker.
        interpreter: PathBuf,
    },
    /// Statically linked: no library can be loaded into it.
    Static,
    /// Built by the Go tool chain, which makes its system calls itself even when it is linked
    /// against a C library.
    Go {
        /// Its dynamic linker; none for the usual static one.
        interpreter: Option<PathBuf>,
        /// The Go SDK is linked into it, by what the tool chain wrote into it.
        has_sdk: bool,
    },
    /// A script: its interpreter is what runs. What `#!/usr/bin/env NAME` starts is not known.
    Script {
        /// The interpreter, which may be a script again.
        interpreter: Box<Program>,
        /// The one argument of the `#!` line.
        argument: Option<OsString>,
    },
    /// Not known, and why.
    Unknown(Unknown),
}

/// Why nothing is known of a program.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Unknown {
    /// It may be executed but not read.
    Unreadable,
    /// Neither ELF nor `#!`: the kernel refuses it (`ENOEXEC`), unless `binfmt_misc` has a handler.
    NoFormat,
}

/// Privileges that a file gives.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Privileged {
    /// The set-user-ID mode bit.
    pub sets_user_id: bool,
    /// The set-group-ID mode bit, with the group's x bit (without that one it means nothing).
    pub sets_group_id: bool,
    /// File capabilities (`security.capability`).
    pub has_capabilities: bool,
}

impl Program {
    /// The program that really runs: of a script, its last interpreter.
    #[must_use]
    pub fn executed(&self) -> &Self {
        let mut program = self;
        while let Kind::Script { interpreter, .. } = &program.kind {
            program = interpreter;
        }
        program
    }
}
