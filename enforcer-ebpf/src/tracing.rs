//! Whether there is somebody to guard, and who may trace all the same.

use core::ptr;

use aya_ebpf::helpers::generated::bpf_get_current_ancestor_cgroup_id;
use aya_ebpf::macros::map;
use aya_ebpf::maps::Array;
use cloudtaser_abi::enforce::TRUSTED;

use crate::offsets;

/// `BPF_F_RDONLY` (linux/bpf.h): programs write it, user space does not.
const READ_ONLY: u32 = 8;
/// Deepest folder of control groups that is looked at. Chosen: a pod's container is 5 deep under
/// systemd.
const DEEPEST: i32 = 10;

/// 1 from the first registration on.
#[map]
static ARMED: Array<u64> = Array::with_max_entries(1, READ_ONLY);

/// Control groups that may trace, by id, from the operator; zeros behind.
#[unsafe(no_mangle)]
static TRUSTED_CGROUPS: [u64; TRUSTED] = [0; TRUSTED];

/// Whether it is the map of this module: the kernel's structure is at the address that the loader
/// puts in the place of ours.
#[inline(always)]
pub(crate) fn is_ours(map: *const u8) -> bool {
    ptr::from_ref(&ARMED).cast::<u8>() == map
}

/// Notes that there is somebody to guard. False, and nobody registers, if the map is not there.
#[inline(always)]
pub(crate) fn arm() -> bool {
    let Some(armed) = ARMED.get_ptr_mut(0) else {
        return false;
    };
    // SAFETY: the map's only slot, 8 bytes; whoever writes writes 1.
    unsafe { armed.write(1) };
    true
}

/// Whether the current task is refused what traces others: somebody is guarded, and no control group
/// that it is in is on the list.
#[inline(always)]
pub(crate) fn is_guarded() -> bool {
    ARMED.get(0).is_some_and(|armed| *armed != 0) && !is_trusted()
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
