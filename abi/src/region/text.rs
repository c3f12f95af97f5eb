//! A text of the region: a reference, a path or a variable's name. Never a secret value.

use core::fmt;
use core::sync::atomic::AtomicU64;

use super::error::ReadError;
use super::words;

/// A text that stands in the region, not longer than the region itself. The writer writes UTF-8;
/// a reader compares bytes.
#[derive(Clone, Copy)]
pub struct Text<'a> {
    words: &'a [AtomicU64],
    offset: usize,
    len: usize,
}

impl<'a> Text<'a> {
    /// The caller has checked that `offset + len` lies within the region.
    pub(super) const fn new(words: &'a [AtomicU64], offset: usize, len: usize) -> Self {
        Self { words, offset, len }
    }

    /// Length in bytes, at least 1.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "an absent text is None")]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether the text is `other`, byte for byte.
    ///
    /// Compares from the end: paths and references of one program share their beginning.
    #[must_use]
    pub fn is(&self, other: &[u8]) -> bool {
        self.len == other.len()
            && other
                .iter()
                .enumerate()
                .rev()
                .all(|(index, byte)| self.byte(index) == Some(*byte))
    }

    /// The byte at `index`, counted from 0.
    #[must_use]
    pub fn byte(&self, index: usize) -> Option<u8> {
        if index >= self.len {
            return None;
        }
        words::byte_at(self.words, self.offset.checked_add(index)?)
    }

    /// Copies the text to the start of `out` and says how many bytes it has.
    ///
    /// # Errors
    ///
    /// [`ReadError::TooSmall`] when `out` is shorter than [`Text::len`].
    pub fn copy_to(&self, out: &mut [u8]) -> Result<usize, ReadError> {
        let needed = self.len;
        let out = out
            .get_mut(..needed)
            .ok_or(ReadError::TooSmall { needed })?;
        words::copy(self.words, self.offset, out).ok_or(ReadError::Damaged)?;
        Ok(needed)
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Text")
            .field("offset", &self.offset)
            .field("len", &self.len)
            .finish()
    }
}
