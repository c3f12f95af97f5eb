//! Signals the way an init needs them: blocked and waited for, never handled.
//!
//! Masks go to the kernel's own calls: those of the C library leave two real-time signals (32 and
//! 33) out, and the program must get the mask that we found, whole.
#![expect(
    unsafe_code,
    reason = "rustix has no signal masks, and the kernel's calls take raw pointers"
)]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A signal mask: bit n - 1 is signal n, as the kernel has it on 64-bit machines.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SignalMask(u64);

/// Every signal except those of job control, which are to stop this process as they stop the
/// program: a shell waits for its child to stop, and that is us. (The kernel itself leaves out
/// SIGKILL and SIGSTOP.)
static WAITED_FOR: SignalMask =
    SignalMask(!(bit(libc::SIGTSTP) | bit(libc::SIGTTIN) | bit(libc::SIGTTOU)));

const fn bit(signal: libc::c_int) -> u64 {
    1 << (signal - 1)
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

/// Blocks every signal that [`wait`] waits for, and returns the mask that was in force. Those of
/// job control (TSTP, TTIN, TTOU) stay as they were.
///
/// # Errors
///
/// What `rt_sigprocmask(2)` answers; with these arguments the kernel has no reason to refuse.
#[doc(alias = "rt_sigprocmask")]
pub fn block_all() -> io::Result<SignalMask> {
    change_mask(libc::SIG_BLOCK, WAITED_FOR)
}

/// Sets the calling thread's signal mask and returns the one that was in force.
///
/// # Errors
///
/// What `rt_sigprocmask(2)` answers.
pub fn set_mask(mask: &SignalMask) -> io::Result<SignalMask> {
    change_mask(libc::SIG_SETMASK, *mask)
}

fn change_mask(how: libc::c_int, mask: SignalMask) -> io::Result<SignalMask> {
    let mut before = SignalMask(0);
    // SAFETY: `rt_sigprocmask(2)` reads one set and writes one, each of the size that is given
    // last; both pointers are to live sets of that size.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            how,
            &raw const mask.0,
            &raw mut before.0,
            size_of::<u64>(),
        )
    };
    match answer {
        0 => Ok(before),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Waits for any signal that [`block_all`] blocks, which must have been called.
///
/// # Errors
///
/// What `rt_sigtimedwait(2)` answers, except `EINTR`, which is tried again.
#[doc(alias = "rt_sigtimedwait")]
pub fn wait() -> io::Result<Received> {
    loop {
        let mut info = MaybeUninit::<libc::siginfo_t>::uninit();
        // SAFETY: `rt_sigtimedwait(2)` reads one set of the size that is given last and writes one
        // `siginfo_t`; a null time is none.
        let answer = unsafe {
            libc::syscall(
                libc::SYS_rt_sigtimedwait,
                &raw const WAITED_FOR.0,
                info.as_mut_ptr(),
                ptr::null::<libc::timespec>(),
                size_of::<u64>(),
            )
        };
        if let Ok(signal @ 1..) = i32::try_from(answer) {
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

/// Signals that end a program unless it says otherwise, and that people and supervisors send for
/// that.
const ENDING: [libc::c_int; 4] = [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM];

/// A descriptor that becomes readable when a signal waits that is to end us.
#[doc(alias = "signalfd4")]
#[derive(Debug)]
pub struct SignalFile(OwnedFd);

impl SignalFile {
    /// For hang-up, interrupt, quit and terminate, less those that we were started to ignore
    /// (`nohup`). They must be blocked already.
    ///
    /// # Errors
    ///
    /// What `signalfd4(2)` answers: `EMFILE`, `ENFILE`, `ENOMEM`.
    ///
    /// # References
    ///
    /// `signalfd(2)`.
    pub fn of_ending_signals() -> io::Result<Self> {
        let wanted = ENDING.into_iter().filter(|signal| !is_ignored(*signal));
        let mask = SignalMask(wanted.fold(0, |mask, signal| mask | bit(signal)));
        let flags = libc::SFD_NONBLOCK | libc::SFD_CLOEXEC;
        // SAFETY: `signalfd4(2)` reads one set of the size that is given; -1 asks for a new
        // descriptor.
        let answer = unsafe {
            libc::syscall(
                libc::SYS_signalfd4,
                -1,
                &raw const mask.0,
                size_of::<u64>(),
                flags,
            )
        };
        match i32::try_from(answer) {
            // SAFETY: a new descriptor, which nobody else owns.
            Ok(raw @ 0..) => Ok(Self(unsafe { OwnedFd::from_raw_fd(raw) })),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Has the runtime of the caller wait for it.
    ///
    /// # Errors
    ///
    /// What `epoll_ctl(2)` answers.
    pub fn watch(self) -> io::Result<AsyncFd<Self>> {
        // SAFETY: `AsyncFd` wants `as_raw_fd` to give the same open descriptor as long as it holds
        // the value: it is that of `self.0`, which is open until `self` is dropped and is never
        // replaced.
        let registered = unsafe { AsyncFd::register_with_interest(self, Interest::READABLE) };
        Ok(registered?)
    }

    /// Takes the next signal's number.
    ///
    /// # Errors
    ///
    /// `EAGAIN` when none waits.
    pub fn read(&self) -> io::Result<i32> {
        let mut info = [0_u8; size_of::<libc::signalfd_siginfo>()];
        rustix::io::read(&self.0, &mut info)?;
        // `ssi_signo` is the first field (signalfd(2)).
        let number = info
            .first_chunk()
            .map_or(0, |first| u32::from_ne_bytes(*first));
        i32::try_from(number).map_err(io::Error::other)
    }
}

impl AsRawFd for SignalFile {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl AsFd for SignalFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn is_ignored(signal: libc::c_int) -> bool {
    let mut found = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: `sigaction(2)` with a null action changes nothing and writes the present one.
    let answer = unsafe { libc::sigaction(signal, ptr::null(), found.as_mut_ptr()) };
    if answer != 0 {
        return false;
    }
    // SAFETY: the call succeeded, so `found` was written.
    let found = unsafe { found.assume_init() };
    found.sa_sigaction == libc::SIG_IGN
}

/// Whether the parent of this process had it ignore SIGCHLD.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ChildSignal {
    was_ignored: bool,
}

/// Makes the kernel tell of children that end. With SIGCHLD ignored, which `execve(2)` keeps, it
/// would reap them itself, and their statuses would be lost.
///
/// # Errors
///
/// What `sigaction(2)` answers; with these arguments the kernel has no reason to refuse.
#[doc(alias = "SIGCHLD")]
pub fn notice_children() -> io::Result<ChildSignal> {
    // SAFETY: `signal(2)` takes two words by value; SIG_DFL is no function that could be called.
    match unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) } {
        libc::SIG_ERR => Err(io::Error::last_os_error()),
        before => Ok(ChildSignal {
            was_ignored: before == libc::SIG_IGN,
        }),
    }
}

/// Undoes [`notice_children`], in the child: the program inherits what we found.
pub fn restore_child_signal(found: ChildSignal) {
    if found.was_ignored {
        // SAFETY: as above; SIG_IGN is no function either. It worked for SIG_DFL.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    }
}

/// Forgets a SIGPIPE that is pending: a peer hung up while we wrote, and `writev(2)` has no
/// `MSG_NOSIGNAL`. Unblocked later it would kill us, or the program that it is forwarded to.
///
/// The kernel drops a pending signal when it becomes ignored, blocked or not (POSIX, `sigaction`).
#[doc(alias = "SIGPIPE")]
pub fn discard_broken_pipe() {
    // SAFETY: `signal(2)` takes two words by value; SIG_IGN is no function that could be called.
    let before = unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    if before != libc::SIG_ERR {
        // SAFETY: as above: we have no handlers, so that `before` is SIG_DFL or SIG_IGN.
        unsafe { libc::signal(libc::SIGPIPE, before) };
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
