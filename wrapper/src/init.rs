//! The wrapper as init: forwards signals to the program, reaps every child, drains the report pipe,
//! and tells how the program ended. It starts nothing and knows no secrets; `start` does the rest.

use std::io;

use crate::handover::report::ReportPipe;
use crate::status;
use crate::sys::signal;

/// How the program ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ended {
    /// It exited with this status, 0 to 255.
    Exited(u8),
    /// It died of this signal, 1 to 64.
    Killed(u8),
}

impl Ended {
    /// The exit status by which the wrapper passes this on.
    #[must_use]
    pub fn status(self) -> u8 {
        match self {
            Self::Exited(status) => status,
            Self::Killed(signal) => status::SIGNAL_BASE.saturating_add(signal),
        }
    }
}

/// Why supervision could not go on.
#[derive(Debug, thiserror::Error)]
#[error("{call} failed while supervising the program")]
pub struct InitError {
    call: &'static str,
    #[source]
    source: io::Error,
}

/// Forwards signals and reaps until the program `pid` has ended. All signals must be blocked.
/// SIGIO says that there is something in `pipe`, which is told; at the end once more.
///
/// # Errors
///
/// [`InitError`] when the kernel refuses to let us wait, which would be our own mistake.
pub fn supervise(pid: i32, mut pipe: Option<ReportPipe>) -> Result<Ended, InitError> {
    loop {
        let received = signal::wait().map_err(|source| InitError {
            call: "rt_sigtimedwait",
            source,
        })?;
        if received.signal == libc::SIGCHLD {
            if let Some(ended) = reap(pid)? {
                pipe.iter_mut().for_each(ReportPipe::drain);
                return Ok(ended);
            }
        } else if let (true, Some(pipe)) = (is_of_pipe(received), &mut pipe) {
            pipe.drain();
        } else if is_forwarded(received) {
            // It may have ended a moment ago (ESRCH): then the next SIGCHLD says so.
            drop(signal::kill(pid, received.signal));
        }
    }
}

/// Whether a signal can be that of the report pipe ([`ReportPipe::watch`]).
fn is_of_pipe(received: signal::Received) -> bool {
    received.is_from_kernel && received.signal == libc::SIGIO
}

/// Whether a signal is passed on to the program.
///
/// SIGINT, SIGQUIT and SIGWINCH from the kernel come from the terminal, which sends them to the
/// whole foreground process group: the program, in the same group, has them already. What else the
/// kernel sends is for this process alone (a hang-up goes to the session's leader, an alarm to who
/// set it before `execve`), and the program would have got it without us. SIGURG is about the
/// receiver alone. The stop signals of job control never come here: they stop us (see
/// [`signal::block_all`]).
fn is_forwarded(received: signal::Received) -> bool {
    let from_terminal = [libc::SIGINT, libc::SIGQUIT, libc::SIGWINCH];
    let has_it = received.is_from_kernel && from_terminal.contains(&received.signal);
    !has_it && received.signal != libc::SIGURG
}

/// Reaps every child that has ended, orphans too; says how the program ended if it was one.
fn reap(program: i32) -> Result<Option<Ended>, InitError> {
    use rustix::process::{WaitOptions, wait};
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((pid, wait_status))) if pid.as_raw_nonzero().get() == program => {
                let number = |value: i32| u8::try_from(value).unwrap_or(u8::MAX);
                let exited = wait_status
                    .exit_status()
                    .map(|value| Ended::Exited(number(value)));
                let killed = || {
                    wait_status
                        .terminating_signal()
                        .map(|value| Ended::Killed(number(value)))
                };
                return Ok(exited.or_else(killed));
            }
            Ok(Some(_)) => {}
            Ok(None) | Err(rustix::io::Errno::CHILD) => return Ok(None),
            Err(error) => {
                return Err(InitError {
                    call: "wait4",
                    source: error.into(),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signal::Received;

    #[test]
    fn the_terminals_signals_are_not_sent_twice() {
        let from = |signal, is_from_kernel| {
            is_forwarded(Received {
                signal,
                is_from_kernel,
            })
        };
        assert!(from(libc::SIGTERM, false));
        assert!(from(libc::SIGINT, false));
        assert!(!from(libc::SIGINT, true));
        assert!(from(libc::SIGHUP, true) && from(libc::SIGALRM, true));
        assert!(!from(libc::SIGURG, false));
    }

    #[test]
    fn the_pipes_signal_is_the_kernels() {
        let of_pipe = |signal, is_from_kernel| {
            is_of_pipe(Received {
                signal,
                is_from_kernel,
            })
        };
        assert!(of_pipe(libc::SIGIO, true));
        assert!(
            !of_pipe(libc::SIGIO, false),
            "of another process, for the program"
        );
        assert!(!of_pipe(libc::SIGTERM, true));
    }

    #[test]
    fn statuses_follow_the_shells() {
        assert_eq!(Ended::Exited(5).status(), 5);
        assert_eq!(Ended::Killed(9).status(), 137);
        assert_eq!(Ended::Killed(64).status(), 192);
    }
}
