//! Offsets of descriptors that only this process has, by their number: cheaper than the kernel's,
//! which is for what is shared.

use core::sync::atomic::{AtomicU64, Ordering};

/// Numbers that can have one; higher ones have the kernel's. Chosen: the usual soft limit.
pub const NUMBERS: usize = 1024;

const IN_USE: u64 = 1 << 63;
const PATH_ONLY: u64 = 1 << 62;
const FLAGS: u64 = IN_USE | PATH_ONLY;

static OFFSETS: [AtomicU64; NUMBERS] = [const { AtomicU64::new(0) }; NUMBERS];

/// Where a descriptor's offset is kept: here, or with the kernel.
#[derive(Clone, Copy, Debug)]
pub struct Position(Option<&'static AtomicU64>);

impl Position {
    /// The offset in bytes; `None` when the kernel has it.
    #[must_use]
    pub fn offset(&self) -> Option<u64> {
        Some(self.0?.load(Ordering::Relaxed) & !FLAGS)
    }

    /// Whether the descriptor was opened with `O_PATH`.
    #[must_use]
    pub fn is_path_only(&self) -> bool {
        let value = self.0.map(|place| place.load(Ordering::Relaxed));
        value.is_some_and(|value| value & PATH_ONLY != 0)
    }

    /// Replaces the offset and answers the one before; `None` when the kernel has it.
    pub fn advance(&self, next: impl Fn(u64) -> u64) -> Option<u64> {
        let place = self.0?;
        let mut old = place.load(Ordering::Relaxed);
        loop {
            let new = (old & FLAGS) | (next(old & !FLAGS) & !FLAGS);
            match place.compare_exchange_weak(old, new, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Some(old & !FLAGS),
                Err(changed) => old = changed,
            }
        }
    }
}

/// Where the offset of `fd` is kept.
#[must_use]
pub fn of(fd: i32) -> Position {
    Position(place(fd).filter(|place| place.load(Ordering::Relaxed) & IN_USE != 0))
}

/// Keeps the offset of `fd` here from now on; says whether it can.
pub fn begin(fd: i32, offset: u64, is_path_only: bool) -> bool {
    let flags = IN_USE | if is_path_only { PATH_ONLY } else { 0 };
    match place(fd) {
        None => false,
        Some(place) => {
            place.store(flags | (offset & !FLAGS), Ordering::Relaxed);
            true
        }
    }
}

/// The offset of `fd` is not kept here any more.
pub fn forget(fd: i32) {
    if let Some(place) = place(fd) {
        place.store(0, Ordering::Relaxed);
    }
}

fn place(fd: i32) -> Option<&'static AtomicU64> {
    OFFSETS.get(usize::try_from(fd).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_moved_and_forgotten() {
        assert_eq!(of(900).offset(), None);
        assert!(begin(900, 7, true));
        let position = of(900);
        assert!(position.is_path_only());
        assert_eq!(position.advance(|old| old + 5), Some(7));
        assert_eq!(position.offset(), Some(12));
        forget(900);
        assert_eq!(of(900).advance(|old| old), None);
        assert!(!begin(1024, 0, false) && !begin(-1, 0, false));
    }
}
