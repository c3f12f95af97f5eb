//! scandir(3): the C libraries open and read by calls of their own.

use core::ffi::{c_char, c_int, c_void};

use super::super::open::{CURRENT, openat};
use super::list::{copy, size};
use super::{Dir, closedir, directory_at, fdopendir, opendir, readdir};
use crate::state::directories::Dirent;
use crate::sys::errno::{self, Errno};
use crate::sys::memory;

/// `O_RDONLY | O_DIRECTORY | O_CLOEXEC` (fcntl.h).
const FLAGS: c_int = 0o2_200_000;

type Select = Option<unsafe extern "C" fn(*const Dirent) -> c_int>;
type Compare = Option<unsafe extern "C" fn(*mut *const Dirent, *mut *const Dirent) -> c_int>;

/// The list under construction: an array of pointers to entries, all to be freed by the program.
struct List {
    entries: *mut *mut Dirent,
    count: usize,
}

impl List {
    fn push(&mut self, entry: *mut Dirent) -> Result<(), Errno> {
        // The array doubles at each power of two.
        if self.count == 0 || self.count.is_power_of_two() {
            let room = self.count.max(8).saturating_mul(2).saturating_mul(8);
            // SAFETY: null, or what was allocated here before.
            let grown = unsafe { memory::resize(self.entries.cast(), room) };
            if grown.is_null() {
                return Err(Errno::NOMEM);
            }
            self.entries = grown.cast();
        }
        let kept = memory::allocate(size(entry));
        if kept.is_null() {
            return Err(Errno::NOMEM);
        }
        copy(entry, kept.cast());
        // SAFETY: the array has room for one more.
        unsafe { self.entries.wrapping_add(self.count).write(kept.cast()) };
        self.count = self.count.wrapping_add(1);
        Ok(())
    }

    fn release(self) {
        for index in 0..self.count {
            // SAFETY: the first `count` elements were written, one with each that was added.
            let entry = unsafe { self.entries.wrapping_add(index).read() };
            // SAFETY: allocated above, and nobody else knows it.
            unsafe { memory::release(entry.cast()) };
        }
        // SAFETY: null, or allocated when the first entry was added; nobody else knows it.
        unsafe { memory::release(self.entries.cast()) };
    }
}

/// # Safety
///
/// `stream` is open, and `select` is what scandir(3) demands.
unsafe fn collect(stream: *mut Dir, select: Select, list: &mut List) -> Result<(), Errno> {
    loop {
        errno::set(Errno(0));
        // SAFETY: the caller's promise.
        let entry = unsafe { readdir(stream) };
        if entry.is_null() {
            return match errno::get() {
                Errno(0) => Ok(()),
                error => Err(error),
            };
        }
        let is_wanted = match select {
            None => true,
            // SAFETY: the caller's promise.
            Some(select) => unsafe { select(entry) != 0 },
        };
        if is_wanted {
            list.push(entry)?;
        }
    }
}

/// # Safety
///
/// As scandir(3).
unsafe fn scan(
    stream: *mut Dir,
    out: *mut *mut *mut Dirent,
    select: Select,
    compare: Compare,
) -> Result<c_int, Errno> {
    if stream.is_null() {
        return Err(errno::get());
    }
    let before = errno::get();
    let mut list = List {
        entries: core::ptr::null_mut(),
        count: 0,
    };
    // SAFETY: open, and for the rest the caller's promise.
    let collected = unsafe { collect(stream, select, &mut list) };
    // SAFETY: open, and not used any more.
    unsafe { closedir(stream) };
    if let Err(error) = collected {
        list.release();
        return Err(error);
    }
    errno::set(before);
    let (base, count, width) = (
        list.entries.cast::<c_void>(),
        list.count,
        size_of::<usize>(),
    );
    if compare.is_some() && count > 1 {
        next!(fn qsort(base: *mut c_void, count: usize, width: usize, compare: Compare) -> ());
    }
    // SAFETY: the caller's promise.
    unsafe { out.write(list.entries) };
    c_int::try_from(count).map_err(|_many| Errno::OVERFLOW)
}

interpose! {
    /// scandir(3).
    fn scandir(
        path: *const c_char,
        out: *mut *mut *mut Dirent,
        select: Select,
        compare: Compare,
    ) -> c_int {
        // SAFETY: scandir(3) demands a string.
        let _node = unsafe { directory_at(CURRENT, path) }?;
        // SAFETY: scandir(3) demands a string.
        let stream = unsafe { opendir(path) };
        // SAFETY: scandir(3) demands the same.
        Some(unsafe { scan(stream, out, select, compare) })
    }

    /// scandirat(3), of glibc.
    fn scandirat(
        directory: c_int,
        path: *const c_char,
        out: *mut *mut *mut Dirent,
        select: Select,
        compare: Compare,
    ) -> c_int {
        // SAFETY: scandirat(3) demands a string.
        let _node = unsafe { directory_at(directory, path) }?;
        // SAFETY: scandirat(3) demands a string.
        let fd = unsafe { openat(directory, path, FLAGS, 0) };
        if fd < 0 {
            return Some(Err(errno::get()));
        }
        // SAFETY: fdopendir(3) takes the descriptor, which is ours.
        let stream = unsafe { fdopendir(fd) };
        // SAFETY: scandirat(3) demands the same.
        Some(unsafe { scan(stream, out, select, compare) })
    }
}

same! {
    /// scandir(3) for large files.
    fn scandir64 = scandir(
        path: *const c_char,
        out: *mut *mut *mut Dirent,
        select: Select,
        compare: Compare,
    ) -> c_int;
    /// scandirat(3) for large files.
    fn scandirat64 = scandirat(
        directory: c_int,
        path: *const c_char,
        out: *mut *mut *mut Dirent,
        select: Select,
        compare: Compare,
    ) -> c_int;
}
