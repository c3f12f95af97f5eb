//! Roads to the machine's memory and registers: what the kernel itself closes under `lockdown=`, as
//! far as the loader lists it.
//!
//! Prototype: `int locked_down(enum lockdown_reason what)` (include/linux/lsm_hook_defs.h). The
//! numbers move between kernels, so the loader looks them up by name.
//! First kernel: 5.11, for task storage.
//! Fails closed while somebody is guarded: nothing is looked up that could be missing.

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use cloudtaser_abi::enforce::Hook;
use cloudtaser_abi::verdict;

use crate::answer::answer;
use crate::{offsets, tracing};

/// The program.
#[lsm(hook = "locked_down")]
pub fn locked_down(ctx: LsmContext) -> i32 {
    if !tracing::is_guarded() {
        return 0;
    }
    let reasons = offsets::read(&offsets::LOCKED_REASONS);
    answer(
        Hook::LockedDown,
        ctx.arg(1),
        verdict::locked_down(reasons, ctx.arg(0)),
    )
}
