//! `execve(2)` and `fork(2)`, with argument strings that may lie in the secret region.
#![expect(unsafe_code, reason = "the kernel takes arrays of raw pointers")]

use std::ffi::{CStr, c_char};
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::{FdFlags, fcntl_setfd};

use super::signal::{self, ChildSignal, SignalMask};
use crate::region::EnvironString;

/// A null-terminated array of C strings for `execve(2)`: arguments or an environment.
///
/// It borrows the strings, so that a secret in the environment is read by the kernel straight
/// from the region's pages and never copied to the heap.
#[derive(Debug)]
pub struct ExecStrings<'a> {
    pointers: Vec<*const c_char>,
    strings: PhantomData<&'a CStr>,
}

impl<'a> ExecStrings<'a> {
    /// An array of `strings`, followed by environment strings that lie in a region.
    pub fn new(
        strings: impl IntoIterator<Item = &'a CStr>,
        secrets: impl IntoIterator<Item = EnvironString<'a>>,
    ) -> Self {
        let mut pointers: Vec<_> = strings.into_iter().map(CStr::as_ptr).collect();
        pointers.extend(secrets.into_iter().map(EnvironString::as_ptr));
        pointers.push(std::ptr::null());
        Self {
            pointers,
            strings: PhantomData,
        }
    }
}

/// Replaces the process by `program`. Returns only when the kernel refuses.
#[must_use]
pub fn execve(
    program: &CStr,
    arguments: &ExecStrings<'_>,
    environment: &ExecStrings<'_>,
) -> io::Error {
    // SAFETY: `execve(2)` reads NUL-terminated strings and arrays that end with a null pointer:
    // `CStr` and `EnvironString` guarantee the former, `ExecStrings::new` the latter, and the
    // borrows keep both alive.
    unsafe {
        libc::execve(
            program.as_ptr(),
            arguments.pointers.as_ptr(),
            environment.pointers.as_ptr(),
        )
    };
    io::Error::last_os_error()
}

/// What of our signals the program must find as we found it.
#[derive(Clone, Copy, Debug)]
pub struct SignalState {
    /// From [`signal::block_all`].
    pub mask: SignalMask,
    /// From [`signal::notice_children`].
    pub child: ChildSignal,
}

/// Starts `program` in a child process and returns its process id.
///
/// The child gets back the signal mask and the disposition of SIGCHLD that we found, and dies with
/// this process (`PR_SET_PDEATHSIG`, SIGKILL; a set-user-ID program clears that). The parent
/// returns when the kernel has taken the program's arguments and environment over, or with the
/// child's error. Of the descriptors that are closed on exec, the program gets `inherited`.
///
/// # Errors
///
/// What `fork(2)` or, in the child, `execve(2)` answers.
pub fn spawn(
    program: &CStr,
    arguments: &ExecStrings<'_>,
    environment: &ExecStrings<'_>,
    found: &SignalState,
    inherited: &[&OwnedFd],
) -> io::Result<i32> {
    let (read_end, write_end) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    // SAFETY: `fork(2)` copies the calling thread only. This process has one thread until the
    // program runs, so no lock can be held by another one in the child.
    let pid = unsafe { libc::fork() };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            drop(read_end);
            let error = match prepare(found, &write_end).and_then(|()| keep_open(inherited)) {
                Ok(()) => execve(program, arguments, environment),
                Err(error) => error,
            };
            report_and_exit(write_end.as_fd(), &error)
        }
        pid => {
            drop(write_end);
            let mut errno = [0_u8; 4];
            // The pipe closes without a byte when `execve` succeeds (close-on-exec).
            match rustix::io::retry_on_intr(|| rustix::io::read(&read_end, &mut errno))? {
                0 => Ok(pid),
                _ => Err(io::Error::from_raw_os_error(i32::from_ne_bytes(errno))),
            }
        }
    }
}

/// Lets the next program inherit `descriptors`, which are closed on exec.
///
/// # Errors
///
/// What `fcntl(2)` answers; for an open descriptor the kernel has no reason to refuse.
pub fn keep_open(descriptors: &[&OwnedFd]) -> io::Result<()> {
    for descriptor in descriptors {
        fcntl_setfd(descriptor, FdFlags::empty())?;
    }
    Ok(())
}

/// In the child: what the program must find as we found it.
fn prepare(found: &SignalState, write_end: &OwnedFd) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    // The parent may have died between fork and the line above, and its death would not be told.
    // It holds the pipe's only other end. (Its process id says nothing in a new PID namespace.)
    let mut pipe = [PollFd::new(write_end, PollFlags::OUT)];
    let polled = rustix::event::poll(
        &mut pipe,
        Some(&Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        }),
    );
    if polled.is_err()
        || pipe
            .iter()
            .any(|end| end.revents().contains(PollFlags::ERR))
    {
        return Err(io::Error::from_raw_os_error(libc::ESRCH));
    }
    signal::restore_child_signal(found.child);
    signal::set_mask(&found.mask)?;
    Ok(())
}

/// Ends the process at once with `status`: no destructor, no exit handler runs.
pub fn exit_now(status: u8) -> ! {
    // SAFETY: `_exit(2)` takes a number by value and does not return.
    unsafe { libc::_exit(i32::from(status)) }
}

fn report_and_exit(write_end: BorrowedFd<'_>, error: &io::Error) -> ! {
    let errno = error.raw_os_error().unwrap_or(libc::EIO).to_ne_bytes();
    // SAFETY: `write(2)` reads four bytes from a live array. Nobody is left to tell of a failure.
    unsafe { libc::write(write_end.as_raw_fd(), errno.as_ptr().cast(), errno.len()) };
    // SAFETY: `_exit(2)` takes a number; destructors of the parent's copy must not run here.
    unsafe { libc::_exit(i32::from(crate::status::NOT_FOUND)) }
}
