//! The root directory. The paths of the region are meant for the one that the wrapper had; after
//! `chroot` the same words name other files.

use core::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};

use super::path::{PATH_MAX, PathBuf};
use crate::state::process;
use crate::sys::kernel;
use crate::sys::page::Page;

static DEVICE_AND_INODE: [core::sync::atomic::AtomicU64; 2] =
    [const { core::sync::atomic::AtomicU64::new(0) }; 2];
/// The root is neither the wrapper's nor one whose place below it we know.
static IS_FOREIGN: AtomicBool = AtomicBool::new(false);

/// Where the root lies in the wrapper's: written by `chroot`, which a program calls with no other
/// thread running (the call changes all of them).
static PREFIX: [AtomicU8; PATH_MAX] = [const { AtomicU8::new(0) }; PATH_MAX];
static PREFIX_LEN: AtomicUsize = AtomicUsize::new(0);

/// States the root's device and inode number, and looks whether this process has it.
pub fn expect(root: Option<(u64, u64)>) {
    let Some((device, inode)) = root else {
        return;
    };
    for (place, number) in DEVICE_AND_INODE.iter().zip([device, inode]) {
        place.store(number, Ordering::Relaxed);
    }
    IS_FOREIGN.store(!is_expected(), Ordering::Relaxed);
}

/// What [`expect`] was told, for the next program.
#[must_use]
pub fn expected() -> Option<(u64, u64)> {
    let [device, inode] = &DEVICE_AND_INODE;
    let root = (
        device.load(Ordering::Relaxed),
        inode.load(Ordering::Relaxed),
    );
    (root != (0, 0)).then_some(root)
}

/// The path of the process's root below the wrapper's, empty for the same; `None` when it is
/// another one, in which no path is ours.
#[must_use]
pub fn prefix() -> Option<PathBuf> {
    if IS_FOREIGN.load(Ordering::Relaxed) {
        return None;
    }
    let len = PREFIX_LEN.load(Ordering::Acquire);
    if len == 0 {
        return PathBuf::new();
    }
    let mut bytes = Page::new().ok()?;
    for (to, from) in bytes.iter_mut().zip(&PREFIX).take(len) {
        *to = from.load(Ordering::Relaxed);
    }
    PathBuf::of(bytes.get(..len)?)
}

/// Whether the root is the wrapper's.
#[must_use]
pub fn is_same() -> bool {
    !IS_FOREIGN.load(Ordering::Relaxed) && PREFIX_LEN.load(Ordering::Relaxed) == 0
}

/// After a `chroot` to the directory that was `path`; `None` when it could not be told.
pub fn moved(path: Option<&[u8]>) {
    // A child in its parent's memory has a root of its own.
    if !process::owns_memory() {
        return;
    }
    if is_expected() {
        PREFIX_LEN.store(0, Ordering::Release);
        IS_FOREIGN.store(false, Ordering::Relaxed);
        return;
    }
    let Some(path) = path else {
        IS_FOREIGN.store(true, Ordering::Relaxed);
        return;
    };
    for (to, from) in PREFIX.iter().zip(path) {
        to.store(*from, Ordering::Relaxed);
    }
    PREFIX_LEN.store(path.len(), Ordering::Release);
}

fn is_expected() -> bool {
    let [device, inode] = &DEVICE_AND_INODE;
    kernel::fstatat(kernel::CURRENT, c"/").is_ok_and(|root| {
        root.st_dev == device.load(Ordering::Relaxed)
            && root.st_ino == inode.load(Ordering::Relaxed)
    })
}
