//! One bit for each descriptor number.

use core::sync::atomic::{AtomicU64, Ordering};

/// Bits for the numbers below 64 × `WORDS`; all are clear at first.
#[derive(Debug)]
pub struct Bits<const WORDS: usize>([AtomicU64; WORDS]);

impl<const WORDS: usize> Bits<WORDS> {
    /// None is set.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "for statics")]
    pub const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; WORDS])
    }

    /// Whether the bit of `fd` is set.
    #[must_use]
    pub fn has(&self, fd: i32) -> bool {
        self.place(fd)
            .is_some_and(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0)
    }

    /// Sets the bit of `fd`; says whether there is one.
    pub fn set(&self, fd: i32) -> bool {
        let place = self.place(fd);
        if let Some((word, bit)) = place {
            word.fetch_or(bit, Ordering::Relaxed);
        }
        place.is_some()
    }

    /// Clears the bit of `fd`.
    pub fn clear(&self, fd: i32) {
        if let Some((word, bit)) = self.place(fd) {
            word.fetch_and(!bit, Ordering::Relaxed);
        }
    }

    fn place(&self, fd: i32) -> Option<(&AtomicU64, u64)> {
        let fd = usize::try_from(fd).ok()?;
        Some((self.0.get(fd / 64)?, 1 << (fd % 64)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bit_is_of_its_number_alone() {
        let bits = Bits::<2>::new();
        for fd in [0, 63, 64, 127] {
            assert!(bits.set(fd));
            assert!(bits.has(fd) && !bits.has(fd - 1) && !bits.has(fd + 1));
            bits.clear(fd);
            assert!(!bits.has(fd));
        }
        assert!(!bits.set(128) && !bits.set(-1) && !bits.has(-1));
    }
}
