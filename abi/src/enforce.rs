//! What the enforcer's kernel programs and its daemon agree on: the hooks, their counters, the
//! identity of a group, error numbers.

/// Declares the hooks in the order in which they are attached: who marks comes before who looks.
macro_rules! hooks {
    ($($(#[$doc:meta])* $hook:ident $name:literal,)*) => {
        /// A hook, numbered as its place in the counters' maps.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        #[repr(u32)]
        pub enum Hook {
            $($(#[$doc])* $hook,)*
        }

        /// How many there are.
        pub const HOOKS: usize = [$($name),*].len();

        /// All of them, in the order in which they are attached.
        pub const ALL: [Hook; HOOKS] = [$(Hook::$hook),*];

        impl Hook {
            /// The kernel's name, which is the program's name too.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$hook => $name,)*
                }
            }

            /// The hook that an attack has to pass before this one is asked: with that one in
            /// place no test can reach this one, which stands behind it for the sake of races.
            #[must_use]
            pub const fn stands_behind(self) -> Option<Self> {
                match self {
                    Self::BprmCredsForExec => Some(Self::PtraceTraceme),
                    _ => None,
                }
            }
        }
    };
}

hooks! {
    /// A process to guard more: a tracepoint, as the next one.
    SchedProcessFork "sched_process_fork",
    /// One less.
    SchedProcessExit "sched_process_exit",
    /// Inheritance.
    TaskAlloc "task_alloc",
    /// Which process a procfs inode tells about.
    TaskToInode "task_to_inode",
    /// Memory, descriptors, links and namespaces of another process.
    PtraceAccessCheck "ptrace_access_check",
    /// A process that hands itself to a tracer.
    PtraceTraceme "ptrace_traceme",
    /// Which group a listening Unix socket is of.
    SocketListen "socket_listen",
    /// Connections to a debugger's Unix socket.
    UnixStreamConnect "unix_stream_connect",
    /// A program executed under a tracer from outside.
    BprmCredsForExec "bprm_creds_for_exec",
    /// Files below `/proc/PID`.
    FileOpen "file_open",
    /// Signals.
    TaskKill "task_kill",
    /// Resource limits.
    TaskSetrlimit "task_setrlimit",
    /// Performance events.
    PerfEventOpen "perf_event_open",
    /// Roads to the machine's memory and registers.
    LockedDown "locked_down",
    /// Loading of BPF programs that read others' memory.
    Bpf "bpf",
    /// Descriptors of our own maps.
    BpfMap "bpf_map",
    /// Removal of a pin.
    InodeUnlink "inode_unlink",
    /// Renaming of a pin or of their folder.
    InodeRename "inode_rename",
    /// Unmounting of what the pins are in.
    SbUmount "sb_umount",
    /// Registration: last, so that nobody is told that he is guarded who is not.
    TaskPrctl "task_prctl",
}

/// Most control groups that may trace. Chosen: one for each agent of a node, and they are few.
pub const TRUSTED: usize = 8;

/// Most file systems above the pins that are known. Chosen: bpffs, sysfs and the root are three.
pub const ABOVE: usize = 4;

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
    fn every_hook_has_a_place_in_the_counters() {
        for (place, hook) in ALL.into_iter().enumerate() {
            assert_eq!(hook as usize, place, "{}", hook.name());
        }
        assert_eq!(ALL[HOOKS - 1], Hook::TaskPrctl);
    }

    #[test]
    fn a_group_is_never_none() {
        assert_ne!(group_id(1, 0), 0);
        assert_ne!(group_id(1, 1 << 20), group_id(2, 1 << 20));
        assert_ne!(group_id(1, 1 << 20), group_id(1, 1 << 21));
        assert_ne!(group_id(1 << 21, u64::MAX), group_id(1, u64::MAX));
    }
}
