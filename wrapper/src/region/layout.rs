//! Where each entry of a region stands: sizes and offsets, worked out before any memory is asked
//! for. Pure; the bytes are written by [`super::writer`].

use cloudtaser_abi::region::layout::{ENTRY_SIZE, HEADER_SIZE};

/// What one entry of the region will hold.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct EntrySpec<'a> {
    /// The canonical reference, such as `secret/data/db#password`; empty for none.
    pub reference: &'a str,
    /// The path of the file as which the value is delivered.
    pub path: Option<&'a str>,
    /// The name of the variable as which the value is delivered. The value then stands in the
    /// region as an environment string (`NAME=value`, NUL), and must hold no NUL itself.
    pub variable: Option<&'a str>,
    /// The program looks the variable up by its name in the region (the Go SDK): the value does not
    /// stand as an environment string, and so it can be rotated.
    pub is_looked_up: bool,
    /// Bytes of the first value.
    pub value_len: usize,
    /// How the file looks and how often it opens.
    pub file: FileAttributes,
}

/// What a file is besides its content.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FileAttributes {
    /// Permission bits; 0 for [`cloudtaser_abi::region::layout::DEFAULT_MODE`].
    pub mode: u32,
    /// User and group id of its owner; whoever looks when absent.
    pub owner: Option<(u32, u32)>,
    /// How often it can be opened, all processes together; 0 for no limit.
    pub opens: u32,
}

/// How much room a value gets beyond its first length, so that a rotated value still fits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Growth {
    /// Every value can become at least this long, in bytes.
    pub minimum: usize,
    /// Hundredths of the first length that are added.
    pub percent: usize,
}

impl Growth {
    /// Chosen: generated passwords and tokens are below 64 bytes and change their length little;
    /// certificates and keys grow by less than a quarter between renewals. With it, 100 secrets of
    /// 100 bytes fit into 48 KiB, names included, under the common limit of 64 KiB for locked
    /// memory.
    pub const RESERVE: Self = Self {
        minimum: 64,
        percent: 25,
    };

    /// No reserve at all: for regions that are never rotated, such as test vectors.
    pub const NONE: Self = Self {
        minimum: 0,
        percent: 0,
    };

    /// The capacity of a slot for a value of `len` bytes: with its terminator a multiple of 16.
    fn capacity(self, len: usize) -> Option<usize> {
        let grown = len.checked_add(len.checked_mul(self.percent)?.div_ceil(100))?;
        let with_terminator = grown.max(self.minimum).checked_add(1)?;
        with_terminator.checked_next_multiple_of(16)?.checked_sub(1)
    }
}

/// Why entries cannot be laid out. Exit status 64.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// Names or values of more than a region can address.
    #[error("the secrets together are too large for one region")]
    TooLarge,
    /// The environment has no such name.
    #[error("`{variable}` cannot be the name of an environment variable (empty, or with = or NUL)")]
    BadVariable {
        /// The name as configured.
        variable: String,
    },
}

/// One entry's place. Offsets are in bytes; those of the slot are from either slot area's start.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    /// The canonical reference, for messages.
    pub reference: String,
    /// `NAME=` when the value is delivered as a variable, else empty.
    pub prefix: String,
    /// Of the directory entry, from the region's start.
    pub directory: usize,
    /// Of the value.
    pub slot: usize,
    /// The most bytes that a value can have.
    pub capacity: usize,
    /// Offset and length among the texts, of reference, path and variable; length 0 is none.
    pub texts: [(u32, u32); 3],
    /// How the file looks and how often it opens.
    pub file: FileAttributes,
}

/// A region's sizes and offsets, all in bytes from the region's start.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Layout {
    /// Entries in the order in which they were given.
    pub places: Vec<Place>,
    /// All texts, one after the other. No secret is among them.
    pub strings: Vec<u8>,
    /// Where the texts start.
    pub strings_at: usize,
    /// Where the two slot areas start.
    pub slots_at: [usize; 2],
    /// Bytes of each slot area.
    pub slots_len: usize,
    /// Bytes of the whole region, a multiple of 8.
    pub capacity: usize,
    /// Flags of the header; 0 at first.
    pub flags: u32,
    /// When the region is made, in nanoseconds since 1970; 0, not told, at first.
    pub created_ns: u64,
}

impl Layout {
    /// Lays out `entries` with the usual reserve for growth.
    ///
    /// # Errors
    ///
    /// [`LayoutError`].
    pub fn plan(entries: &[EntrySpec<'_>]) -> Result<Self, LayoutError> {
        Self::plan_with(entries, Growth::RESERVE)
    }

    /// Lays out `entries`. All slots 0 come first and all slots 1 after them, so that the pages
    /// of the idle area are not touched before the first rotation.
    ///
    /// # Errors
    ///
    /// [`LayoutError`].
    pub fn plan_with(entries: &[EntrySpec<'_>], growth: Growth) -> Result<Self, LayoutError> {
        let mut strings = Vec::new();
        let mut places = Vec::with_capacity(entries.len());
        let mut directory = HEADER_SIZE;
        let mut slots_len = 0;
        for entry in entries {
            let place = place(entry, growth, directory, slots_len, &mut strings)?;
            slots_len = add(add(place.slot, place.capacity)?, 1)?;
            directory = add(directory, ENTRY_SIZE)?;
            places.push(place);
        }
        let slots_len = align(slots_len)?;
        let strings_at = directory;
        let slots_0 = align(add(strings_at, strings.len())?)?;
        let slots_1 = add(slots_0, slots_len)?;
        if u32::try_from(entries.len()).is_err() {
            return Err(LayoutError::TooLarge);
        }
        Ok(Self {
            places,
            strings,
            strings_at,
            slots_at: [slots_0, slots_1],
            slots_len,
            capacity: add(slots_1, slots_len)?,
            flags: 0,
            created_ns: 0,
        })
    }
}

fn place(
    entry: &EntrySpec<'_>,
    growth: Growth,
    directory: usize,
    free: usize,
    strings: &mut Vec<u8>,
) -> Result<Place, LayoutError> {
    let prefix = match entry.variable {
        None => String::new(),
        Some(_) if entry.is_looked_up => String::new(),
        Some(name) if name.is_empty() || name.contains(['=', '\0']) => {
            return Err(LayoutError::BadVariable {
                variable: name.to_owned(),
            });
        }
        Some(name) => format!("{name}="),
    };
    let capacity = growth.capacity(entry.value_len);
    Ok(Place {
        slot: align(add(free, prefix.len())?)?,
        capacity: capacity.ok_or(LayoutError::TooLarge)?,
        reference: entry.reference.to_owned(),
        prefix,
        directory,
        texts: [
            push(strings, entry.reference)?,
            push(strings, entry.path.unwrap_or_default())?,
            push(strings, entry.variable.unwrap_or_default())?,
        ],
        file: entry.file,
    })
}

fn push(strings: &mut Vec<u8>, text: &str) -> Result<(u32, u32), LayoutError> {
    if text.is_empty() {
        return Ok((0, 0));
    }
    let offset = u32::try_from(strings.len()).ok();
    let len = u32::try_from(text.len()).ok();
    strings.extend_from_slice(text.as_bytes());
    offset.zip(len).ok_or(LayoutError::TooLarge)
}

fn add(left: usize, right: usize) -> Result<usize, LayoutError> {
    // Kept below isize::MAX, the most that a mapping or a slice can have.
    left.checked_add(right)
        .filter(|sum| isize::try_from(*sum).is_ok())
        .ok_or(LayoutError::TooLarge)
}

fn align(offset: usize) -> Result<usize, LayoutError> {
    offset
        .checked_next_multiple_of(8)
        .ok_or(LayoutError::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capacity_of(count: usize, value_len: usize) -> usize {
        let entry = EntrySpec {
            reference: "secret/data/service#password",
            path: Some("/run/secrets/service-password"),
            variable: Some("SERVICE_PASSWORD"),
            value_len,
            ..EntrySpec::default()
        };
        Layout::plan(&vec![entry; count]).expect("fits").capacity
    }

    #[test]
    fn ordinary_programs_fit_into_48_kib() {
        assert!(capacity_of(20, 64) <= 12 * 1024, "{}", capacity_of(20, 64));
        assert!(
            capacity_of(100, 100) <= 48 * 1024,
            "{}",
            capacity_of(100, 100)
        );
    }

    #[test]
    fn every_value_may_grow_to_64_bytes_and_by_a_quarter() {
        for len in [0, 1, 63, 64, 100, 4096, 1 << 20] {
            let capacity = Growth::RESERVE.capacity(len).expect("small");
            assert!(capacity >= 64 && capacity * 4 >= len * 5, "{len}");
        }
    }

    #[test]
    fn sums_that_wrap_and_names_that_no_environment_takes_are_refused() {
        let entry = EntrySpec {
            value_len: usize::MAX - 8,
            ..EntrySpec::default()
        };
        assert_eq!(Layout::plan(&[entry]), Err(LayoutError::TooLarge));
        for name in ["", "A=B", "A\0B"] {
            let entry = EntrySpec {
                variable: Some(name),
                ..EntrySpec::default()
            };
            let error = Layout::plan(&[entry]).expect_err(name);
            assert!(matches!(error, LayoutError::BadVariable { .. }));
        }
    }
}
