//! Signals of system(3) and of the report: dispositions and masks, through the C library's own
//! functions, which know how a handler returns.
#![expect(unsafe_code, reason = "dispositions that several threads put back")]

use core::cell::UnsafeCell;
use core::ffi::{c_int, c_void};

use super::errno::Errno;

/// `SIGCHLD`.
pub const CHILD: c_int = 17;
/// `SIGPIPE`.
const PIPE: c_int = 13;
/// `SIGINT` and `SIGQUIT`.
const TERMINAL: [c_int; 2] = [2, 3];

/// `SIG_IGN`.
const IGNORED: usize = 1;
/// `SIG_BLOCK`, `SIG_SETMASK`.
const BLOCK: c_int = 0;
const SET: c_int = 2;

/// `sigset_t` of both C libraries.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct SignalSet([u64; 16]);

impl SignalSet {
    /// A set of these signals, each below 65.
    #[must_use]
    pub fn of(signals: &[c_int]) -> Self {
        let bits = signals.iter().fold(0, |bits, signal| {
            bits | 1_u64.rotate_left(signal.cast_unsigned().wrapping_sub(1))
        });
        let mut set = Self::default();
        if let Some(word) = set.0.first_mut() {
            *word = bits;
        }
        set
    }
}

/// `struct sigaction` of both C libraries on this architecture.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Action {
    handler: usize,
    mask: SignalSet,
    flags: c_int,
    restorer: usize,
}

const NONE: Action = Action {
    handler: 0,
    mask: SignalSet([0; 16]),
    flags: 0,
    restorer: 0,
};

struct Kept(UnsafeCell<[Action; 2]>);

// SAFETY: written by `ignore_terminal` and read by the others while a shell runs; `launch::quiet`
// lets one thread at a time change it.
unsafe impl Sync for Kept {}

static KEPT: Kept = Kept(UnsafeCell::new([NONE; 2]));

/// Ignores the terminal's signals, and keeps what they did.
pub fn ignore_terminal() {
    let mut before = [NONE; 2];
    let ignore = Action {
        handler: IGNORED,
        ..NONE
    };
    for (signal, old) in TERMINAL.into_iter().zip(&mut before) {
        action(signal, &raw const ignore, &raw mut *old);
    }
    // SAFETY: one thread at a time is here, which the `Sync` implementation states.
    unsafe { *KEPT.0.get() = before };
}

/// Puts back what [`ignore_terminal`] found.
pub fn restore_terminal() {
    for (signal, old) in TERMINAL.into_iter().zip(&kept()) {
        action(signal, &raw const *old, core::ptr::null_mut());
    }
}

/// The terminal's signals that were not ignored before: the shell has their defaults.
#[must_use]
pub fn terminal_defaults() -> SignalSet {
    let [interrupt, quit] = kept().map(|old| old.handler != IGNORED);
    match (interrupt, quit) {
        (true, true) => SignalSet::of(&TERMINAL),
        (true, false) => SignalSet::of(&[2]),
        (false, true) => SignalSet::of(&[3]),
        (false, false) => SignalSet::default(),
    }
}

/// Blocks `signals` in this thread, and answers the mask before.
#[must_use]
pub fn block(signals: SignalSet) -> SignalSet {
    let mut before = SignalSet::default();
    mask(BLOCK, &raw const signals, &raw mut before);
    before
}

/// Sets this thread's mask.
pub fn set_mask(signals: SignalSet) {
    mask(SET, &raw const signals, core::ptr::null_mut());
}

/// Runs `write`, which may raise `SIGPIPE`; the program does not get it.
pub fn without_pipe_signal(write: impl FnOnce() -> Result<usize, Errno>) {
    let pipe = SignalSet::of(&[PIPE]);
    let before = block(pipe);
    let pipe_bit = pipe.0.first().copied().unwrap_or(0);
    let was_pending = pending().0.first().is_some_and(|word| word & pipe_bit != 0);
    if write() == Err(Errno::PIPE) && !was_pending {
        take(&pipe);
    }
    set_mask(before);
}

/// The signals that wait for this thread or process, of those that it blocks.
fn pending() -> SignalSet {
    let mut set = SignalSet::default();
    let place = &raw mut set;
    next!(fn sigpending(place: *mut SignalSet) -> c_int);
    set
}

/// Takes a waiting signal away.
fn take(signals: &SignalSet) {
    let signals = &raw const *signals;
    let (information, time) = (core::ptr::null_mut(), &raw const AT_ONCE);
    next!(fn sigtimedwait(signals: *const SignalSet, information: *mut c_void, time: *const [i64; 2]) -> c_int);
}

/// A `struct timespec` of nothing.
static AT_ONCE: [i64; 2] = [0; 2];

fn kept() -> [Action; 2] {
    // SAFETY: one thread at a time is here, which the `Sync` implementation states.
    unsafe { *KEPT.0.get() }
}

fn action(signal: c_int, new: *const Action, old: *mut Action) {
    next!(fn sigaction(signal: c_int, new: *const Action, old: *mut Action) -> c_int);
}

fn mask(how: c_int, new: *const SignalSet, old: *mut SignalSet) {
    next!(fn sigprocmask(how: c_int, new: *const SignalSet, old: *mut SignalSet) -> c_int);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_structures_are_the_c_librarys() {
        assert_eq!((size_of::<SignalSet>(), size_of::<Action>()), (128, 152));
        assert_eq!(SignalSet::of(&[1, 17, 64]).0[0], 1 | (1 << 16) | (1 << 63));
    }
}
