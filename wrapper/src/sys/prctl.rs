//! `prctl(2)`: core dumps and tracing of ourselves, and registration with the enforcer.
//!
//! Only the options that the start and `doctor` need. What rustix has is called through it; the
//! one number that is ours ([`PR_CLOUDTASER`]) goes through the C library. The policy (what to do
//! when there is no enforcer) is the caller's.
#![expect(
    unsafe_code,
    reason = "rustix has no call for a private prctl option; the C library's is variadic"
)]

use std::io;

use cloudtaser_abi::registration::{OP_ASK, OP_REGISTER, PR_CLOUDTASER};
use rustix::process::DumpableBehavior;

/// Sets whether this process may be dumped and traced (`PR_SET_DUMPABLE`).
///
/// `false`: no core dump, and `ptrace`, `process_vm_readv`, `/proc/PID/mem`, `environ`, `fd` and
/// the like are refused to other processes of the same user. Does not stop a process with
/// `CAP_SYS_PTRACE` (root of the node or, often, of the container), nor a tracer or an open
/// descriptor from before. The kernel sets it back on `execve(2)`, so every start repeats it. The
/// files below `/proc/PID` then belong to root: what we read of our own comes before this call.
///
/// # Errors
///
/// The kernel's error; only a seccomp filter gives one.
///
/// # References
///
/// `PR_SET_DUMPABLE(2const)`, `proc_pid(5)`.
#[doc(alias = "PR_SET_DUMPABLE")]
pub fn set_dumpable(dumpable: bool) -> io::Result<()> {
    let behavior = if dumpable {
        DumpableBehavior::Dumpable
    } else {
        DumpableBehavior::NotDumpable
    };
    Ok(rustix::process::set_dumpable_behavior(behavior)?)
}

/// Whether this process may be dumped and traced by its own user (`PR_GET_DUMPABLE`).
///
/// Also `false` for the kernel's third value, "readable by root only" (`fs.suid_dumpable` 2).
///
/// # Errors
///
/// The kernel's error; only a seccomp filter gives one.
#[doc(alias = "PR_GET_DUMPABLE")]
pub fn is_dumpable() -> io::Result<bool> {
    Ok(rustix::process::dumpable_behavior()? == DumpableBehavior::Dumpable)
}

/// What a registration came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Registration {
    /// An enforcer marked this process and everything that it will fork (`EISCONN`).
    Registered,
    /// No enforcer is attached: the kernel does not know the option (`EINVAL`).
    NoEnforcer,
}

/// Registers this process with the node's enforcer (`PR_CLOUDTASER`, `OP_REGISTER`).
///
/// Covers the calling process and its descendants; `execve(2)` keeps it. The answer is the
/// kernel's unless a seccomp filter from before our start forges it. A second call is harmless.
///
/// # Errors
///
/// Every other answer: `EPERM` when the enforcer's policy or a seccomp filter refuses, `EPROTO`
/// for an answer of 0, which neither the kernel nor an enforcer can give (an LSM program's 0 means
/// "go on", and the kernel then says `EINVAL`). The caller decides; with `--enforcer require` it
/// must fail closed.
#[doc(alias = "PR_CLOUDTASER")]
pub fn register() -> io::Result<Registration> {
    call(OP_REGISTER)
}

/// Whether an enforcer answers (`PR_CLOUDTASER`, `OP_ASK`); marks nothing.
///
/// # Errors
///
/// As [`register`].
#[doc(alias = "PR_CLOUDTASER")]
pub fn ask() -> io::Result<Registration> {
    call(OP_ASK)
}

fn call(operation: u64) -> io::Result<Registration> {
    // SAFETY: `prctl` reads as many words as the option takes, all given here by value and as wide
    // as the kernel's registers; no pointer is among them, so no memory can be touched through
    // this call, whatever the kernel or an LSM program makes of the option.
    let answer = unsafe {
        libc::prctl(
            PR_CLOUDTASER,
            operation,
            libc::c_ulong::MIN,
            libc::c_ulong::MIN,
            libc::c_ulong::MIN,
        )
    };
    if answer >= 0 {
        return Err(io::Error::from_raw_os_error(libc::EPROTO));
    }
    read_answer(io::Error::last_os_error())
}

/// Tells the two expected errnos from all others.
fn read_answer(error: io::Error) -> io::Result<Registration> {
    match error.raw_os_error() {
        Some(libc::EISCONN) => Ok(Registration::Registered),
        Some(libc::EINVAL) => Ok(Registration::NoEnforcer),
        _ => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// Set in the child that really becomes undumpable: in this process it would take `/proc/self`
    /// from the tests that run beside this one.
    const CHILD: &str = "CLOUDTASER_TEST_UNDUMPABLE";

    #[test]
    fn set_dumpable_goes_off_and_on() {
        if std::env::var_os(CHILD).is_some() {
            assert!(is_dumpable().unwrap(), "control: dumpable before");
            set_dumpable(false).unwrap();
            assert!(!is_dumpable().unwrap());
            set_dumpable(true).unwrap();
            assert!(is_dumpable().unwrap());
            return;
        }
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sys::prctl::tests::set_dumpable_goes_off_and_on"])
            .env(CHILD, "1")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && text.contains("1 passed"),
            "{output:?}"
        );
    }

    #[test]
    fn answers_are_told_apart() {
        let answer = |errno| read_answer(io::Error::from_raw_os_error(errno));
        assert_eq!(
            answer(libc::EISCONN).unwrap(),
            Registration::Registered,
            "an enforcer's answer"
        );
        assert_eq!(answer(libc::EINVAL).unwrap(), Registration::NoEnforcer);
        assert_eq!(
            answer(libc::EPERM).unwrap_err().raw_os_error(),
            Some(libc::EPERM)
        );
    }

    #[test]
    fn the_kernel_answers_one_of_the_two() {
        register().unwrap();
    }
}
