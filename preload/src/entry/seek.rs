//! The offset: lseek(2).

use core::ffi::c_int;

use crate::sys::errno::Errno;

use crate::descriptor::{self, Virtual};
use crate::macros::Outcome;

const SEEK_SET: c_int = 0;
const SEEK_CUR: c_int = 1;
const SEEK_END: c_int = 2;
const SEEK_DATA: c_int = 3;
const SEEK_HOLE: c_int = 4;

/// The largest offset: a tag keeps 32 bits of it.
const MOST: i64 = 0xffff_ffff;

fn decide(fd: c_int, offset: i64, whence: c_int) -> Outcome<i64> {
    let found = descriptor::of(fd)?;
    Some(seek(&found, offset, whence))
}

#[inline(never)]
fn seek(found: &Virtual, offset: i64, whence: c_int) -> Result<i64, Errno> {
    if found.tag.is_path_only {
        return Err(Errno::BADF);
    }
    // Of a directory: a place of its list (getdents64(2)).
    let len = i64::try_from(found.value_len()?).unwrap_or(MOST);
    let within = || (0..len).contains(&offset).then_some(()).ok_or(Errno::NXIO);
    let target = match whence {
        SEEK_SET => Some(offset),
        SEEK_CUR => i64::try_from(found.offset())
            .ok()
            .and_then(|at| at.checked_add(offset)),
        SEEK_END => len.checked_add(offset),
        SEEK_DATA => {
            within()?;
            Some(offset)
        }
        SEEK_HOLE => {
            within()?;
            Some(len)
        }
        _ => None,
    };
    let target = target.filter(|target| (0..=MOST).contains(target));
    let target = target.ok_or(Errno::INVAL)?;
    found.set_offset(u64::try_from(target).map_err(|_negative| Errno::INVAL)?)?;
    Ok(target)
}

interpose! {
    /// lseek(2).
    fn lseek(fd: c_int, offset: i64, whence: c_int) -> i64 {
        decide(fd, offset, whence)
    }
}

same! {
    /// lseek(2) for large files.
    fn lseek64 = lseek(fd: c_int, offset: i64, whence: c_int) -> i64;
    /// `lseek` under another name of glibc.
    fn __lseek = lseek(fd: c_int, offset: i64, whence: c_int) -> i64;
}
