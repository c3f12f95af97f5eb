//! `ptrace(2)`: stops a child at every system call, so that it can be killed at each of them.
#![expect(unsafe_code, reason = "no safe crate wraps ptrace(2)")]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::ptr;

use rustix::process::{Pid, WaitOptions, WaitStatus, waitpid};

/// A child that stops at each entry and each exit of a system call.
#[derive(Debug)]
pub struct Traced {
    child: Child,
    pid: Pid,
}

impl Traced {
    /// Starts `command`; it stands still behind its `execve`.
    ///
    /// Only the calling thread may use the value (`ptrace(2)`: the tracer is a thread).
    ///
    /// # Errors
    ///
    /// What `fork`, `execve` or `ptrace` answered.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        // SAFETY: the closure runs between fork and exec and makes one system call, which is
        // async-signal-safe as `pre_exec` demands; it allocates nothing.
        unsafe { command.pre_exec(trace_me) };
        let child = command.spawn()?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let traced = Self {
            child,
            pid: pid.ok_or(io::ErrorKind::InvalidData)?,
        };
        if traced.wait()?.exited() {
            return Err(io::Error::other("the child ended before its first stop"));
        }
        traced.request(libc::PTRACE_SETOPTIONS, libc::PTRACE_O_TRACESYSGOOD)?;
        Ok(traced)
    }

    /// Runs the child to its next entry or exit of a system call; `false` when it ended instead.
    ///
    /// # Errors
    ///
    /// What `ptrace` or `waitpid` answered.
    pub fn next_stop(&self) -> io::Result<bool> {
        self.request(libc::PTRACE_SYSCALL, 0)?;
        Ok(self.wait()?.stopped())
    }

    /// Kills the child where it stands and reaps it.
    ///
    /// # Errors
    ///
    /// What `kill` or `waitpid` answered.
    pub fn kill(mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    fn wait(&self) -> io::Result<WaitStatus> {
        let waited = waitpid(Some(self.pid), WaitOptions::empty())?;
        waited
            .map(|(_, status)| status)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn request(&self, request: libc::c_uint, data: libc::c_int) -> io::Result<()> {
        let pid = self.pid.as_raw_nonzero().get();
        let none = ptr::null_mut::<libc::c_void>();
        // SAFETY: these two requests take a number as data and read or write no memory of ours;
        // a wrong pid gives ESRCH, read below.
        let answer = unsafe { libc::ptrace(request, pid, none, libc::c_long::from(data)) };
        if answer == -1 {
            Err(io::Error::last_os_error())
        } else {
            Ok(())
        }
    }
}

fn trace_me() -> io::Result<()> {
    let none = ptr::null_mut::<libc::c_void>();
    // SAFETY: PTRACE_TRACEME ignores its other arguments and touches no memory.
    let answer = unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, none, none) };
    if answer == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
