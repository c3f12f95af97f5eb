//! The table. Long because it is one: the words of its lines, and the lines about a process.

use std::fmt::Write as _;

mod node;

/// Who attacks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Actor {
    /// Another process of the target's own user, uid 1000, that entered the container by `setns`.
    User,
    /// Root with the 14 capabilities that a container has by default, entered by `setns`, as
    /// `kubectl exec` does.
    Root14,
    /// As [`Actor::Root14`], in another container that shares the PID namespace and has a procfs of
    /// its own.
    Sibling,
    /// Root of the node, with every capability.
    Root,
    /// A child of the target: inside the tree.
    Tree,
    /// Root of the node in a control group that the operator trusts with tracing.
    Agent,
}

impl Actor {
    /// The word in results and documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Root14 => "root14",
            Self::Sibling => "sibling",
            Self::Root => "root",
            Self::Tree => "tree",
            Self::Agent => "agent",
        }
    }
}

/// What is done. Paths are below `/proc/PID` of the target.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    /// Open, and read up to 4 KiB.
    Read(&'static str),
    /// As [`Action::Read`] of the target's child, which was forked after registration.
    ReadChild(&'static str),
    /// As [`Action::Read`] of a file directly below `/proc`.
    ReadNode(&'static str),
    /// As [`Action::Write`] of a file below `/proc`.
    WriteNode(&'static str),
    /// Connect to a Unix socket that the target listens on; `WHO` is the target's name, `@` at the
    /// start makes the name an abstract one.
    Connect(&'static str),
    /// `iopl(3)`: every port of the machine.
    Iopl,
    /// Remove a pin of the enforcer's; where there is none, one of the attacker's own.
    UnlinkPin,
    /// Move a pin to another folder.
    RenamePin,
    /// Rename the folder of the pins.
    RenamePins,
    /// `umount2` of a file system that the pins are in, with flags.
    Unmount(&'static str, i32),
    /// `perf_event_open`: samples of the target's registers and stack.
    Perf,
    /// The same of whatever runs on a processor.
    PerfCpu,
    /// A probe in a program's code, by `perf_event_open`.
    PerfUprobe,
    /// `bpf`: load a program of the type.
    BpfLoad(u32),
    /// `bpf`: a descriptor of every map that there is.
    BpfMaps,
    /// Open a file of the node for reading; nothing is read.
    Open(&'static str),
    /// Open a file of the node for writing; nothing is written.
    OpenWrite(&'static str),
    /// Open for writing; nothing is written.
    Write(&'static str),
    /// Open `mem` and read where the marker is.
    Mem,
    /// As [`Action::Read`], opened by `io_uring`.
    Uring(&'static str),
    /// As [`Action::Uring`], and a thread of the kernel's does it.
    UringPolled(&'static str),
    /// As [`Action::ReadAt`], by `openat2` with everything forbidden that it can forbid.
    Openat2(&'static str),
    /// As [`Action::Read`], by somebody who has registered himself.
    OtherGroup(&'static str),
    /// As [`Action::Mem`], while the target is frozen by its control group.
    Frozen,
    /// A process registers that the attacker traces.
    TracedRegistration,
    /// Reads `environ` of a process that got the id of a registered one that has ended.
    ReusedPid,
    /// Reads `environ` of as many children of a registered process, each as early as can be.
    Forks(u32),
    /// Open `mem` and read all that is writable or shared.
    MemAll,
    /// As [`Action::MemAll`], by `process_vm_readv`.
    VmReadAll,
    /// `pidfd_getfd` of every descriptor; each is read or mapped.
    Descriptors,
    /// Open the folder first, then the name relative to it.
    ReadAt(&'static str),
    /// Open the name with `O_PATH`, then again through `/proc/self/fd`.
    Reopen(&'static str),
    /// Open through a second procfs, mounted by the attacker.
    SecondProcfs(&'static str),
    /// List a folder.
    List(&'static str),
    /// Read a link.
    Link(&'static str),
    /// `PTRACE_ATTACH`, then read a word where the marker is.
    Attach,
    /// `PTRACE_SEIZE`.
    Seize,
    /// A registered child of the attacker says `PTRACE_TRACEME`.
    Traceme,
    /// As [`Action::Traceme`], and then the child executes a program.
    TracedExec,
    /// As [`Action::Read`] of a descendant of the target that executed a program after registration:
    /// one with a set-uid bit (`suid`), one with file capabilities (`fcap`).
    ReadHeir(&'static str, &'static str),
    /// `process_vm_readv` of the marker.
    VmRead,
    /// `process_vm_writev` over a byte beside the marker.
    VmWrite,
    /// `pidfd_getfd` of the descriptor that holds the marker, and read it.
    PidfdGetfd,
    /// `kcmp` of two address spaces.
    Kcmp,
    /// `setns` into the mount namespace by pidfd.
    Setns,
    /// A signal, which the target ignores or survives.
    Signal(i32),
    /// `prlimit` of a resource, by number: reads the limit and sets the same again.
    SetLimit(u32),
    /// As [`Action::SetLimit`], and only reads.
    Limit(u32),
}

/// What the kernel must answer with the enforcer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Expect {
    /// EPERM or EACCES, and no byte.
    Refused,
    /// Success: node agents, the kubelet or the tree itself need it.
    Open,
}

/// One line.
#[derive(Clone, Copy, Debug)]
pub struct Attack {
    /// `A02.environ`: the catalogue's number and what distinguishes it.
    pub id: &'static str,
    /// Who tries.
    pub actors: &'static [Actor],
    /// What.
    pub action: Action,
    /// With what outcome. Without an enforcer every line must succeed.
    pub expect: Expect,
    /// For the reader.
    pub note: &'static str,
}

/// Whether an actor's attempts belong to a run: all in `control` and `enforced`; where one hook is
/// left out, or nothing is refused, root of the node shows it.
#[must_use]
pub fn runs(run: &str, actor: Actor) -> bool {
    matches!(run, "control" | "enforced") || actor == Actor::Root
}

use Action::*;
use Expect::{Open, Refused};

const ALL: &[Actor] = &[Actor::User, Actor::Root14, Actor::Root];
const ROOT: &[Actor] = &[Actor::Root];
/// Not root of the node, who tries with `--observe` too: registration refuses there as well.
const INSIDE: &[Actor] = &[Actor::User, Actor::Root14];
const SIBLING: &[Actor] = &[Actor::Sibling];
const TREE: &[Actor] = &[Actor::Tree];

const fn row(
    id: &'static str,
    actors: &'static [Actor],
    action: Action,
    expect: Expect,
    note: &'static str,
) -> Attack {
    Attack {
        id,
        actors,
        action,
        expect,
        note,
    }
}

/// Children of the row A24. Chosen: seconds under emulation; more was tried by hand.
const FORKS: u32 = 500;

/// What is tried on a process.
const PROCESS: &[Attack] = &[
    row("A01.mem", ALL, Mem, Refused, "memory through a file"),
    row("A01.mem-all", ROOT, MemAll, Refused, "heap, stack and more"),
    row("A02.environ", ALL, Read("environ"), Refused, "environment"),
    row("A04.maps", ALL, Read("maps"), Refused, "where memory is"),
    row("A04.smaps", ALL, Read("smaps"), Refused, ""),
    row("A04.smaps_rollup", ALL, Read("smaps_rollup"), Refused, ""),
    row(
        "A05.auxv",
        ALL,
        Read("auxv"),
        Refused,
        "stack protector's seed",
    ),
    row("A05.pagemap", ALL, Read("pagemap"), Refused, ""),
    row(
        "A06.fd-list",
        ALL,
        List("fd"),
        Refused,
        "names of descriptors",
    ),
    row("A06.fd-link", ALL, Link("fd/50"), Refused, ""),
    row(
        "A06.fd-open",
        ALL,
        Read("fd/50"),
        Refused,
        "a descriptor opened again",
    ),
    row("A07.fdinfo-list", ALL, List("fdinfo"), Refused, ""),
    row("A07.fdinfo", ALL, Read("fdinfo/50"), Refused, ""),
    row("A08.map_files", ROOT, List("map_files"), Refused, ""),
    row("A09.exe", ALL, Link("exe"), Refused, ""),
    row("A09.cwd", ALL, Link("cwd"), Refused, ""),
    row(
        "A09.root",
        ALL,
        Link("root"),
        Refused,
        "the way into the file system",
    ),
    row(
        "A10.cmdline",
        ALL,
        Read("cmdline"),
        Refused,
        "arguments; no secret should be there",
    ),
    row(
        "A11.stack",
        ROOT,
        Read("stack"),
        Refused,
        "the kernel's stack",
    ),
    row("A11.syscall", ALL, Read("syscall"), Refused, ""),
    row("A11.io", ALL, Read("io"), Refused, ""),
    row(
        "A12.coredump_filter",
        ALL,
        Write("coredump_filter"),
        Refused,
        "what a dump holds",
    ),
    row("A12.clear_refs", ALL, Write("clear_refs"), Refused, ""),
    row(
        "A12.oom_score_adj",
        ALL,
        Write("oom_score_adj"),
        Refused,
        "",
    ),
    row(
        "A13.task-environ",
        ALL,
        Read("task/TID/environ"),
        Refused,
        "by thread",
    ),
    row(
        "A13.task-cmdline",
        ALL,
        Read("task/TID/cmdline"),
        Refused,
        "by thread",
    ),
    row(
        "A17.openat",
        ALL,
        ReadAt("cmdline"),
        Refused,
        "relative to a descriptor",
    ),
    row(
        "A17.reopen",
        ALL,
        Reopen("cmdline"),
        Refused,
        "O_PATH, then /proc/self/fd",
    ),
    row(
        "A15.environ",
        ROOT,
        OtherGroup("environ"),
        Refused,
        "one group reads another",
    ),
    row("A15.cmdline", ALL, OtherGroup("cmdline"), Refused, ""),
    row(
        "A17.openat2",
        ALL,
        Openat2("cmdline"),
        Refused,
        "with RESOLVE_* flags",
    ),
    row("A19.uring-environ", ALL, Uring("environ"), Refused, ""),
    row("A19.uring-cmdline", ALL, Uring("cmdline"), Refused, ""),
    row("A19.uring-mem", ALL, Uring("mem"), Refused, ""),
    row(
        "A19.sqpoll-environ",
        ALL,
        UringPolled("environ"),
        Refused,
        "",
    ),
    row(
        "A19.sqpoll-cmdline",
        ALL,
        UringPolled("cmdline"),
        Refused,
        "",
    ),
    row("A21.mem", SIBLING, Mem, Refused, ""),
    row("A21.environ", SIBLING, Read("environ"), Refused, ""),
    row("A21.cmdline", SIBLING, Read("cmdline"), Refused, ""),
    row("A21.fd-list", SIBLING, List("fd"), Refused, ""),
    row("A21.pidfd_getfd", SIBLING, PidfdGetfd, Refused, ""),
    row("A21.attach", SIBLING, Attach, Refused, ""),
    row("A21.sigquit", SIBLING, Signal(3), Refused, ""),
    row("A21.status", SIBLING, Read("status"), Open, ""),
    row(
        "A24.forks",
        ROOT,
        Forks(FORKS),
        Refused,
        "no byte of any child, with a reader that polls",
    ),
    row(
        "A29.traced",
        INSIDE,
        TracedRegistration,
        Refused,
        "EBUSY, which counts as EACCES here",
    ),
    row(
        "A40.reused-pid",
        ROOT,
        ReusedPid,
        Open,
        "a new process is neither guarded nor exempt",
    ),
    row(
        "A54.frozen",
        ROOT,
        Frozen,
        Refused,
        "stopped by the freezer, then read",
    ),
    row(
        "A22.second-procfs",
        ROOT,
        SecondProcfs("cmdline"),
        Refused,
        "a procfs of the attacker's",
    ),
    row(
        "A24.child-environ",
        ALL,
        ReadChild("environ"),
        Refused,
        "inherited by fork",
    ),
    row(
        "A24.child-cmdline",
        ALL,
        ReadChild("cmdline"),
        Refused,
        "inherited by fork",
    ),
    row("A26.status", ALL, Read("status"), Open, "node agents"),
    row("A26.stat", ALL, Read("stat"), Open, "ps, top"),
    row("A26.statm", ALL, Read("statm"), Open, ""),
    row("A26.cgroup", ALL, Read("cgroup"), Open, "kubelet, cadvisor"),
    row("A26.limits", ALL, Read("limits"), Open, ""),
    row("A26.mountinfo", ALL, Read("mountinfo"), Open, ""),
    row("A26.comm", ALL, Read("comm"), Open, ""),
    row(
        "A26.list",
        ALL,
        List("."),
        Open,
        "the folder of the process",
    ),
    row("A26.task-list", ALL, List("task"), Open, "its threads"),
    row("A27.attach", ALL, Attach, Refused, ""),
    row("A27.seize", ALL, Seize, Refused, ""),
    row(
        "A30.traceme",
        ALL,
        Traceme,
        Refused,
        "handed to a tracer from inside",
    ),
    row(
        "A28.traced-exec",
        ALL,
        TracedExec,
        Refused,
        "executed under a tracer from outside",
    ),
    row("A31.process_vm_readv", ALL, VmRead, Refused, ""),
    row("A31.process_vm_readv-all", ROOT, VmReadAll, Refused, ""),
    row("A31.process_vm_writev", ALL, VmWrite, Refused, ""),
    row(
        "A33.pidfd_getfd",
        ALL,
        PidfdGetfd,
        Refused,
        "a descriptor stolen",
    ),
    row("A33.descriptors", ROOT, Descriptors, Refused, "all of them"),
    row(
        "A35.setns",
        ROOT,
        Setns,
        Refused,
        "by pidfd; `nsenter -t` of a protected process too",
    ),
    row("A35.ns-link", ALL, Link("ns/mnt"), Refused, ""),
    row("A37.kcmp", ALL, Kcmp, Refused, ""),
    row(
        "A38.core",
        ALL,
        SetLimit(4),
        Refused,
        "RLIMIT_CORE: what a crash writes",
    ),
    row("A38.memlock", ALL, SetLimit(8), Refused, "RLIMIT_MEMLOCK"),
    row("A38.read", ALL, Limit(8), Open, "node agents"),
    row(
        "A42.tree-environ",
        TREE,
        Read("environ"),
        Open,
        "inside the tree: its own business",
    ),
    row(
        "A42.tree-mem",
        TREE,
        Mem,
        Open,
        "crash handlers, test runners",
    ),
    row("A42.tree-cmdline", TREE, Read("cmdline"), Open, ""),
    row("A42.tree-limit", TREE, SetLimit(4), Open, "a supervisor"),
    row(
        "A43.sigquit",
        ALL,
        Signal(3),
        Refused,
        "core dumps, JVM attach",
    ),
    row("A43.sigstop", ALL, Signal(19), Refused, ""),
    row(
        "A48.jvm-attach",
        ALL,
        Connect("/tmp/.java_pid-WHO"),
        Refused,
        "jcmd, jmap, jstack",
    ),
    row(
        "A48.tree-attach",
        TREE,
        Connect("/tmp/.java_pid-WHO"),
        Open,
        "the same inside the tree",
    ),
    row(
        "A48.service",
        ALL,
        Connect("/tmp/service-WHO"),
        Open,
        "what a program serves to others: PostgreSQL, php-fpm",
    ),
    row("A49.sigusr1", ALL, Signal(10), Refused, "Node's inspector"),
    row(
        "A50.dotnet",
        ALL,
        Connect("/tmp/dotnet-diagnostic-1-23456789-WHO-socket"),
        Refused,
        "dotnet-dump",
    ),
    row("A50.rdbg", ALL, Connect("/tmp/rdbg-WHO"), Refused, "Ruby"),
    row(
        "A50.abstract",
        ALL,
        Connect("@run/.java_pid-WHO"),
        Refused,
        "",
    ),
    row("A55.sigcont", ALL, Signal(18), Open, "kubelet"),
    row("A55.exists", ALL, Signal(0), Open, "kubelet"),
];

/// The table.
pub const ATTACKS: &[Attack] = &join();

#[expect(
    clippy::indexing_slicing,
    reason = "at compile time, where an index out of bounds is an error"
)]
const fn join() -> [Attack; PROCESS.len() + node::NODE.len()] {
    let (mut all, mut at) = ([PROCESS[0]; PROCESS.len() + node::NODE.len()], 0);
    while at < all.len() {
        all[at] = if at < PROCESS.len() {
            PROCESS[at]
        } else {
            node::NODE[at - PROCESS.len()]
        };
        at += 1;
    }
    all
}

/// `docs/attacks.md`.
#[must_use]
pub fn page() -> String {
    let mut text = String::from(
        "# Attacks that the tier `vm` runs\n\n\
         Made from `tests/vm/src/table.rs` by `cargo xtask generate`; do not edit.\n\n\
         Each line runs on every kernel of the tier: without an enforcer, where it must succeed; with\n\
         its pins and the daemon killed (A86), where it must end as the table says; and once with each\n\
         hook left out, where some line must get through. *refused* is EPERM or EACCES and no byte read. What is not in this table\n\
         is not tested: see [what is missing](enforcer.md).\n\n\
         Who: `user` is another process of the target's own user in its container; `root14` is root\n\
         in the container with the 14 default capabilities; both entered by `setns`, as `kubectl\n\
         exec` does. `sibling` is as `root14`, in another container of the same PID namespace. `root` is root of the node with every capability, `tree` a child of the target,\n\
         `agent` root of the node in a control group that the operator trusts with tracing.\n\n\
         | id | who | what | with the enforcer | note |\n|---|---|---|---|---|\n",
    );
    for attack in ATTACKS {
        let who: Vec<_> = attack.actors.iter().map(|actor| actor.name()).collect();
        let expect = match attack.expect {
            Refused => "refused",
            Open => "open",
        };
        let what = format!("{:?}", attack.action);
        // Writing into a String cannot fail.
        let _infallible = writeln!(
            text,
            "| {} | {} | `{what}` | {expect} | {} |",
            attack.id,
            who.join(", "),
            attack.note
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique() {
        let mut ids: Vec<_> = ATTACKS.iter().map(|attack| attack.id).collect();
        ids.sort_unstable();
        let all = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), all);
    }

    #[test]
    fn the_page_is_up_to_date() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/attacks.md");
        if std::env::var_os("CLOUDTASER_GENERATE").is_some() {
            std::fs::write(file, page()).unwrap();
        }
        let text = std::fs::read_to_string(file).unwrap_or_default();
        assert_eq!(text, page(), "run `cargo xtask generate`");
    }
}
