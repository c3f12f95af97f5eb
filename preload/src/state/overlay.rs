//! Descriptors of directories that exist and have children of ours too. The kernel's number says
//! nothing about that, so it is noted when such a directory is opened by its name.
//!
//! A mark says *maybe*: it outlives the descriptor, and whoever finds it asks the kernel where the
//! directory is.

use super::bits::Bits;

/// Those of the usual soft limit of 1,024. A number beyond them is listed as the kernel has it.
static MARKS: Bits<{ 1024 / 64 }> = Bits::new();

/// Whether `fd` may be such a directory.
#[must_use]
pub fn has(fd: i32) -> bool {
    MARKS.has(fd)
}

/// Marks `fd`.
pub fn set(fd: i32) {
    MARKS.set(fd);
}

/// `new` is a second number of `old`.
pub fn follow(old: i32, new: i32) {
    if has(old) {
        set(new);
    }
}

/// Takes the mark away: `fd` was seen to be something else.
pub fn clear(fd: i32) {
    MARKS.clear(fd);
}
