//! Which process the static memory belongs to. Between `vfork` and `exec` a child runs in its
//! parent's memory with descriptors of its own, and must not change what describes the parent's.

use core::sync::atomic::{AtomicI32, Ordering};

use crate::sys::kernel::getpid;

static OWNER: AtomicI32 = AtomicI32::new(0);

/// The memory belongs to the calling process from now on: at start, and in the child of a `fork`.
pub fn adopt() {
    OWNER.store(getpid(), Ordering::Relaxed);
}

/// Whether the memory belongs to the calling process.
///
/// After a fork that did not come through us it does not, which costs speed and no correctness.
#[must_use]
pub fn owns_memory() -> bool {
    OWNER.load(Ordering::Relaxed) == getpid()
}
