//! What a token says about itself: packed into the times of its inode, which the kernel keeps with
//! the file through `dup`, `fork`, `exec` and a passed descriptor. The time of last modification has
//! what is below, and nothing else changes it; the seconds of the time of last access are the version.

/// Bits of the packed seconds.
const OFFSET_BITS: u32 = 32;
const INDEX_BITS: u32 = 16;

/// Nanoseconds that mark a token, plus [`PATH_ONLY`]. Chosen at random below 10⁹, even.
const MARK: i64 = 618_033_742;
const PATH_ONLY: i64 = 1;

/// A token's description.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tag {
    /// Index of the entry in the region, below 65,536; of a directory, an entry below it.
    pub index: usize,
    /// The version that the token holds. Where it is ordinary memory, a mapping changes the time that
    /// keeps it: then it is none that the region has.
    pub version: u64,
    /// It stands for a directory.
    pub is_directory: bool,
    /// It was opened with `O_PATH`.
    pub is_path_only: bool,
    /// Where the next read starts, in bytes, below 4 GiB.
    pub offset: u64,
}

impl Tag {
    /// Seconds and nanoseconds of the last modification; `None` when a number is too large.
    #[must_use]
    pub fn pack(self) -> Option<(i64, i64)> {
        let index = u64::try_from(self.index).ok()?;
        if index >> INDEX_BITS != 0 || self.offset >> OFFSET_BITS != 0 {
            return None;
        }
        let mut seconds = u64::from(self.is_directory);
        seconds = (seconds << INDEX_BITS) | index;
        seconds = (seconds << OFFSET_BITS) | self.offset;
        let flags = if self.is_path_only { PATH_ONLY } else { 0 };
        Some((i64::try_from(seconds).ok()?, MARK | flags))
    }

    /// The reverse, of version 0; `None` for times that mark no token.
    #[must_use]
    pub fn unpack(seconds: i64, nanoseconds: i64) -> Option<Self> {
        if nanoseconds & !PATH_ONLY != MARK {
            return None;
        }
        let seconds = u64::try_from(seconds).ok()?;
        let low = |bits: u64, count: u32| bits & ((1 << count) - 1);
        let above = seconds >> OFFSET_BITS;
        Some(Self {
            index: usize::try_from(low(above, INDEX_BITS)).ok()?,
            version: 0,
            is_directory: above >> INDEX_BITS != 0,
            is_path_only: nanoseconds & PATH_ONLY != 0,
            offset: low(seconds, OFFSET_BITS),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked() {
        for index in [0, 1, 65_535] {
            for offset in [0, 1, u64::from(u32::MAX)] {
                for flag in [false, true] {
                    let tag = Tag {
                        index,
                        version: 0,
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
        assert_eq!(Tag::unpack(-1, MARK), None);
    }
}
