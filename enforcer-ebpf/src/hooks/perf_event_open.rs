//! Performance events: they sample stacks and registers, and place breakpoints and probes.
//!
//! Prototype: `int perf_event_open(struct perf_event_attr *attr, int type)`, and without `attr` from
//! 6.16 on (include/linux/lsm_hook_defs.h), so neither is read. No target is named. Who has neither
//! CAP_PERFMON nor CAP_SYS_ADMIN is left to the kernel, which asks `ptrace_access_check` about the
//! target, and refuses events of a whole processor unless `perf_event_paranoid` is below 1.
//! First kernel: 5.11, for task storage.
//! Fails closed while somebody is guarded: nothing is looked up that could be missing.

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use cloudtaser_abi::enforce::Hook;
use cloudtaser_abi::verdict;

use crate::answer::answer;
use crate::offsets::{self, load};
use crate::{storage, tracing};

/// The program. The number of its arguments differs, so the answer of an earlier program is not
/// read: the kernel calls none after one that refused.
#[lsm(hook = "perf_event_open")]
pub fn perf_event_open(_: LsmContext) -> i32 {
    if !tracing::is_guarded() {
        return 0;
    }
    // SAFETY: the current task, as the helper types it.
    let cred: *const u8 = unsafe { load(storage::current(), &offsets::TASK_CRED, 0) };
    // SAFETY: the verifier knows the field's type; it is 8 bytes on every kernel, in one or two
    // words.
    let low: u32 = unsafe { load(cred, &offsets::CRED_CAP_EFFECTIVE, 0) };
    // SAFETY: the verifier knows the type of `cred`, and of this second half of the field.
    let high: u32 = unsafe { load(cred, &offsets::CRED_CAP_EFFECTIVE, 4) };
    let capabilities = u64::from(low) | u64::from(high) << 32;
    answer(Hook::PerfEventOpen, 0, verdict::perf_event(capabilities))
}
