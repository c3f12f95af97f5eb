//! Loading of BPF programs that read the memory of others, by whoever is not on the operator's list.
//!
//! Prototype: `int bpf(int cmd, union bpf_attr *attr, unsigned int size)`, with a fourth argument
//! `bool kernel` from 6.15 on (include/linux/lsm_hook_defs.h). `attr` is the kernel's copy, zeros
//! behind `size`. `bpf_prog_load`, from 6.9 on, would be asked later about the same.
//! First kernel: 5.11, for task storage.
//! Fails closed while somebody is guarded: nothing is looked up that could be missing.

use core::ptr;

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use cloudtaser_abi::enforce::Hook;
use cloudtaser_abi::verdict::{self, Verdict};

use crate::answer::answer;
use crate::tracing;

/// The program. The number of its arguments differs, so the answer of an earlier program is not
/// read: the kernel calls none after one that refused.
#[lsm(hook = "bpf")]
pub fn bpf(ctx: LsmContext) -> i32 {
    let attr: *const u32 = ctx.arg(1);
    // SAFETY: the hook's second argument is the union; `prog_type`, the first word of the part for
    // `BPF_PROG_LOAD`, is user space's interface and stays where it is.
    let program = unsafe { ptr::read_volatile(attr) };
    let verdict = verdict::bpf(ctx.arg(0), program);
    if verdict == Verdict::Allow || !tracing::is_guarded() {
        return 0;
    }
    answer(Hook::Bpf, 0, verdict)
}
