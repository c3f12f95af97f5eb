//! Which descriptor numbers may be virtual: one bit each.
//!
//! A mark says *maybe*. It is set when a virtual descriptor appears under a number, and outlives it
//! when that is closed where we do not see it, or in a child that shares our memory; whoever finds
//! it set asks the kernel ([`crate::descriptor`]). A clear bit is certain, and costs the other calls
//! one load. What was closed through us is clear again: a sandbox that forbids `fstat` stays in peace.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Numbers that have a mark. Chosen: the kernel's default for the largest `RLIMIT_NOFILE`
/// (`fs.nr_open`); the bits take 128 KiB of address space and memory only where they are used.
const NUMBERS: usize = 1 << 20;

static MARKS: [AtomicU64; NUMBERS / 64] = [const { AtomicU64::new(0) }; NUMBERS / 64];

/// One more than the highest number that was ever marked; 0 for none.
static END: AtomicU32 = AtomicU32::new(0);

/// Whether any number was ever marked.
#[inline(always)]
#[must_use]
pub fn any() -> bool {
    END.load(Ordering::Relaxed) != 0
}

/// One more than the highest number that was ever marked.
#[must_use]
pub fn end() -> u32 {
    END.load(Ordering::Relaxed)
}

/// Whether `fd` may be virtual.
#[inline(always)]
#[must_use]
pub fn has(fd: i32) -> bool {
    any() && is_set(fd)
}

fn is_set(fd: i32) -> bool {
    place(fd).is_some_and(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0)
}

/// Marks `fd`; says whether it could.
pub fn set(fd: i32) -> bool {
    let (Some((word, bit)), Ok(number)) = (place(fd), u32::try_from(fd)) else {
        return false;
    };
    word.fetch_or(bit, Ordering::Relaxed);
    END.fetch_max(number.wrapping_add(1), Ordering::Relaxed);
    true
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
        for fd in [0, 63, 64, 1_048_575] {
            assert!(set(fd));
            assert!(has(fd) && !has(fd - 1) && !has(fd + 1));
            clear(fd);
            assert!(!has(fd));
        }
        assert!(!set(1_048_576) && !set(-1) && !has(-1));
        assert_eq!(end(), 1_048_576);
    }
}
