//! Opening by `io_uring`: no system call names the file, and with `SQPOLL` a kernel thread does it.

use std::fs::File;
use std::io;

use crate::sys;

/// `IORING_SETUP_SQPOLL`, `IORING_ENTER_GETEVENTS`, `IORING_ENTER_SQ_WAKEUP`, `IORING_OP_OPENAT`,
/// `IORING_OFF_SQES` (linux/io_uring.h).
const SETUP_SQPOLL: u32 = 2;
const ENTER_GETEVENTS: usize = 1;
const ENTER_SQ_WAKEUP: usize = 2;
const OP_OPENAT: u64 = 18;
const OFF_SQES: i64 = 0x1000_0000;
/// `struct io_uring_params` is 120 bytes: ten words of setup, then offsets in the rings.
const PARAMS: usize = 30;

/// Opens a file for reading.
pub(crate) fn open(path: &str, polled: bool) -> io::Result<File> {
    let mut params = [0_u32; PARAMS];
    params[2] = if polled { SETUP_SQPOLL } else { 0 };
    let at = sys::address(&mut params);
    let ring = sys::call(libc::SYS_io_uring_setup, [1, at, 0, 0, 0, 0])?;
    let ring_fd = i32::try_from(ring).unwrap();
    let ring = usize::try_from(ring).unwrap();
    let _closed = sys::owned(ring_fd);
    // Words 10 to 19 are the offsets of the submission ring, 20 to 29 of the completion ring; both
    // are in one mapping (`IORING_FEAT_SINGLE_MMAP`, Linux 5.4).
    let rings = sys::Words::map(ring_fd, 0);
    let entries = sys::Words::map(ring_fd, OFF_SQES);
    let (tail, array) = (params[11] / 4, params[16] / 4);
    let (done, results) = (params[21] / 4, params[25] / 4);
    let mut path = sys::text(path);
    let path = u64::try_from(sys::address(path.as_mut_slice())).unwrap();
    // The operation; `AT_FDCWD` and no offset; the path.
    let fields = [OP_OPENAT | (0xffff_ff9c << 32), 0, path];
    for (word, value) in (0_u32..).step_by(2).zip(fields) {
        entries.set(word, u32::try_from(value & 0xffff_ffff).unwrap());
        entries.set(word + 1, u32::try_from(value >> 32).unwrap());
    }
    rings.set(array, 0);
    rings.set(tail, 1);
    let submitted = usize::from(!polled);
    let flags = ENTER_GETEVENTS | if polled { ENTER_SQ_WAKEUP } else { 0 };
    while rings.get(done) == 0 {
        sys::call(libc::SYS_io_uring_enter, [ring, submitted, 1, flags, 0, 0])?;
    }
    // A completion: two words of our own, then the result.
    let result = rings.get(results + 2).cast_signed();
    if result < 0 {
        return Err(io::Error::from_raw_os_error(-result));
    }
    Ok(File::from(sys::owned(result)))
}
