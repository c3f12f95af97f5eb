//! Bounds-checked reads of a region's memory, which may be hostile and may change at any moment.
//!
//! Only relaxed loads: on a read-only mapping nothing stronger is guaranteed to work. The order
//! between them is made by fences, in [`super::entry`].

use core::sync::atomic::{AtomicU64, Ordering};

const WORD: usize = 8;

/// The `u64` at `offset`, if it lies within `words` and is aligned.
pub(super) fn u64_at(words: &[AtomicU64], offset: usize) -> Option<u64> {
    if !offset.is_multiple_of(WORD) {
        return None;
    }
    let word = words.get(offset / WORD)?;
    Some(u64::from_le(word.load(Ordering::Relaxed)))
}

/// Like [`u64_at`], for what must count or point to something in memory.
pub(super) fn size_at(words: &[AtomicU64], offset: usize) -> Option<usize> {
    usize::try_from(u64_at(words, offset)?).ok()
}

/// The two `u32` at `offset` and `offset + 4`, read with one load.
pub(super) fn u32_pair_at(words: &[AtomicU64], offset: usize) -> Option<(u32, u32)> {
    let [a, b, c, d, e, f, g, h] = u64_at(words, offset)?.to_le_bytes();
    Some((
        u32::from_le_bytes([a, b, c, d]),
        u32::from_le_bytes([e, f, g, h]),
    ))
}

/// The byte at `offset`.
pub(super) fn byte_at(words: &[AtomicU64], offset: usize) -> Option<u8> {
    let word = words.get(offset / WORD)?.load(Ordering::Relaxed);
    word.to_ne_bytes().get(offset % WORD).copied()
}

/// Fills `out` with the bytes from `offset` on; `None` (and `out` in any state) when they do not
/// all lie within `words`.
pub(super) fn copy(words: &[AtomicU64], offset: usize, out: &mut [u8]) -> Option<()> {
    let misaligned = offset % WORD;
    let head = if misaligned == 0 {
        0
    } else {
        WORD.checked_sub(misaligned)?.min(out.len())
    };
    let (head, rest) = out.split_at_mut_checked(head)?;
    for (at, byte) in (offset..).zip(head.iter_mut()) {
        *byte = byte_at(words, at)?;
    }
    let start = offset.checked_add(head.len())?;
    let mut source = words.get(start / WORD..)?.iter();
    let (whole, tail) = rest.as_chunks_mut::<WORD>();
    for chunk in whole {
        *chunk = source.next()?.load(Ordering::Relaxed).to_ne_bytes();
    }
    if !tail.is_empty() {
        let last = source.next()?.load(Ordering::Relaxed).to_ne_bytes();
        for (byte, from) in tail.iter_mut().zip(last) {
            *byte = from;
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    #[test]
    fn every_cut_of_a_few_words_is_copied_exactly_or_refused() {
        let bytes: Vec<u8> = (1..=32).collect();
        let words: Vec<AtomicU64> = bytes
            .as_chunks::<8>()
            .0
            .iter()
            .map(|chunk| AtomicU64::new(u64::from_ne_bytes(*chunk)))
            .collect();
        for start in 0..40 {
            for len in 1..40 {
                let mut out = std::vec![0; len];
                let copied = copy(&words, start, &mut out);
                match bytes.get(start..start + len) {
                    Some(expected) => {
                        assert_eq!(copied, Some(()), "{start}+{len}");
                        assert_eq!(out, expected);
                    }
                    None => assert_eq!(copied, None, "{start}+{len}"),
                }
            }
        }
    }

    #[test]
    fn unaligned_and_outside_integers_are_refused() {
        let words = [AtomicU64::new(0x0807_0605_0403_0201_u64.to_le())];
        assert_eq!(u32_pair_at(&words, 0), Some((0x0403_0201, 0x0807_0605)));
        assert_eq!(u64_at(&words, 4), None);
        assert_eq!(u64_at(&words, 8), None);
        assert_eq!(byte_at(&words, 7), Some(8));
        assert_eq!(byte_at(&words, 8), None);
    }
}
