//! Signals the way an init needs them: blocked and waited for, never handled.
#![expect(
    unsafe_code,
    reason = "signal sets are C structures filled by the C library"
)]

use std::io;
use std::mem::MaybeUninit;

/// A signal mask, as `sigprocmask(2)` takes and gives it.
#[derive(Clone, Copy)]
pub struct SignalMask(libc::sigset_t);

impl std::fmt::Debug for SignalMask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignalMask(…)")
    }
}

/// A signal that was waited for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Received {
    /// The signal's number, 1 to 64.
    pub signal: i32,
    /// Whether the kernel itself sent it, as a terminal does for Ctrl-C (`si_code` is
    /// `SI_KERNEL`). The terminal sends to the whole foreground process group.
    pub is_from_kernel: bool,
}

/// Blocks every signal that can be blocked and returns the mask that was in force.
///
/// # Errors
///
/// What `sigprocmask(2)` answers; with these arguments the kernel has no reason to refuse.
pub fn block_all() -> io::Result<SignalMask> {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `sigfillset(3)` writes a whole `sigset_t` to the pointer, which has room for one.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    // SAFETY: initialised by `sigfillset` just above, which cannot fail for a valid pointer.
    let all = unsafe { all.assume_init() };
    set_mask(&SignalMask(all))
}

/// Sets the calling thread's signal mask and returns the one that was in force.
///
/// # Errors
///
/// What `sigprocmask(2)` answers.
pub fn set_mask(mask: &SignalMask) -> io::Result<SignalMask> {
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `sigprocmask(2)` reads one set and writes one; both pointers are to whole sets.
    let answer =
        unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const mask.0, before.as_mut_ptr()) };
    if answer != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `sigprocmask` answered 0, so it has written the former mask.
    Ok(SignalMask(unsafe { before.assume_init() }))
}

/// Waits for any signal. All signals must be blocked (see [`block_all`]).
///
/// # Errors
///
/// What `sigwaitinfo(2)` answers, except `EINTR`, which is tried again.
pub fn wait() -> io::Result<Received> {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `sigfillset(3)` writes a whole `sigset_t` to the pointer, which has room for one.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    loop {
        let mut info = MaybeUninit::<libc::siginfo_t>::uninit();
        // SAFETY: `sigwaitinfo(2)` reads the set initialised above and writes one `siginfo_t`.
        let signal = unsafe { libc::sigwaitinfo(all.as_ptr(), info.as_mut_ptr()) };
        if signal > 0 {
            // SAFETY: a positive answer means that `info` was written.
            let info = unsafe { info.assume_init() };
            return Ok(Received {
                signal,
                is_from_kernel: info.si_code == libc::SI_KERNEL,
            });
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// Sends `signal` to the process `pid`.
///
/// # Errors
///
/// `ESRCH` when it is gone, `EPERM` when it has become another user's.
pub fn kill(pid: i32, signal: i32) -> io::Result<()> {
    // SAFETY: `kill(2)` takes two numbers by value.
    match unsafe { libc::kill(pid, signal) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
