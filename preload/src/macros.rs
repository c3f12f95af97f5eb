//! How a function of the C library is interposed: decision first, then the next function.
//!
//! The library has two hundred of these functions, so each is as short as it can be: what happens
//! seldom (the first call, a failure) is in one place for all.

use core::sync::atomic::AtomicUsize;

use crate::sys::errno::{self, Errno};
use crate::sys::next;

/// What becomes of a call: `None` goes on to the next function, `Some(Ok(…))` is our answer,
/// `Some(Err(…))` fails with that `errno`.
pub type Outcome<T> = Option<Result<T, Errno>>;

/// What a C function returns when it fails and sets `errno`.
pub trait Failure {
    /// The value: -1, or a null pointer.
    const FAILED: Self;

    /// The address of the next function `name` (with its NUL), to be kept in `cache`; where the C
    /// library has none, that of one that fails with `ENOSYS`.
    fn resolve(cache: &AtomicUsize, name: *const u8) -> usize;
}

macro_rules! failures {
    ($($type:ty = $failed:expr),*) => {
        $(
            impl Failure for $type {
                const FAILED: Self = $failed;

                #[inline]
                fn resolve(cache: &AtomicUsize, name: *const u8) -> usize {
                    resolve(cache, name)
                }
            }
        )*
    };
}

// `wint_t`, of which the largest number stands for none, is the last.
failures! { i32 = -1, isize = -1, i64 = -1, u32 = u32::MAX }

impl<T> Failure for *mut T {
    const FAILED: Self = core::ptr::null_mut();

    #[inline]
    fn resolve(cache: &AtomicUsize, name: *const u8) -> usize {
        resolve_pointer(cache, name)
    }
}

/// For functions that answer nothing.
impl Failure for () {
    const FAILED: Self = ();

    #[inline]
    fn resolve(cache: &AtomicUsize, name: *const u8) -> usize {
        resolve(cache, name)
    }
}

#[cold]
#[inline(never)]
fn resolve(cache: &AtomicUsize, name: *const u8) -> usize {
    next::resolve(cache, name, missing as *const () as usize)
}

#[cold]
#[inline(never)]
fn resolve_pointer(cache: &AtomicUsize, name: *const u8) -> usize {
    next::resolve(cache, name, missing_pointer as *const () as usize)
}

extern "C" fn missing() -> isize {
    fail(Errno::NOSYS)
}

extern "C" fn missing_pointer() -> *mut core::ffi::c_void {
    errno::set(Errno::NOSYS);
    core::ptr::null_mut()
}

/// Sets `errno` and answers [`Failure::FAILED`].
#[inline]
pub fn fail<T: Failure>(error: Errno) -> T {
    #[cold]
    #[inline(never)]
    fn set(error: Errno) {
        errno::set(error);
    }
    set(error);
    T::FAILED
}

/// Calls the next function of a name, `next!(fn read(fd: c_int, …) -> isize)`; fails with `ENOSYS`
/// where the C library has none.
macro_rules! next {
    (fn $name:ident($($arg:ident: $ty:ty),* $(,)?) -> $ret:ty) => {{
        static NEXT: core::sync::atomic::AtomicUsize = core::sync::atomic::AtomicUsize::new(0);
        let address = match NEXT.load(core::sync::atomic::Ordering::Relaxed) {
            0 => <$ret as $crate::macros::Failure>::resolve(
                &NEXT,
                concat!(stringify!($name), "\0").as_ptr(),
            ),
            known => known,
        };
        // SAFETY: the address is that of the C library's function of this name, which has this
        // type (its manual page), or of one that takes no argument and fails as it would.
        let function = unsafe {
            core::mem::transmute::<usize, unsafe extern "C" fn($($ty),*) -> $ret>(address)
        };
        // SAFETY: the arguments are passed on as they came; what they must fulfil is the duty of
        // whoever called us by that name.
        unsafe { function($($arg),*) }
    }};
}

/// Defines exported functions whose body is a decision ([`Outcome`]).
macro_rules! interpose {
    ($($(#[$meta:meta])* fn $name:ident($($arg:ident: $ty:ty),* $(,)?) -> $ret:ty $decision:block)*) => {
        $(
            $(#[$meta])*
            ///
            /// # Safety
            ///
            /// What the C library's function of this name demands of its caller.
            #[cfg_attr(feature = "shared-object", unsafe(no_mangle))]
            pub unsafe extern "C" fn $name($($arg: $ty),*) -> $ret {
                let decide = || -> $crate::macros::Outcome<$ret> { $decision };
                match decide() {
                    None => next!(fn $name($($arg: $ty),*) -> $ret),
                    Some(Ok(answer)) => answer,
                    Some(Err(error)) => $crate::macros::fail(error),
                }
            }
        )*
    };
}

/// The same for calls by a path, whose decision is asked again when the kernel finds nothing there
/// ([`Look`](crate::lookup::Look)).
macro_rules! interpose_path {
    ($($(#[$meta:meta])* fn $name:ident($($arg:ident: $ty:ty),* $(,)?) -> $ret:ty { |$path:ident, $look:ident| $decision:expr })*) => {
        $(
            $(#[$meta])*
            ///
            /// # Safety
            ///
            /// What the C library's function of this name demands of its caller.
            #[cfg_attr(feature = "shared-object", unsafe(no_mangle))]
            pub unsafe extern "C" fn $name($($arg: $ty),*) -> $ret {
                // Not a closure: it would keep the arguments in memory.
                #[inline(never)]
                unsafe fn answer_of(
                    $look: $crate::lookup::Look,
                    $($arg: $ty),*
                ) -> $crate::macros::Outcome<$ret> {
                    // Not every decision needs them all.
                    let _all = ($($arg,)*);
                    $decision
                }
                // SAFETY: the caller's promise: a string.
                let is_foreign = unsafe { $crate::entry::open::is_foreign($path) };
                let mut decided = if is_foreign {
                    None
                } else {
                    // SAFETY: the caller's promise.
                    unsafe { answer_of($crate::lookup::Look::First, $($arg),*) }
                };
                if decided.is_none() {
                    let answer = next!(fn $name($($arg: $ty),*) -> $ret);
                    if answer != <$ret as $crate::macros::Failure>::FAILED
                        || !$crate::macros::is_missing()
                    {
                        return answer;
                    }
                    // SAFETY: the caller's promise.
                    decided = unsafe { answer_of($crate::lookup::Look::Again, $($arg),*) };
                }
                match decided {
                    None => <$ret as $crate::macros::Failure>::FAILED,
                    Some(Ok(answer)) => answer,
                    Some(Err(error)) => $crate::macros::fail(error),
                }
            }
        )*
    };
}

/// Whether the last call found nothing, and something of ours may have been meant.
#[must_use]
#[cold]
#[inline(never)]
pub fn is_missing() -> bool {
    errno::get() == Errno::NOENT && crate::state::region::region().is_some()
}

/// Defines exported functions that are another one under a second name, `same!(fn open64 = open
/// (path: *const c_char, …) -> c_int)`: a file's size has 64 bits anyway.
macro_rules! same {
    ($($(#[$meta:meta])* fn $name:ident = $first:ident($($arg:ident: $ty:ty),* $(,)?) -> $ret:ty;)*) => {
        $(
            $(#[$meta])*
            ///
            /// # Safety
            ///
            /// What the C library's function of this name demands of its caller.
            #[cfg_attr(feature = "shared-object", unsafe(no_mangle))]
            pub unsafe extern "C" fn $name($($arg: $ty),*) -> $ret {
                // SAFETY: the caller's promise; both functions demand the same.
                unsafe { $first($($arg),*) }
            }
        )*
    };
}
