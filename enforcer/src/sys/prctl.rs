//! `prctl(2)`: registration, as the wrapper does it.
#![expect(unsafe_code, reason = "a system call with a number of our own")]

use std::io;

use cloudtaser_abi::registration::{OP_REGISTER, PR_CLOUDTASER};

/// Registers the calling process; true when an enforcer took it.
pub(crate) fn register() -> bool {
    let none: libc::c_ulong = 0;
    // SAFETY: `prctl` with this number takes words by value and no pointer; a kernel that does not
    // know it answers EINVAL.
    let rc = unsafe { libc::prctl(PR_CLOUDTASER, OP_REGISTER, none, none, none) };
    rc == -1 && io::Error::last_os_error().raw_os_error() == Some(libc::EISCONN)
}

#[cfg(test)]
mod tests {
    #[test]
    fn nobody_answers_without_an_enforcer() {
        assert!(!super::register());
    }
}
