//! Why a region or a value in it cannot be read.

use core::fmt;

/// Why a region as a whole was refused. Readers in every language use the same names
/// ([`RegionError::name`]) and find the faults in the same order (`docs/region.md`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RegionError {
    /// The memory is smaller than a header, or than the capacity in the header.
    Truncated,
    /// It does not begin with the magic number: not a region.
    Magic,
    /// The layout has another major version.
    Version {
        /// The major version found.
        major: u16,
    },
    /// The header has a flag that this reader must know, and does not.
    Flags,
    /// The header's size is below 128, unaligned, or beyond the capacity; or the capacity is
    /// unaligned.
    HeaderSize,
    /// The size of an entry is below 96 or unaligned.
    EntrySize,
    /// The directory is unaligned, overlaps the header, or ends beyond the capacity.
    Directory,
    /// The texts overlap the directory or end beyond the capacity.
    Strings,
    /// A slot area is unaligned, overlaps what comes before it, or ends beyond the capacity.
    Slots,
    /// One entry is at fault.
    Entry {
        /// The entry's place in the directory, from 0.
        index: usize,
        /// What is wrong with it.
        fault: EntryFault,
    },
}

/// What is wrong with one directory entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum EntryFault {
    /// It has a flag that this reader must know, and does not.
    Flags,
    /// One of its texts lies outside the texts.
    Text,
    /// It is an environment string and has no variable name.
    Variable,
    /// Its slot does not start at a multiple of 8.
    Unaligned,
    /// Its slot, with prefix and terminator, does not lie within the slot areas.
    Slot,
    /// Its slot begins before the previous entry's slot ends.
    Overlap,
}

impl RegionError {
    /// A short name that is the same in every reader, for test vectors and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::Magic => "magic",
            Self::Version { .. } => "version",
            Self::Flags => "flags",
            Self::HeaderSize => "header-size",
            Self::EntrySize => "entry-size",
            Self::Directory => "directory",
            Self::Strings => "strings",
            Self::Slots => "slots",
            Self::Entry { fault, .. } => match fault {
                EntryFault::Flags => "entry-flags",
                EntryFault::Text => "entry-text",
                EntryFault::Variable => "entry-variable",
                EntryFault::Unaligned => "entry-unaligned",
                EntryFault::Slot => "entry-slot",
                EntryFault::Overlap => "entry-overlap",
            },
        }
    }
}

impl fmt::Display for RegionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version { major } => write!(
                f,
                "secret region has layout version {major}, this reader knows {}",
                super::layout::MAJOR
            ),
            Self::Entry { index, .. } => {
                write!(
                    f,
                    "secret region is damaged: {} (entry {index})",
                    self.name()
                )
            }
            other => write!(f, "secret region is damaged: {}", other.name()),
        }
    }
}

impl core::error::Error for RegionError {}

/// Why a value or a text was not read. The caller's buffer then holds zeros.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ReadError {
    /// The buffer is smaller than what is to be read.
    TooSmall {
        /// Bytes needed.
        needed: usize,
    },
    /// The writer published again and again while we read. Try later.
    Contended,
    /// The value is no longer the version of the snapshot.
    Stale,
    /// A length, prefix or terminator in the region cannot be right.
    Damaged,
}

impl ReadError {
    /// A short name that is the same in every reader.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooSmall { .. } => "too-small",
            Self::Contended => "contended",
            Self::Stale => "stale",
            Self::Damaged => "damaged",
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooSmall { needed } => write!(f, "buffer is too small, {needed} bytes needed"),
            Self::Contended => f.write_str("secret changed at every attempt to read it"),
            Self::Stale => f.write_str("secret was rotated since it was opened"),
            Self::Damaged => f.write_str("secret region is damaged: entry's length or frame"),
        }
    }
}

impl core::error::Error for ReadError {}
