//! How a function of the C library is interposed: decision first, then the next function.

/// What becomes of a call: `None` goes on to the next function, `Some(Ok(…))` is our answer,
/// `Some(Err(…))` fails with that `errno`.
pub type Outcome<T> = Option<Result<T, crate::sys::errno::Errno>>;

/// What a C function returns when it fails and sets `errno`.
pub trait Failure {
    /// The value: -1, or a null pointer.
    const FAILED: Self;
}

impl Failure for i32 {
    const FAILED: Self = -1;
}

impl Failure for isize {
    const FAILED: Self = -1;
}

impl Failure for i64 {
    const FAILED: Self = -1;
}

impl<T> Failure for *mut T {
    const FAILED: Self = core::ptr::null_mut();
}

impl<T> Failure for *const T {
    const FAILED: Self = core::ptr::null();
}

/// Calls the next function of a name, `next!(fn read(fd: c_int, …) -> isize)`; fails with `ENOSYS`
/// where the C library has none.
macro_rules! next {
    (fn $name:ident($($arg:ident: $ty:ty),* $(,)?) -> $ret:ty) => {{
        static NEXT: core::sync::atomic::AtomicUsize = core::sync::atomic::AtomicUsize::new(0);
        $crate::state::init::ensure();
        match $crate::sys::next::resolve(&NEXT, concat!(stringify!($name), "\0").as_bytes()) {
            Some(address) => {
                // SAFETY: the address is that of the C library's function of this name, which has
                // this type (its manual page).
                let function = unsafe {
                    core::mem::transmute::<usize, unsafe extern "C" fn($($ty),*) -> $ret>(address)
                };
                // SAFETY: the arguments are passed on as they came; what they must fulfil is the
                // duty of whoever called us by that name.
                unsafe { function($($arg),*) }
            }
            None => {
                $crate::sys::errno::set($crate::sys::errno::Errno::NOSYS);
                <$ret as $crate::macros::Failure>::FAILED
            }
        }
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
                    Some(Err(error)) => {
                        $crate::sys::errno::set(error);
                        <$ret as $crate::macros::Failure>::FAILED
                    }
                }
            }
        )*
    };
}
