//! Offsets of tokens that this process may not change: another user made them, and the privileges
//! are gone. They are kept here, by number and inode, so that a number that got another file has
//! none.

use core::sync::atomic::{AtomicU64, Ordering};

/// Numbers that can have one. Chosen: the usual soft limit.
const NUMBERS: usize = 1024;

struct Place {
    inode: AtomicU64,
    offset: AtomicU64,
}

static PLACES: [Place; NUMBERS] = [const {
    Place {
        inode: AtomicU64::new(0),
        offset: AtomicU64::new(0),
    }
}; NUMBERS];

/// The offset of `fd`, in bytes, if one of this inode is kept.
#[must_use]
pub(super) fn of(fd: i32, inode: u64) -> Option<u64> {
    let place = place(fd)?;
    (place.inode.load(Ordering::Acquire) == inode).then(|| place.offset.load(Ordering::Relaxed))
}

/// Keeps the offset of `fd`; `None` when it cannot be kept.
pub(super) fn keep(fd: i32, inode: u64, offset: u64) -> Option<()> {
    let place = place(fd)?;
    place.offset.store(offset, Ordering::Relaxed);
    place.inode.store(inode, Ordering::Release);
    Some(())
}

fn place(fd: i32) -> Option<&'static Place> {
    PLACES.get(usize::try_from(fd).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_of_its_number_and_inode_alone() {
        assert_eq!(keep(900, 5, 7), Some(()));
        assert_eq!(of(900, 5), Some(7));
        assert_eq!(of(900, 6), None);
        assert_eq!(of(901, 5), None);
        assert_eq!(keep(1024, 5, 7), None);
        assert_eq!(of(-1, 5), None);
    }
}
