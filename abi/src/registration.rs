//! Registration of the wrapper with the node's enforcer.
//!
//! The wrapper calls `prctl(PR_CLOUDTASER, OP_REGISTER, 0, 0, 0)`. A BPF LSM program on
//! `task_prctl` marks the calling task and answers `EISCONN`; a kernel without one answers
//! `EINVAL`, as `prctl(2)` does for every number that it does not know. An LSM program cannot
//! answer 0: that means "go on to the kernel's own handling".

/// The private `prctl(2)` option: the ASCII letters `CTSR` as a big-endian number, far from the
/// kernel's own options (below 100, and a few that are four ASCII letters such as `Yama`).
#[doc(alias = "prctl")]
pub const PR_CLOUDTASER: i32 = i32::from_be_bytes(*b"CTSR");

/// Second argument: is there an enforcer? Answered as a registration is, and nothing is marked.
pub const OP_ASK: u64 = 2;

/// Second argument: register the calling process and everything that it will fork.
pub const OP_REGISTER: u64 = 1;
