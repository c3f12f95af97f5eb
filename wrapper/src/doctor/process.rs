//! Checks of who may look into this process, and of what it inherited.

use std::io::IsTerminal;

use rustix::process::{Resource, getegid, geteuid, getrlimit};

use super::proc_status::CAP_SYS_PTRACE;
use super::report::Verdict;
use super::{Place, read_line, status};
use crate::sys::prctl::{self, Registration};

/// Whether we can switch core dumps of ourselves off. Tried, and set back.
pub(super) fn core_dumps(_: &Place<'_>) -> Verdict {
    let before = prctl::is_dumpable();
    let tried = prctl::set_dumpable(false).and_then(|()| prctl::is_dumpable());
    // Back to what it was, for the files in /proc that later checks read.
    let restored = before.and_then(|before| {
        if before {
            prctl::set_dumpable(true)
        } else {
            Ok(())
        }
    });
    let why = match (tried, restored) {
        (Ok(false), Ok(())) => return Verdict::ok(core_facts()),
        (Ok(_), Ok(())) => String::from("prctl(PR_SET_DUMPABLE) has no effect"),
        (Err(error), _) | (_, Err(error)) => format!("prctl(PR_SET_DUMPABLE): {error}"),
    };
    Verdict::fail(
        status::INTERNAL,
        format!("cannot be switched off: {why}"),
        "allow prctl in the seccomp profile",
    )
}

/// What holds for the program, which is dumpable again after its exec.
fn core_facts() -> String {
    let limit = match getrlimit(Resource::Core).current {
        Some(0) => "limit 0",
        _ => "limit above 0",
    };
    let target = match read_line("/proc/sys/kernel/core_pattern") {
        Some(pattern) if pattern.starts_with('|') => "piped to a handler, whatever the limit",
        Some(_) => "written to files",
        None => "target unknown",
    };
    format!("off for the wrapper; for the program: {limit}, {target}")
}

/// A tracer reads everything; `run` refuses to start under one.
pub(super) fn tracer(place: &Place<'_>) -> Verdict {
    match place.proc_status.number("TracerPid") {
        Some(0) => Verdict::ok("none (one outside our PID namespace would not be seen)"),
        Some(tracer) => Verdict::fail(
            status::PRIVILEGE,
            format!("process {tracer} traces us and could read every secret"),
            "start without a debugger or strace",
        ),
        None => Verdict::fail(
            status::INTERNAL,
            "unknown: /proc/self/status cannot be read",
            "mount /proc",
        ),
    }
}

/// Yama decides whether processes of one user may trace each other (Documentation/admin-guide/
/// LSM/Yama.rst). The wrapper is undumpable and needs no Yama; the program does.
pub(super) fn yama(_: &Place<'_>) -> Verdict {
    let fix = "kernel.yama.ptrace_scope=1 or higher, or an enforcer on this node";
    match read_line("/proc/sys/kernel/yama/ptrace_scope").as_deref() {
        Some("0") => Verdict::warn(
            "ptrace_scope 0: every process of the user may trace the program",
            fix,
        ),
        Some(scope) => Verdict::ok(format!("ptrace_scope {scope}")),
        None => Verdict::warn(
            "not there: every process of the user may trace the program",
            fix,
        ),
    }
}

/// Facts only: both are as they should be whatever they are.
pub(super) fn seccomp(place: &Place<'_>) -> Verdict {
    let mode = match place.proc_status.number("Seccomp") {
        Some(0) => "no filter",
        Some(1) => "strict",
        Some(2) => "filtered",
        _ => "unknown",
    };
    let privileges = match place.proc_status.number("NoNewPrivs") {
        Some(0) => "off",
        Some(1) => "on",
        _ => "unknown",
    };
    Verdict::ok(format!("{mode}; no_new_privs {privileges}"))
}

/// The node's enforcer, asked the way a start asks it.
pub(super) fn enforcer(place: &Place<'_>) -> Verdict {
    match &place.registration {
        Ok(Registration::Registered) => Verdict::ok("present; it registered this process"),
        Ok(Registration::NoEnforcer) => Verdict::warn(
            "none answers: root, and processes of the same user, may look into the program",
            "install the enforcer on this node",
        ),
        Err(error) => Verdict::fail(
            status::PRIVILEGE,
            format!("it, or a seccomp filter, refused to register us ({error})"),
            "admit this pod in the enforcer's policy, or allow prctl in the seccomp profile",
        ),
    }
}

/// Who we are.
pub(super) fn user(place: &Place<'_>) -> Verdict {
    let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
    let capabilities = match place.proc_status.capabilities() {
        None => String::from("capabilities unknown"),
        Some(0) => String::from("no capabilities"),
        Some(all) => format!("capabilities {all:016x}"),
    };
    let finding = format!("uid {uid}, gid {gid}, {capabilities}");
    if uid == 0 || place.proc_status.has_capability(CAP_SYS_PTRACE) {
        return Verdict::warn(
            format!("{finding}: every such process beside it may read the program's environment"),
            "run as a user of its own, without CAP_SYS_PTRACE",
        );
    }
    Verdict::ok(finding)
}

/// Where the standard descriptors lead.
pub(super) fn stdio(_: &Place<'_>) -> Verdict {
    let word = |is_terminal| {
        if is_terminal {
            "terminal"
        } else {
            "no terminal"
        }
    };
    Verdict::ok(format!(
        "input: {}, output: {}, error: {}",
        word(std::io::stdin().is_terminal()),
        word(std::io::stdout().is_terminal()),
        word(std::io::stderr().is_terminal()),
    ))
}
