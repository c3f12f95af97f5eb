//! Looks at the file that is about to be executed, and at its interpreters.

use core::ffi::{CStr, c_int};

use cloudtaser_abi::handover::Unserved;
use linux_raw_sys::general::{O_CLOEXEC, O_NOCTTY, O_NONBLOCK};

use super::format::{self, Format, Interpreter};
use super::privilege::{Identity, Privileges, is_secure};
use crate::lookup::descriptor_path;
use crate::state::names::last_component;
use crate::sys::errno::Errno;
use crate::sys::kernel::{self, CURRENT};
use crate::sys::process;

/// Scripts whose interpreter is a script again, at most (`exec_binprm`, fs/exec.c: the sixth
/// change of the interpreter gives `ELOOP`).
const MAX_SCRIPTS: u32 = 5;

/// The name of a descriptor's file: `/proc/self/fd/` and a number of up to 10 digits.
pub type DescriptorName = [u8; 32];

/// A file as it was named for execution.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Where a relative path starts.
    pub directory: c_int,
    /// Its path.
    pub path: &'a CStr,
}

/// What becomes of the secrets.
#[expect(clippy::large_enum_variant, reason = "nothing is allocated")]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// The program will load us, or the kernel will refuse it.
    Serves,
    /// It will not load us; the interpreter of a script, if it is that.
    Unserved(Unserved, Option<Interpreter>),
    /// There is no such file.
    Missing(Errno),
}

impl<'a> Target<'a> {
    /// What `path` names from the current directory.
    #[must_use]
    pub const fn at(path: &'a CStr) -> Self {
        Self {
            directory: CURRENT,
            path,
        }
    }

    /// The file behind `fd`, whose name is written to `name`.
    #[must_use]
    pub fn of_descriptor(fd: c_int, name: &'a mut DescriptorName) -> Option<Self> {
        if fd < 0 {
            return None;
        }
        *name = descriptor_path(fd);
        Some(Self::at(CStr::from_bytes_until_nul(name).ok()?))
    }

    /// Looks at the file and, of a script, at its interpreters.
    #[must_use]
    pub fn look(&self) -> Verdict {
        let mut found = match self.inspect() {
            Ok(found) => found,
            Err(Errno::ACCESS) if process::may_execute(self.directory, self.path) => {
                return Verdict::Unserved(Unserved::Unreadable, None);
            }
            Err(error @ (Errno::NOENT | Errno::NOTDIR)) => return Verdict::Missing(error),
            // The kernel answers the same; or we cannot look, and nothing is lost by slots.
            Err(_other) => return Verdict::Serves,
        };
        let mut interpreter = None;
        for _ in 0..=MAX_SCRIPTS {
            match found {
                Found::Serves => return Verdict::Serves,
                Found::Unserved(reason) => {
                    let runs = process::may_execute(self.directory, self.path);
                    // What is not executed is not told.
                    return if runs {
                        Verdict::Unserved(reason, interpreter)
                    } else {
                        Verdict::Serves
                    };
                }
                Found::Script(next) => {
                    let next = interpreter.insert(next);
                    let Ok(path) = CStr::from_bytes_until_nul(next.bytes()) else {
                        return Verdict::Serves;
                    };
                    let target = Target::at(path);
                    found = match target.inspect() {
                        Ok(found) => found,
                        Err(Errno::ACCESS) if process::may_execute(CURRENT, path) => {
                            Found::Unserved(Unserved::Unreadable)
                        }
                        Err(_other) => return Verdict::Serves,
                    };
                }
            }
        }
        Verdict::Serves
    }

    fn inspect(&self) -> Result<Found, Errno> {
        // Without waiting for a FIFO's writer, and without becoming a terminal's owner.
        let flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
        let file = kernel::openat(self.directory, self.path, flags)?;
        let fd = file.number();
        let name = last_component(self.path.to_bytes());
        let format = format::inspect(name, |offset, out| kernel::pread(fd, out, offset).ok());
        Ok(match format {
            Format::Script(interpreter) => Found::Script(interpreter),
            Format::Unserved(reason) => Found::Unserved(reason),
            Format::Dynamic if is_secure(&privileges(fd)?, &identity()) => {
                Found::Unserved(Unserved::Privileged)
            }
            Format::Dynamic | Format::Unknown => Found::Serves,
        })
    }
}

#[expect(clippy::large_enum_variant, reason = "nothing is allocated")]
enum Found {
    Serves,
    Unserved(Unserved),
    Script(Interpreter),
}

fn privileges(fd: c_int) -> Result<Privileges, Errno> {
    let stat = kernel::fstat(fd)?;
    let has_capabilities = matches!(
        kernel::fgetxattr(fd, c"security.capability"),
        Ok(_) | Err(Errno::RANGE)
    );
    let mut found = Privileges {
        mode: stat.st_mode,
        user: stat.st_uid,
        group: stat.st_gid,
        has_capabilities,
        is_ignored: false,
    };
    // Most files have no such bit, and are not asked about.
    if has_capabilities || stat.st_mode & 0o6000 != 0 {
        found.is_ignored = process::ignores_set_user_id(fd);
    }
    Ok(found)
}

fn identity() -> Identity {
    Identity {
        user: [kernel::getuid(), kernel::geteuid()],
        group: [kernel::getgid(), kernel::getegid()],
        has_no_new_privileges: process::has_no_new_privileges(),
    }
}
