//! The region of this process, mapped once and for its whole life.
#![expect(
    unsafe_code,
    reason = "a static that is written once, and memory that is mapped for ever"
)]

use core::cell::UnsafeCell;
use core::slice;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use cloudtaser_abi::protection::Protection;
use cloudtaser_abi::region::Region;

use crate::sys::errno::Errno;
use crate::sys::kernel::{self, Fd};

struct Once {
    region: UnsafeCell<Option<Region<'static>>>,
    is_ready: AtomicBool,
}

// SAFETY: written by the one thread that initialises, before `is_ready` is set with a releasing
// store; everybody else reads after that.
unsafe impl Sync for Once {}

static REGION: Once = Once {
    region: UnsafeCell::new(None),
    is_ready: AtomicBool::new(false),
};

static DEVICE: AtomicU64 = AtomicU64::new(0);

/// The region, when there is one.
#[must_use]
pub fn region() -> Option<Region<'static>> {
    if !REGION.is_ready.load(Ordering::Acquire) {
        return None;
    }
    // SAFETY: ready, so nobody writes any more.
    unsafe { *REGION.region.get() }
}

/// Maps the region behind `file` and checks it; a damaged one is none. To be called once.
pub fn open(file: i32) -> Option<()> {
    let stat = kernel::fstat(file).ok()?;
    let len = usize::try_from(stat.st_size).ok().filter(|len| *len > 0)?;
    let base = kernel::mmap(file, len, false).ok()?;
    kernel::exclude_from_dumps(base, len);
    // SAFETY: mapped above, page-aligned, readable, never unmapped; the writer changes it in whole
    // words through a mapping of its own.
    let words = unsafe { slice::from_raw_parts(base.cast::<AtomicU64>(), len / 8) };
    let region = Region::open(words).ok()?;
    DEVICE.store(stat.st_dev, Ordering::Relaxed);
    // SAFETY: the one initialising thread, and nobody reads before `is_ready`.
    unsafe { *REGION.region.get() = Some(region) };
    REGION.is_ready.store(true, Ordering::Release);
    Some(())
}

/// A new file of the region's kind, which lies on the same device: secret memory, or ordinary
/// memory where the region has no better (its protection level says so).
///
/// # Errors
///
/// `EMFILE`, `ENFILE`, `ENOMEM`. Fails closed where the region is secret and the kernel gives no
/// more of that.
pub fn memory(is_close_on_exec: bool) -> Result<Fd, Errno> {
    if is_secret() {
        // All of it is one file system.
        return kernel::memfd_secret(is_close_on_exec);
    }
    let ordinary = kernel::memfd_create(c"cloudtaser", is_close_on_exec)?;
    if kernel::fstat(ordinary.number())?.st_dev == device() {
        Ok(ordinary)
    } else {
        Err(Errno::NOMEM)
    }
}

/// Whether the region is secret memory, and so are the files of [`memory`].
#[must_use]
pub fn is_secret() -> bool {
    region().is_some_and(|region| region.protection() >= Protection::Secretmem)
}

/// Device number of the region's file, which virtual descriptors share.
#[must_use]
pub fn device() -> u64 {
    DEVICE.load(Ordering::Relaxed)
}
