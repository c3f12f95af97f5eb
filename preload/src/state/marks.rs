//! Which descriptor numbers may be virtual: one bit each.
//!
//! A mark says *maybe*. It is set when a virtual descriptor appears under a number, and outlives it
//! when that is closed where we do not see it, or in a child that shares our memory; whoever finds
//! it set asks the kernel ([`crate::descriptor`]). A clear bit is certain, and costs the other
//! calls one load. What was closed through us is clear again: a sandbox that forbids `fstat` stays
//! in peace.

use core::sync::atomic::{AtomicU32, Ordering};

use super::bits::Bits;

/// Numbers that have a mark. Chosen: the kernel's default for the largest `RLIMIT_NOFILE`
/// (`fs.nr_open`); the bits take 128 KiB of address space and memory only where they are used.
const NUMBERS: usize = 1 << 20;

static MARKS: Bits<{ NUMBERS / 64 }> = Bits::new();

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
    MARKS.has(fd)
}

/// Marks `fd`; says whether it could.
pub fn set(fd: i32) -> bool {
    let is_set = MARKS.set(fd);
    if is_set {
        END.fetch_max(fd.cast_unsigned().wrapping_add(1), Ordering::Relaxed);
    }
    is_set
}

/// Takes the mark away: `fd` was seen to be something else.
pub fn clear(fd: i32) {
    MARKS.clear(fd);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_that_of_all_marks_so_far() {
        assert!(set(1_048_575) && has(1_048_575));
        clear(1_048_575);
        assert!(!has(1_048_575) && !set(1_048_576));
        assert_eq!(end(), 1_048_576);
    }
}
