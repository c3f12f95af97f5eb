//! How often files were opened: counts that all processes of the tree share.
#![expect(unsafe_code, reason = "shared memory that is mapped for ever")]

use core::slice;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::sys::errno::Errno;
use cloudtaser_abi::region::Entry;

use super::hidden::{self, Role};
use crate::sys::kernel;

static BASE: AtomicUsize = AtomicUsize::new(0);
static COUNTS: AtomicUsize = AtomicUsize::new(0);

/// Counts one more opening of entry `index`, if it has a limit.
///
/// # Errors
///
/// `ENOENT` when it was opened as often as it may be: the file is gone. `EIO` when the counts
/// cannot be had: fails closed.
pub fn count(index: usize, entry: &Entry<'_>) -> Result<(), Errno> {
    let Some(limit) = entry.open_limit() else {
        return Ok(());
    };
    let place = counts().ok_or(Errno::IO)?.get(index).ok_or(Errno::IO)?;
    let limit = u64::from(limit);
    let counted = place.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
        (count < limit).then(|| count.wrapping_add(1))
    });
    counted.map(|_before| ()).map_err(|_at_limit| Errno::NOENT)
}

/// Whether entry `index` can be opened once more.
#[must_use]
pub fn is_left(index: usize, entry: &Entry<'_>) -> bool {
    match (entry.open_limit(), counts()) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(limit), Some(counts)) => counts
            .get(index)
            .is_some_and(|count| count.load(Ordering::Relaxed) < u64::from(limit)),
    }
}

/// The counts, mapped at the first use. Two threads may map them twice, which costs a page of
/// addresses and nothing else.
fn counts() -> Option<&'static [AtomicU64]> {
    if BASE.load(Ordering::Acquire) == 0 {
        let file = hidden::number(Role::Ledger)?;
        let len = usize::try_from(kernel::fstat(file).ok()?.st_size).ok()?;
        let base = kernel::mmap(file, len, true).ok()?;
        COUNTS.store(len / 8, Ordering::Relaxed);
        BASE.store(base as usize, Ordering::Release);
    }
    let base = BASE.load(Ordering::Acquire) as *const AtomicU64;
    // SAFETY: mapped above for ever, page-aligned, that many words, changed through atomics only.
    Some(unsafe { slice::from_raw_parts(base, COUNTS.load(Ordering::Relaxed)) })
}
