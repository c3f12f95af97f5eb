//! What reads the memory of others without asking for them: performance events, BPF programs, and
//! the kernel's tracing files.
//!
//! None of these names a target, so they are refused to everybody outside the operator's list as
//! soon as the node has a process to guard.

use super::{Entry, Verdict, is_same, name};

/// Capabilities that lift the kernel's own check of a performance event's target
/// (`CAP_SYS_ADMIN` and `CAP_PERFMON`, linux/capability.h), as bits.
const LIFTING: u64 = 1 << 21 | 1 << 38;

/// Commands of `bpf(2)` (linux/bpf.h).
const PROG_LOAD: i32 = 5;
const RAW_TRACEPOINT_OPEN: i32 = 17;

/// A performance event. Without a lifting capability the kernel asks `ptrace_access_check` about the
/// event's target, which is enough.
#[must_use]
#[inline(always)]
pub const fn perf_event(capabilities: u64) -> Verdict {
    if capabilities & LIFTING != 0 {
        Verdict::Deny
    } else {
        Verdict::Allow
    }
}

/// A command of `bpf(2)`, and for a load the program's type.
///
/// Types that are called on what any process does are refused: kprobe, tracepoint, perf event, raw
/// tracepoint (and writable), tracing (iterators too), struct_ops, extension, LSM, syscall. What
/// runtimes, service managers and networks load stays open: socket filters, XDP, cgroup programs.
#[must_use]
#[inline(always)]
pub const fn bpf(command: i32, program: u32) -> Verdict {
    match (command, program) {
        (PROG_LOAD, 2 | 5 | 7 | 17 | 24 | 26..=29 | 31) | (RAW_TRACEPOINT_OPEN, _) => Verdict::Deny,
        _ => Verdict::Allow,
    }
}

/// What `lockdown=` would close: `reasons` has a bit for each number that is on the list.
#[must_use]
#[inline(always)]
pub const fn locked_down(reasons: u64, reason: u32) -> Verdict {
    if reason < u64::BITS && reasons >> reason & 1 != 0 {
        Verdict::Deny
    } else {
        Verdict::Allow
    }
}

/// A new descriptor of a BPF map: ours hold the marks.
#[must_use]
#[inline(always)]
pub const fn map(is_ours: bool) -> Verdict {
    if is_ours {
        Verdict::Deny
    } else {
        Verdict::Allow
    }
}

/// Opening a file of tracefs or debugfs: probes are written there, and read registers and memory.
/// A program's own marks in a trace stay possible.
#[must_use]
#[inline(always)]
pub const fn trace_file(entry: &Entry) -> Verdict {
    let is_mark = is_same(entry.name, const { name("trace_marker") })
        || is_same(entry.name, const { name("trace_marker_raw") });
    if entry.for_writing && !is_mark {
        Verdict::Deny
    } else {
        Verdict::Allow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_without_capabilities_is_the_kernels_to_judge() {
        assert_eq!(perf_event(0), Verdict::Allow);
        assert_eq!(perf_event(!LIFTING), Verdict::Allow);
        for bit in [21, 38] {
            assert_eq!(perf_event(1 << bit), Verdict::Deny, "{bit}");
        }
    }

    #[test]
    fn tracing_programs_are_refused_and_a_runtimes_are_not() {
        for kind in [2, 5, 7, 17, 24, 26, 27, 28, 29, 31] {
            assert_eq!(bpf(PROG_LOAD, kind), Verdict::Deny, "{kind}");
        }
        // Socket filter, classifiers, XDP, cgroup socket and device programs.
        for kind in [1, 3, 4, 6, 8, 9, 15, 18] {
            assert_eq!(bpf(PROG_LOAD, kind), Verdict::Allow, "{kind}");
        }
        assert_eq!(bpf(RAW_TRACEPOINT_OPEN, 0), Verdict::Deny);
        // Map create, lookup, update, link create.
        for command in [0, 1, 2, 28] {
            assert_eq!(bpf(command, 29), Verdict::Allow, "{command}");
        }
    }

    #[test]
    fn a_reason_that_is_not_on_the_list_is_open() {
        assert_eq!(locked_down(1 << 9, 9), Verdict::Deny);
        for reason in [0, 8, 10, 63, 64, u32::MAX] {
            assert_eq!(locked_down(1 << 9, reason), Verdict::Allow, "{reason}");
        }
    }

    #[test]
    fn probes_are_refused_and_marks_are_not() {
        let entry = |text: &str, for_writing| Entry {
            name: name(text),
            is_directory: false,
            for_writing,
        };
        for text in ["uprobe_events", "enabled", "current_tracer"] {
            assert_eq!(trace_file(&entry(text, true)), Verdict::Deny, "{text}");
            assert_eq!(trace_file(&entry(text, false)), Verdict::Allow, "{text}");
        }
        for text in ["trace_marker", "trace_marker_raw"] {
            assert_eq!(trace_file(&entry(text, true)), Verdict::Allow, "{text}");
        }
    }
}
