//! From a verdict to a hook's return value, counted on the way.

use aya_ebpf::macros::map;
use aya_ebpf::maps::PerCpuArray;
use cloudtaser_abi::enforce::{EPERM, HOOKS, Hook};
use cloudtaser_abi::verdict::Verdict;

use crate::offsets;

/// How often each hook refused, or would have; by [`Hook`].
#[map]
static REFUSED: PerCpuArray<u64> = PerCpuArray::with_max_entries(HOOKS as u32, 0);

/// How often the kernel had no memory for a mark; by [`Hook`].
#[map]
static FAILED: PerCpuArray<u64> = PerCpuArray::with_max_entries(HOOKS as u32, 0);

/// A refusal that an earlier program of the same hook has spoken stays one.
#[inline(always)]
pub(crate) fn answer(hook: Hook, previous: i32, verdict: Verdict) -> i32 {
    if previous != 0 {
        return -EPERM;
    }
    match verdict {
        Verdict::Allow => 0,
        Verdict::Deny => {
            count(&REFUSED, hook);
            if offsets::read(&offsets::OBSERVE) == 0 {
                -EPERM
            } else {
                0
            }
        }
    }
}

/// Counts a helper that failed.
#[inline(always)]
pub(crate) fn failed(hook: Hook) {
    count(&FAILED, hook);
}

#[inline(always)]
fn count(counts: &PerCpuArray<u64>, hook: Hook) {
    if let Some(count) = counts.get_ptr_mut(hook as u32) {
        // SAFETY: the map's slot of this CPU, 8 bytes; programs of one CPU may lose a count to each
        // other, never memory.
        unsafe { *count = (*count).wrapping_add(1) };
    }
}
