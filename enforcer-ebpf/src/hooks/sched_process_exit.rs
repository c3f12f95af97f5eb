//! A task ends: one less to guard. Its memory is gone by then.
//!
//! Prototype: `TP_PROTO(struct task_struct *p)`, and more behind in newer kernels
//! (include/trace/events/sched.h). Called by the task itself.
//! First kernel: 5.11, for task storage.
//! Fails closed: without it nobody is ever taken off.

use aya_ebpf::macros::btf_tracepoint;
use aya_ebpf::programs::BtfTracePointContext;

use crate::{storage, tracing};

/// The program.
#[btf_tracepoint(function = "sched_process_exit")]
pub fn sched_process_exit(_: BtfTracePointContext) -> i32 {
    // SAFETY: the current task, as the helper types it.
    unsafe { tracing::disarm(storage::current()) };
    0
}
