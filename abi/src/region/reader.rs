//! The region as a whole: what `open` accepts, and how entries are found.

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering, fence};

use super::entry::Entry;
use super::error::{EntryFault, RegionError};
use super::layout::{self, header};
use super::words;
use crate::protection::Protection;

/// A secret region, checked, and open for reading.
///
/// Guarantees that nothing outside the given words is read, whatever they hold and however they
/// change meanwhile. It does not prove who wrote them.
#[derive(Clone, Copy)]
pub struct Region<'a> {
    pub(super) words: &'a [AtomicU64],
    count: usize,
    entry_size: usize,
    directory: usize,
    pub(super) strings: usize,
    pub(super) strings_len: usize,
    pub(super) slots: [usize; 2],
    pub(super) slots_len: usize,
    protection: u32,
    flags: u32,
}

impl<'a> Region<'a> {
    /// Checks the header and every entry once, in time proportional to their number.
    ///
    /// `words` is the mapped memory; bytes after the last whole word do not belong to it.
    ///
    /// # Errors
    ///
    /// The first fault in the order of `docs/region.md`.
    pub fn open(words: &'a [AtomicU64]) -> Result<Self, RegionError> {
        let region = Self::open_header(words)?;
        region.check_entries()?;
        Ok(region)
    }

    fn open_header(words: &'a [AtomicU64]) -> Result<Self, RegionError> {
        let mapped = words.len().saturating_mul(8);
        if mapped < layout::HEADER_SIZE {
            return Err(RegionError::Truncated);
        }
        let size = |offset| words::size_at(words, offset);
        let (protection, flags) = check_kind(words)?;
        let capacity = size(header::CAPACITY).ok_or(RegionError::Truncated)?;
        if capacity > mapped {
            return Err(RegionError::Truncated);
        }
        let (_, header_size) =
            words::u32_pair_at(words, header::MAJOR).ok_or(RegionError::Truncated)?;
        let header_size = aligned(usize::try_from(header_size).ok())
            .filter(|size| *size >= layout::HEADER_SIZE && *size <= capacity)
            .filter(|_| capacity.is_multiple_of(8))
            .ok_or(RegionError::HeaderSize)?;

        let (count, entry_size) =
            words::u32_pair_at(words, header::ENTRY_COUNT).ok_or(RegionError::Truncated)?;
        let count = usize::try_from(count).ok().ok_or(RegionError::Directory)?;
        let entry_size = aligned(usize::try_from(entry_size).ok())
            .filter(|size| *size >= layout::ENTRY_SIZE)
            .ok_or(RegionError::EntrySize)?;

        let directory = aligned(size(header::DIRECTORY)).ok_or(RegionError::Directory)?;
        let end = section(
            header_size,
            directory,
            count.checked_mul(entry_size),
            capacity,
        )
        .ok_or(RegionError::Directory)?;
        let strings = size(header::STRINGS).ok_or(RegionError::Strings)?;
        let strings_len = size(header::STRINGS_LEN).ok_or(RegionError::Strings)?;
        let end = section(end, strings, Some(strings_len), capacity).ok_or(RegionError::Strings)?;
        let slots_len = size(header::SLOTS_LEN).ok_or(RegionError::Slots)?;
        let slots_0 = aligned(size(header::SLOTS_0)).ok_or(RegionError::Slots)?;
        let end = section(end, slots_0, Some(slots_len), capacity).ok_or(RegionError::Slots)?;
        let slots_1 = aligned(size(header::SLOTS_1)).ok_or(RegionError::Slots)?;
        section(end, slots_1, Some(slots_len), capacity).ok_or(RegionError::Slots)?;

        Ok(Self {
            words,
            count,
            entry_size,
            directory,
            strings,
            strings_len,
            slots: [slots_0, slots_1],
            slots_len,
            protection,
            flags,
        })
    }

    fn check_entries(&self) -> Result<(), RegionError> {
        let mut free = 0;
        for index in 0..self.count {
            let base = self.base(index).ok_or(RegionError::Directory)?;
            let (_, bounds) =
                Entry::decode(self, base).map_err(|fault| RegionError::Entry { index, fault })?;
            if bounds.start < free {
                let fault = EntryFault::Overlap;
                return Err(RegionError::Entry { index, fault });
            }
            free = bounds.end;
        }
        Ok(())
    }

    fn base(&self, index: usize) -> Option<usize> {
        index
            .checked_mul(self.entry_size)?
            .checked_add(self.directory)
    }

    /// How well the region's memory is protected, as its writer found. A number that this reader
    /// does not know counts as the weakest level, so that nobody relies on it.
    #[must_use]
    pub fn protection(&self) -> Protection {
        Protection::from_number(self.protection).unwrap_or(Protection::None)
    }

    /// Whether the preload library follows into the programs that its program executes.
    #[must_use]
    pub const fn follows_children(&self) -> bool {
        self.flags & layout::FLAG_FOLLOW_CHILDREN != 0
    }

    /// Whether a program that cannot load the preload library gets plain variables.
    #[must_use]
    pub const fn gives_static_plain(&self) -> bool {
        self.flags & layout::FLAG_STATIC_PLAIN != 0
    }

    /// When the region was made, in nanoseconds since 1970; 0 when its writer did not say.
    #[must_use]
    pub fn created_ns(&self) -> u64 {
        words::u64_at(self.words, header::CREATED_NS).unwrap_or(0)
    }

    /// Publications so far, of all entries together. Whoever sees a new number here and reads
    /// afterwards sees every value published up to it.
    #[must_use]
    pub fn generation(&self) -> u64 {
        let generation = words::u64_at(self.words, header::GENERATION).unwrap_or(0);
        fence(Ordering::Acquire);
        generation
    }

    /// Number of entries.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is no entry.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The entry at `index`, counted from 0. `None` beyond the end, and for an entry that was
    /// made unreadable since the region was opened.
    #[must_use]
    pub fn entry(&self, index: usize) -> Option<Entry<'a>> {
        if index >= self.count {
            return None;
        }
        let (entry, _) = Entry::decode(self, self.base(index)?).ok()?;
        Some(entry)
    }

    /// Every entry, in the directory's order.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'a>> + '_ {
        (0..self.count).filter_map(|index| self.entry(index))
    }

    /// The first entry with this canonical reference.
    #[must_use]
    pub fn find_reference(&self, reference: &[u8]) -> Option<Entry<'a>> {
        self.entries()
            .find(|entry| entry.reference().is_some_and(|text| text.is(reference)))
    }

    /// The first entry that is delivered as the file at `path`.
    #[must_use]
    pub fn find_path(&self, path: &[u8]) -> Option<Entry<'a>> {
        self.entries()
            .find(|entry| entry.path().is_some_and(|text| text.is(path)))
    }

    /// The first entry that is delivered as the variable `name`.
    #[must_use]
    pub fn find_variable(&self, name: &[u8]) -> Option<Entry<'a>> {
        self.entries()
            .find(|entry| entry.variable().is_some_and(|text| text.is(name)))
    }
}

impl fmt::Debug for Region<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Region")
            .field("entries", &self.count)
            .field("protection", &self.protection())
            .finish_non_exhaustive()
    }
}

/// Checks magic number, major version and flags; gives the protection level's number and the
/// flags, which are read together.
fn check_kind(words: &[AtomicU64]) -> Result<(u32, u32), RegionError> {
    let magic = words::u64_at(words, header::MAGIC).map(u64::to_le_bytes);
    if magic != Some(layout::MAGIC) {
        return Err(RegionError::Magic);
    }
    let (version, _) = words::u32_pair_at(words, header::MAJOR).ok_or(RegionError::Truncated)?;
    let [low, high, ..] = version.to_le_bytes();
    let major = u16::from_le_bytes([low, high]);
    if major != layout::MAJOR {
        return Err(RegionError::Version { major });
    }
    let (protection, flags) =
        words::u32_pair_at(words, header::PROTECTION).ok_or(RegionError::Truncated)?;
    if flags & layout::INCOMPATIBLE_FLAGS != 0 {
        return Err(RegionError::Flags);
    }
    Ok((protection, flags))
}

fn aligned(offset: Option<usize>) -> Option<usize> {
    offset.filter(|offset| offset.is_multiple_of(8))
}

/// The end of a section that starts at `start`, if it begins at `free` or later and ends within
/// `capacity`.
fn section(free: usize, start: usize, len: Option<usize>, capacity: usize) -> Option<usize> {
    let end = start.checked_add(len?)?;
    (start >= free && end <= capacity).then_some(end)
}
