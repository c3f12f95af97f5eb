//! `fork(2)`, for children that make a few system calls and end.
#![expect(unsafe_code, reason = "rustix has no fork")]

use std::io;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

/// A child of ours. Dropping it ends it, and waits for that.
#[derive(Debug)]
pub struct Child(Pid);

impl Child {
    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.0
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended by itself (ESRCH).
        let _ended = kill_process(self.0, Signal::KILL);
        // Where SIGCHLD is ignored the kernel reaps it, and there is nothing to wait for (ECHILD).
        let _reaped = rustix::io::retry_on_intr(|| waitpid(Some(self.0), WaitOptions::empty()));
    }
}

/// Copies this process: nothing in the child, which must end by [`exit_now`](super::exec::exit_now)
/// so that no destructor of ours runs there twice.
///
/// The caller has one thread, as the wrapper has until the program runs.
///
/// # Errors
///
/// What `fork(2)` answers: `EAGAIN` at a limit of processes, `ENOMEM`.
pub fn fork() -> io::Result<Option<Child>> {
    // SAFETY: `fork(2)` copies the calling thread only. This process has one thread until the
    // program runs, so no lock can be held by another one in the child.
    let pid = unsafe { libc::fork() };
    if pid < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Pid::from_raw(pid).map(Child))
}

#[cfg(test)]
mod tests {
    use super::super::exec::exit_now;
    use super::*;

    #[test]
    fn a_child_works_and_ends() {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        let Some(child) = fork().unwrap() else {
            let _told = rustix::io::write(&writer, b"x");
            exit_now(0);
        };
        let mut buffer = [0; 2];
        assert_eq!(rustix::io::read(&reader, &mut buffer).unwrap(), 1);
        drop(child);
    }
}
