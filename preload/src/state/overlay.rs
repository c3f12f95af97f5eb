//! Descriptors of directories that exist and have children of ours too. The kernel's number says
//! nothing about that, so it is noted when such a directory is opened by its name.
//!
//! A mark says *maybe*: it outlives the descriptor, and whoever finds it asks the kernel where the
//! directory is.

use core::sync::atomic::{AtomicU64, Ordering};

/// Numbers that have a mark. Chosen: the usual soft limit.
const NUMBERS: usize = 1024;

static MARKS: [AtomicU64; NUMBERS / 64] = [const { AtomicU64::new(0) }; NUMBERS / 64];

/// Whether `fd` may be such a directory.
#[must_use]
pub fn has(fd: i32) -> bool {
    place(fd).is_some_and(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0)
}

/// Marks `fd`. A number beyond the marks is listed as the kernel has it.
pub fn set(fd: i32) {
    if let Some((word, bit)) = place(fd) {
        word.fetch_or(bit, Ordering::Relaxed);
    }
}

/// `new` is a second number of `old`.
pub fn follow(old: i32, new: i32) {
    if has(old) {
        set(new);
    }
}

/// Takes the mark away: `fd` was seen to be something else.
pub fn clear(fd: i32) {
    if let Some((word, bit)) = place(fd) {
        word.fetch_and(!bit, Ordering::Relaxed);
    }
}

fn place(fd: i32) -> Option<(&'static AtomicU64, u64)> {
    let fd = usize::try_from(fd).ok()?;
    Some((MARKS.get(fd / 64)?, 1 << (fd % 64)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_of_its_number_alone() {
        set(100);
        assert!(has(100) && !has(99) && !has(101));
        clear(100);
        assert!(!has(100));
        set(-1);
        set(1024);
        assert!(!has(-1) && !has(1024));
    }
}
