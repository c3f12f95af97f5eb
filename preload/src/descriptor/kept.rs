//! Copies of the versions that this process has opened: a descriptor keeps its version when the
//! region has another one. One copy serves all descriptors of a version, so an open of a file that
//! was opened before maps nothing.
//!
//! A copy is a page of secret memory in one of a few places. The page in a place is only ever
//! replaced by another one, in one step, and its key changes before: a reader that finds the same
//! key before and after it has copied has copied the right bytes. No lock, and no memory is ever
//! missing under a reader.
#![expect(unsafe_code, reason = "pages that are replaced while others read")]

use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, SeqCst};
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize};

use cloudtaser_abi::region::{Entry, Snapshot};

use super::tag::Tag;
use super::token;
use crate::state::{marks, process, region};
use crate::sys::page::SIZE;
use crate::sys::process::sched_yield;

struct Place {
    /// Of [`key`]; 0 for nothing.
    key: AtomicU64,
    base: AtomicUsize,
    len: AtomicUsize,
    is_changing: AtomicBool,
}

/// Chosen: few enough that the locked pages fit beside the region where the limit is 64 KiB of 8
/// MiB.
const PLACES: usize = 16;

/// How often a thread gives way to one that makes a copy. Chosen: as long as some copies take.
const WAITS: u32 = 16;

static KEPT: [Place; PLACES] = [const {
    Place {
        key: AtomicU64::new(0),
        base: AtomicUsize::new(0),
        len: AtomicUsize::new(0),
        is_changing: AtomicBool::new(false),
    }
}; PLACES];

/// Where the search for a place goes on.
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// Entry and version as one number, never 0.
fn key(tag: Tag) -> u64 {
    let index = u64::try_from(tag.index).unwrap_or(0);
    ((tag.version << 16) | index).wrapping_add(1)
}

fn find(tag: Tag) -> Option<&'static Place> {
    let key = key(tag);
    KEPT.iter().find(|place| place.key.load(SeqCst) == key)
}

/// Whether the version of `tag` is kept.
pub(super) fn has(tag: Tag) -> bool {
    find(tag).is_some()
}

/// The bytes of the version of `tag`.
pub(super) fn len(tag: Tag) -> Option<usize> {
    let place = find(tag)?;
    let len = place.len.load(Acquire);
    (place.key.load(SeqCst) == key(tag)).then_some(len)
}

/// Copies from byte `start` of the version of `tag` on; there are as many as `out` takes.
pub(super) fn read(tag: Tag, start: usize, out: &mut [u8]) -> Option<()> {
    let place = find(tag)?;
    let base = place.base.load(Acquire) as *const AtomicU8;
    let end = start.checked_add(out.len())?;
    if end > SIZE {
        return None;
    }
    for (at, to) in (start..).zip(out) {
        // SAFETY: a page of this place, which is never without one, and below its end.
        *to = unsafe { &*base.wrapping_add(at) }.load(Acquire);
    }
    (place.key.load(SeqCst) == key(tag)).then_some(())
}

/// Keeps the live version of an entry, if that can be, and answers its tag. It stays as long as a
/// marked descriptor has it; so whoever marks one looks again after that ([`has`]).
pub(super) fn keep(index: usize, entry: &Entry<'_>) -> Option<Tag> {
    if !region::is_secret() {
        return None;
    }
    let tag_of = |snapshot: Snapshot| Tag {
        index,
        version: Tag::version_bits(snapshot.version),
        ..Tag::default()
    };
    for _ in 0..WAITS {
        let tag = tag_of(entry.snapshot().ok()?);
        if has(tag) {
            return Some(tag);
        }
        // Another thread is likely to copy the same version: two would be in each other's way.
        let is_changing = |place: &Place| place.is_changing.load(Relaxed);
        if !KEPT.iter().any(is_changing) {
            break;
        }
        sched_yield();
    }
    // Which of the parent's descriptors are in use cannot be seen from here.
    if !process::owns_memory() {
        return None;
    }
    // An older version goes first: nobody is to find it here longer than it is in use.
    let older = KEPT.iter().filter(|place| place.is_of(index));
    let from = NEXT.fetch_add(1, Relaxed);
    let any = (from..from.wrapping_add(PLACES)).filter_map(|at| KEPT.get(at % PLACES));
    let place = older.chain(any).find(|place| place.claim())?;
    let tag = token::Mapping::of_value(entry).and_then(|(page, snapshot)| {
        let base = place.base.load(Relaxed);
        let base = if base == 0 {
            page.into_base()
        } else {
            page.replace(base)?
        };
        let tag = tag_of(snapshot);
        place.base.store(base, Relaxed);
        place.len.store(snapshot.len, Relaxed);
        place.key.store(key(tag), SeqCst);
        Some(tag)
    });
    place.is_changing.store(false, SeqCst);
    tag
}

impl Place {
    /// Whether a version of the entry is in it.
    fn is_of(&self, index: usize) -> bool {
        let key = self.key.load(Relaxed);
        key != 0 && usize::try_from(key.wrapping_sub(1) & 0xffff) == Ok(index)
    }

    /// Takes the place, if no descriptor has what is in it. Its key is 0 then.
    fn claim(&self) -> bool {
        let free = self
            .is_changing
            .compare_exchange(false, true, AcqRel, Relaxed);
        if free.is_err() {
            return false;
        }
        let key = self.key.load(SeqCst);
        if key != 0 && !is_in_use(key) {
            self.key.store(0, SeqCst);
            // Marked since, by a thread that has not looked again yet, or has before.
            if is_in_use(key) {
                self.key.store(key, SeqCst);
            }
        }
        let is_free = self.key.load(SeqCst) == 0;
        if !is_free {
            self.is_changing.store(false, SeqCst);
        }
        is_free
    }
}

fn is_in_use(wanted: u64) -> bool {
    let has = |fd| matches!(token::inspect(fd), Ok(Some((tag, ..))) if key(tag) == wanted);
    (0..marks::end())
        .filter_map(|fd| i32::try_from(fd).ok())
        .any(|fd| marks::has(fd) && has(fd))
}
