//! The paths of the region's files and of the directories above them, for quick looking up.
//!
//! [`may_end`] is asked for every path of the program: a hash of its last component against a
//! filter. [`find`] answers for a whole path, from a table that refers to the region's own texts.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use cloudtaser_abi::region::Region;

/// Bits of the filter. Chosen: a hundred names set less than a thirtieth of them.
const FILTER_BITS: u32 = 4096;

/// Places of the table, a power of two: files and directories together. Names beyond them are not
/// entered.
const PLACES: usize = 8192;

/// Bits of a place that hold the length of the path; the index of the entry is above them.
const LENGTH_BITS: u32 = 12;

static FILTER: [AtomicU64; FILTER_BITS as usize / 64] =
    [const { AtomicU64::new(0) }; FILTER_BITS as usize / 64];
/// The last byte of each name, and the lower half of the one before it.
static TAILS: [AtomicU64; 64] = [const { AtomicU64::new(0) }; 64];
static TABLE: [AtomicU32; PLACES] = [const { AtomicU32::new(0) }; PLACES];

/// Entries whose path was seen to be written as the kernel writes it.
static CANONICAL: [AtomicU64; 1024] = [const { AtomicU64::new(0) }; 1024];

/// Whether the path of entry `index` was seen to hold no symbolic link: then it need not be
/// compared in another form again. A program that moves directories of its secrets about is not
/// followed.
#[must_use]
pub fn is_canonical(index: usize) -> bool {
    CANONICAL
        .get(index / 64)
        .is_some_and(|word| word.load(Ordering::Relaxed) & (1 << (index % 64)) != 0)
}

/// The path of entry `index` holds no symbolic link.
pub fn set_canonical(index: usize) {
    if let Some(word) = CANONICAL.get(index / 64) {
        word.fetch_or(1 << (index % 64), Ordering::Relaxed);
    }
}

/// What stands under a path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Node {
    /// The file of the entry with this index.
    File(usize),
    /// A directory above a file: the first `len` bytes of the path of entry `index`; 0 is the root.
    Directory {
        /// The entry's index.
        index: usize,
        /// Bytes of the directory's path.
        len: usize,
    },
}

/// Enters every file of the region and every directory above it.
pub fn fill(region: &Region<'_>) {
    let mut path = [0_u8; 4096];
    for (index, entry) in region.entries().enumerate() {
        let Some(len) = entry.path().and_then(|text| text.copy_to(&mut path).ok()) else {
            continue;
        };
        let Some(path) = path.get(..len) else {
            continue;
        };
        enter(index, path, true);
        let mut rest = path;
        while let Some(slash) = rest.iter().rposition(|byte| *byte == b'/') {
            rest = rest.get(..slash).unwrap_or_default();
            // A directory that is there has its own directories there.
            if rest.is_empty() || find(region, rest).is_some() {
                break;
            }
            enter(index, rest, false);
        }
    }
}

/// Whether `path`, written in any way, can be one of ours, by its last two bytes: what every path
/// of the program is asked first. Always true for one that ends with a slash or a dot.
#[inline(always)]
#[must_use]
pub fn may_be(path: &[u8]) -> bool {
    match path {
        [] => false,
        [.., b'/' | b'.'] => true,
        [last] => has_tail(b'/', *last),
        [.., before, last] => has_tail(*before, *last),
    }
}

#[inline(always)]
fn has_tail(before: u8, last: u8) -> bool {
    tail(before, last).is_some_and(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0)
}

#[inline(always)]
fn tail(before: u8, last: u8) -> Option<(&'static AtomicU64, u64)> {
    let bit = (usize::from(before & 15) << 8) | usize::from(last);
    Some((TAILS.get(bit / 64)?, 1 << (bit % 64)))
}

/// Whether a path whose last component is `name` can be one of ours. Seldom true for others.
#[must_use]
pub fn may_end(name: &[u8]) -> bool {
    filter(hash(name)).is_some_and(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0)
}

/// What stands under `path`: absolute, without `.`, `..`, `//` and without a slash at the end.
#[must_use]
pub fn find(region: &Region<'_>, path: &[u8]) -> Option<Node> {
    let mut at = hash(path) as usize;
    for _ in 0..PLACES {
        let value = TABLE.get(at % PLACES)?.load(Ordering::Relaxed);
        if value == 0 {
            return None;
        }
        let index = (value >> LENGTH_BITS).wrapping_sub(1) as usize;
        let len = (value & ((1 << LENGTH_BITS) - 1)) as usize;
        let text = region.entry(index).and_then(|entry| entry.path());
        if let Some(text) = text {
            let is_file = len == 0;
            let len = if is_file { text.len() } else { len };
            let is_same = len == path.len()
                && path
                    .iter()
                    .enumerate()
                    .rev()
                    .all(|(at, byte)| text.byte(at) == Some(*byte));
            if is_same {
                return Some(if is_file {
                    Node::File(index)
                } else {
                    Node::Directory { index, len }
                });
            }
        }
        at = at.wrapping_add(1);
    }
    None
}

/// The last component of a path without a slash at its end.
#[must_use]
pub fn last_component(path: &[u8]) -> &[u8] {
    let start = path.iter().rposition(|byte| *byte == b'/');
    let start = start.map_or(0, |slash| slash.wrapping_add(1));
    path.get(start..).unwrap_or_default()
}

fn enter(index: usize, path: &[u8], is_file: bool) {
    if let [.., before, last] = path
        && let Some((word, bit)) = tail(*before, *last)
    {
        word.fetch_or(bit, Ordering::Relaxed);
    }
    if let Some((word, bit)) = filter(hash(last_component(path))) {
        word.fetch_or(bit, Ordering::Relaxed);
    }
    let length = if is_file { 0 } else { path.len() };
    let (Ok(index), Ok(length)) = (u32::try_from(index), u32::try_from(length)) else {
        return;
    };
    let value = (index.wrapping_add(1) << LENGTH_BITS) | length;
    let mut at = hash(path) as usize;
    for _ in 0..PLACES {
        let Some(place) = TABLE.get(at % PLACES) else {
            return;
        };
        if place
            .compare_exchange(0, value, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
        {
            return;
        }
        at = at.wrapping_add(1);
    }
}

fn filter(hash: u32) -> Option<(&'static AtomicU64, u64)> {
    let bit = (hash >> 7) % FILTER_BITS;
    Some((FILTER.get(bit as usize / 64)?, 1 << (bit % 64)))
}

/// FNV-1a, 32 bits.
fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}
