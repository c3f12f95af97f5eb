//! What a token says about itself: packed into the times of its inode, which the kernel keeps with
//! the file through `dup`, `fork`, `exec` and a passed descriptor. Both times are the same at
//! first. The time of last access is that of secret memory, because filling changes the other one;
//! the time of last modification is that of ordinary memory, because mapping changes the other one.

/// Bits of the packed seconds: kind, the lower part of the version, index, offset.
const OFFSET_BITS: u32 = 32;
const INDEX_BITS: u32 = 16;
const LOWER_BITS: u32 = 14;

/// Bits of the version in the nanoseconds, beside [`PATH_ONLY`] and [`MARK`].
const UPPER_BITS: u32 = 12;
const PATH_ONLY: u64 = 1;

/// Nanoseconds that mark a token: those of 8,192 numbers. Chosen at random below 10⁹.
const MARK: u64 = 75_443 << (UPPER_BITS + 1);

/// A token's description.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tag {
    /// Index of the entry in the region, below 65,536; of a directory, an entry below it.
    pub index: usize,
    /// The version that the token stands for, as [`Tag::version_bits`] cuts it.
    pub version: u64,
    /// It stands for a directory.
    pub is_directory: bool,
    /// It was opened with `O_PATH`.
    pub is_path_only: bool,
    /// Where the next read starts, in bytes, below 4 GiB.
    pub offset: u64,
}

impl Tag {
    /// The part of a version that a tag keeps. It comes again after 67 million rotations.
    #[must_use]
    pub const fn version_bits(version: u64) -> u64 {
        low(version, LOWER_BITS + UPPER_BITS)
    }

    /// Seconds and nanoseconds; `None` when a number is too large.
    #[must_use]
    pub fn pack(self) -> Option<(i64, i64)> {
        let index = u64::try_from(self.index).ok()?;
        if index >> INDEX_BITS != 0 || self.offset >> OFFSET_BITS != 0 {
            return None;
        }
        let version = Self::version_bits(self.version);
        let mut seconds = u64::from(self.is_directory);
        seconds = (seconds << LOWER_BITS) | low(version, LOWER_BITS);
        seconds = (seconds << INDEX_BITS) | index;
        seconds = (seconds << OFFSET_BITS) | self.offset;
        let upper = (version >> LOWER_BITS) << 1;
        let nanoseconds = MARK | upper | u64::from(self.is_path_only);
        Some((seconds.cast_signed(), nanoseconds.cast_signed()))
    }

    /// The reverse; `None` for times that mark no token.
    #[must_use]
    pub fn unpack(seconds: i64, nanoseconds: i64) -> Option<Self> {
        let nanoseconds = nanoseconds.cast_unsigned();
        if nanoseconds >> (UPPER_BITS + 1) != MARK >> (UPPER_BITS + 1) {
            return None;
        }
        let seconds = u64::try_from(seconds).ok()?;
        let above = seconds >> OFFSET_BITS;
        let lower = low(above >> INDEX_BITS, LOWER_BITS);
        let upper = low(nanoseconds >> 1, UPPER_BITS);
        Some(Self {
            index: usize::try_from(low(above, INDEX_BITS)).ok()?,
            version: (upper << LOWER_BITS) | lower,
            is_directory: above >> (INDEX_BITS + LOWER_BITS) != 0,
            is_path_only: nanoseconds & PATH_ONLY != 0,
            offset: low(seconds, OFFSET_BITS),
        })
    }
}

const fn low(bits: u64, count: u32) -> u64 {
    bits & ((1 << count) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked() {
        for index in [0, 1, 65_535] {
            for version in [0, 1, 16_383, 16_384, (1 << 26) - 1] {
                for offset in [0, 1, u64::from(u32::MAX)] {
                    for flag in [false, true] {
                        let tag = Tag {
                            index,
                            version,
                            is_directory: flag,
                            is_path_only: !flag,
                            offset,
                        };
                        let (seconds, nanoseconds) = tag.pack().unwrap();
                        assert!((0..1_000_000_000).contains(&nanoseconds));
                        assert_eq!(Tag::unpack(seconds, nanoseconds), Some(tag));
                    }
                }
            }
        }
        assert_eq!(Tag::version_bits((1 << 26) + 5), 5);
    }

    #[test]
    fn numbers_beyond_the_fields_and_other_times_are_refused() {
        let large = Tag {
            index: 65_536,
            ..Tag::default()
        };
        assert_eq!(large.pack(), None);
        let far = Tag {
            offset: 1 << 32,
            ..Tag::default()
        };
        assert_eq!(far.pack(), None);
        assert_eq!(Tag::unpack(1_700_000_000, 0), None);
        let mark = MARK.cast_signed();
        assert_eq!(Tag::unpack(-1, mark), None);
        for other in [mark - 1, mark + (1 << 13)] {
            assert_eq!(Tag::unpack(1, other), None);
        }
        assert!(Tag::unpack(1, mark).is_some());
    }
}
