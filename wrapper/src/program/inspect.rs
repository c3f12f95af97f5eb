//! Looks at the file of a program and, of a script, at its interpreters.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::format::{Format, Shebang, inspect_bytes};
use super::resolve::{Obstacle, check_executable};
use super::{Elf, Kind, Privileged, Program, ProgramError, Unknown};

/// Scripts whose interpreter is a script again, at most (`exec_binprm`, fs/exec.c: the sixth
/// change of the interpreter gives `ELOOP`).
const MAX_SCRIPTS: u32 = 5;

/// Inspects the program at `path`, as [`super::resolve()`] found it.
///
/// Reads some KiB of it, whatever its size.
///
/// # Errors
///
/// [`ProgramError`] for what the kernel is sure to refuse: an interpreter that does not exist, a
/// broken ELF file or `#!` line, scripts that interpret each other. A file that cannot be read or
/// has no known format is no error here; see [`Unknown`].
pub fn inspect(path: &Path) -> Result<Program, ProgramError> {
    inspect_script(path, MAX_SCRIPTS)
}

fn inspect_script(path: &Path, scripts_left: u32) -> Result<Program, ProgramError> {
    let Some(file) = open(path)? else {
        return Ok(unknown(path, Unknown::Unreadable, None));
    };
    let privileged = read_privileges(&file).map_err(refused(path, "fstat"))?;
    let format = inspect_bytes(&file).map_err(|source| ProgramError::Format {
        path: path.to_owned(),
        source,
    })?;
    match format {
        Format::Elf(elf) => {
            let foreign = elf.foreign;
            if foreign.is_none()
                && let Some(interpreter) = &elf.interpreter
            {
                check_interpreter(path, &path_from(interpreter), "how it was linked")?;
            }
            Ok(Program {
                path: path.to_owned(),
                kind: kind_of(elf),
                privileged,
                foreign,
            })
        }
        Format::Script(shebang) => read_script(path, shebang, scripts_left),
        Format::Unknown => Ok(unknown(path, Unknown::NoFormat, privileged)),
    }
}

fn read_script(path: &Path, shebang: Shebang, scripts_left: u32) -> Result<Program, ProgramError> {
    let interpreter = path_from(&shebang.interpreter);
    let Some(scripts_left) = scripts_left.checked_sub(1) else {
        return Err(ProgramError::NotExecutable {
            path: path.to_owned(),
            reason: "its interpreter is a script, and so on, more than 5 times; \
                     name a real program in the `#!` line",
        });
    };
    check_interpreter(path, &interpreter, "the script's `#!` line")?;
    let interpreter = inspect_script(&interpreter, scripts_left)?;
    Ok(Program {
        path: path.to_owned(),
        // The kernel ignores the mode bits and capabilities of the script itself.
        privileged: interpreter.privileged,
        foreign: interpreter.foreign,
        kind: Kind::Script {
            interpreter: Box::new(interpreter),
            argument: shebang.argument.map(OsString::from_vec),
        },
    })
}

fn unknown(path: &Path, why: Unknown, privileged: Option<Privileged>) -> Program {
    Program {
        path: path.to_owned(),
        kind: Kind::Unknown(why),
        privileged,
        foreign: None,
    }
}

/// Opens without waiting for a FIFO's writer and without becoming a terminal's owner, should the
/// path have been changed since it was resolved. None: executable but not readable.
fn open(path: &Path) -> Result<Option<File>, ProgramError> {
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
    match opened {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(None),
        Err(error) => Err(refused(path, "open")(error)),
    }
}

fn refused(path: &Path, call: &'static str) -> impl FnOnce(io::Error) -> ProgramError {
    let path = path.to_owned();
    move |source| ProgramError::Refused { path, call, source }
}

fn read_privileges(file: &File) -> io::Result<Option<Privileged>> {
    let mode = file.metadata()?.mode();
    let group_bits = libc::S_ISGID | libc::S_IXGRP;
    let mut value = [0_u8; 64]; // chosen: the longest form (VFS_CAP_REVISION_3) has 24 bytes
    let capabilities = rustix::fs::fgetxattr(file, "security.capability", &mut value[..]);
    let privileged = Privileged {
        sets_user_id: mode & libc::S_ISUID != 0,
        sets_group_id: mode & group_bits == group_bits,
        // A value longer than any known form is one all the same; every other error (no such
        // attribute, none on this file system, refused by a filter) means that we see none. It
        // decides the route only, so a miss costs a preload that the linker drops.
        has_capabilities: matches!(capabilities, Ok(_) | Err(Errno::RANGE)),
    };
    Ok((privileged != Privileged::default()).then_some(privileged))
}

fn kind_of(elf: Elf) -> Kind {
    let interpreter = elf.interpreter.as_deref().map(path_from);
    if elf.is_go {
        return Kind::Go {
            interpreter,
            has_sdk: elf.has_sdk,
        };
    }
    let Some(interpreter) = interpreter else {
        return Kind::Static;
    };
    let name = interpreter.file_name().unwrap_or_default();
    let name = name.to_string_lossy();
    if name.starts_with("ld-musl-") {
        Kind::DynamicMusl { interpreter }
    } else if ["ld-linux", "ld64.so.", "ld.so."]
        .iter()
        .any(|prefix| name.starts_with(prefix))
    {
        // ld-linux-x86-64.so.2, ld-linux-aarch64.so.1; ld64.so.1 and .2 on s390x and ppc64.
        Kind::DynamicGlibc { interpreter }
    } else {
        Kind::DynamicOther { interpreter }
    }
}

fn check_interpreter(
    path: &Path,
    interpreter: &Path,
    origin: &'static str,
) -> Result<(), ProgramError> {
    match check_executable(interpreter) {
        Ok(()) => Ok(()),
        Err(Obstacle::Missing) => Err(ProgramError::NoInterpreter {
            path: path.to_owned(),
            interpreter: interpreter.to_owned(),
            origin,
        }),
        Err(obstacle) => Err(obstacle.into_error(interpreter.to_owned())),
    }
}

fn path_from(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes.to_vec()))
}

#[cfg(test)]
#[path = "inspect_tests.rs"]
mod tests;
