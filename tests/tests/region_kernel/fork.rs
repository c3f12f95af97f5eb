//! Forks a child that does one thing, and tells how it ended.
#![expect(
    unsafe_code,
    reason = "fork, and reads and writes that are meant to fault"
)]

use std::sync::atomic::{AtomicU8, Ordering};

/// How the child ended.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum End {
    Exited(i32),
    Signal(i32),
}

/// Runs `act` in a forked child. It must not allocate or take locks: other threads of the parent
/// may have held some.
pub(crate) fn in_child(act: impl Fn()) -> End {
    // SAFETY: `fork` in a process with threads asks that the child calls only what is
    // async-signal-safe: `act` is asked for that above, and `_exit` is.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork: {}", std::io::Error::last_os_error());
    if pid == 0 {
        act();
        // SAFETY: `_exit` ends the child without running anything of the parent's.
        unsafe { libc::_exit(0) };
    }
    let mut status = 0;
    // SAFETY: `waitpid` wants a valid place for the status, and a child of ours.
    let waited = unsafe { libc::waitpid(pid, &raw mut status, 0) };
    assert_eq!(waited, pid, "waitpid");
    if libc::WIFSIGNALED(status) {
        End::Signal(libc::WTERMSIG(status))
    } else {
        End::Exited(libc::WEXITSTATUS(status))
    }
}

/// Reads one byte at an address that may not be mapped. For children only.
pub(crate) fn read(address: *const u8) {
    // SAFETY: none is kept: where the address is not mapped, the process is meant to die of it.
    // Elsewhere it points into the region, which is read through atomics.
    let byte = unsafe { AtomicU8::from_ptr(address.cast_mut()) };
    std::hint::black_box(byte.load(Ordering::Relaxed));
}

/// Writes one byte at an address that may not be writable. For children only.
pub(crate) fn write(address: *const u8) {
    // SAFETY: none is kept, as is meant: where the address is not writable the process dies of it.
    let byte = unsafe { AtomicU8::from_ptr(address.cast_mut()) };
    byte.store(0, Ordering::Relaxed);
}

/// Replaces the child by `/usr/bin/env` with one environment string, its output going to
/// `output`. For children only.
pub(crate) fn execute_env(environ: *const libc::c_char, output: libc::c_int) {
    let program = c"/usr/bin/env".as_ptr();
    let argv = [program, std::ptr::null()];
    let envp = [environ, std::ptr::null()];
    // SAFETY: `dup2` takes two numbers; a wrong one gives EBADF.
    unsafe { libc::dup2(output, 1) };
    // SAFETY: `execve` wants a path, and two arrays of strings that end with a null pointer; the
    // strings end with NUL, which the region's layout guarantees for the environment string.
    unsafe { libc::execve(program, argv.as_ptr(), envp.as_ptr()) };
    // SAFETY: `_exit` takes a number; the parent's destructors must not run in the child.
    unsafe { libc::_exit(127) };
}
