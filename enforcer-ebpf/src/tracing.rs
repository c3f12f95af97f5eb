//! Whether there is somebody to guard, and who may trace all the same.

use core::arch::asm;
use core::ptr;

use aya_ebpf::helpers::generated::bpf_get_current_ancestor_cgroup_id;
use aya_ebpf::macros::map;
use aya_ebpf::maps::Array;
use cloudtaser_abi::enforce::TRUSTED;

use crate::{offsets, storage};

/// `BPF_F_RDONLY` (linux/bpf.h): programs write it, user space does not.
const READ_ONLY: u32 = 8;
/// Deepest folder of control groups that is looked at. Chosen: a pod's container is 5 deep under
/// systemd.
const DEEPEST: i32 = 10;

/// How many tasks are guarded.
#[map]
static GUARDED: Array<u64> = Array::with_max_entries(1, READ_ONLY);

/// Control groups that may trace, by id, from the operator; zeros behind.
#[unsafe(no_mangle)]
static TRUSTED_CGROUPS: [u64; TRUSTED] = [0; TRUSTED];

/// Whether it is the map of this module: the kernel's structure is at the address that the loader
/// puts in the place of ours.
#[inline(always)]
pub(crate) fn is_ours(map: *const u8) -> bool {
    ptr::from_ref(&GUARDED).cast::<u8>() == map
}

/// Counts a task as guarded.
///
/// # Safety
///
/// `task` is a `task_struct` that the verifier knows as such.
#[inline(always)]
pub(crate) unsafe fn arm(task: *const u8) {
    count(1);
    // Where that fails the task is never taken off, and what traces stays refused: closed.
    // SAFETY: this function's condition.
    let _is_marked = unsafe { storage::mark_counted(task) };
}

/// Takes a task off that was counted.
///
/// # Safety
///
/// As for [`arm`].
#[inline(always)]
pub(crate) unsafe fn disarm(task: *const u8) {
    // SAFETY: this function's condition.
    if unsafe { storage::is_counted(task) } {
        count(u64::MAX);
    }
}

/// Adds, modulo 2^64.
#[inline(always)]
fn count(more: u64) {
    if let Some(guarded) = GUARDED.get_ptr_mut(0) {
        // The compiler has no atomic arithmetic for this target, the processor has.
        // SAFETY: the map's only slot, 8 bytes and aligned, which lives as long as the programs; all
        // change it by this one instruction.
        unsafe {
            asm!("lock *(u64 *)({at} + 0) += {more}", at = in(reg) guarded, more = in(reg) more);
        }
    }
}

/// Whether the current task is refused what traces others: somebody is guarded, and no control group
/// that it is in is on the list.
#[inline(always)]
pub(crate) fn is_guarded() -> bool {
    GUARDED.get(0).is_none_or(|guarded| *guarded != 0) && !is_trusted()
}

/// By the id of the control group (version 2) and those above it: not by a path or a name.
#[inline(always)]
fn is_trusted() -> bool {
    if offsets::read(&TRUSTED_CGROUPS[0]) == 0 {
        return false;
    }
    let mut level = 0;
    while level < DEEPEST {
        // SAFETY: the helper takes a number, and answers 0 where there is no such level.
        let id = unsafe { bpf_get_current_ancestor_cgroup_id(level) };
        if id == 0 {
            return false;
        }
        for trusted in &TRUSTED_CGROUPS {
            if offsets::read(trusted) == id {
                return true;
            }
        }
        level += 1;
    }
    false
}
