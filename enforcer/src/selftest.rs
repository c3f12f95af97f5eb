//! `selftest`: one attack for each hook on a process of our own, after all are attached.
//!
//! Loading and attaching prove nothing (`bpf` may be missing from the active security modules, and
//! `ftrace_enabled=0` switches programs off without a word): only a refusal does.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::process::{Child, Command, ExitCode, Stdio};

use aya::maps::{MapError, loaded_maps};
use cloudtaser_abi::enforce::{EPERM, Hook};
use rustix::process::{Pid, Resource, Signal, getrlimit, kill_process, prlimit};

use crate::Options;
use crate::load::{self, LoadError};
use crate::sys::{bpf, iopl, perf_event_open, prctl};

/// Which hook an attempt proves, and the attempt on the dummy and on its child.
type Attempt = (Hook, fn(Target) -> io::Result<()>);

/// The dummy's ids.
#[derive(Clone, Copy, Debug)]
struct Target {
    parent: u32,
    child: u32,
}

/// Each is refused by its hook alone, or by it and those that it leans on.
const ATTEMPTS: &[Attempt] = &[
    (Hook::PtraceAccessCheck, |at| {
        fs::read_link(format!("/proc/{}/exe", at.parent)).map(drop)
    }),
    (Hook::TaskToInode, |at| {
        File::open(format!("/proc/{}/cmdline", at.parent)).map(drop)
    }),
    (Hook::FileOpen, |at| {
        fs::read_dir(format!("/proc/{}/fdinfo", at.parent)).map(drop)
    }),
    (Hook::TaskAlloc, |at| {
        fs::read_link(format!("/proc/{}/exe", at.child)).map(drop)
    }),
    (Hook::TaskKill, |at| {
        let pid = i32::try_from(at.parent).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(kill_process(pid, Signal::URG)?)
    }),
    (Hook::TaskSetrlimit, |at| {
        let pid = i32::try_from(at.parent).ok().and_then(Pid::from_raw);
        let core = Resource::Core;
        Ok(prlimit(pid, core, getrlimit(core)).map(drop)?)
    }),
    (Hook::SocketListen, connect),
    (Hook::UnixStreamConnect, connect),
    (Hook::PerfEventOpen, |_| perf_event_open::whole_cpu()),
    #[cfg(target_arch = "x86_64")]
    (Hook::LockedDown, |_| iopl::all_ports()),
    (Hook::Bpf, |_| bpf::load_tracepoint()),
    (Hook::BpfMap, |_| {
        // Every map of the node, by id; ours are among them.
        let all: Result<Vec<_>, _> = loaded_maps().collect();
        match all {
            Err(MapError::SyscallError(error)) => Err(error.io_error),
            _ => Ok(()),
        }
    }),
];

/// To the dummy's socket, which is called like a debugger's.
fn connect(at: Target) -> io::Result<()> {
    UnixStream::connect_addr(&socket(at.parent)?).map(drop)
}

/// An abstract name, so that no file is left.
fn socket(dummy: u32) -> io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(format!("cloudtaser-selftest/.java_pid{dummy}"))
}

/// Prints a line for each hook; answers whether all refused.
///
/// # Errors
///
/// When the programs cannot be attached, or no dummy can be started.
pub(crate) fn run(options: &Options) -> Result<bool, LoadError> {
    let loaded = load::load(options, None)?;
    let failed = |what| move |source| LoadError::Selftest { what, source };
    let mut dummy = start().map_err(failed("starting a process"))?;
    let (is_registered, target) = hello(&mut dummy).map_err(failed("reading from a process"))?;
    let mut all = is_registered;
    report(Hook::TaskPrctl, is_registered);
    for &(hook, attempt) in ATTEMPTS {
        let error = attempt(target).err().and_then(|error| error.raw_os_error());
        let is_refused = matches!(error, Some(EPERM | libc::EACCES));
        report(hook, is_refused);
        all &= is_refused;
    }
    // The end of its standard input ends the dummy.
    drop(dummy.stdin.take());
    dummy.wait().map_err(failed("waiting for a process"))?;
    println!("tier {}", if all { loaded.tier() } else { "none" });
    Ok(all)
}

fn report(hook: Hook, is_refused: bool) {
    let verdict = if is_refused { "refused" } else { "NOT REFUSED" };
    println!("{} {verdict}", hook.name());
}

fn start() -> io::Result<Child> {
    Command::new("/proc/self/exe")
        .args(["dummy", "--with-child"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
}

/// The dummy's first line: whether it is registered, and its child's id.
fn hello(dummy: &mut Child) -> io::Result<(bool, Target)> {
    let output = dummy.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    let (is_registered, child) = line
        .trim()
        .split_once(' ')
        .ok_or(io::ErrorKind::InvalidData)?;
    let child = child.parse().map_err(io::Error::other)?;
    let target = Target {
        parent: dummy.id(),
        child,
    };
    Ok((is_registered == "registered", target))
}

/// The attacked process: registers, starts a child, says so, and lives as long as its input.
pub(crate) fn dummy(with_child: bool) -> ExitCode {
    if !with_child {
        let _ended = io::stdin().read_to_end(&mut Vec::new());
        return ExitCode::SUCCESS;
    }
    let word = if prctl::register() {
        "registered"
    } else {
        "alone"
    };
    let listener = socket(std::process::id()).and_then(|at| UnixListener::bind_addr(&at));
    if listener.is_err() {
        return ExitCode::FAILURE;
    }
    let child = Command::new("/proc/self/exe")
        .arg("dummy")
        .stdin(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        return ExitCode::FAILURE;
    };
    println!("{word} {}", child.id());
    let _gone = io::stdout().flush();
    let _ended = io::stdin().read_to_end(&mut Vec::new());
    drop(child.stdin.take());
    let _reaped = child.wait();
    ExitCode::SUCCESS
}
