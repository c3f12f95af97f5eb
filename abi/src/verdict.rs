//! Who may do what to whom: the enforcer's decisions, without the kernel around them.
//!
//! A group is a registered process and everything that it forked; 0 stands for no group. What is
//! inside one group is its own business; two groups are strangers to each other, as is everybody
//! without one, root included. The kernel programs call these functions; so do the tests.

mod pins;
mod socket;
mod tracing;

pub use pins::{Unmount, pin, unmount};
pub use socket::{SocketName, connect};
pub use tracing::{bpf, locked_down, map, perf_event, trace_file};

/// What a hook is to answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Go on.
    Allow,
    /// EPERM.
    Deny,
}

/// Longest name that is compared, in bytes; every name on a list here is shorter.
pub const NAME_BYTES: usize = 16;

/// A file of procfs that is about to be opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The first 16 bytes of its name, zeros behind, as two little-endian words.
    pub name: [u64; 2],
    /// Whether it is a directory.
    pub is_directory: bool,
    /// Whether it would be open for writing.
    pub for_writing: bool,
}

/// A name as [`Entry`] holds it, with `text` below 16 bytes.
#[must_use]
pub const fn name(text: &str) -> [u64; 2] {
    let bytes = text.as_bytes();
    let mut words = [0_u64; 2];
    let mut index = 0;
    let mut rest = bytes;
    while let [byte, more @ ..] = rest {
        let shifted = (*byte as u64) << (index % 8 * 8);
        if index < 8 {
            words[0] |= shifted;
        } else {
            words[1] |= shifted;
        }
        index += 1;
        rest = more;
    }
    words
}

/// Memory, descriptors, links, namespaces, tracing.
#[must_use]
#[inline(always)]
pub const fn access(actor: u64, target: u64) -> Verdict {
    if target == 0 || actor == target {
        Verdict::Allow
    } else {
        Verdict::Deny
    }
}

/// What node agents and the kubelet read of every process, and none of it is a secret.
macro_rules! open_files {
    ($($text:literal)*) => {
        /// Names below `/proc/PID` that stay readable.
        pub const OPEN_FILES: &[&str] = &[$($text),*];

        #[inline(always)]
        const fn is_open_file(given: [u64; 2]) -> bool {
            $(if is_same(given, const { name($text) }) { return true; })*
            false
        }
    };
}

open_files! {
    "cgroup" "comm" "cpuset" "limits" "loginuid" "mountinfo" "mounts" "mountstats" "oom_adj"
    "oom_score" "oom_score_adj" "sched" "schedstat" "sessionid" "stat" "statm" "status" "wchan"
}

/// Opening an entry below `/proc/PID`. What is not listed is refused.
#[must_use]
#[inline(always)]
pub const fn procfs(actor: u64, target: u64, entry: &Entry) -> Verdict {
    if let Verdict::Allow = access(actor, target) {
        return Verdict::Allow;
    }
    if entry.for_writing {
        return Verdict::Deny;
    }
    let is_open = if entry.is_directory {
        // `/proc/PID` and `/proc/PID/task/TID` themselves; not `fd`, `fdinfo`, `map_files`, `ns`.
        is_number(entry.name[0])
            || is_same(entry.name, const { name("task") })
            || is_same(entry.name, const { name("net") })
    } else {
        is_open_file(entry.name)
    };
    if is_open {
        Verdict::Allow
    } else {
        Verdict::Deny
    }
}

/// Opening a file of procfs that tells about no process. Nobody may read the kernel's memory, have
/// it dumped, say who gets the dumps, nor switch off the tracing that these programs are called by;
/// what else there is, is not ours.
#[must_use]
#[inline(always)]
pub const fn node_file(entry: &Entry) -> Verdict {
    let is_refused = is_same(entry.name, const { name("kcore") })
        || entry.for_writing
            && (is_same(entry.name, const { name("ftrace_enabled") })
                || is_same(entry.name, const { name("core_pattern") })
                || is_same(entry.name, const { name("sysrq-trigger") }));
    if is_refused {
        Verdict::Deny
    } else {
        Verdict::Allow
    }
}

/// Opening a character device: `mem`, `kmem` and `port` are major 1, minor 1, 2 and 4
/// (Documentation/admin-guide/devices.txt). `device` is as the kernel keeps it, 20 bits of minor.
#[must_use]
#[inline(always)]
pub const fn device(device: u32) -> Verdict {
    match (device >> 20, device & 0xf_ffff) {
        (1, 1 | 2 | 4) => Verdict::Deny,
        _ => Verdict::Allow,
    }
}

/// A signal. What ends a pod, or means nothing to a debugger, stays free.
#[must_use]
#[inline(always)]
pub const fn signal(actor: u64, target: u64, number: i32) -> Verdict {
    if let Verdict::Allow = access(actor, target) {
        return Verdict::Allow;
    }
    match number {
        // The question whether it lives; HUP, INT, KILL, TERM, CHLD, CONT, WINCH (signal(7)).
        0 | 1 | 2 | 9 | 15 | 17 | 18 | 28 => Verdict::Allow,
        _ => Verdict::Deny,
    }
}

/// Whether a name begins with a digit: only process and thread ids do, among directories.
#[inline(always)]
const fn is_number(first: u64) -> bool {
    let byte = first & 0xff;
    byte >= b'0' as u64 && byte <= b'9' as u64
}

#[inline(always)]
const fn is_same(left: [u64; 2], right: [u64; 2]) -> bool {
    left[0] == right[0] && left[1] == right[1]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAMES: &[&str] = &[
        "auxv",
        "clear_refs",
        "cmdline",
        "coredump_filter",
        "environ",
        "fd",
        "fdinfo",
        "io",
        "maps",
        "map_files",
        "mem",
        "ns",
        "numa_maps",
        "pagemap",
        "personality",
        "smaps",
        "smaps_rollup",
        "stack",
        "syscall",
        "timers",
        "uid_map",
    ];

    fn file(text: &str) -> Entry {
        Entry {
            name: name(text),
            is_directory: false,
            for_writing: false,
        }
    }

    #[test]
    fn secrets_are_refused_and_what_agents_read_is_not() {
        for text in NAMES {
            assert_eq!(procfs(0, 7, &file(text)), Verdict::Deny, "{text}");
            let folder = Entry {
                is_directory: true,
                ..file(text)
            };
            assert_eq!(procfs(0, 7, &folder), Verdict::Deny, "{text}/");
        }
        for text in OPEN_FILES {
            assert!(text.len() < NAME_BYTES, "{text}");
            assert_eq!(procfs(0, 7, &file(text)), Verdict::Allow, "{text}");
            let written = Entry {
                for_writing: true,
                ..file(text)
            };
            assert_eq!(procfs(0, 7, &written), Verdict::Deny, "{text}");
        }
        for text in ["1", "4194304", "task", "net"] {
            let folder = Entry {
                is_directory: true,
                ..file(text)
            };
            assert_eq!(procfs(0, 7, &folder), Verdict::Allow, "{text}/");
            // `fdinfo/1` is a file.
            assert_eq!(procfs(0, 7, &file(text)), Verdict::Deny, "{text}");
        }
    }

    #[test]
    fn the_kernels_memory_and_our_switch_are_refused() {
        let written = |text: &str| Entry {
            for_writing: true,
            ..file(text)
        };
        assert_eq!(node_file(&file("kcore")), Verdict::Deny);
        assert_eq!(node_file(&written("ftrace_enabled")), Verdict::Deny);
        for text in ["ftrace_enabled", "meminfo", "kcore2", "kcor"] {
            assert_eq!(node_file(&file(text)), Verdict::Allow, "{text}");
        }
        assert_eq!(node_file(&written("ftrace_enable")), Verdict::Allow);
    }

    #[test]
    fn dumps_and_physical_memory_are_refused() {
        for text in ["core_pattern", "sysrq-trigger"] {
            let written = Entry {
                for_writing: true,
                ..file(text)
            };
            assert_eq!(node_file(&written), Verdict::Deny, "{text}");
            assert_eq!(node_file(&file(text)), Verdict::Allow, "{text}");
        }
        for minor in [1, 2, 4] {
            assert_eq!(device(1 << 20 | minor), Verdict::Deny, "{minor}");
        }
        // `null`, `zero`, a terminal.
        for other in [1 << 20 | 3, 1 << 20 | 5, 5 << 20 | 1] {
            assert_eq!(device(other), Verdict::Allow, "{other}");
        }
    }

    #[test]
    fn a_pod_can_be_stopped_and_not_debugged() {
        for number in [0, 9, 15, 18] {
            assert_eq!(signal(0, 7, number), Verdict::Allow, "{number}");
        }
        for number in [3, 6, 10, 11, 12, 19, 20, 34, 64] {
            assert_eq!(signal(0, 7, number), Verdict::Deny, "{number}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_refused_without_a_target(actor: u64, word: [u64; 2], dir: bool, write: bool, number: i32) {
            let entry = Entry { name: word, is_directory: dir, for_writing: write };
            prop_assert_eq!(access(actor, 0), Verdict::Allow);
            prop_assert_eq!(procfs(actor, 0, &entry), Verdict::Allow);
            prop_assert_eq!(signal(actor, 0, number), Verdict::Allow);
        }

        #[test]
        fn one_group_is_its_own_business(group: u64, word: [u64; 2], dir: bool, write: bool, number: i32) {
            let entry = Entry { name: word, is_directory: dir, for_writing: write };
            prop_assert_eq!(access(group, group), Verdict::Allow);
            prop_assert_eq!(procfs(group, group, &entry), Verdict::Allow);
            prop_assert_eq!(signal(group, group, number), Verdict::Allow);
        }

        #[test]
        fn strangers_get_only_what_is_listed(actor: u64, target in 1_u64.., word: [u64; 2], write: bool) {
            prop_assume!(actor != target);
            let entry = Entry { name: word, is_directory: false, for_writing: write };
            let listed = OPEN_FILES.iter().any(|text| name(text) == word);
            let allowed = procfs(actor, target, &entry) == Verdict::Allow;
            prop_assert_eq!(access(actor, target), Verdict::Deny);
            prop_assert_eq!(allowed, listed && !write);
        }
    }
}
