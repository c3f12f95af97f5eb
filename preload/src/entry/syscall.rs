//! syscall(2), the C library's function: programs such as Node.js call what their oldest C library
//! had no function for by number. Those that we interpose by name are led there; all others go on.
//! The instruction itself, in a program's own code, cannot be interposed.

use core::ffi::{c_char, c_int, c_long, c_uint};

use linux_raw_sys::general as linux;

use super::{access, close, copy, dup, fcntl, identity, open, read, seek, stat};
use crate::state::region;

/// Arguments of a call, as the registers had them.
type Arguments = [usize; 6];

#[expect(
    clippy::cast_possible_truncation,
    reason = "the kernel, too, takes the lower half of the register"
)]
const fn uint(argument: usize) -> c_uint {
    argument as c_uint
}

const fn int(argument: usize) -> c_int {
    uint(argument).cast_signed()
}

fn text(argument: usize) -> *const c_char {
    argument as *const c_char
}

/// Calls the function of that number if it is one of ours.
///
/// # Safety
///
/// As the call of that number.
#[inline(never)]
unsafe fn lead(number: c_long, arguments: Arguments) -> Option<c_long> {
    region::region()?;
    let number = u32::try_from(number).ok()?;
    let [a, b, c, d, e, _] = arguments;
    let wide = |value: isize| value as c_long;
    /// One call with its safety argument.
    macro_rules! call {
        ($function:expr $(, $argument:expr)*) => {
            // SAFETY: the arguments are those of the call of this number, which has the same
            // meaning as the function.
            unsafe { $function($($argument),*) }
        };
    }
    Some(match number {
        linux::__NR_open => c_long::from(call!(open::open, text(a), int(b), uint(c))),
        linux::__NR_openat => c_long::from(call!(open::openat, int(a), text(b), int(c), uint(d))),
        linux::__NR_openat2 => {
            c_long::from(call!(open::openat2, int(a), text(b), c as *const _, d))
        }
        linux::__NR_close => c_long::from(call!(close::close, int(a))),
        linux::__NR_close_range => {
            c_long::from(call!(close::close_range, uint(a), uint(b), int(c)))
        }
        linux::__NR_read => wide(call!(read::read, int(a), b as *mut _, c)),
        linux::__NR_pread64 => wide(call!(read::pread, int(a), b as *mut _, c, d as i64)),
        linux::__NR_readv => wide(call!(read::readv, int(a), b as *const _, int(c))),
        linux::__NR_preadv => wide(call!(read::preadv, int(a), b as *const _, int(c), d as i64)),
        linux::__NR_lseek => call!(seek::lseek, int(a), b as i64, int(c)),
        linux::__NR_stat => c_long::from(call!(stat::stat, text(a), b as *mut _)),
        linux::__NR_lstat => c_long::from(call!(stat::lstat, text(a), b as *mut _)),
        linux::__NR_fstat => c_long::from(call!(stat::fstat, int(a), b as *mut _)),
        linux::__NR_newfstatat => {
            c_long::from(call!(stat::fstatat, int(a), text(b), c as *mut _, int(d)))
        }
        linux::__NR_statx => c_long::from(call!(
            stat::statx,
            int(a),
            text(b),
            int(c),
            uint(d),
            e as *mut _
        )),
        linux::__NR_access => c_long::from(call!(access::access, text(a), int(b))),
        linux::__NR_faccessat => c_long::from(call!(access::faccessat, int(a), text(b), int(c), 0)),
        linux::__NR_faccessat2 => {
            c_long::from(call!(access::faccessat, int(a), text(b), int(c), int(d)))
        }
        linux::__NR_readlink => wide(call!(identity::readlink, text(a), b as *mut _, c)),
        linux::__NR_readlinkat => {
            wide(call!(identity::readlinkat, int(a), text(b), c as *mut _, d))
        }
        linux::__NR_dup => c_long::from(call!(dup::dup, int(a))),
        linux::__NR_dup2 => c_long::from(call!(dup::dup2, int(a), int(b))),
        linux::__NR_dup3 => c_long::from(call!(dup::dup3, int(a), int(b), int(c))),
        linux::__NR_fcntl => c_long::from(call!(fcntl::fcntl, int(a), int(b), c)),
        linux::__NR_ioctl => c_long::from(call!(fcntl::ioctl, int(a), b as _, c)),
        linux::__NR_sendfile => wide(call!(copy::sendfile, int(a), int(b), c as *mut _, d)),
        linux::__NR_copy_file_range => wide(call!(
            copy::copy_file_range,
            int(a),
            b as *mut _,
            int(c),
            d as *mut _,
            e,
            0
        )),
        _ => return None,
    })
}

interpose! {
    /// syscall(2), with as many arguments as any call has.
    fn syscall(
        number: c_long,
        a: usize,
        b: usize,
        c: usize,
        d: usize,
        e: usize,
        f: usize,
    ) -> c_long {
        // SAFETY: syscall(2) demands what the call of that number does.
        unsafe { lead(number, [a, b, c, d, e, f]) }.map(Ok)
    }
}
