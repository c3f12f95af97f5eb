//! The file system that our files are on: statfs(2), statvfs(3). It is like a full tmpfs that is
//! mounted read-only.

use core::ffi::{c_char, c_int};

use super::open::{CURRENT, locate};
use super::stat::of_located;
use crate::descriptor;
use crate::macros::Outcome;
use crate::state::region;

/// `TMPFS_MAGIC` (linux/magic.h).
const TMPFS: u64 = 0x0102_1994;
/// Bytes of a block: one page.
const BLOCK: u64 = 4096;
/// The longest name of a file (`NAME_MAX`, linux/limits.h).
const NAME_MAX: u64 = 255;
/// `ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC` (statvfs(3)).
const FLAGS: u64 = 15;
/// `ST_VALID`: the kernel says that the flags count.
const VALID: u64 = 0x20;

/// `struct statfs`: type, block size, blocks, free, available, files, free files, two words of an
/// identity, longest name, fragment size, flags, and four words of nothing.
pub type Statfs = [u64; 15];

/// `struct statvfs`: block size, fragment size, blocks, free, available, files, free files,
/// available files, identity, flags, longest name, and three words for the type.
pub type Statvfs = [u64; 14];

const _: () = assert!(size_of::<Statfs>() == 120 && size_of::<Statvfs>() == 112);

/// # Safety
///
/// `path` is null or a string.
unsafe fn of_path(path: *const c_char) -> Outcome<()> {
    // SAFETY: the caller's promise.
    let located = unsafe { locate(CURRENT, path) }?;
    Some(of_located(located, CURRENT, path)?.map(|_there| ()))
}

fn of_descriptor(fd: c_int) -> Outcome<()> {
    descriptor::of(fd).map(|_there| Ok(()))
}

fn files() -> u64 {
    let count = region::region().map_or(0, |region| region.entries().count());
    u64::try_from(count).unwrap_or(0)
}

/// # Safety
///
/// `out` is the caller's to be written.
#[inline(never)]
unsafe fn put_statfs(decided: Outcome<()>, out: *mut Statfs) -> Outcome<c_int> {
    let answer = [
        TMPFS,
        BLOCK,
        1,
        0,
        0,
        files(),
        0,
        region::device(),
        NAME_MAX,
        BLOCK,
        FLAGS | VALID,
        0,
        0,
        0,
        0,
    ];
    Some(decided?.map(|()| {
        // SAFETY: the caller's promise.
        unsafe { out.write(answer) };
        0
    }))
}

/// # Safety
///
/// `out` is the caller's to be written.
#[inline(never)]
unsafe fn put_statvfs(decided: Outcome<()>, out: *mut Statvfs) -> Outcome<c_int> {
    let identity = region::device();
    let answer = [
        BLOCK,
        BLOCK,
        1,
        0,
        0,
        files(),
        0,
        0,
        identity,
        FLAGS,
        NAME_MAX,
        TMPFS,
        0,
        0,
    ];
    Some(decided?.map(|()| {
        // SAFETY: the caller's promise.
        unsafe { out.write(answer) };
        0
    }))
}

interpose! {
    /// statfs(2).
    fn statfs(path: *const c_char, out: *mut Statfs) -> c_int {
        // SAFETY: statfs(2) demands a string and room for the answer.
        unsafe { put_statfs(of_path(path), out) }
    }

    /// fstatfs(2).
    fn fstatfs(fd: c_int, out: *mut Statfs) -> c_int {
        // SAFETY: fstatfs(2) demands room for the answer.
        unsafe { put_statfs(of_descriptor(fd), out) }
    }

    /// statvfs(3).
    fn statvfs(path: *const c_char, out: *mut Statvfs) -> c_int {
        // SAFETY: statvfs(3) demands a string and room for the answer.
        unsafe { put_statvfs(of_path(path), out) }
    }

    /// fstatvfs(3).
    fn fstatvfs(fd: c_int, out: *mut Statvfs) -> c_int {
        // SAFETY: fstatvfs(3) demands room for the answer.
        unsafe { put_statvfs(of_descriptor(fd), out) }
    }
}

same! {
    /// statfs(2) for large files.
    fn statfs64 = statfs(path: *const c_char, out: *mut Statfs) -> c_int;
    /// fstatfs(2) for large files.
    fn fstatfs64 = fstatfs(fd: c_int, out: *mut Statfs) -> c_int;
    /// statvfs(3) for large files.
    fn statvfs64 = statvfs(path: *const c_char, out: *mut Statvfs) -> c_int;
    /// fstatvfs(3) for large files.
    fn fstatvfs64 = fstatvfs(fd: c_int, out: *mut Statvfs) -> c_int;
}
