//! `iopl(2)`: every port of the machine, as an attacker asks for them.
#![expect(unsafe_code, reason = "a system call that has no wrapper")]

use std::io;

/// Asks for the highest level, and uses it for nothing.
pub(crate) fn all_ports() -> io::Result<()> {
    // SAFETY: a number by value; a level that is given and not used changes nothing.
    let rc = unsafe { libc::syscall(libc::SYS_iopl, 3) };
    super::answer(rc)
}
