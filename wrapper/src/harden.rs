//! The first steps of a start: what the wrapper does to itself before it holds a secret.
//!
//! In this order: become undumpable, refuse to run under a tracer, register with the enforcer,
//! and execute ourselves anew. A descriptor of `/proc/PID/mem` that somebody opened, or a tracer
//! that attached, before registration keeps working after it; the second `execve` gives the
//! process a new address space, which such a descriptor does not reach. Without an enforcer the
//! second start buys little: the new image is dumpable again until it has called `prctl`.
//! It is done all the same, so that there is one order and one path to test.

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::{fs, io};

use cloudtaser_abi::names::ENV_REEXECUTED;

use crate::cli::run::Enforcer;
use crate::status;
use crate::sys::exec::{ExecStrings, execve};
use crate::sys::prctl::{self, Registration};

/// Why the wrapper does not dare to fetch secrets.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HardenError {
    /// A debugger or `strace` is attached. Exit status 77.
    #[error(
        "process {tracer} traces us and could read every secret; start cloudtaser without a tracer"
    )]
    Traced {
        /// The tracer's process id.
        tracer: u32,
    },
    /// `--enforcer require`, and there is none. Exit status 77.
    #[error(
        "no enforcer answers on this node, and `--enforcer require` demands one; install it or use `--enforcer prefer`"
    )]
    NoEnforcer,
    /// The enforcer, or a seccomp filter before it, refused. Exit status 77.
    #[error("the enforcer refused to register this process")]
    Refused(#[source] io::Error),
    /// A system call failed. Exit status 70.
    #[error("{call} failed while protecting ourselves")]
    Syscall {
        /// The kernel's name of the call or file.
        call: &'static str,
        /// What the kernel answered.
        #[source]
        source: io::Error,
    },
}

impl HardenError {
    /// The wrapper's exit status for this error.
    #[must_use]
    pub fn status(&self) -> u8 {
        match self {
            Self::Syscall { .. } => status::INTERNAL,
            _ => status::PRIVILEGE,
        }
    }
}

/// What hardening achieved, for the report and the protection level.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Hardened {
    /// An enforcer knows this process and will know its children.
    pub is_registered: bool,
}

/// Runs all steps. Returns in the second start of the process only: in the first one it ends with
/// the `execve` of our own binary with the same arguments and environment.
///
/// # Errors
///
/// [`HardenError`]. Every one of them fails closed: no secret has been fetched yet.
pub fn harden(enforcer: Enforcer) -> Result<Hardened, HardenError> {
    become_undumpable()?;
    // After it: nobody of the same user can attach any more between the question and the fetch.
    refuse_tracer()?;
    let is_registered = register(enforcer)?;
    if !is_second_start() {
        return Err(execute_ourselves());
    }
    // The kernel named the second start after its file, `/proc/self/exe`. A name is for `ps` only.
    let _unnamed = rustix::thread::set_name(c"cloudtaser");
    Ok(Hardened { is_registered })
}

/// Who traces us reads everything. `TracerPid` shows tracers of our own PID namespace and those
/// below it; one outside it reads as 0 and is the enforcer's business (proc_pid_status(5)).
fn refuse_tracer() -> Result<(), HardenError> {
    let file_status =
        fs::read_to_string("/proc/self/status").map_err(|source| HardenError::Syscall {
            call: "open of /proc/self/status",
            source,
        })?;
    match tracer(&file_status) {
        Some(0) => Ok(()),
        Some(tracer) => Err(HardenError::Traced { tracer }),
        // Fails closed: a kernel without the line is none that we know.
        None => Err(HardenError::Syscall {
            call: "search for TracerPid in /proc/self/status",
            source: io::ErrorKind::InvalidData.into(),
        }),
    }
}

fn tracer(file_status: &str) -> Option<u32> {
    file_status
        .lines()
        .find_map(|line| line.strip_prefix("TracerPid:"))?
        .trim()
        .parse()
        .ok()
}

/// An undumpable process leaves no core, not even through a pipe in `core_pattern`, and its files
/// in `/proc` belong to root: other processes of the same user can neither trace it nor read its
/// memory (prctl(2), PR_SET_DUMPABLE). Root can.
fn become_undumpable() -> Result<(), HardenError> {
    prctl::set_dumpable(false).map_err(|source| HardenError::Syscall {
        call: "prctl(PR_SET_DUMPABLE)",
        source,
    })
}

/// The kernel side of DESIGN: one `prctl` before any secret exists, inherited by every child.
fn register(enforcer: Enforcer) -> Result<bool, HardenError> {
    if enforcer == Enforcer::Off {
        return Ok(false);
    }
    match prctl::register() {
        Ok(Registration::Registered) => Ok(true),
        Ok(Registration::NoEnforcer) if enforcer == Enforcer::Prefer => Ok(false),
        Ok(Registration::NoEnforcer) => Err(HardenError::NoEnforcer),
        // Fails closed with `prefer` too: somebody is there and says no.
        Err(source) => Err(HardenError::Refused(source)),
    }
}

/// The first start tells the second one by a variable that holds its own process id, which
/// `execve` keeps. A value inherited from another wrapper names another process.
fn is_second_start() -> bool {
    let own = std::process::id().to_string();
    std::env::var_os(ENV_REEXECUTED).is_some_and(|value| value == OsStr::new(&own))
}

fn execute_ourselves() -> HardenError {
    let arguments: Vec<_> = std::env::args_os().filter_map(c_string).collect();
    let mark = format!("{ENV_REEXECUTED}={}", std::process::id());
    let environment: Vec<_> = std::env::vars_os()
        .filter(|(name, _)| name != ENV_REEXECUTED)
        .map(|(mut name, value)| {
            name.push("=");
            name.push(value);
            name
        })
        .chain([OsString::from(mark)])
        .filter_map(c_string)
        .collect();
    let source = execve(
        c"/proc/self/exe",
        &ExecStrings::new(arguments.iter().map(CString::as_c_str), []),
        &ExecStrings::new(environment.iter().map(CString::as_c_str), []),
    );
    HardenError::Syscall {
        call: "execve of /proc/self/exe (is /proc mounted?)",
        source,
    }
}

/// Arguments and environment came from `execve(2)` as C strings and hold no NUL.
fn c_string(text: OsString) -> Option<CString> {
    debug_assert!(!text.as_bytes().contains(&0));
    CString::new(text.into_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tracer_is_read_from_the_status_file() {
        assert_eq!(tracer("Name:\tx\nTracerPid:\t0\nUid:\t0\n"), Some(0));
        assert_eq!(tracer("Name:\tx\nTracerPid:\t4711\n"), Some(4711));
        assert_eq!(tracer("Name:\tx\n"), None);
    }

    #[test]
    fn without_an_enforcer_only_require_fails() {
        assert!(matches!(register(Enforcer::Off), Ok(false)));
        if let Ok(Registration::NoEnforcer) = prctl::register() {
            assert!(matches!(register(Enforcer::Prefer), Ok(false)));
            let error = register(Enforcer::Require).expect_err("nobody answers");
            assert_eq!(error.status(), status::PRIVILEGE);
        }
    }
}
