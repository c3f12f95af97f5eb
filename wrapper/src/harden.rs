//! The first steps of a start: what the wrapper does to itself before it holds a secret.
//!
//! In this order: become undumpable, refuse to run under a tracer, register with the enforcer, have
//! a helper prove that it refuses ([`crate::proof`]), and execute ourselves anew. A descriptor of
//! `/proc/PID/mem` that somebody opened, or a tracer that attached, before registration keeps working after it; the second `execve` gives the
//! process a new address space, which such a descriptor does not reach. Without an enforcer the
//! second start buys little: the new image is dumpable again until it has called `prctl`.
//! It is done all the same, so that there is one order and one path to test.

use std::ffi::{CStr, CString, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::{fs, io};

use cloudtaser_abi::names::ENV_REEXECUTED;

use crate::cli::run::Enforcer;
use crate::proof::{Helper, Proof};
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
    /// `--enforcer require`, and what a helper tried got through. Exit status 77.
    #[error(
        "the enforcer registered us, but does not refuse what it must: {what} got through; it may be observing only or switched off; repair it or use `--enforcer prefer`"
    )]
    NotProven {
        /// The attempt.
        what: &'static str,
    },
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
    /// An enforcer knows this process and will know its children, and was seen to refuse.
    pub is_enforced: bool,
    /// An enforcer knows this process, but was not seen to refuse.
    pub is_doubtful: bool,
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
    let Some(was_proven) = second_start() else {
        let is_proven = register(enforcer, true)? == Guard::Proven;
        return Err(execute_ourselves(is_proven));
    };
    let guard = register(enforcer, false)?;
    // Closed: the first start proved it or ended, unless somebody else set the mark.
    if enforcer == Enforcer::Require && !was_proven {
        return Err(HardenError::NotProven { what: NO_PROOF });
    }
    // The kernel named the second start after its file, `/proc/self/exe`. A name is for `ps` only.
    let _unnamed = rustix::thread::set_name(c"cloudtaser");
    let is_registered = guard != Guard::None;
    Ok(Hardened {
        is_enforced: is_registered && was_proven,
        is_doubtful: is_registered && !was_proven,
    })
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

/// What stands between us and others.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Guard {
    None,
    Registered,
    /// And a helper's attempts were refused.
    Proven,
}

/// What is said to have got through where nothing could be tried.
const NO_PROOF: &str = "an attempt that cannot be made here (is /proc mounted?)";

/// The kernel side of DESIGN: one `prctl` before any secret exists, inherited by every child.
fn register(enforcer: Enforcer, with_proof: bool) -> Result<Guard, HardenError> {
    if enforcer == Enforcer::Off {
        return Ok(Guard::None);
    }
    // It must be there before registration, and is in nobody's way where nobody answers.
    let is_asked = with_proof && matches!(prctl::ask(), Ok(Registration::Registered));
    let helper = is_asked.then(Helper::new).transpose();
    match prctl::register() {
        Ok(Registration::Registered) => {}
        Ok(Registration::NoEnforcer) if enforcer == Enforcer::Prefer => return Ok(Guard::None),
        Ok(Registration::NoEnforcer) => return Err(HardenError::NoEnforcer),
        // Fails closed with `prefer` too: somebody is there and says no.
        Err(source) => return Err(HardenError::Refused(source)),
    }
    let proof = match helper {
        Ok(None) => return Ok(Guard::Registered),
        Ok(Some(helper)) => helper.ask(),
        Err(error) => Err(error),
    };
    let what = match proof {
        Ok(Proof::Refused) => return Ok(Guard::Proven),
        Ok(Proof::Through(what)) => what,
        Ok(Proof::Impossible) | Err(_) => NO_PROOF,
    };
    if enforcer == Enforcer::Require {
        Err(HardenError::NotProven { what })
    } else {
        // Open: with `prefer` a start goes on without an enforcer too. It is said, and no more is
        // claimed than is there.
        Ok(Guard::Registered)
    }
}

/// The first start tells the second one by a variable that holds its own process id, which
/// `execve` keeps, and whether the enforcer was seen to refuse: a helper from outside can be had
/// before registration only. A value inherited from another wrapper names another process.
///
/// The variable alone does not count, for a pod's author can write it, and the process id of a
/// container's first process is 1: the kernel says by which name we were executed (`AT_EXECFN`,
/// getauxval(3)), and only we use this one.
fn second_start() -> Option<bool> {
    if rustix::param::linux_execfn() != OWN_FILE {
        return None;
    }
    let value = std::env::var(ENV_REEXECUTED).ok()?;
    was_proven(&value, std::process::id())
}

/// By what the second start is executed.
const OWN_FILE: &CStr = c"/proc/self/exe";

/// Nothing when `value` is not about the process `own`.
fn was_proven(value: &str, own: u32) -> Option<bool> {
    let (pid, proof) = value.split_once(':').unwrap_or((value, ""));
    (pid == own.to_string()).then_some(proof == PROVEN)
}

/// Behind the process id.
const PROVEN: &str = "proven";

fn execute_ourselves(is_proven: bool) -> HardenError {
    let arguments: Vec<_> = std::env::args_os().filter_map(c_string).collect();
    let proof = if is_proven { PROVEN } else { "" };
    let mark = format!("{ENV_REEXECUTED}={}:{proof}", std::process::id());
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
        OWN_FILE,
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
    fn the_mark_is_about_one_process() {
        assert_eq!(was_proven("12:proven", 12), Some(true));
        assert_eq!(was_proven("12:", 12), Some(false));
        assert_eq!(was_proven("12", 12), Some(false));
        assert_eq!(was_proven("123:proven", 12), None);
        assert_eq!(was_proven("", 12), None);
    }

    #[test]
    fn without_an_enforcer_only_require_fails() {
        assert!(matches!(register(Enforcer::Off, true), Ok(Guard::None)));
        if let Ok(Registration::NoEnforcer) = prctl::register() {
            assert!(matches!(register(Enforcer::Prefer, true), Ok(Guard::None)));
            let error = register(Enforcer::Require, true).expect_err("nobody answers");
            assert_eq!(error.status(), status::PRIVILEGE);
        }
    }
}
