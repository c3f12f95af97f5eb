//! What the enforcer's kernel programs and its daemon agree on: the hooks, their counters, the
//! identity of a group, error numbers.

/// A hook, numbered as its place in the counters' maps.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub enum Hook {
    /// Registration.
    TaskPrctl = 0,
    /// Inheritance.
    TaskAlloc = 1,
    /// Memory, descriptors, links and namespaces of another process.
    PtraceAccessCheck = 2,
    /// A process that hands itself to a tracer.
    PtraceTraceme = 3,
    /// Which process a procfs inode tells about.
    TaskToInode = 4,
    /// Files below `/proc/PID`.
    FileOpen = 5,
    /// Signals.
    TaskKill = 6,
}

/// How many there are.
pub const HOOKS: usize = ALL.len();

/// All of them, in the order in which they are attached: who marks comes before who looks.
pub const ALL: [Hook; 7] = [
    Hook::TaskAlloc,
    Hook::TaskToInode,
    Hook::PtraceAccessCheck,
    Hook::PtraceTraceme,
    Hook::FileOpen,
    Hook::TaskKill,
    Hook::TaskPrctl,
];

impl Hook {
    /// The kernel's name, which is the program's name too.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TaskPrctl => "task_prctl",
            Self::TaskAlloc => "task_alloc",
            Self::PtraceAccessCheck => "ptrace_access_check",
            Self::PtraceTraceme => "ptrace_traceme",
            Self::TaskToInode => "task_to_inode",
            Self::FileOpen => "file_open",
            Self::TaskKill => "task_kill",
        }
    }
}

/// Error numbers (asm-generic/errno.h), which BPF programs cannot take from a C library.
pub const EPERM: i32 = 1;
/// No memory for a mark.
pub const ENOMEM: i32 = 12;
/// Registration of a process that is traced or has several threads.
pub const EBUSY: i32 = 16;
/// An operation that this enforcer does not know.
pub const EINVAL: i32 = 22;
/// Registered.
pub const EISCONN: i32 = 106;

/// Bits of a process id: `PID_MAX_LIMIT` is 2^22 (include/linux/threads.h).
const TGID_BITS: u32 = 22;

/// A new group's identity: never 0, and no other while the node runs: the same process id would
/// have to register twice within 1,024 ns, or with 52 days between to the microsecond.
#[must_use]
pub const fn group_id(tgid: u32, now_ns: u64) -> u64 {
    ((tgid as u64) << (64 - TGID_BITS)) | ((now_ns >> 10) & (u64::MAX >> TGID_BITS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hook_has_one_place() {
        let mut seen = [false; HOOKS];
        for hook in ALL {
            let place = &mut seen[hook as usize];
            assert!(!*place, "{}", hook.name());
            *place = true;
        }
    }

    #[test]
    fn a_group_is_never_none() {
        assert_ne!(group_id(1, 0), 0);
        assert_ne!(group_id(1, 1 << 20), group_id(2, 1 << 20));
        assert_ne!(group_id(1, 1 << 20), group_id(1, 1 << 21));
        assert_ne!(group_id(1 << 21, u64::MAX), group_id(1, u64::MAX));
    }
}
