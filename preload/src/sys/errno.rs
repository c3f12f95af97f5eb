//! Error numbers, and `errno` of the C library that is there: one of the few symbols that this
//! library leaves to be found at load time.
#![expect(unsafe_code, reason = "errno is a place in the C library's memory")]

use core::ffi::c_int;

use linux_raw_sys::errno;

/// An error number of errno(3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Errno(pub c_int);

macro_rules! numbers {
    ($($name:ident = $number:ident),* $(,)?) => {
        impl Errno {
            $(
                #[doc = concat!("`", stringify!($number), "`.")]
                pub const $name: Self = Self(errno::$number.cast_signed());
            )*
        }
    };
}

numbers! {
    ACCESS = EACCES, AGAIN = EAGAIN, BADF = EBADF, CHILD = ECHILD, EXIST = EEXIST, FAULT = EFAULT,
    FBIG = EFBIG, ILSEQ = EILSEQ, INTR = EINTR,
    INVAL = EINVAL, IO = EIO, ISDIR = EISDIR, LOOP = ELOOP, MFILE = EMFILE,
    NAMETOOLONG = ENAMETOOLONG, NODATA = ENODATA, NODEV = ENODEV, NOENT = ENOENT, NOEXEC = ENOEXEC, NOMEM = ENOMEM,
    NOSYS = ENOSYS, NOTDIR = ENOTDIR, NOTTY = ENOTTY, NXIO = ENXIO, OPNOTSUPP = EOPNOTSUPP,
    OVERFLOW = EOVERFLOW, PERM = EPERM, PIPE = EPIPE, RANGE = ERANGE, ROFS = EROFS, STALE = ESTALE,
    TIMEDOUT = ETIMEDOUT, TOOBIG = E2BIG,
}

unsafe extern "C" {
    /// Both C libraries have it under this name: the calling thread's `errno`.
    safe fn __errno_location() -> *mut c_int;
}

/// Sets the calling thread's `errno`.
pub fn set(error: Errno) {
    // SAFETY: the C library answers the address of an `int` that belongs to this thread and lives
    // as long as it.
    unsafe { __errno_location().write(error.0) };
}

/// Reads the calling thread's `errno`.
#[must_use]
pub fn get() -> Errno {
    // SAFETY: the address is that of this thread's `errno`, as in `set`.
    Errno(unsafe { __errno_location().read() })
}
